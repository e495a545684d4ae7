"""A paper account that lives over restarts: the whole control, and its account file."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.waiting import HANGS_AFTER, wait_until

pytest.importorskip("exchange_calendars")

from kernel_server import reference
from kernel_server.simulated import saved_at
from kernel_server.simulated.brokerage import account_file
from kernel_server.simulated.brokerage.account_file import AccountFileError
from kernel_server.simulated.settings import AccountSetting
from tests.simulated.brokerage.test_account_trs import TRS
from tests.simulated.days.test_replay import folder_of, session
from tests.simulated.test_build import calendar_cache
from tests.support.replayed_day import CODE, DAY, ReplayedDay
from tests.support.synthetic_day import ACCOUNT, BUY, CANCEL_BUY, MARKET, MODIFY_SELL, SELL

__all__ = ["calendar_cache"]  # a fixture of this module too

TUESDAY, WEDNESDAY, THURSDAY, NEXT = "2022-01-18", "2022-01-19", "2022-01-20", "2022-02-03"
RICH = {"deposit": 10**10, "order_size_checks": False}
_QUOTES = ("매도호가", "매수호가")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "paper.json"


@contextmanager
def trader(
    file: Path | None, clock: str = "10:00", day: str = TUESDAY, folder: Path | None = None, **settings: Any
) -> Iterator[ReplayedDay]:
    """A rig until it is closed, over the synthetic market where no folder is given."""
    rig = ReplayedDay(folder, clock, day, file, **RICH | settings)
    try:
        yield rig
    finally:
        rig.control.close()


def answers(rig: ReplayedDay) -> dict[str, Any]:
    """What every account TR says, but for the quotes beside an order: the book is another one in every process."""
    found = {}
    for tr in TRS:
        page = rig.account(tr, 조회구분="1")
        names = reference.tr(tr).multi_names
        rows = [
            {name: value for name, value in zip(names, row, strict=True) if name not in _QUOTES}
            for row in page.rows
        ]
        found[tr] = (page.single, rows)
    return found


def books(file: Path) -> dict[str, Any]:
    found = account_file.read(file)
    assert found is not None
    return dict(account_file.books_of(file, found))


def settle_until(rig: ReplayedDay, done: Callable[[], bool]) -> None:
    """Let the rig's control thread work until that is so; its clock stands still."""

    def settled() -> bool:
        rig.settle(0)
        return done()

    wait_until(settled)


def refusal(file: Path, **options: Any) -> AccountFileError:
    before = file.read_bytes() if file.is_file() else b""
    with pytest.raises(AccountFileError) as caught, trader(file, **options):
        pass
    assert str(caught.value).startswith(f"{file}: ")
    assert (file.read_bytes() if file.is_file() else b"") == before
    assert not file.with_name("paper.json.lock").exists()
    return caught.value


def seconds(clock: str) -> int:
    return int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + int(clock[4:])


# Cuts


@pytest.mark.parametrize("seed", range(5))
def test_wherever_a_day_of_trading_is_cut_the_account_says_the_same_afterwards(
    tmp_path: Path, file: Path, calendar_cache: None, seed: int
) -> None:
    random = Random(seed)
    ticks = session(seed, 250)
    folder = folder_of(tmp_path, ticks)
    # Cut where nothing is traded for a while, so that both sides are asked about the same moment.
    traded = [seconds(tick.time) for tick in ticks]
    quiet = [one for one, next_one in pairwise(traded) if next_one - one > 90]
    cuts = sorted(random.sample(quiet, 4))
    clock, before = "08:50", None
    for cut in cuts:
        with trader(file, clock, DAY, folder) as rig:
            if before is not None:
                assert answers(rig) == before
            rig.register(CODE)
            for _ in range(random.randint(1, 6)):
                orders(rig, random)
                now = (rig.clock.now() + 9 * 3600) % 86_400
                rig.settle(random.random() * max(0, cut - now) / 2)
            rig.settle(max(0, cut + 2 - (rig.clock.now() + 9 * 3600) % 86_400))
            before = answers(rig)
            over = round((rig.clock.now() + 9 * 3600) % 86_400)
            clock = f"{over // 3600:02}:{over // 60 % 60:02}:{over % 60:02}"
    assert books(file)["accounts"][ACCOUNT]["deals"]


