"""``Transport``: the interface through which loaders, live streams and orders reach a broker.

Small enough to fake in tests, and to implement for another broker API (REST, say).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

# Seconds. A call without a TR is answered at once, unless the server is in trouble.
CALL_TIMEOUT = 20.0

Scalar = str | int
Priority = Literal["interactive", "bulk"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer comes from.

    Attributes:
        server: names the process of the server.
        login: counts the server's logins and lost connections: within one number the connection was the same.
        prices: names the source of prices, with the start of the clock where one was set. Answers of two names are
            never mixed, and share no cache.
        connected: whether the broker's connection was up, and the same one, from before the answer to after it.
            Where it was not, master functions answer blanks and zeros, which mean nothing.
    """

    server: str
    login: int
    prices: str
    connected: bool


UNKNOWN = Origin("", 0, "", connected=False)
"""Of values that did not come from a server just now: cached pages, for example. The link accepts no such answer."""


class CallAnswer(NamedTuple):
    """What a control function returned, and where it comes from."""

    value: Scalar | list[list[str]] | None
    origin: Origin


class CallAnswers(NamedTuple):
    """What several control functions returned, in order, and where all of that comes from."""

    values: list[Scalar | None]
    origin: Origin


class ListedConditions(NamedTuple):
    """The user's conditions (조건식) by number, and where the list comes from."""

    names: Mapping[int, str]
    origin: Origin


class FoundCodes(NamedTuple):
    """Codes that match a condition, and where they come from."""

    codes: Sequence[str]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a TR as received: texts, with signs and blanks.

    Attributes:
        single: values of the single block, in the TR's field order.
        columns: one text per field of the multi block, in the TR's field order: its values, separated by newlines.
        rows: number of rows of the multi block.
        prev_next: ``"2"`` if more pages follow.
        messages: the broker's messages for this request.
        received_at: server time, seconds since the epoch.
        stopped: the stop condition cut this page, so it is the last.
        origin: where it comes from.
    """

    single: Sequence[str]
    columns: Sequence[str]
    rows: int
    prev_next: str
    messages: Sequence[str]
    received_at: float
    stopped: bool = False
    origin: Origin = UNKNOWN


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A request's position in the server's queue: TRs ahead, and expected seconds until it is sent."""

    ahead: int
    expected_wait: float


