"""One issue that cannot be had: the others come, and it is named with the reason."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import koalab as kl
from kernel_server import reference
from koalab.loaders import transactions
from koalab.sessions.session import Session
from tests.support.price_files import BAD, GOOD, OTHER, days_of, listing, spoil
from tests.support.session import Market, start

LIST = [GOOD, BAD, OTHER]
WHERE = f"daily/{BAD}.csv, line 40"


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prices")
    for code in LIST:
        days_of(folder, code, "2026-01-02", "2026-11-20")
    spoil(folder / "daily" / f"{BAD}.csv", 40)
    listing(folder, {GOOD: "가나전자", BAD: "다라화학", OTHER: "마바통신"})
    return folder


@pytest.fixture(scope="module")
def served(prices: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    found = start(tmp_path_factory.mktemp("served"), market_data=prices)
    yield found
    found.close()


@pytest.fixture
def kw(served: Market, request: pytest.FixtureRequest) -> Session:
    return served.connect(request.node.name)


LISTS: dict[str, Callable[[Session], pd.DataFrame]] = {
    "daily": lambda kw: kw.daily(LIST, "2026-06-01"),
    "bars": lambda kw: kw.bars(LIST, "W", "2026-06-01"),
    "quotes": lambda kw: kw.quotes(LIST),
    "info": lambda kw: kw.info(LIST),
    "orderbook": lambda kw: kw.orderbook(LIST),
    "flows": lambda kw: kw.flows(LIST, "2026-11-02"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_bad_file_takes_no_other_issue_with_it(kw: Session, name: str) -> None:
    with pytest.warns(kl.MissingData) as warned:
        frame = LISTS[name](kw)
    assert list(dict.fromkeys(frame.index.get_level_values("code"))) == [GOOD, OTHER]
    assert list(frame.attrs["missing"]) == [BAD]
    assert WHERE in frame.attrs["missing"][BAD]
    (text,) = [str(one.message) for one in warned]
    assert "다라화학" in text
    assert WHERE in text
    assert warned[0].filename == __file__


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_which_all_comes_misses_nothing(kw: Session, name: str) -> None:
    good: Any = [GOOD, OTHER]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = {
            "daily": lambda: kw.daily(good, "2026-06-01"),
            "bars": lambda: kw.bars(good, "W", "2026-06-01"),
            "quotes": lambda: kw.quotes(good),
            "info": lambda: kw.info(good),
            "orderbook": lambda: kw.orderbook(good),
            "flows": lambda: kw.flows(good, "2026-11-02"),
        }[name]()
    assert "missing" not in frame.attrs


def test_a_frame_is_typed_as_without_the_bad_issue(kw: Session) -> None:
    with pytest.warns(kl.MissingData):
        frame = kw.quotes(LIST)
    pd.testing.assert_series_equal(frame.dtypes, kw.quotes([GOOD, OTHER]).dtypes)


def test_an_issue_alone_says_the_same(kw: Session) -> None:
    with pytest.warns(kl.MissingData, match=WHERE):
        frame = kw.daily(BAD, "2026-06-01")
    assert not len(frame)
    assert WHERE in frame.attrs["missing"][BAD]
    with pytest.raises(kl.UnknownCode, match=WHERE):
        kw.info(BAD)


def test_attrs_can_be_written_as_parquet(kw: Session, tmp_path: Path) -> None:
    with pytest.warns(kl.MissingData):
        frame = kw.daily(LIST, "2026-06-01")
    frame.to_parquet(tmp_path / "bars.parquet")
    assert pd.read_parquet(tmp_path / "bars.parquet").attrs == frame.attrs


def test_a_plan_names_it_and_loads_the_others(kw: Session) -> None:
    plan = kw.plan("daily", LIST, "2026-06-01")
    with pytest.raises(kl.PlanIncomplete, match=WHERE) as stopped:
        plan.run()
    assert list(stopped.value.failed) == [BAD]
    report = stopped.value.report
    assert WHERE in report.loc[BAD, "error"]
    assert report.loc[[GOOD, OTHER], "error"].tolist() == ["", ""]
    assert plan.frame()["trs"].to_dict() == {GOOD: 0, BAD: 1, OTHER: 0}


def test_an_update_of_the_market_names_it_and_updates_the_others(kw: Session) -> None:
    with pytest.warns(kl.MissingData, match=WHERE):
        frame = kw.update_market()
    assert frame["done"].to_dict() == {GOOD: "added", BAD: "no quote", OTHER: "added"}
    assert WHERE in frame.attrs["missing"][BAD]


@pytest.mark.parametrize(
    "ask", [lambda kw: kw.quotes([GOOD, OTHER]), lambda kw: kw.update_market([GOOD, OTHER])]
)
def test_one_garbled_value_of_the_broker_leaves_the_other_issues(
    kw: Session, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Session], pd.DataFrame]
) -> None:
    place = reference.tr("OPTKWFID").multi_names.index("거래량")
    asked = transactions.load

    def garbled(*args: Any, **rest: Any) -> Any:
        answer = asked(*args, **rest)
        page = answer.pages[0]
        columns = list(page.columns)
        columns[place] = "12+5\n" + columns[place].partition("\n")[2]
        return replace(answer, pages=(replace(page, columns=columns),))

    monkeypatch.setattr(transactions, "load", garbled)
    with pytest.warns(kl.MissingData, match="12\\+5"):
        frame = ask(kw)
    assert list(frame.attrs["missing"]) == [GOOD]
    assert frame.attrs["missing"][GOOD].startswith("OPTKWFID 거래량")


@pytest.mark.parametrize(
    ("interval", "first", "last", "start"),
    [
        ("W", "2026-10-14", "2026-10-16", "2026-10-12"),
        ("M", "2026-10-15", "2026-10-31", "2026-10-01"),
        ("Y", "2026-03-02", None, "2026-01-01"),
    ],
)
def test_a_part_of_a_period_has_no_bar_and_is_told_where_that_begins(
    kw: Session, interval: str, first: str, last: str | None, start: str
) -> None:
    """The broker has bars of it: a period's bar has the period's first day."""
    with pytest.warns(kl.MissingData, match=f'start="{start}" has the bar of that time'):
        assert not len(kw.bars(GOOD, interval, first, last))
    assert len(kw.bars(GOOD, interval, start, last)) == 1
