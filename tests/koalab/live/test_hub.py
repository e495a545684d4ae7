"""The hub: one thread and one stream for all subscribers, with a gap reported wherever events may be lost."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from kernel_server.wire import kernel_pb2
from koalab.errors import BadInput, KoalabError, NotConnected, ServerLost
from koalab.link.recovery import Backoff, RecoveringConnection
from koalab.live.hub import Hub
from koalab.progress import Progress
from koalab.transport.base import TickBatch
from koalab.transport.ticks import RemoteTicks
from tests.support.waiting import HANGS_AFTER, eventually


def batch(time: Sequence[float] = (), **more: Any) -> TickBatch:
    none = np.zeros(len(time), np.intp)
    return TickBatch(
        ("주식체결",), none, ("005930",), none, "\n" * max(0, len(time) - 1), np.array(time), **more
    )


@dataclass
class Stream:
    """A stream that gives what a test puts into it, and carries out each request at once."""

    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    given: queue.Queue[TickBatch | KoalabError | None] = field(default_factory=queue.Queue)
    closed: bool = False
    until: float = 0.0

    def _ask(self, what: str, codes: Sequence[str]) -> int:
        self.asked.append((what, tuple(codes)))
        self.given.put(batch(carried_out=len(self.asked), until=self.until))
        return len(self.asked)

    def add(self, codes: Sequence[str], fids: Sequence[int]) -> int:
        assert fids
        return self._ask("add", codes)

    def remove(self, codes: Sequence[str]) -> int:
        return self._ask("remove", codes)

    def mark(self) -> int:
        return self._ask("mark", ())

    def __iter__(self) -> Iterator[TickBatch]:
        while (item := self.given.get()) is not None:
            if isinstance(item, KoalabError):
                raise item
            yield item
        raise ServerLost("closed")

    def close(self) -> None:
        self.closed = True
        self.given.put(None)


class Link(RecoveringConnection):
    """A link without a transport, whose server may be gone."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.opened: queue.Queue[Stream] = queue.Queue()
        self.gone = False
        self.connection_epoch = 0
        self.time = 100.0

    def ticks(self) -> Stream:
        self.streams.append(Stream(until=self.time))
        self.opened.put(self.streams[-1])
        return self.streams[-1]

    def now(self) -> float:
        return self.time

    def status(self, timeout: float = 0.0, trs: int = 0) -> Any:
        del timeout, trs
        if self.gone:
            raise ServerLost("gone")

    def recover(self, progress: Progress, error: ServerLost, epoch: int) -> None:
        assert epoch == self.connection_epoch
        progress.set_note("waiting")
        raise error

    def require_login(self) -> None:
        pass


