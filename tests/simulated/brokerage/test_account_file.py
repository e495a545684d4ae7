"""The account file: what is written is what is read, and what is no account file is refused with a reason."""

from __future__ import annotations

import copy
import json
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.simulated.brokerage import account_file, state_check
from kernel_server.simulated.brokerage.account_file import AccountFileError, Saved
from kernel_server.simulated.brokerage.file_lock import FileLock
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.synthetic.market import source_name
from kernel_server.simulated.market.trade_script import Side
from tests.simulated.brokerage.test_account_trs import TRS, traded
from tests.simulated.brokerage.test_any_order import holding, steps, take
from tests.support.brokerage import ACCOUNT, Desk
from tests.support.examples import examples

SOURCE = f"simulated:{source_name(1)}"


def saved(desk: Desk) -> Saved:
    return Saved(SOURCE, desk.now(), desk.brokerage.snapshot())


def resumed(desk: Desk, file: Path, edited: bool = False) -> Desk:
    """The desk with a new brokerage, and a new exchange, that go on with what the file holds."""
    found = account_file.read(file, edited)
    assert found is not None
    desk.exchange.resting.clear()
    desk.brokerage = desk.build()
    desk.brokerage.connect()
    desk.brokerage.restore(account_file.books_of(file, found))
    desk.settle(0)
    return desk


def answers(desk: Desk) -> dict[str, Any]:
    return {tr: (desk.answer(tr).single, desk.rows(tr)) for tr in TRS}


def tomorrow(desk: Desk, days: int = 1) -> Desk:
    desk.settle(timedelta(days=days).total_seconds())
    return desk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "paper.json"


def test_there_is_nothing_in_no_file(file: Path) -> None:
    assert account_file.read(file) is None


def test_what_was_written_is_read(file: Path) -> None:
    desk = traded()
    account_file.write(file, saved(desk))
    found = account_file.read(file)
    assert found is not None
    assert (found.source, found.moment) == (SOURCE, desk.now())
    assert account_file.books_of(file, found) == json.loads(json.dumps(desk.brokerage.snapshot()))


def test_only_its_owner_reads_it_and_no_other_file_lies_beside_it(file: Path) -> None:
    account_file.write(file, saved(traded()))
    file.chmod(0o644)
    file.with_name("paper.json.new").write_text("what a killed process left")
    account_file.write(file, saved(traded()))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["paper.json"]


def test_where_writing_fails_the_old_file_is_still_there(file: Path) -> None:
    account_file.write(file, saved(traded()))
    before = file.read_bytes()
    file.with_name("paper.json.new").mkdir()
    with pytest.raises(OSError, match="paper"):
        account_file.write(file, saved(Desk()))
    assert file.read_bytes() == before


