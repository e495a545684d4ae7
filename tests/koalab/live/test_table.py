"""kw.live: a table that always shows the newest trade of each issue."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from koalab import BadInput, NoAnswer
from tests.koalab.live.test_streams import ONE, OTHER, Trading
from tests.support.waiting import becomes, wait_until

QUIET = "086900"


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Trading]:
    found = Trading(tmp_path, "10:00:00")
    yield found
    found.market.close()


def test_it_begins_with_the_quotes_of_all_issues_in_the_given_order(trading: Trading) -> None:
    with trading.kw.live([OTHER, ONE, QUIET]) as table:
        frame, quotes = table.frame(), trading.kw.quotes([OTHER, ONE, QUIET])
    assert list(frame.index) == [OTHER, ONE, QUIET]
    assert list(frame["name"]) == ["SK하이닉스", "삼성전자", "메디톡스"]
    for name in ("price", "volume", "value", "change", "base_price", "upper_limit", "open"):
        assert list(frame[name]) == list(quotes[name]), name


def test_it_shows_what_the_quotes_show_later(trading: Trading) -> None:
    with trading.kw.live([ONE, OTHER]) as table:
        before = table.frame()
        trading.go(120)
        frame, quotes = table.frame(), trading.kw.quotes([ONE, OTHER])
    assert (frame["volume"] > before["volume"]).all()
    for name in ("price", "volume", "change", "change_rate", "high", "low", "ask", "bid"):
        assert list(frame[name]) == list(quotes[name]), name


def test_what_happens_while_the_first_quotes_are_on_their_way_is_shown(
    trading: Trading, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotes = trading.kw.quotes

    def late(*arguments: Any, **options: Any) -> pd.DataFrame:
        found = quotes(*arguments, **options)
        trading.go(120)
        return found

    monkeypatch.setattr(trading.kw, "quotes", late)
    with trading.kw.live([ONE, OTHER]) as table:
        frame, now = table.frame(), quotes([ONE, OTHER])
    for name in ("price", "volume", "change", "high", "low", "ask", "bid", "base_price", "upper_limit"):
        assert list(frame[name]) == list(now[name]), name


def test_quotes_that_fail_leave_nothing_registered(trading: Trading, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> pd.DataFrame:
        raise NoAnswer("no quotes")

    monkeypatch.setattr(trading.kw, "quotes", fail)
    with pytest.raises(NoAnswer):
        trading.kw.live([ONE, OTHER])
    assert not trading.kw._open_streams._feeds


def test_only_changed_rows_are_given_on_request(trading: Trading) -> None:
    with trading.kw.live([ONE, QUIET]) as table:
        version = table.version
        assert not len(table.frame(changed_since=version))
        trading.go(30)
        changed = table.frame(changed_since=version)
        assert ONE in changed.index
        now, rows, values = table.delta(version)
        assert now == table.version
        assert len(rows) == len(values["price"]) == len(changed)


def test_a_callback_gets_the_rows_that_changed(trading: Trading) -> None:
    seen: list[pd.DataFrame] = []
    with trading.kw.live([ONE, OTHER]) as table:
        stop = table.on(seen.append)
        trading.go(60)
        wait_until(lambda: bool(seen) and int(seen[-1].attrs["version"]) == table.version)
        stop()
    assert set(pd.concat(seen).index) <= {ONE, OTHER}
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "koalab-callback"])


def test_what_is_no_function_is_refused(trading: Trading) -> None:
    with trading.kw.live(ONE) as table, pytest.raises(BadInput):
        table.on("print")  # type: ignore[arg-type]


def test_one_that_nobody_holds_leaves_nothing_registered(trading: Trading) -> None:
    trading.kw.live([ONE, OTHER])
    gc.collect()
    becomes(lambda: trading.kw.status()["streams"], 0)