class Recorder:
    """A subscriber that records its callbacks."""

    def __init__(self, failing: KoalabError | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.error: KoalabError | None = None
        self._raises = failing

    def on_start(self, at: float) -> None:
        self.calls.append(("start", at))

    def on_batch(self, events: TickBatch) -> None:
        if self._raises is not None:
            raise self._raises
        self.calls.append(("batch", *events.time.tolist()))

    def on_progress(self, until: float) -> None:
        if ("progress", until) not in self.calls:
            self.calls.append(("progress", until))

    def on_gap(self, since: float, why: str) -> None:
        self.calls.append(("gap", since, why))

    def on_error(self, error: KoalabError) -> None:
        self.error = error


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def hub(link: Link) -> Iterator[Hub]:
    found = Hub(link)  # type: ignore[arg-type]
    yield found
    found.close()
    assert eventually(lambda: not [one for one in threading.enumerate() if one.name == "koalab-live"])


class TestListeners:
    def test_share_one_stream_and_one_thread(self, hub: Hub, link: Link) -> None:
        for _ in range(3):
            hub.subscribe(["005930"], [10], Recorder()).wait(HANGS_AFTER)
        assert len(link.streams) == 1
        assert len([one for one in threading.enumerate() if one.name == "koalab-live"]) == 1

    def test_give_a_code_back_with_the_last_of_them(self, hub: Hub, link: Link) -> None:
        first, second = (hub.subscribe([*codes], [10], Recorder()) for codes in (["A", "B"], ["B", "C"]))
        first.wait(HANGS_AFTER)
        second.wait(HANGS_AFTER)
        first.close()
        first.close()
        assert link.streams[0].asked == [("add", ("A", "B")), ("add", ("B", "C")), ("remove", ("A",))]
        second.close()
        assert link.streams[0].closed
        hub.subscribe(["D"], [10], Recorder()).wait(HANGS_AFTER)  # and it can begin again
        assert len(link.streams) == 2

    def test_that_cannot_take_what_they_hear_leave_and_the_others_stay(self, hub: Hub, link: Link) -> None:
        failing, other = Recorder(KoalabError("no")), Recorder()
        hub.subscribe(["A"], [10], failing).wait(HANGS_AFTER)
        hub.subscribe(["A"], [10], other).wait(HANGS_AFTER)
        link.streams[0].given.put(batch([101.0]))
        link.streams[0].given.put(batch([102.0]))
        assert eventually(lambda: ("batch", 102.0) in other.calls)
        assert str(failing.error) == "no"

    def test_are_told_why_nothing_can_be_registered(self, hub: Hub, link: Link) -> None:
        recorder = Recorder()
        one = hub.subscribe(["A"], [10], recorder)
        link.opened.get(timeout=HANGS_AFTER).given.put(BadInput("no FID 9"))
        assert eventually(lambda: recorder.error is not None)
        with pytest.raises(BadInput, match="no FID 9"):
            one.wait(HANGS_AFTER)


class TestWhatMayBeMissing:
    def listening(self, hub: Hub, link: Link) -> tuple[Recorder, Stream]:
        recorder = Recorder()
        hub.subscribe(["A"], [10], recorder).wait(HANGS_AFTER)
        assert eventually(lambda: len(recorder.calls) == 2)
        assert recorder.calls == [("start", 100.0), ("progress", 100.0)]
        recorder.calls.clear()
        return recorder, link.streams[0]

    def test_because_events_were_dropped_lies_between_two_batches(self, hub: Hub, link: Link) -> None:
        recorder, stream = self.listening(hub, link)
        stream.given.put(batch([101.0, 102.0]))
        stream.given.put(batch([107.0], dropped=5))
        assert eventually(lambda: ("batch", 107.0) in recorder.calls)
        why = "5 events were lost: they came faster than they were read"
        assert recorder.calls == [
            ("batch", 101.0, 102.0),
            ("gap", 102.0, why),
            ("start", 107.0),
            ("batch", 107.0),
        ]

    def test_because_the_broker_was_gone_lasts_until_it_is_there_again(self, hub: Hub, link: Link) -> None:
        recorder, stream = self.listening(hub, link)
        stream.given.put(batch(connected=False))
        stream.given.put(batch(until=130.0, carried_out=1))
        link.time = 150.0
        stream.given.put(batch(connected=True))
        assert eventually(lambda: ("start", 150.0) in recorder.calls)
        assert recorder.calls[0] == ("gap", 100.0, "the broker's connection was lost")
        assert ("progress", 130.0) not in recorder.calls

    def test_because_the_server_was_gone_lasts_until_all_is_registered_again(
        self, hub: Hub, link: Link
    ) -> None:
        recorder, stream = self.listening(hub, link)
        hub.subscribe(["B"], [10], Recorder()).wait(HANGS_AFTER)
        link.opened.get(timeout=HANGS_AFTER)
        link.gone, link.time = True, 200.0
        stream.given.put(ServerLost("it is gone"))
        assert eventually(lambda: ("gap", 100.0, "it is gone") in recorder.calls)
        assert not hub.sync(0.1)
        link.gone = False
        again = link.opened.get(timeout=HANGS_AFTER)
        assert eventually(lambda: ("start", 200.0) in recorder.calls)
        assert again.asked == [("add", ("A",)), ("add", ("B",))]
        assert hub.reconnects == 1

    def test_is_waited_for_until_the_hub_is_closed(self, hub: Hub, link: Link) -> None:
        _, stream = self.listening(hub, link)
        link.gone = True
        stream.given.put(NotConnected("no user is logged in"))
        hub.close()


class WaitingLink(Link):
    """A link that waits for its server for ever."""

    def recover(self, progress: Progress, error: ServerLost, epoch: int) -> None:
        del error, epoch
        while True:
            progress.set_note("waiting")


def test_the_wait_of_any_stream_ends_when_it_is_closed() -> None:
    link, stopped = WaitingLink(), threading.Event()
    link.gone = True
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(link.restored("a stream", stopped, Backoff())))
    thread.start()
    stopped.set()
    thread.join(HANGS_AFTER)
    assert found == [False]


class TestTheStream:
    """``until`` is the moment before which everything has come: a full message does not prove that."""

    def stream(self, *batches: kernel_pb2.TickBatch, asked: int) -> RemoteTicks:
        over = threading.Event()
        times = iter(range(1000))

        class Call:
            def __init__(self, requests: Iterator[Any]) -> None:
                self.sent = [next(requests) for _ in range(asked)]

            def __iter__(self) -> Iterator[kernel_pb2.TickBatch]:
                return iter(batches)

            def cancel(self) -> None:
                over.set()

        return RemoteTicks(Call, nullcontext, lambda: float(next(times)), idle=0.01)

    def full(self, carried_out: int) -> kernel_pb2.TickBatch:
        return kernel_pb2.TickBatch(
            type=[0] * 1000,
            code=[0] * 1000,
            types=["주식체결"],
            codes=["A"],
            time=[1.0] * 1000,
            carried_out=carried_out,
        )

    def test_moves_on_with_the_requests_that_were_carried_out(self) -> None:
        stream = self.stream(
            kernel_pb2.TickBatch(carried_out=1), self.full(3), kernel_pb2.TickBatch(carried_out=3), asked=3
        )
        batches = iter(stream)
        found = [next(batches) for _ in range(3)]
        assert [one.until for one in found] == [0.0, 0.0, 2.0]
        with pytest.raises(ServerLost):
            next(batches)

    def test_says_which_request_that_was(self) -> None:
        stream = self.stream(asked=1)
        assert [stream.add(["A"], [10]), stream.mark(), stream.remove(["A"])] == [1, 2, 3]