def orders(rig: ReplayedDay, random: Random) -> None:
    """One order, or two, some of which trade, wait, are changed, or are refused."""
    events = rig.of("주식체결")
    ask, bid = (events[-1].number(27), events[-1].number(28)) if events else (70_300, 70_100)
    kind, quantity = random.choice((BUY, BUY, SELL)), random.randint(1, 3_000)
    if random.random() < 0.5:
        rig.order(kind, quantity, quote=MARKET)
        return
    price = bid - random.choice((0, 100, 500)) if kind == BUY else ask + random.choice((0, 100, 500))
    number = next((text for text in rig.order(kind, quantity, price) if text.isdecimal()), "")
    if number and random.random() < 0.5:
        if kind == BUY:
            rig.order(CANCEL_BUY, 1, original=number)
        else:
            rig.order(MODIFY_SELL, 1, price + 100, original=number)


def test_an_open_order_is_filled_in_the_next_process(
    tmp_path: Path, file: Path, calendar_cache: None
) -> None:
    ticks = session(11, 400)  # a day that goes down after eleven
    folder = folder_of(tmp_path, ticks)
    lowest = min(tick.price for tick in ticks if tick.time > "113000")
    with trader(file, "08:50", DAY, folder) as rig:
        rig.register(CODE)
        rig.until("11:00")
        assert lowest + 100 < rig.of("주식체결")[-1].number(28)
        number = next(text for text in rig.order(BUY, 10, lowest + 100) if text.isdecimal())
    assert [order["left"] for order in books(file)["orders"]] == [10]
    with trader(file, "11:00:01", DAY, folder) as rig:
        rig.until("15:35")
        (fill,) = [told for told in rig.told if told.kind == "0" and told.values[913] == "체결"]
        assert (fill.values[9203], fill.values[902], fill.number(910)) == (number, "0", lowest + 100)
        # It did not trade before anybody else went so low.
        assert fill.values[908] >= next(
            t.time for t in ticks if t.time > "110000" and t.price <= lowest + 100
        )
        assert rig.order(SELL, 10, quote=MARKET) == ["[00Z218] 모의투자 장종료 상태입니다", ""]


def test_an_account_lives_over_days_at_the_prices_of_each(file: Path, calendar_cache: None) -> None:
    with trader(file) as rig:
        rig.register(CODE)
        rig.settle(60)
        rig.order(BUY, 100, quote=MARKET)
        rig.order(SELL, 40, quote=MARKET)
        rig.order(BUY, 5, rig.of("주식체결")[-1].number(28) - 2_000)
        first = rig.account("opw00001").single
        profit = rig.account("opt10077").single["당일실현손익"]
    deposit, left = RICH["deposit"], int(first["d+2추정예수금"])
    assert int(first["예수금"]) == deposit
    settled = {}
    for day in (WEDNESDAY, THURSDAY, NEXT):
        with trader(file, "11:00", day) as rig:
            cash = rig.account("opw00001").single
            row = rig.account("opw00018", 조회구분="1").row(0)
            basic = rig.page("opt10001", 종목코드=CODE).single
            assert abs(int(row["현재가"]) - abs(int(basic["현재가"]))) <= 2_000  # a few seconds apart
            assert int(row["전일종가"]) == int(basic["기준가"])
            assert int(row["평가금액"]) == int(row["현재가"]) * 60
            assert int(row["매매가능수량"]) == 60
            assert int(cash["주문가능금액"]) == int(cash["d+2추정예수금"]) == left
            assert rig.account("opt10077").single["당일실현손익"] == "0"
            (sale,) = [rig.account("opt10073").row(0)]
            assert (sale["일자"], sale["당일매도손익"]) == ("20220118", profit)
            settled[day] = int(cash["예수금"])
    assert settled == {WEDNESDAY: deposit, THURSDAY: left, NEXT: left}


# While it is traded


def test_a_change_is_in_the_file_before_anybody_closes_it(file: Path, calendar_cache: None) -> None:
    with trader(file) as rig:
        assert books(file)["orders"] == []
        rig.order(BUY, 3, quote=MARKET)
        settle_until(rig, lambda: len(books(file)["accounts"][ACCOUNT]["deals"]) >= 1)
        number = next(text for text in rig.order(BUY, 7, 50_000) if text.isdecimal())
        settle_until(rig, lambda: [o["left"] for o in books(file)["orders"] if o["placed"]] == [7])
        rig.order(CANCEL_BUY, 7, original=number)
        settle_until(rig, lambda: not [o for o in books(file)["orders"] if o["placed"] is not None])


