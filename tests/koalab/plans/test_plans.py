"""Plans of bulk loads: they say what they need, spend just that, and go on wherever they stopped."""

from __future__ import annotations

import _thread
import dataclasses
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import koalab as kl
from kernel_server.clock import SteppedClock
from koalab.plans.running import IN_FLIGHT
from koalab.sessions.session import Session
from koalab.store.disk import CacheUnavailable
from koalab.store.series import Series
from koalab.transport.base import Page, QueuePosition
from koalab.transport.embedded import EmbeddedTransport
from tests.support.examples import examples
from tests.support.session import SATURDAY, Market, start
from tests.support.waiting import HANGS_AFTER, eventually

SEVERAL = ["005930", "000660", "373220", "035720", "068270", "329180", "207940", "005380", "105560", "051910"]
LISTED_LONG_AGO = ["005930", "005935", "005380", "000270", "000810", "003490", "006400", "009150"]
PRICED = "035420"
TR_RANGE = ("2016-01-01", "2026-11-20")


def each_page(session: Session, call: Callable[[str, dict[str, Any]], None]) -> None:
    """Calls ``call(code, options of the request)`` when a page has come, before it is taken in."""
    transport = session._link.transport
    whole = transport.pages

    def pages(tr: str, inputs: Any, **more: Any) -> Generator[Page | QueuePosition, None, None]:
        for item in whole(tr, inputs, **more):
            if isinstance(item, Page):
                call(inputs["종목코드"], more)
            yield item

    transport.pages = pages  # type: ignore[method-assign]


def spent(market: Market) -> int:
    """TRs that the server has sent."""
    return int(market.sessions[-1]._link.status().trs)


@pytest.fixture
def safe_market(tmp_path: Path) -> Iterator[Market]:
    """A market that after five TRs wants a rest, on a clock that leaps over it."""
    found = start(tmp_path, limits="safe")
    yield found
    found.close()


