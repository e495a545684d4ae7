"""How streams begin and end: together, abandoned, refused, on any thread; nothing hangs and no other stream suffers."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from kernel_server.reference.sessions import Sessions
from koalab.errors import KoalabError, NotConnected, RateLimited, ServerLost
from koalab.live.feed import EventFeed
from koalab.live.hub import MOST_CODES, Hub
from koalab.live.open_streams import OpenStreams
from koalab.live.stream import EventStream
from koalab.transport.base import TickBatch
from tests.koalab.live.test_hub import Link, Recorder, batch
from tests.support.waiting import HANGS_AFTER, becomes, eventually

REALTYPE = "주식우선호가"
NO_SESSIONS = Sessions(np.empty(0, "M8[D]"), np.empty(0, np.int64), np.empty(0, np.int64))


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def hub(link: Link) -> Iterator[Hub]:
    found = Hub(link)  # type: ignore[arg-type]
    yield found
    found.close()


@pytest.fixture
def streams(hub: Hub, link: Link) -> OpenStreams:
    return OpenStreams(hub, lambda: NO_SESSIONS, link.now)


def quotes(*values: int, time: float = 101.0) -> Any:
    """A batch of best quotes of 005930."""
    none = np.zeros(len(values), np.intp)
    return TickBatch(
        (REALTYPE,),
        none,
        ("005930",),
        none,
        "\n".join(f"{n}\t{n - 1}" for n in values),
        np.full(len(values), time),
    )


class TestBeginningAndEnd:
    def test_a_stream_that_begins_while_the_last_one_ends_is_not_ended_with_it(
        self, hub: Hub, link: Link
    ) -> None:
        """Over and over, on two threads."""
        for _ in range(30):
            old = hub.subscribe(["A"], [10], Recorder())
            old.wait(HANGS_AFTER)
            with ThreadPoolExecutor() as pool:
                ending = pool.submit(old.close)
                new = pool.submit(lambda: hub.subscribe(["B"], [10], Recorder())).result(HANGS_AFTER)
                ending.result(HANGS_AFTER)
            new.wait(HANGS_AFTER)
            assert new.receiving
            new.close()

    def test_the_end_of_one_does_not_wait_for_the_thread(self, hub: Hub) -> None:
        """It may itself wait for a lock of the thread that ends a stream."""
        one = hub.subscribe(["A"], [10], Recorder())
        one.wait(HANGS_AFTER)
        with hub._lock:
            one.close()
            again = hub.subscribe(["B"], [10], Recorder())
        again.wait(HANGS_AFTER)
        assert again.receiving

    def test_one_that_is_collected_inside_the_hub_s_locks_ends_later(
        self, streams: OpenStreams, hub: Hub, link: Link
    ) -> None:
        kept = streams.open(REALTYPE, ["A"], None)
        abandoned: EventStream[Any] | None = streams.open(REALTYPE, ["B"], None)
        stream = link.streams[-1]
        held = threading.Lock()  # as the transport has one around its requests
        remove = stream.remove

        def locked(codes: Any) -> int:
            assert held.acquire(blocking=False), "ended by the thread that holds the lock"
            held.release()
            return remove(codes)

        stream.remove = locked  # type: ignore[method-assign]
        with held:
            del abandoned
            gc.collect()
            assert ("remove", ("B",)) not in stream.asked
        stream.given.put(batch())
        assert eventually(lambda: ("remove", ("B",)) in stream.asked)
        assert kept.state == "live"

    def test_heartbeats_are_registered_while_any_stream_is_open(
        self, streams: OpenStreams, link: Link
    ) -> None:
        def wanted() -> set[str]:
            found: set[str] = set()
            for what, codes in link.streams[-1].asked:
                found = found | set(codes) if what == "add" else found - set(codes)
            return found

        with ThreadPoolExecutor() as pool:
            opened = list(pool.map(lambda code: streams.open(REALTYPE, [code], None), "ABCD"))
        assert wanted() == {*"ABCD", "005930", "000660"}
        for one in opened[:3]:
            one.close()
        assert wanted() == {"D", "005930", "000660"}
        opened[3].close()
        assert link.streams[-1].closed
        streams.open(REALTYPE, ["E"], None)
        assert wanted() == {"E", "005930", "000660"}

    def test_what_is_being_registered_when_the_session_ends_is_told_so(self, hub: Hub, link: Link) -> None:
        link.gone = True
        one = hub.subscribe(["A"], [10], Recorder())
        link.opened.get(timeout=HANGS_AFTER).given.queue.clear()
        link.streams[0].given.put(ServerLost("gone"))
        threading.Timer(0.05, hub.close).start()
        with pytest.raises((NotConnected, ServerLost)):
            one.wait(HANGS_AFTER)

    def test_none_begins_in_a_session_that_has_ended(self, streams: OpenStreams) -> None:
        streams.close()
        with pytest.raises(NotConnected, match="closed"):
            streams.open(REALTYPE, ["A"], None)


class TestErrors:
    def test_a_listener_that_raises_ends_its_stream_and_no_other(
        self, streams: OpenStreams, link: Link, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> None:
            raise ZeroDivisionError("the listener's mistake")

        failing, other = (streams.open(REALTYPE, ["005930"], None) for _ in range(2))
        failing.listen(fail)
        link.streams[-1].given.put(quotes(5))
        link.streams[-1].given.put(quotes(6))
        assert eventually(lambda: len(other) == 2)
        assert failing.state == "closed"
        assert "the listener's mistake" in failing.state.why
        assert "Traceback" in caplog.text
        with pytest.raises(KoalabError, match="the listener's mistake"):
            list(failing)

    def test_what_nobody_foresaw_ends_all_streams_with_it(self, streams: OpenStreams, link: Link) -> None:
        stream = streams.open(REALTYPE, ["005930"], None)
        link.streams[-1].given.put(ZeroDivisionError("unforeseen"))  # type: ignore[arg-type]
        with pytest.raises(KoalabError):
            stream.next(HANGS_AFTER)
        assert stream.state == "closed"

    def test_after_an_error_heartbeats_are_registered_anew(self, streams: OpenStreams, link: Link) -> None:
        stream = streams.open(REALTYPE, ["A"], None)
        link.streams[-1].given.put(KoalabError("no more"))
        becomes(lambda: str(stream.state), "closed")
        stream.close()
        streams.open(REALTYPE, ["B"], None)
        assert ("add", ("005930", "000660")) in link.streams[-1].asked


class TestMoreCodesThanTheBrokerTakes:
    def test_are_refused_with_their_number_before_anything_is_sent(self, hub: Hub, link: Link) -> None:
        hub.subscribe(["A", "B"], [10], Recorder()).wait(HANGS_AFTER)
        many = [f"{number:06d}" for number in range(MOST_CODES - 1)]
        with pytest.raises(RateLimited, match=r"7,899 codes with the 2 .* more than the 7,900"):
            hub.subscribe(many, [10], Recorder())
        hub.subscribe(many[1:], [10], Recorder()).wait(HANGS_AFTER)
        assert [what for what, _ in link.streams[0].asked] == ["add", "add"]

    def test_one_refused_by_the_server_costs_the_others_a_gap_that_is_named(
        self, hub: Hub, link: Link
    ) -> None:
        first = Recorder()
        hub.subscribe(["A"], [10], first).wait(HANGS_AFTER)
        stream = link.streams[0]
        stream.add = lambda codes, fids: 99  # type: ignore[method-assign]  # never carried out
        refused = hub.subscribe(["B"], [10], Recorder())
        stream.given.put(RateLimited("all 79 screens for real-time data are full, with 100 codes each"))
        with pytest.raises(RateLimited, match="all 79 screens"):
            refused.wait(HANGS_AFTER)
        assert eventually(lambda: [call[0] for call in first.calls].count("start") == 2)
        assert next(call for call in first.calls if call[0] == "gap")[2].startswith("all 79 screens")
        assert link.streams[1].asked == [("add", ("A",))]


class TestLoops:
    def test_closing_from_another_thread_ends_a_loop(self, streams: OpenStreams) -> None:
        stream = streams.open(REALTYPE, ["005930"], None)
        with ThreadPoolExecutor() as pool:
            loop = pool.submit(list, stream)
            closed = pool.submit(lambda: streams.close())
            closed.result(HANGS_AFTER)
            assert loop.result(HANGS_AFTER) == []

    def test_an_event_loop_that_was_closed_under_a_task_costs_nobody_else(
        self, streams: OpenStreams, link: Link
    ) -> None:
        stream = streams.open(REALTYPE, ["005930"], None)
        loop = asyncio.new_event_loop()
        task = loop.create_task(anext(stream))  # type: ignore[arg-type]
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
        for value in (5, 6):
            link.streams[-1].given.put(quotes(value))
        assert eventually(lambda: len(stream) == 2)
        assert stream.state == "live"
        task._log_destroy_pending = False  # type: ignore[attr-defined]

    def test_a_loop_over_what_is_there_already_lets_other_tasks_run(
        self, streams: OpenStreams, link: Link
    ) -> None:
        stream = streams.open(REALTYPE, ["005930"], None)
        link.streams[-1].given.put(quotes(*range(10, 5_010)))
        assert eventually(lambda: len(stream) == 5_000)
        turns: list[int] = []

        async def other() -> None:
            while True:
                turns.append(len(turns))
                await asyncio.sleep(0)

        async def read() -> int:
            task = asyncio.ensure_future(other())
            for _ in range(5_000):
                await anext(stream)
            task.cancel()
            return len(turns)

        assert asyncio.run(read()) >= 4

    def test_a_reader_behind_what_is_kept_counts_what_it_lost(self, streams: OpenStreams, link: Link) -> None:
        stream = streams.open(REALTYPE, ["005930"], 100)
        reader = stream.reader()
        for start in range(0, 1_000, 125):
            link.streams[-1].given.put(quotes(*range(start + 10, start + 135)))
        assert eventually(lambda: stream.received == 1_000)
        assert [reader.next(HANGS_AFTER).ask for _ in range(100)] == list(range(910, 1_010))
        assert reader.dropped == 900


class TestFeed:
    def test_is_equal_to_itself_alone(self, hub: Hub, link: Link) -> None:
        one, other = (EventFeed(REALTYPE, ["A"], None, hub.decoder, link.now) for _ in range(2))
        assert len({one, other}) == 2
