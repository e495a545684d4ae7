"""The transport: everything that loaders, live streams and orders know of the way to a broker.

Small enough to be faked honestly, and to be written again for another way (a REST API, say).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

# A call that costs no TR is answered at once, or the server is not well.
CALL_TIMEOUT = 20.0

Scalar = str | int
Priority = Literal["interactive", "bulk"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a TR as the broker gave it: texts, signs and blanks included.

    Attributes:
        single: values of the single block, in the TR's field order.
        columns: one text a field of the multi block, in the TR's field order: its values, newline between.
        rows: how many rows the multi block has.
        prev_next: ``"2"`` where more pages follow.
        messages: what the broker said along with it.
        received_at: server time, seconds since the epoch.
        stopped: the stop condition cut this page, so it is the last.
    """

    single: Sequence[str]
    columns: Sequence[str]
    rows: int
    prev_next: str
    messages: Sequence[str]
    received_at: float
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where a request stands in the server's queue: TRs ahead, and seconds until it is sent."""

    ahead: int
    expected_wait: float


@dataclass(frozen=True, slots=True)
class StopCondition:
    """Rows from the first one that meets ``name comparator value`` on are not sent, and no further page."""

    name: str
    value: str
    comparator: Literal["<=", "<", ">=", ">", "==", "!="]


@dataclass(frozen=True, slots=True)
class Quota:
    """One window of the broker's limits: ``used`` of ``limit`` calls in ``seconds``; ``next_free`` in seconds."""

    kind: str
    limit: int
    seconds: float
    used: int
    next_free: float


@dataclass(frozen=True, slots=True)
class Status:
    """What a server says of itself. Times are server time, seconds since the epoch.

    Attributes:
        clock: its clock's name.
        clock_begins: where that was set to begin, 0 where it is the wall's.
        clock_replays: it was set back into the latest session because there was no trading.
        clock_leaps_at: when it leaps to the wall clock, 0 where it never does.
        session: ISO date of the session whose day it is, blank where the server does not know.
        phase: its phase, likewise.
        problems: what is wrong with it, a sentence each.
        rights: what this session may do: ``read``, ``trade`` or ``admin``.
        real_orders: whether it sends orders to a broker that is not 모의투자.
        max_order_value: what one order may be worth, KRW; 0: anything.
        next_login: when the server logs in again by itself, the broker's connection being lost; 0: it does not.
        expected_wait: seconds until the last of the TRs that were asked about would be sent.
    """

    version: str
    control: str
    source: str
    connected: bool
    simulation: bool
    user_id: str
    now: float
    speed: float
    limits: str
    quotas: Sequence[Quota] = field(default=())
    queued: int = 0
    streams: int = 0
    started_at: float = 0.0
    trs: int = 0
    clock: str = "real"
    clock_begins: float = 0.0
    clock_replays: bool = False
    clock_leaps_at: float = 0.0
    session: str = ""
    phase: str = ""
    problems: Sequence[str] = ()
    rights: str = ""
    real_orders: bool = False
    max_order_value: int = 0
    next_login: float = 0.0
    expected_wait: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TickBatch:
    """Real-time events in the order in which the control fired them; the columns are of one length.

    Attributes:
        types, type: the real-time types of this batch, and which of them each event is of.
        codes, code: the codes of this batch, and which of them each event is of.
        data: sRealData of each event, one a line: values in the type's order, tab-separated.
        time: when each was fired, broker's time, seconds since the epoch.
        dropped: events that were lost right before this batch, because this reader was too slow.
        until: up to that moment of the broker's time everything has come, in this batch or before it.
        carried_out: the number of the last request that has been carried out.
        connected: the broker's connection was lost (False) or is there again and registered as before (True).
    """

    types: tuple[str, ...]
    type: NDArray[np.intp]
    codes: tuple[str, ...]
    code: NDArray[np.intp]
    data: str
    time: NDArray[np.float64]
    dropped: int = 0
    until: float = float("-inf")
    carried_out: int = 0
    connected: bool | None = None


class TickStream(Protocol):
    """Real-time events of codes that come and go. Requests may be made from any thread; one thread iterates.

    Each request gives its number, from 1 on. While nothing is asked, ``until`` is asked for every second.
    """

    def add(self, codes: Sequence[str], fids: Sequence[int]) -> int:
        """Registers codes, with the types that hold one of ``fids``."""
        ...

    def remove(self, codes: Sequence[str]) -> int: ...

    def mark(self) -> int:
        """Asks for nothing but that ``until`` moves on."""
        ...

    def __iter__(self) -> Iterator[TickBatch]:
        """Batches until ``close``, or until something fails (``koalab.errors``)."""
        ...

    def close(self) -> None:
        """Ends it, from any thread; nothing of it stays registered."""
        ...


class Transport(Protocol):
    """One way to one broker. All methods may be called from any thread; all raise ``koalab.errors``."""

    @property
    def target(self) -> str: ...

    def call(self, name: str, *arguments: Scalar) -> Scalar | list[list[str]] | None:
        """One control function."""
        ...

    def call_many(self, calls: Sequence[tuple[str, tuple[Scalar, ...]]]) -> list[Scalar | None]:
        """Many control functions in one go, in order."""
        ...

    def login(self, timeout: float) -> None:
        """Logs in, or returns at once where that is done already."""
        ...

    def pages(
        self,
        tr: str,
        inputs: Mapping[str, str],
        *,
        stop: StopCondition | None = None,
        priority: Priority = "interactive",
        max_pages: int = 0,
    ) -> Generator[Page | QueuePosition, None, None]:
        """A TR page by page, newest first as the broker gives them, with where it stands while it waits.

        Closing the iterator takes the request out of the server's queue.
        """
        ...

    def conditions(self, reload: bool) -> Mapping[int, str]:
        """The user's conditions (조건식) by number."""
        ...

    def search(self, index: int, name: str) -> Generator[Sequence[str] | QueuePosition, None, None]:
        """The codes that fulfil a condition now, and before them where the search stands while it waits.

        Closing the iterator takes it out of the server's queue.
        """
        ...

    def ticks(self, now: Callable[[], float]) -> TickStream:
        """A stream of real-time events, without a code at first; ``now`` gives the broker's time."""
        ...

    def status(self, timeout: float = CALL_TIMEOUT, trs: int = 0) -> Status:
        """How things stand; ``expected_wait`` is that of so many more TRs of bulk work."""
        ...

    def recover(self, timeout: float) -> None:
        """Comes back after ``ServerLost``, within ``timeout`` seconds, or raises it again.

        Logging in is not part of it.
        """
        ...

    def close(self) -> None: ...
