"""Issues whose codes have letters, as Korea gives them since 2024, are issues like any other, from listing to order."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

import koalab as kl
from kernel_server.clock import KST
from koalab import calendar
from koalab.completion import _codes
from koalab.inputs.issue_codes import check_digit
from koalab.sessions.session import Session
from tests.support.commands import kiwoom
from tests.support.price_files import days_of, listing
from tests.support.session import Market, start

NOW = datetime(2026, 11, 17, 10, 30, tzinfo=KST)
# A share, a preferred share, one that a spreadsheet takes for the number 1, and one of the old kind.
NAMES = {"0126Z0": "가나에피스", "28513K": "다라케미칼우", "0001E0": "마바스팩", "005930": "사아전자"}
LETTERED = [code for code in NAMES if not code.isdigit()]
HEADER = "time,open,high,low,close,volume"


def minutes_of(folder: Path, code: str, day: str, price: int = 10_000) -> None:
    lines = [HEADER]
    for number, minute in enumerate([*range(540, 920), 930]):
        close, reach = price + 10 * (number % 7), 0 if minute == 930 else 10
        time = f"{day} {minute // 60:02}:{minute % 60:02}:00"
        lines.append(f"{time},{close},{close + reach},{close - reach},{close},50")
    file = folder / "minute" / f"{code}_{day.replace('-', '')}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("prices")
    listing(folder, NAMES)
    for code in NAMES:
        days_of(folder, code, "2026-10-01", "2026-11-17")
        for day in ("2026-11-16", "2026-11-17"):
            minutes_of(folder, code, day)
    found = start(tmp_path_factory.mktemp("market"), NOW, market_data=folder)
    yield found
    found.close()


@pytest.fixture
def kw(market: Market) -> Session:
    return market.connect()


@pytest.mark.parametrize("code", LETTERED)
class TestACodeWithLetters:
    def test_is_found_in_every_form(self, kw: Session, code: str) -> None:
        forms = [code, code.lower(), f"A{code}", f" {code}", f"{code}.KS", NAMES[code]]
        isin = f"KR7{code}00"
        found = [kw.quotes(form).index[0] for form in forms]
        assert found == [code] * len(forms)
        assert kw.quotes(f"{isin}{check_digit(isin)}").index[0] == code
        assert code in kw.find(code[2:].lower()).index
        assert kw.codes().loc[code, "name"] == NAMES[code]

    def test_has_bars_of_all_kinds(self, kw: Session, code: str) -> None:
        days = kw.daily([code, "005930"], "2026-11-02")
        assert list(days.index.levels[0]) == [code, "005930"]
        pd.testing.assert_frame_equal(days.loc[code], days.loc["005930"])
        minutes = kw.minute(code, 1, "2026-11-16", "2026-11-16")
        assert len(minutes) == 381
        assert len(kw.bars(code, "W", "2026-10")) == len(kw.bars("005930", "W", "2026-10"))
        assert len(kw.bars(code, "1tick", "today")) > 0
        assert kw.orderbook(code).attrs["trs"] == 1
        assert kw.info(code)["name"] == NAMES[code]
        assert kw.flows(code, "2026-11-02").index[0] == pd.Timestamp("2026-11-02")
        assert kw.plan("daily", [code], "2026-11-02").codes == [code]

    def test_stays_text_in_the_cache_and_in_files(self, market: Market, code: str, tmp_path: Path) -> None:
        kw = market.connect(code)
        frame = kw.daily([code, "005930"], "2026-11-02", "2026-11-13")
        assert kw.daily([code], "2026-11-02", "2026-11-13").attrs["trs"] == 0
        assert code in set(kw.cache.info()["code"])
        frame.to_parquet(tmp_path / "bars.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "bars.parquet"), frame)
        files = [str(file) for file in kw.cache.export(tmp_path / "export")]
        assert any(f"code={code}" in file for file in files)
        (mine,) = [file for file in files if f"code={code}" in file and "interval=D" in file]
        assert len(pd.read_parquet(mine)) == len(calendar.sessions("2026-11-02", "2026-11-13"))
        assert kw.cache.verify() == []
        assert kw.cache.clear(code=code) >= 1
        assert code not in set(kw.cache.info()["code"])

    def test_is_bought_and_sold(self, market: Market, kw: Session, code: str) -> None:
        order = kw.buy(code, 3)
        assert (order.code, order.name) == (code, NAMES[code])
        for _ in range(120):
            if order.done:
                break
            market.clock.advance(1)
        assert order.wait(5).status == "filled"
        assert kw.positions.loc[code, "quantity"] == 3
        assert kw.balances().loc[code, "quantity"] == 3
        assert code in set(kw.orders(code)["code"])
        assert kw.returns().loc[code, "quantity"] == 3
        waiting = kw.sell(NAMES[code], 3, price=int(kw.quotes(code).loc[code, "upper_limit"]))
        assert code in set(kw.open_orders["code"])
        assert kw.cancel_all(code)[0].number == waiting.number

    def test_is_live(self, market: Market, kw: Session, code: str) -> None:
        with kw.ticks([code, "005930"]) as stream, kw.live([code]) as table:
            market.clock.advance(600)
            while stream.next(20).code != code:
                pass
            assert list(table.frame().index) == [code]
            assert code in stream.to_frame().index.get_level_values("code")
        kw.alert(f"{code} > 99999999", to=print).stop()

    def test_is_a_word_of_the_commands(self, kw: Session, code: str) -> None:
        days = kiwoom(kw, "daily", code.lower(), "--start", "2026-11-02")
        pd.testing.assert_frame_equal(days, kw.daily(code, "2026-11-02"))
        both = kiwoom(kw, "quotes", code, NAMES[code], "005930")
        assert list(both.index) == [code, "005930"]


def test_codes_are_completed_and_written_to_csv(run: Callable[..., Result]) -> None:
    result = run("quotes", *LETTERED, "--format", "csv")
    assert result.exit_code == 0, result.output
    assert list(pd.read_csv(io.StringIO(result.output), dtype={"code": str})["code"]) == LETTERED
    assert [item.value for item in _codes(NAMES, "0126z")] == ["0126Z0"]
    assert [item.value for item in _codes(NAMES, "285")] == ["28513K"]


def test_near_codes_are_suggested(kw: Session) -> None:
    with pytest.raises(kl.UnknownCode, match="0126Z0"):
        kw.daily("0126Z1")
