"""The bar that is still growing, and days without trades."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import koalab as kl
from kernel_server.clock import KST
from koalab.cli import program
from koalab.sessions.session import Session
from tests.support.price_files import GOOD, OTHER, days_of, listing, spoil
from tests.support.session import Market, start

MORNING = datetime(2026, 11, 17, 10, 32, 20, tzinfo=KST)
HALT = "2026-11-12"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    found = start(tmp_path_factory.mktemp("running"), MORNING)
    yield found
    found.close()


@pytest.fixture(scope="module")
def halting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """Given prices with a day without trades: a close, a volume of 0, and no other price."""
    folder = tmp_path_factory.mktemp("halted")
    for code in (GOOD, OTHER):
        days_of(folder, code, "2026-11-02", "2026-11-20")
    file = folder / "daily" / f"{GOOD}.csv"
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if text.startswith(HALT))
    spoil(file, line, "0,0,0,10070,0")
    listing(folder, {GOOD: "가나전자", OTHER: "마바통신"})
    found = start(folder, market_data=folder)
    yield found
    found.close()


@pytest.fixture
def kw(running: Market, request: pytest.FixtureRequest) -> Session:
    return running.connect(request.node.name)


class TestTheBarThatIsStillGrowing:
    @pytest.mark.parametrize(
        ("interval", "label"), [("D", "2026-11-17"), ("W", "2026-11-16"), ("M", "2026-11-02")]
    )
    def test_of_days_and_longer_is_named_or_left_out(self, kw: Session, interval: str, label: str) -> None:
        frame = kw.bars("005930", interval, "2026-09-01")
        assert frame.attrs["unfinished"] == label == str(frame.index[-1].date())
        done = kw.bars("005930", interval, "2026-09-01", finished=True)
        pd.testing.assert_frame_equal(done, frame.iloc[:-1])
        assert "unfinished" not in done.attrs
        assert done.attrs["trs"] == 0  # the bars that are wanted are cached

    @pytest.mark.parametrize("interval", [5, 60])
    def test_of_minutes_is_the_one_in_progress_alone(self, kw: Session, interval: int) -> None:
        frame = kw.minute("005930", interval, "2026-11-16")
        newest = frame.index[-1]
        assert frame.attrs["unfinished"] == newest.isoformat()
        done = kw.minute("005930", interval, "2026-11-16", finished=True)
        assert done.index[-1] == frame.index[-2]
        assert "unfinished" not in done.attrs

    def test_is_none_where_the_newest_minute_is_over(self, kw: Session) -> None:
        """The simulated broker gives a minute when it is over."""
        frame = kw.minute("005930", 1, "2026-11-17")
        assert f"{frame.index[-1]:%H:%M}" == "10:31"
        assert "unfinished" not in frame.attrs
        pd.testing.assert_frame_equal(kw.minute("005930", 1, "2026-11-17", finished=True), frame)

    def test_of_an_index_too(self, kw: Session) -> None:
        frame = kw.index("KOSPI", "2026-11-09")
        assert frame.attrs["unfinished"] == "2026-11-17"
        done = kw.index("KOSPI", "2026-11-09", finished=True)
        assert str(done.index[-1].date()) == "2026-11-16"

    def test_of_several_codes_is_named_by_code(self, kw: Session) -> None:
        frame = kw.daily(["005930", "000660"], "2026-11-16")
        assert frame.attrs["unfinished"] == {"005930": "2026-11-17", "000660": "2026-11-17"}
        done = kw.daily(["005930", "000660"], "2026-11-16", finished=True)
        assert sorted(set(done.index.get_level_values("date").strftime("%m-%d"))) == ["11-16"]

    def test_is_none_where_the_range_ends_before_it(self, kw: Session) -> None:
        assert "unfinished" not in kw.daily("005930", "2026-11-09", "2026-11-16").attrs
        assert "unfinished" not in kw.minute("005930", 1, "2026-11-17 09:00", "2026-11-17 10:00").attrs

    def test_is_all_that_was_asked_for(self, kw: Session) -> None:
        done = kw.daily("005930", "today", finished=True)
        assert not len(done)
        assert list(done.columns) == ["open", "high", "low", "close", "volume", "value"]
        assert done.attrs["trs"] == 0
        assert "missing" not in done.attrs


class TestADayWithoutTrades:
    def test_is_as_the_broker_gives_it(self, halting: Market) -> None:
        frame = halting.connect("halted").daily(GOOD, "2026-11-10")
        assert frame.loc[HALT, ["open", "high", "low", "close", "volume"]].tolist() == [0, 0, 0, 10070, 0]

    def test_is_flat_at_its_close(self, halting: Market) -> None:
        kw = halting.connect("halted")
        frame = kw.daily(GOOD, "2026-11-10", halted="flat")
        assert frame.loc[HALT, ["open", "high", "low", "close", "volume"]].tolist() == [10070] * 4 + [0]
        assert frame.dtypes.equals(kw.daily(GOOD, "2026-11-10").dtypes)
        pd.testing.assert_frame_equal(frame.drop(index=HALT), kw.daily(GOOD, "2026-11-10").drop(index=HALT))

    def test_is_left_out(self, halting: Market) -> None:
        kw = halting.connect("halted")
        frame = kw.daily([GOOD, OTHER], "2026-11-10", halted="drop")
        kept = kw.daily([GOOD, OTHER], "2026-11-10")
        pd.testing.assert_frame_equal(frame, kept[kept["volume"] > 0])

    def test_that_is_all_of_a_range_is_not_missing(self, halting: Market) -> None:
        frame = halting.connect("halted").daily(GOOD, HALT, HALT, halted="drop")
        assert not len(frame)
        assert "missing" not in frame.attrs


@pytest.mark.parametrize(
    "wrong", [{"halted": "skip"}, {"halted": None}, {"finished": "yes"}, {"halted": ["keep"]}]
)
def test_other_values_are_refused(kw: Session, wrong: Any) -> None:
    for ask in (kw.daily, kw.minute, kw.bars):
        with pytest.raises(kl.BadInput, match=next(iter(wrong))):
            ask("005930", **wrong)


def test_commands_have_both(halting: Market, tmp_path: Path) -> None:
    options = ["--target", halting.server.address, "--cache-dir", str(tmp_path), "--format", "csv"]
    words = ["daily", GOOD, "--start", "2026-11-11", "--end", "2026-11-13", "--finished", "--halted", "drop"]
    result = CliRunner().invoke(program, [*words, *options])
    assert result.exit_code == 0, result.output
    assert [line[:10] for line in result.stdout.splitlines()[1:]] == ["2026-11-11", "2026-11-13"]