@settings(max_examples=examples(10, 30), deadline=None)
@given(st.integers(0, 2**32))
def test_wherever_a_day_is_cut_every_tr_says_the_same_afterwards(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Orders, fills, changes, other days: the books pass the check at every point, and come back to the won."""
    file = tmp_path_factory.mktemp("cut") / "paper.json"
    desk = holding()
    desk.exchange.idle = True  # what is sent again would be filled again by whoever stands in the book
    for step in steps(seed):
        if step[0] == "restart":
            continue
        desk.exchange.idle = False
        take(desk, step)
        desk.exchange.idle = True
        before = answers(desk)
        account_file.write(file, saved(desk))
        resumed(desk, file)
        assert answers(desk) == before
        # Numbers go on where they were.
        assert desk.brokerage.snapshot()["next"] == account_file.read(file).books["next"]  # type: ignore[union-attr]


def test_over_the_days_holdings_live_on_and_trades_are_settled(file: Path) -> None:
    desk = traded()
    desk.do(1, price=76_000)
    kept = []
    for _ in range(3):
        account_file.write(file, saved(desk))
        resumed(tomorrow(desk), file)
        cash, row = desk.single("opw00001"), desk.rows("opw00004")[0]
        names = ("예수금", "d+1추정예수금", "d+2추정예수금", "주식증거금현금")
        kept.append([int(cash[name]) for name in names] + [int(row["보유수량"]), int(row["결제잔고"])])
    bought, sold = 3 * 77_100 + 800, 80_000 - 280 - 184
    left = 10_000_000 - bought + sold
    assert kept == [
        [10_000_000, left, left, 0, 2, 0],
        [left, left, left, 0, 2, 2],
        [left, left, left, 0, 2, 2],
    ]
    # What was open is void, what was sold is not forgotten, and the new day's numbers begin anew.
    assert desk.rows("opt10075", 체결구분="0") == []
    assert [row["주문번호"] for row in desk.rows("opw00007", 주문일자="20220118", 조회구분="1")] == [
        f"{number:07d}" for number in range(1, 6)
    ]
    (sale,) = desk.rows("opt10073")
    assert (sale["일자"], sale["체결량"]) == ("20220118", "1")
    assert desk.do(1, price=76_000)[1].number == "0000001"


def test_orders_of_the_same_session_wait_at_the_exchange_again(file: Path) -> None:
    desk = traded()
    account_file.write(file, saved(desk))
    resumed(desk, file)
    waiting = [
        (held.order.code, held.order.side, held.left, held.order.price)
        for held in desk.exchange.resting.values()
    ]
    assert waiting == [("005930", Side.SELL, 1, 81_000), ("900290", Side.BUY, 10, 1_200)]
    assert [told.short for told in desk.trade("005930", 81_000, 1, Side.BUY)] == []
    assert [told.short for told in desk.trade("005930", 81_000, 1, Side.SELL)] == ["체결", "잔고"]
    assert desk.do(3, "900290", 10, original="0000004")[1].number == "0000005"


def test_orders_are_void_where_the_session_has_gone_on_to_a_phase_without_them(file: Path) -> None:
    desk = traded()
    account_file.write(file, saved(desk))
    desk.exchange.now_in = Phase.AFTER_CLOSE
    resumed(desk, file)
    assert desk.exchange.resting == {}
    assert desk.rows("opt10075", 체결구분="1") == []
    assert int(desk.rows("opw00018")[0]["매매가능수량"]) == 2


@pytest.mark.parametrize(("clock", "gained"), [("2022-01-19 11:00", 2 * 3_000), ("2022-01-19 07:00", 0)])
def test_the_days_profit_counts_from_the_close_before_however_late_the_day_is_resumed(
    file: Path, clock: str, gained: int
) -> None:
    desk = traded()
    account_file.write(file, saved(desk))
    later = Desk(clock)
    tape = later.exchange.tapes["005930"]
    if gained:
        tape.base, tape.last = 80_000, 83_000
    else:  # before its first auction, the exchange still shows the session before
        later.exchange.now_in = Phase.CLOSED
        tape.last = 80_000
    resumed(later, file)
    first = later.single("opw00004")
    charges = 0 if not gained else 2 * 3_000 - int(first["당일투자손익"])
    assert 0 <= charges < 100  # a dearer holding pays more fees and taxes when it is sold
    assert int(first["당일투자손익"]) == gained - charges
    assert int(first["유가잔고평가액"]) == 2 * tape.last
    assert int(first["누적투자손익"]) == int(first["추정예탁자산"]) - 10_000_000


def test_a_holding_that_is_no_longer_listed_stays_and_is_worth_nothing(file: Path) -> None:
    desk = traded()
    account_file.write(file, saved(desk))
    text = file.read_text(encoding="utf-8").replace("005930", "111110")
    file.write_text(text, encoding="utf-8")
    resumed(desk, file, edited=True)
    assert desk.rows("opw00018") == []
    assert [row["종목코드"] for row in desk.rows("opt10075", 체결구분="0")][-1] == "111110"
    assert desk.brokerage.snapshot()["accounts"][ACCOUNT]["holdings"]["111110"][0] == 2


# Bad files


def test_what_is_no_json_is_damaged(file: Path) -> None:
    for bad in (b"", b"{", b'{"kind": ', b"\xff\xfe", b"[" * 100_000, b"NaN"):
        file.write_bytes(bad)
        with pytest.raises(AccountFileError, match=r"paper\.json: it is (damaged|no account file)") as caught:
            account_file.read(file)
        assert caught.value.file == file


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "a shopping list"}, "it is no account file; take another name"),
        ({"version": 2}, "it is of version 2, and this koalab reads 1"),
        ({"version": None}, "it is of version None"),
        ({"saved": "yesterday"}, "it is damaged"),
        ({"saved": "2022-01-18T10:00:00"}, "no time zone"),
        ({"saved": 7}, "it is damaged"),
    ],
)
def test_another_kind_or_version_is_refused(file: Path, change: dict[str, Any], reason: str) -> None:
    account_file.write(file, saved(traded()))
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(AccountFileError, match=reason):
        account_file.read(file)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(AccountFileError, match="cannot be read"):
        account_file.read(tmp_path)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda books: books.pop("past"), "books should have"),
        (lambda books: books.update(more=1), "look at more"),
        (lambda books: books.update(day=20220145), "day should be YYYYMMDD"),
        (lambda books: books.update(next=[1]), "next should be a list of 2"),
        (lambda books: books.update(next=[1, 4]), r"orders\[0\].number should be above 0 and below the next"),
        (lambda books: books["orders"][0].update(left="3"), r"orders\[0\].left should be a whole number"),
        (lambda books: books["orders"][0].update(left=True), r"orders\[0\].left should be a whole number"),
        (lambda books: books["orders"][0].update(left=4), r"orders\[0\] has more shares than it had"),
        (lambda books: books["orders"][0].update(type=9), r"orders\[0\].type is not one there is"),
        (lambda books: books["orders"][0].update(day=20220117), r"orders\[0\].day should be 20220118"),
        (lambda books: books["orders"][0].update(time="256060"), r"orders\[0\].time should be HHMMSS"),
        (lambda books: books["orders"][0].update(placed=7), r"orders\[0\] is open, and nothing is left"),
        (lambda books: books["orders"][1].update(number=1), r"orders\[1\].number is that of another"),
        (
            lambda books: books["past"].append(books["orders"][0]),
            r"past\[0\] should be an order of an earlier",
        ),
        (lambda books: books["accounts"][ACCOUNT].update(cash=0.5), r"accounts\[0\].cash should be a whole"),
        (lambda books: books["accounts"][ACCOUNT].update(holdings={}), "offers more shares of 005930"),
        (lambda books: books["accounts"][ACCOUNT]["holdings"].update(A=[0, 0, 0]), "from 1 on"),
        (
            lambda books: books["accounts"][ACCOUNT]["deals"][0].__delitem__(slice(5, None)),
            r"deals\[0\] should be a list of 12",
        ),
        (
            lambda books: books["accounts"][ACCOUNT]["deals"][0].__setitem__(5, 0),
            r"\(side\) should be 1 or -1",
        ),
        (
            lambda books: books["accounts"][ACCOUNT]["deals"][1].__setitem__(0, 20220117),
            "no earlier than the one",
        ),
        (lambda books: books["accounts"][ACCOUNT]["worth"].pop(), "worth should be a list of 2"),
        (lambda books: books["accounts"].update({ACCOUNT: None}), r"accounts\[0\] should be an object"),
    ],
)
def test_books_that_make_no_sense_are_refused_by_the_place(file: Path, change: Change, where: str) -> None:
    account_file.write(file, saved(traded()))
    whole = json.loads(file.read_text(encoding="utf-8"))
    change(whole["books"])
    file.write_text(json.dumps(whole))
    found = account_file.read(file, edited=True)
    assert found is not None
    with pytest.raises(AccountFileError, match=where) as caught:
        account_file.books_of(file, found)
    assert "it is damaged (" in caught.value.reason
    assert ACCOUNT not in str(caught.value)


# What was changed since it was written


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("written") / "paper.json"
    account_file.write(file, saved(traded()))
    return file.read_bytes()


def content(found: Saved | None) -> object:
    assert found is not None
    return found.source, found.moment, found.books


@settings(max_examples=examples(150, 3000), deadline=None)
@given(st.data())
def test_damage_is_refused_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, written: bytes, data: st.DataObject
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.json"
    file.write_bytes(written)
    whole = content(account_file.read(file))
    raw = bytearray(written)
    places = st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 7))
    for place, bit in data.draw(st.lists(places, min_size=1, max_size=3)):
        raw[place] ^= 1 << bit
    file.write_bytes(raw[: data.draw(st.sampled_from([len(raw), len(raw), len(raw) - 1, len(raw) // 2]))])
    try:
        found = account_file.read(file)
    except AccountFileError:
        return
    assert content(found) == whole


def test_a_file_edited_by_hand_is_taken_only_where_that_is_said(file: Path, written: bytes) -> None:
    edited = json.loads(written)
    edited["books"]["accounts"][ACCOUNT]["deposit"] += 1
    file.write_text(json.dumps(edited, indent=2, ensure_ascii=False))
    with pytest.raises(AccountFileError, match=r"edited_account=True \(--edited-account\)"):
        account_file.read(file)
    found = account_file.read(file, edited=True)
    assert found is not None
    assert account_file.books_of(file, found) == edited["books"]
    account_file.write(file, found)
    assert content(account_file.read(file)) == content(found)


def test_another_format_of_the_same_content_is_no_edit(file: Path, written: bytes) -> None:
    file.write_text(json.dumps(json.loads(written), indent=2))
    assert account_file.read(file) is not None


def test_a_file_without_a_digest_is_taken_only_where_that_is_said(file: Path, written: bytes) -> None:
    bare = json.loads(written)
    del bare["digest"]
    file.write_text(json.dumps(bare))
    with pytest.raises(AccountFileError, match="edited"):
        account_file.read(file)


def test_a_file_of_two_names_is_refused(file: Path, written: bytes) -> None:
    """Each server would lock and replace another name."""
    file.write_bytes(written)
    file.with_name("other.json").hardlink_to(file)
    for name in (file, file.with_name("other.json")):
        with pytest.raises(AccountFileError, match="another name too"):
            account_file.read(name)
    file.with_name("other.json").unlink()
    assert account_file.read(file) is not None


def test_a_link_in_the_way_of_writing_is_not_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("dear diary")
    file.with_name("paper.json.new").symlink_to(tmp_path / "diary")
    account_file.write(file, saved(traded()))
    assert (tmp_path / "diary").read_text() == "dear diary"
    assert account_file.read(file) is not None


def places(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of some JSON."""
    inner = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    return [path, *(way for key, each in inner for way in places(each, (*path, key)))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=examples(80, 200), deadline=None)
@given(st.data())
def test_any_file_that_passes_the_check_can_be_worked_with(data: st.DataObject) -> None:
    """Some value is another one: that is refused, or else every account TR answers, and trading goes on."""
    desk = traded()
    whole = copy.deepcopy(json.loads(json.dumps(desk.brokerage.snapshot())))
    *way, last = data.draw(st.sampled_from(places(whole)[1:]))
    inner = whole
    for key in way:
        inner = inner[key]
    inner[last] = data.draw(JSON | st.integers(0, 20_220_119))
    try:
        books = state_check.check(whole)
    except state_check.Misfit:
        return
    desk.exchange.resting.clear()
    desk.brokerage = desk.build()
    desk.brokerage.connect()
    desk.brokerage.restore(books)
    desk.settle(0)
    answers(desk)
    desk.trade("005930", 81_000, 10, Side.SELL)
    desk.trade("900290", 1_200, 100, Side.BUY)
    desk.do(1, quantity=1)
    tomorrow(desk)
    answers(desk)


# The lock


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    one, two = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.take()
    assert not two.take()
    one.release()
    assert two.take()
    assert not one.take()
    two.release()
    two.release()
    assert [*tmp_path.iterdir()] == []


def test_a_lock_that_a_dead_process_left_is_taken(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("4194999\n")
    lock = FileLock(tmp_path / "lock")
    assert lock.take()
    lock.release()