def test_a_disk_that_fails_for_a_while_stops_no_trading(
    file: Path, calendar_cache: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel_server.simulated.brokerage.account_file_writer._RETRY_SECONDS", 0.05)
    with trader(file) as rig:
        in_the_way = file.with_name("paper.json.new")
        in_the_way.mkdir()
        rig.order(BUY, 3, quote=MARKET)
        settle_until(rig, lambda: "cannot be kept" in caplog.text)
        assert rig.account("opw00018").rows
        in_the_way.rmdir()
        settle_until(rig, lambda: bool(books(file)["accounts"][ACCOUNT]["deals"]))
        assert caplog.text.count("cannot be kept") == 1
    assert "are kept in" in caplog.text


def test_a_link_stays_a_link_to_the_file(tmp_path: Path, file: Path, calendar_cache: None) -> None:
    (tmp_path / "elsewhere").mkdir()
    file.symlink_to(tmp_path / "elsewhere" / "real.json")
    with trader(file) as rig:
        rig.order(BUY, 3, quote=MARKET)
    assert file.is_symlink()
    assert books(tmp_path / "elsewhere" / "real.json")["accounts"][ACCOUNT]["deals"]
    assert [each.name for each in (tmp_path / "elsewhere").iterdir()] == ["real.json"]


def test_without_a_file_every_broker_begins_anew(calendar_cache: None) -> None:
    for _ in range(2):
        with trader(None) as rig:
            assert rig.account("opw00018").rows == []
            rig.order(BUY, 3, quote=MARKET)


# What is refused


def test_a_file_has_one_user_at_a_time(file: Path, calendar_cache: None) -> None:
    with trader(file):
        with (
            pytest.raises(AccountFileError, match=rf"another server \(process {os.getpid()}\) uses it"),
            trader(file),
        ):
            pass
        assert books(file)
    with trader(file):
        pass


def test_prices_of_another_market_are_refused(tmp_path: Path, file: Path, calendar_cache: None) -> None:
    with trader(file):
        pass
    text = file.read_text().replace("seed=8", "seed=9")
    file.write_text(text)
    error = refusal(file, edited=True)
    assert "prices of simulated:synthetic:seed=9" in error.reason
    assert "these are simulated:synthetic:seed=8" in error.reason
    assert (
        "these are simulated:given:"
        in refusal(file, folder=folder_of(tmp_path, session(1)), day=DAY, edited=True).reason
    )


def test_given_prices_may_grow_by_a_day(
    tmp_path: Path, file: Path, calendar_cache: None, caplog: pytest.LogCaptureFixture
) -> None:
    folder = folder_of(tmp_path, session(1))
    with trader(file, "11:00", DAY, folder) as rig:
        rig.order(BUY, 3, quote=MARKET)
    shutil.copy(folder / "ticks" / "005930_20261117.csv", folder / "ticks" / "000660_20261117.csv")
    with caplog.at_level(logging.WARNING), trader(file, "11:00:10", DAY, folder) as rig:
        assert len(rig.account("opw00018").rows) == 1
    assert "the given prices have changed" in caplog.text


def test_prices_that_have_gone_bad_do_not_keep_the_account_from_being_opened(
    tmp_path: Path, file: Path, calendar_cache: None
) -> None:
    folder = folder_of(tmp_path, session(1))
    with trader(file, "11:00", DAY, folder) as rig:
        rig.order(BUY, 3, quote=MARKET)
        rig.order(BUY, 5, 60_000)
        cash = rig.account("opw00001").single["d+2추정예수금"]
    ticks = folder / "ticks" / "005930_20261117.csv"
    ticks.write_text(ticks.read_text() + "20261117,090000,1,1,1\n")
    with trader(file, "11:00:10", DAY, folder) as rig:
        assert rig.account("opw00018").rows == []  # nobody knows what they are worth, and that is said
        assert "005930_20261117.csv, line " in rig.messages()[-1]
        assert rig.account("opw00001").single["d+2추정예수금"] == cash
        assert rig.order(SELL, 1, quote=MARKET) == ["[00Z211] 종목코드 오류", ""]
    assert books(file)["accounts"][ACCOUNT]["holdings"][CODE][0] == 3
    assert not [order for order in books(file)["orders"] if order["placed"] is not None]


def test_a_clock_that_is_behind_the_account_is_refused(file: Path, calendar_cache: None) -> None:
    with trader(file, "10:00", WEDNESDAY):
        pass
    error = refusal(file, day=TUESDAY)
    assert "lived until 2022-01-19 10:00" in error.reason
    assert "clock stands at 2022-01-18 10:00" in error.reason
    # Within a day it may be: every fill of it is of that day.
    with trader(file, "09:30", WEDNESDAY):
        pass


def test_accounts_that_the_broker_does_not_have_are_not_thrown_away(file: Path, calendar_cache: None) -> None:
    two = (AccountSetting(ACCOUNT), AccountSetting("8000000012"))
    with trader(file, accounts=two):
        pass
    error = refusal(file)
    assert "accounts that this broker does not have" in error.reason
    assert "8000000012" not in str(error)
    with trader(file, accounts=(*two, AccountSetting("8000000013"))) as rig:
        assert int(rig.account("opw00001", 계좌번호="8000000013").single["예수금"]) == RICH["deposit"]


def test_a_damaged_file_is_refused_and_left_alone(file: Path, calendar_cache: None) -> None:
    with trader(file):
        pass
    whole = file.read_text()
    file.write_text(whole[:-20])
    assert "it is damaged (no JSON" in refusal(file).reason
    file.write_text(whole.replace('"cash": 10000000000', '"cash": "all of it"'))
    assert "edited_account=True" in refusal(file).reason
    assert "accounts[0].cash should be a whole number" in refusal(file, edited=True).reason
    file.write_text(whole)
    with trader(file):
        pass


def test_where_nothing_can_be_written_that_is_told_at_the_start(tmp_path: Path, calendar_cache: None) -> None:
    assert "cannot be used" in refusal(tmp_path / "missing" / "paper.json").reason
    (tmp_path / "folder").mkdir()
    assert "a folder" in refusal(tmp_path / "folder").reason
    (tmp_path / "paper.json.new").mkdir()
    assert "cannot be written" in refusal(tmp_path / "paper.json").reason


def test_the_moment_of_a_file_is_that_of_its_brokers_clock(file: Path, calendar_cache: None) -> None:
    assert saved_at(file) is None
    with trader(file) as rig:
        rig.settle(4_000)
    assert saved_at(file) == rig.clock.now()
    file.write_text("{}")
    with pytest.raises(AccountFileError):
        saved_at(file)


# Sudden ends

_TRADES = """
import sys, time
from datetime import datetime
from pathlib import Path
from kernel_server.clock import KST, RunningClock
from kernel_server import simulated
from kernel_server.control.thread import PlainThread

clock = RunningClock(20, datetime(2022, 1, 18, 10, tzinfo=KST).timestamp())
settings = simulated.BrokerSettings(orders_a_second=1000, order_size_checks=False, deposit=10**11)
thread = PlainThread()
make = lambda: simulated.build(None, 8, clock, settings, thread.hand_over, account_file=Path(sys.argv[1]))
control = thread.post(make).result()
call = lambda name, *given: thread.post(lambda: control.call(name, given)).result()
call("CommConnect")
while not call("GetConnectState"):
    time.sleep(0.01)
for number in range(10**6):
    call("SendOrder", "order", "0101", "8000000011", 1 + number % 2, "005930", 1 + number % 7, 0, "03", "")
    time.sleep(0.002)
"""


@pytest.mark.parametrize("fills", [1, 60, 200])
def test_a_killed_broker_leaves_a_file_that_the_next_one_takes_up(
    file: Path, calendar_cache: None, fills: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _TRADES, str(file)],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    try:

        def filled() -> bool:
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            return file.exists() and len(books(file)["accounts"][ACCOUNT]["deals"]) >= fills

        wait_until(filled)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate(timeout=HANGS_AFTER)
    left = books(file)
    (account,) = left["accounts"].values()
    # The cash is what its fills have left of it, and the holding what they have brought: of one moment, all of it.
    deals = account["deals"]
    assert len(deals) >= fills
    spent = sum(
        side * price * shares + fee + tax
        for _day, _time, _order, _fill, _code, side, price, shares, fee, tax, *_ in deals
    )
    assert account["cash"] == 10**11 - spent
    shares = sum(deal[5] * deal[7] for deal in deals)
    assert account["holdings"].get("005930", [0])[0] == shares
    with trader(file, "15:00") as rig:
        held = rig.account("opw00018", 조회구분="1")
        assert sum(int(held.row(n)["보유수량"]) for n in range(len(held.rows))) == shares
        story = rig.order(BUY, 1, quote=MARKET)
        assert next(text for text in story if text.isdecimal()) == f"{left['next'][0]:07d}"


def test_the_file_can_be_read_by_people_and_their_programs(file: Path, calendar_cache: None) -> None:
    with trader(file) as rig:
        rig.order(BUY, 3, quote=MARKET)
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["kind"] == "koalab: accounts of the simulated broker"
    assert found["saved"].startswith("2022-01-18T10:00:")
    assert found["books"]["accounts"][ACCOUNT]["holdings"]["005930"][0] == 3