class TestAPlan:
    def test_says_what_is_needed_and_spends_nothing(self, kw: Session, market: Market) -> None:
        plan = kw.plan("daily", SEVERAL, "2016-01-01")
        assert list(plan.frame().columns) == ["name", "trs", "cached"]
        assert list(plan.frame().index) == SEVERAL == plan.codes
        assert plan.frame().loc["005930", "name"] == "삼성전자"
        assert plan.trs == plan.frame()["trs"].sum() > 30
        assert plan.cached == 0.0
        assert spent(market) == 0
        assert (kw.status()["queue"], kw.status()["trs"]) == (0, 0)

    @pytest.mark.parametrize("adjusted", [True, False])
    @pytest.mark.parametrize(
        ("begins", "ends"),
        [(None, None), TR_RANGE, ("2019-02-13", "2023-05-05"), ("2026-11-20", None), (None, "1999-12-31")],
    )
    def test_of_days_is_exact(self, kw: Session, begins: str, ends: str, adjusted: bool) -> None:
        # The calendar and the dates of listing are all there is to know on the simulated broker.
        plan = kw.plan("daily", SEVERAL[:4], begins, ends, adjusted=adjusted)
        expected = plan.frame()["trs"]
        pd.testing.assert_series_equal(plan.run()["trs"], expected)

    @pytest.mark.parametrize("interval", ["W", "M", "Y", "60min", "15min"])
    def test_of_other_bars_is_exact_too(self, kw: Session, interval: str) -> None:
        plan = kw.plan("bars", SEVERAL[:3], interval=interval)
        expected = plan.frame()["trs"]
        pd.testing.assert_series_equal(plan.run()["trs"], expected)
        assert plan.trs == 0

    def test_of_minutes_counts_from_the_newest(self, kw: Session) -> None:
        # The TR of minutes always begins there.
        plan = kw.plan("minute", SEVERAL[:2], "2026-10-01 10:30", "2026-10-02", interval=5)
        expected = plan.frame()["trs"]
        assert (expected > 2).all()
        pd.testing.assert_series_equal(plan.run()["trs"], expected)

    def test_knows_when_an_issue_was_listed(self, kw: Session) -> None:
        sessions = len(kl.calendar.sessions("2022-01-27", "2026-11-20"))
        assert kw.plan("daily", "373220").trs == -(-sessions // 600)

    def test_knows_the_share_that_is_held(self, kw: Session) -> None:
        kw.daily("005930", "2024-01-01", "2026-11-20")
        plan = kw.plan("daily", ["삼성전자", "000660"], *TR_RANGE)
        held = len(kl.calendar.sessions("2024-01-01", "2026-11-20"))
        whole = len(kl.calendar.sessions(*TR_RANGE))
        assert plan.frame()["cached"].tolist() == pytest.approx([held / whole, 0.0])
        assert plan.cached == pytest.approx(held / whole / 2)

    def test_of_what_is_held_is_nothing_and_needs_no_server(self, kw: Session, market: Market) -> None:
        kw.plan("daily", SEVERAL[:2], *TR_RANGE).run()
        market.server.stop(0)
        plan = kw.plan("daily", SEVERAL[:2], *TR_RANGE)
        assert (plan.trs, plan.cached, plan.wait) == (0, 1.0, 0.0)
        assert "nothing to load" in repr(plan)
        assert plan.run()["trs"].sum() == 0

    def test_that_was_carried_out_on_an_earlier_day_costs_nothing(
        self, open_market: Callable[..., Market]
    ) -> None:
        open_market(SATURDAY).connect().plan("daily", SEVERAL[:3], *TR_RANGE).run()
        market = open_market(SATURDAY + timedelta(days=4))
        plan = market.connect().plan("daily", SEVERAL[:3], *TR_RANGE)
        assert (plan.trs, plan.cached) == (0, 1.0)
        plan.run()
        assert spent(market) == 0

    def test_says_the_wait_and_the_end_that_come_true(self, safe_market: Market) -> None:
        kw = safe_market.connect()
        plan = kw.plan("daily", SEVERAL, *TR_RANGE)
        began, wait = safe_market.clock.now(), plan.wait
        assert wait > 120
        assert plan.ends.timestamp() == pytest.approx(began + wait, abs=1)
        plan.run()
        # The last answer comes a moment after the last TR is sent.
        assert safe_market.clock.now() - began == pytest.approx(wait, rel=0.01, abs=2)

    def test_counts_on_what_others_have_used(self, safe_market: Market) -> None:
        kw = safe_market.connect()
        for _ in range(5):
            kw.tr("opt10001", 종목코드="005930")
        assert 17 < kw.plan("daily", "005930", "2026-01-01").wait <= 18

    def test_is_shown_as_a_line_and_in_a_notebook_as_a_table(self, kw: Session) -> None:
        plan = kw.plan("daily", SEVERAL, *TR_RANGE)
        assert f"daily from 2016-01-01 to 2026-11-20 of 10 codes: {plan.trs} TRs, 0.0% cached" in repr(plan)
        assert "in Seoul" in repr(plan)
        assert "LG에너지솔루션" in plan._repr_html_()
        summary = plan.summary()
        assert list(summary.index) == ["plan", "codes", "trs", "cached", "wait", "ends"]
        assert str(summary["ends"].tz) == "Asia/Seoul"

    def test_of_a_market_is_of_all_its_codes(self, kw: Session) -> None:
        kospi, etf = list(kw.codes("KOSPI").index), list(kw.codes("ETF").index)
        assert kw.plan("daily", "KOSPI", "2026-11-01").codes == kospi
        assert kw.plan("daily", ["etf", "삼성전자"], "2026-11-01").codes == [*etf, "005930"]
        everything = list(kw.codes().index)
        assert kw.plan("daily", start="2026-11-01").codes == everything
        assert kw.plan("daily", "ALL", "2026-11-01").codes == everything

    @pytest.mark.parametrize(
        ("arguments", "options", "told"),
        [
            (("weekly", "005930"), {}, "no plan of 'weekly': there are daily, minute, bars"),
            (("daily", "삼성전저"), {}, "did you mean"),
            (("daily", "KOSPIX"), {}, "KOSPIX"),
            (("daily", []), {}, "nothing to plan"),
            (("daily", 5930), {}, "codes are texts"),
            (("daily", "005930", "2026-12-01"), {}, "after now"),
            (("daily", "005930"), {"interval": "W"}, "no interval"),
            (("minute", "005930"), {"interval": 7}, "7min"),
            (("minute", "005930"), {"interval": "W"}, "number of minutes"),
            (("bars", "005930"), {"interval": "30tick"}, "cannot be planned"),
        ],
    )
    def test_of_what_cannot_be_is_told_before_anything_is_asked(
        self, kw: Session, market: Market, arguments: Any, options: Any, told: str
    ) -> None:
        with pytest.raises(kl.BadInput, match=told):
            kw.plan(*arguments, **options)
        assert spent(market) == 0

    def test_without_a_place_to_keep_it_is_told(self, market: Market, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(CacheUnavailable):
            market.connect("file").plan("daily", "005930")


class TestARun:
    def test_leaves_nothing_for_the_method_to_ask(self, kw: Session, market: Market) -> None:
        plan = kw.plan("daily", SEVERAL, *TR_RANGE)
        expected = plan.frame()["trs"]
        report = plan.run()
        assert list(report.columns) == ["name", "trs", "error"]
        pd.testing.assert_series_equal(report["trs"], expected)
        assert report.attrs["trs"] == expected.sum() == spent(market)
        assert (report["error"] == "").all()
        frame = kw.daily(SEVERAL, *TR_RANGE)
        assert frame.attrs["trs"] == 0
        pd.testing.assert_frame_equal(frame, market.connect("other").daily(SEVERAL, *TR_RANGE))
        assert (plan.trs, plan.cached, plan.wait) == (0, 1.0, 0.0)

    def test_can_give_the_frame_itself(self, kw: Session) -> None:
        frame = kw.plan("minute", SEVERAL[:2], "2026-11-18", "2026-11-19", interval=60).load()
        assert frame.attrs["trs"] == kw._link.trs > 0
        assert set(frame.index.levels[0]) == {"000660", "005930"}

    def test_asks_for_nothing_that_is_not_final(self, open_market: Callable[..., Market]) -> None:
        # In the middle of a session: its bar is not kept, so loading it would be for nothing.
        kw = open_market(SATURDAY.replace(day=20, hour=11)).connect()
        plan = kw.plan("daily", SEVERAL[:3], "2026-11-01")
        assert plan.run()["trs"].tolist() == [1, 1, 1]
        assert plan.trs == 0
        assert kw.daily(SEVERAL[:3], "2026-11-01", "2026-11-19").attrs["trs"] == 0
        today = kw.plan("daily", SEVERAL[:3], "2026-11-20")
        assert (today.trs, today.run()["trs"].sum()) == (0, 0)
        assert "from 2026-11-20, of which no bar is final yet" in repr(today)
        assert "the cache has it all" not in repr(today)
        with pytest.raises(kl.BadInput, match=r"is final yet.*kw\.daily"):
            today.load()

    def test_of_a_time_without_a_session_has_nothing_to_load(self, kw: Session) -> None:
        plan = kw.plan("daily", SEVERAL[:2], "2026-11-14", "2026-11-15")
        assert plan.trs == 0
        assert "there are no bars of that time" in repr(plan)
        assert not len(plan.load())

    def test_is_bulk_work_with_several_codes_in_flight(self, kw: Session) -> None:
        seen, at_once = set(), []
        open_now: set[str] = set()
        transport = kw._link.transport
        whole = transport.pages

        def pages(tr: str, inputs: Any, **more: Any) -> Generator[Page | QueuePosition, None, None]:
            seen.add(more["priority"])
            open_now.add(inputs["종목코드"])
            at_once.append(len(open_now))
            try:
                yield from whole(tr, inputs, **more)
            finally:
                open_now.discard(inputs["종목코드"])

        transport.pages = pages  # type: ignore[method-assign]
        kw.plan("daily", SEVERAL, *TR_RANGE).run()
        assert seen == {"bulk"}
        assert 1 < max(at_once) <= IN_FLIGHT

    def test_goes_on_past_issues_that_cannot_be_loaded_and_tells_them_at_the_end(self, kw: Session) -> None:
        silent = {"000660", "051910"}

        def fail(code: str, _more: Any) -> None:
            if code in silent:
                raise kl.NoAnswer("no answer within 60 s")

        each_page(kw, fail)
        plan = kw.plan("daily", SEVERAL, *TR_RANGE)
        with pytest.raises(
            kl.PlanIncomplete, match=r"2 of 10 codes .*SK하이닉스 \(000660\): no answer"
        ) as told:
            plan.run()
        assert set(told.value.failed) == silent
        assert told.value.report.loc["051910", "error"] == "NoAnswer: no answer within 60 s"
        assert set(plan.frame().query("trs > 0").index) == silent
        silent.clear()
        assert (plan.run()["error"] == "").all()
        assert plan.cached == 1.0

    def test_in_which_everything_fails_ends_early(self, kw: Session) -> None:
        asked = []

        def fail(code: str, _more: Any) -> None:
            asked.append(code)
            raise kl.NoAnswer("no answer within 60 s")

        each_page(kw, fail)
        with pytest.raises(kl.NoAnswer):
            kw.plan("daily", "KOSPI", "2026-11-01").run()
        assert len(asked) < 20 + 2 * IN_FLIGHT

    def test_without_a_place_to_keep_pages_says_so(
        self, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise CacheUnavailable("the disk is full")

        plan = kw.plan("daily", SEVERAL[:3], "2026-11-01")
        monkeypatch.setattr(kw.cache, "add", full)
        with pytest.raises(kl.PlanIncomplete, match="the disk is full"):
            plan.run()

    def test_that_begins_anew_after_a_split_counts_every_tr(self, kw: Session, market: Market) -> None:
        kw.daily("005930", "2024-01-01", "2026-11-13")
        series = Series("005930", "D", True)
        held, _ = kw.cache.read(series, np.datetime64("2024-01-01"), np.datetime64("2026-11-13"))
        # As if the cache had been filled before a split of two for one.
        old = {name: getattr(held, name) * 2 for name in ("open", "high", "low", "close")}
        kw.cache.replace(
            series,
            dataclasses.replace(held, **old),
            (np.datetime64("2024-01-01", "us"), np.datetime64("2026-11-13T23:59:59.999999", "us")),
        )
        before = spent(market)
        plan = kw.plan("daily", "005930", "2024-01-01", "2026-11-20")
        assert plan.trs == 1
        assert plan.run()["trs"].tolist() == [1 + 2] == [spent(market) - before]
        assert kw.daily("005930", "2024-01-01", "2026-11-20").attrs["trs"] == 0


class TestAPlanThatIsStopped:
    def test_by_ctrl_c_in_the_middle_of_a_wait_leaves_nothing_and_goes_on_where_it_was(
        self, tmp_path: Path
    ) -> None:
        # A clock that runs, and windows that want a rest of 18 seconds after five TRs.
        first = start(tmp_path, running=True, limits="safe")
        kw = first.connect()
        plan = kw.plan("daily", SEVERAL, *TR_RANGE)
        needed = plan.trs
        look = first.connect()

        def interrupt() -> None:
            eventually(lambda: look.status()["queue"] == IN_FLIGHT and look._link.status().trs == 5)
            _thread.interrupt_main()

        stopper = threading.Thread(target=interrupt)
        stopper.start()
        with pytest.raises(KeyboardInterrupt) as stopped:
            plan.run()
        stopper.join()
        assert f"stopped after 5 of {needed} TRs" in stopped.value.__notes__[0]
        assert eventually(lambda: look.status()["streams"] == 0)
        assert look.status()["queue"] == 0
        assert kw.cache.verify() == []
        assert kw.plan("daily", SEVERAL, *TR_RANGE).trs == needed - 5
        first.close()
        # Another notebook, another server, the same cache.
        second = start(tmp_path)
        resumed = second.connect().plan("daily", SEVERAL, *TR_RANGE)
        assert resumed.trs == needed - 5
        resumed.run()
        assert spent(second) == needed - 5
        second.close()

    def test_in_the_middle_of_pages_goes_on_in_the_same_session(self, kw: Session) -> None:
        plan = kw.plan("daily", SEVERAL, *TR_RANGE)
        needed, seen = plan.trs, [0]

        def interrupt(_code: str, _more: Any) -> None:
            seen[0] += 1
            if seen[0] == 12:
                _thread.interrupt_main()

        each_page(kw, interrupt)
        with pytest.raises(KeyboardInterrupt):
            plan.run()
        done = kw._link.trs
        left = plan.look().trs
        # Every page that came is kept.
        assert left == needed - done
        assert plan.run()["trs"].sum() == left
        assert kw.cache.verify() == []

    def test_by_its_session_being_closed_goes_on_in_another(self, market: Market) -> None:
        kw, seen = market.connect(), [0]
        plan = kw.plan("daily", SEVERAL, *TR_RANGE)
        needed = plan.trs

        def close(_code: str, _more: Any) -> None:
            seen[0] += 1
            if seen[0] == 9:
                kw.close()

        each_page(kw, close)
        with pytest.raises(kl.KoalabError) as told:
            plan.run()
        assert "goes on from there" in told.value.__notes__[0]
        again = market.connect().plan("daily", SEVERAL, *TR_RANGE)
        assert 0 < again.trs <= needed - 8
        again.run()
        assert again.cached == 1.0

    def test_by_a_server_that_is_killed_waits_for_the_next_one_and_goes_on(self, tmp_path: Path) -> None:
        with kl.connect(cache_dir=tmp_path, clock="fast:2000", limits="safe") as kw:
            transport, seen = kw._link.transport, [0]
            assert isinstance(transport, EmbeddedTransport)
            plan = kw.plan("daily", SEVERAL, end="2026-11-13")
            needed, killed = plan.trs, transport.pid

            def kill(_code: str, _more: Any) -> None:
                seen[0] += 1
                if seen[0] == 15:
                    os.kill(killed, signal.SIGKILL)

            each_page(kw, kill)
            report = plan.run()
            assert transport.pid != killed
            assert (
                kw._link.connection_epoch == 1
            )  # eight codes lost it together, and it was brought back once
            assert report["trs"].sum() == needed
            assert plan.trs == 0
            assert kw.cache.verify() == []


def sent_by(market: Market, who: Callable[[str], int]) -> list[int]:
    """Who asked for each TR that the control is asked for, by its code, in the order in which it is."""
    control: Any = market.server.host.control
    call, order, code = control.call, [], [""]

    def recorded(name: str, arguments: Any) -> Any:
        if name == "SetInputValue" and arguments[0] == "종목코드":
            code[0] = arguments[1]
        if name == "CommRqData":
            order.append(who(code[0]))
        return call(name, arguments)

    control.call = recorded
    return order


class Gate:
    """Moves a clock to whatever is waited for next, but over a wait for the limits only when so many calls queue."""

    def __init__(self, clock: SteppedClock) -> None:
        self.clock = clock
        self.queued: Callable[[], int] = lambda: 0
        self.over = False
        self._wanted = 0
        self._moving = threading.Lock()
        self._thread = threading.Thread(target=self._move, daemon=True)
        self._thread.start()

    def want(self, queued: int) -> None:
        """From here on; no move that was decided on before is still to come."""
        with self._moving:
            self._wanted = queued

    def _move(self) -> None:
        while not self.over:
            with self._moving:
                moved = self._move_on()
            if not moved:
                time.sleep(0.0005)

    def _move_on(self) -> bool:
        due = self.clock.next_foreground_due()
        # What is due at once is an answer; no call has to be in the queue for that.
        if due is None or not (due - self.clock.now() < 0.9 or self.queued() >= self._wanted):
            return False
        self.clock.advance(due - self.clock.now())
        return True

    def close(self) -> None:
        self.over = True
        self._thread.join(HANGS_AFTER)


class TestPlansBesideEachOther:
    def test_share_the_limits_evenly_and_an_interactive_call_goes_first(self, tmp_path: Path) -> None:
        clock = SteppedClock(SATURDAY.timestamp())
        gate = Gate(clock)
        market = start(tmp_path, clock=clock, limits="safe")
        look = market.connect("look")
        notebooks = [market.connect("one"), market.connect("two")]
        third = market.connect("three")
        order = sent_by(
            market, lambda code: LISTED_LONG_AGO.index(code) % 2 if code in LISTED_LONG_AGO else -1
        )
        runs = []
        for number, notebook in enumerate(notebooks):
            plan = notebook.plan("daily", LISTED_LONG_AGO[number::2], "1990-01-01", "2026-11-20")
            runs.append(threading.Thread(target=plan.run, kwargs={"progress": False}, daemon=True))
        flying = len(LISTED_LONG_AGO) // 2
        gate.queued = lambda: int(look.status()["queue"])
        gate.want(2 * flying)
        for run in runs:
            run.start()
        assert eventually(lambda: len(order) >= 15)
        # Both wait; so does, from now on, somebody who would like to see a price.
        gate.want(10**6)
        assert eventually(lambda: look.status()["queue"] == 2 * flying)
        before = len(order)

        asking = threading.Thread(
            target=third.tr, args=("opt10001",), kwargs={"종목코드": PRICED}, daemon=True
        )
        asking.start()
        assert eventually(lambda: look.status()["queue"] == 2 * flying + 1)
        gate.want(2 * flying)
        asking.join(HANGS_AFTER)
        assert order.index(-1) == before
        assert eventually(lambda: len(order) >= before + 20)
        gate.want(0)
        for run in runs:
            run.join(HANGS_AFTER)
        gate.close()
        taken = order[before + 1 : before + 20]
        assert abs(taken.count(0) - taken.count(1)) <= 2
        assert max(len(list(same)) for _, same in itertools.groupby(taken)) <= 2
        market.close()


@settings(
    max_examples=examples(6, 12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    ranges=st.lists(
        st.tuples(st.integers(0, 7000), st.integers(0, 2000)).map(
            lambda pair: (np.datetime64("2005-01-03") + pair[0], np.datetime64("2005-01-03") + sum(pair))
        ),
        min_size=2,
        max_size=3,
    ),
    adjusted=st.booleans(),
    code=st.sampled_from(SEVERAL),
)
def test_for_any_cached_part_a_plan_forecasts_the_cost_of_the_rest(
    kw: Session, ranges: list[tuple[np.datetime64, np.datetime64]], adjusted: bool, code: str
) -> None:
    kw.cache.clear()
    for first, last in ranges:
        plan = kw.plan("daily", code, first, last, adjusted=adjusted)
        assert kw.daily(code, first, last, adjusted=adjusted).attrs["trs"] == plan.trs