@dataclass(frozen=True, slots=True)
class StopCondition:
    """Ends a load before the first row with ``name comparator value``: it and all later rows are not sent."""

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
    """The state of a server. Times are server time, seconds since the epoch.

    Attributes:
        clock: its clock's name.
        clock_begins: where the clock was set to begin, 0 for the wall clock.
        clock_replays: whether it was set back into the latest session, outside trading hours.
        clock_leaps_at: when it jumps to the wall clock, 0 for never.
        session: ISO date of today's session, blank if unknown to the server.
        phase: the session's phase, likewise.
        problems: the server's problems, one sentence each.
        rights: what this session may do: ``read``, ``trade`` or ``admin``.
        real_orders: whether the server accepts orders for a broker that is not 모의투자.
        max_order_value: limit of one order's value in KRW; 0: none.
        next_login: when the server logs in again by itself after losing the broker's connection; 0: it does not.
        expected_wait: seconds until the last of ``trs`` more TRs would be sent; see ``Transport.status``.
        origin: where this answer comes from.
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
    origin: Origin = UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class TickBatch:
    """Real-time events in the order in which the control fired them, as columns of one length.

    Attributes:
        types, type: the real-time types of this batch, and each event's index among them.
        codes, code: the codes of this batch, and each event's index among them.
        data: sRealData of each event, one per line: values in the type's order, tab-separated.
        time: when each was fired, broker's time, seconds since the epoch.
        dropped: number of events dropped right before this batch, because this client read too slowly.
        until: every event up to this moment (broker's time) is in this batch or an earlier one.
        carried_out: number of the last request that has been carried out.
        connected: False: the broker's connection was lost; True: it is back, with all registrations; None: no change.
        origin: where the events come from; None: from where those of the batch before came.
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
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class ChejanEvent:
    """OnReceiveChejanData: its kind (``"0"`` an order, ``"1"`` a balance), values by FID, and when it was fired."""

    kind: str
    values: Mapping[int, str]
    time: float


@dataclass(frozen=True, slots=True)
class ChejanBatch:
    """Events of all orders of the user, oldest first.

    Attributes:
        events: every event fired before ``until`` (server time) is here or in an earlier batch.
        connected: False: the broker's connection was lost; True: it is back; None: no change.
    """

    events: Sequence[ChejanEvent]
    until: float
    connected: bool | None = None


class ChejanStream(Protocol):
    """The events of all orders. One thread iterates; any may close."""

    def __iter__(self) -> Iterator[ChejanBatch]:
        """Batches until ``close`` or an error; the first is empty, and one comes every second."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """The arguments of SendOrder, names as Kiwoom's: nOrderType, sHogaGb, sOrgOrderNo …; with sCreditGb and sLoanDate
    those of SendOrderCredit.
    """

    account: str = field(repr=False)
    order_type: int
    code: str
    quantity: int
    price: int
    quote: str
    original: str = ""
    credit: str = ""
    loan_date: str = ""


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """What the broker answered to an order: its number, and its messages (OnReceiveMsg)."""

    number: str
    messages: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ConditionChange:
    """OnReceiveRealCondition: an issue begins to fulfil a condition (편입), or no longer does (이탈)."""

    code: str
    entered: bool


class ConditionStream(Protocol):
    """A live condition. One thread iterates; any may close, which ends it at the broker."""

    def __iter__(self) -> Iterator[QueuePosition | list[str] | ConditionChange]:
        """Queue positions while it waits, the codes that fulfil it, then changes; until ``close`` or an error."""
        ...

    def close(self) -> None: ...


class TickStream(Protocol):
    """Real-time events of a changing set of codes. Any thread may make requests; one thread iterates.

    Each request returns its number, from 1 on. Without requests, ``until`` advances every second.
    """

    def add(self, codes: Sequence[str], fids: Sequence[int]) -> int:
        """Registers codes, with every real-time type that has one of ``fids``."""
        ...

    def remove(self, codes: Sequence[str]) -> int: ...

    def mark(self) -> int:
        """A request that changes nothing, to advance ``until``."""
        ...

    def __iter__(self) -> Iterator[TickBatch]:
        """Batches until ``close`` or an error (``koalab.errors``)."""
        ...

    def close(self) -> None:
        """Ends the stream and its registrations, from any thread."""
        ...


class Transport(Protocol):
    """A connection to one broker. All methods are thread-safe; all raise ``koalab.errors``.

    Every answer has an ``Origin``, which ``Link`` compares with its session's: the connection below may be made anew,
    to another server, without notice.
    """

    @property
    def target(self) -> str: ...

    @property
    def forked(self) -> bool:
        """Whether this process was forked from the one that made it: then every other use raises NotConnected."""
        ...

    def call(self, name: str, *arguments: Scalar, expected: Origin | None = None) -> CallAnswer:
        """One control function.

        A server that is not the ``expected`` one refuses it unmade: OtherPrices, or NotConnected for another process
        with the same prices.
        """
        ...

    def call_many(self, calls: Sequence[tuple[str, tuple[Scalar, ...]]]) -> CallAnswers:
        """Several control functions in one RPC, in order."""
        ...

    def login(self, timeout: float) -> None:
        """Logs in; returns at once if logged in already."""
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
        """The pages of a TR in the broker's order, newest first; queue positions while it waits.

        Closing the iterator removes the request from the server's queue.
        """
        ...

    def conditions(self, reload: bool) -> ListedConditions:
        """The user's conditions (조건식) by number."""
        ...

    def search(self, index: int, name: str) -> Generator[FoundCodes | QueuePosition, None, None]:
        """The codes that match a condition now; queue positions while the search waits.

        Closing the iterator removes it from the server's queue.
        """
        ...

    def watch(self, index: int, name: str, expected: Origin) -> ConditionStream:
        """A condition searched live (SendCondition with nSearch 1); ``expected`` as for ``call``."""
        ...

    def ticks(self, now: Callable[[], float]) -> TickStream:
        """A stream of real-time events, at first without codes; ``now`` returns the broker's time."""
        ...

    def chejan(self, expected: Origin) -> ChejanStream:
        """The events of all orders from now on, those of other programs of the user included.

        ``expected`` as for ``call``.
        """
        ...

    def order(self, request: OrderRequest, timeout: float, expected: Origin) -> OrderAnswer:
        """Sends an order (SendOrder, on credit SendOrderCredit), once, and waits for its number.

        ``expected`` is as for ``call``.

        Raises:
            OrderRejected: the broker refuses it; the text is its message.
            BadInput, Forbidden, NotConnected, OtherPrices, RateLimited: it was not sent.
            ServerLost, NoAnswer: it may have been sent or not.
        """
        ...

    def status(self, timeout: float = CALL_TIMEOUT, trs: int = 0) -> Status:
        """The server's state; its ``expected_wait`` is for ``trs`` more bulk TRs."""
        ...

    def recover(self, timeout: float) -> None:
        """Reconnects after ``ServerLost``, without login; raises it again after ``timeout`` seconds."""
        ...

    def close(self) -> None: ...
