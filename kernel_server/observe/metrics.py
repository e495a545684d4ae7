"""Figures of one server: counts, times and states, for Prometheus to read.

Code says what happened (``metrics.tr_sent("opt10081")``) and knows nothing of names and labels. Every server has a
registry of its own, so that two in one process do not mix.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.registry import Collector

from kernel_server import reference

# From a call that costs nothing to a TR that waits for an hour's limit.
_RPC_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
_ANSWER_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 15)
OTHER = "other"
"""Stands for names that callers made up: labels are kept for good, so not everybody may invent some."""


_HEAP = 250


class _Before(Collector):
    """Does something when the figures are about to be read. It is the registry's first, and has none itself."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def collect(self) -> Iterable[Metric]:
        self._call()
        return ()


class Metrics:
    """What is counted. All methods may be called from any thread and cost about a microsecond; those of RPCs are called
    on the event loop."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        one = self.registry
        # RPCs that have ended and are not counted yet. To count them a heap at a time costs a fifth of what it costs in
        # the midst of an RPC. Whoever reads the figures has the rest counted first.
        self._ended: deque[tuple[str, str, float]] = deque()
        one.register(_Before(self._count))
        self._rpcs = Counter("koalab_rpcs", "RPCs that have ended.", ["method", "status"], registry=one)
        self._rpc_seconds = Histogram(
            "koalab_rpc_seconds",
            "How long RPCs took, streams to their end.",
            ["method"],
            buckets=_RPC_SECONDS,
            registry=one,
        )
        self._streams = Gauge("koalab_rpcs_open", "RPCs that are open now.", ["method"], registry=one)
        self._trs = Counter("koalab_trs", "TRs that the broker has taken.", ["tr"], registry=one)
        self._answers = Histogram(
            "koalab_tr_answer_seconds",
            "From a TR to its OnReceiveTrData.",
            buckets=_ANSWER_SECONDS,
            registry=one,
        )
        self._orders = Counter(
            "koalab_orders",
            "Orders by action and by what the control returned.",
            ["action", "code"],
            registry=one,
        )
        self._refusals = Counter(
            "koalab_refusals",
            "Calls that the broker refused, by kind (tr, order) and return code.",
            ["kind", "code"],
            registry=one,
        )
        self._queue = Gauge(
            "koalab_queue_length", "Calls that wait for the broker's limits.", ["kind"], registry=one
        )
        self._events = Counter("koalab_events", "Events of the control.", ["event"], registry=one)
        self._dropped = Counter(
            "koalab_events_dropped", "Real-time events that slow readers have lost.", registry=one
        )
        self._connected = Gauge(
            "koalab_connected", "1 while somebody is logged in at the broker.", registry=one
        )
        self._serving = Gauge("koalab_serving", "1 while the health service says SERVING.", registry=one)
        self._ping = Gauge(
            "koalab_control_ping_seconds",
            "How long the control thread took to answer a moment ago.",
            registry=one,
        )
        self._phase_lag = Gauge(
            "koalab_market_phase_lag_seconds",
            "From the time in the last 장시작시간 to when it was heard, by the server's clock.",
            registry=one,
        )
        # Looking a labelled figure up costs more than counting.
        self._event = cache(self._events.labels)
        self._rpc = cache(self._rpcs.labels)
        self._rpc_time = cache(self._rpc_seconds.labels)
        self._rpcs_open: dict[str, int] = {}

    def rpc_began(self, method: str) -> None:
        if method not in self._rpcs_open:
            self._streams.labels(method).set_function(lambda: self._rpcs_open[method])
        self._rpcs_open[method] = self._rpcs_open.get(method, 0) + 1

    def rpc_ended(self, method: str, status: str, seconds: float) -> None:
        """``status`` is the gRPC status by name; ``seconds`` are real ones."""
        self._rpcs_open[method] -= 1
        self._ended.append((method, status, seconds))
        if len(self._ended) >= _HEAP:
            self._count()

    def _count(self) -> None:
        while self._ended:
            try:
                method, status, seconds = self._ended.popleft()
            except IndexError:  # another thread has counted it
                return
            self._rpc(method, status).inc()
            self._rpc_time(method).observe(seconds)

    def tr_sent(self, code: str) -> None:
        """The broker has taken a TR."""
        try:
            label = reference.tr(code).code
        except reference.UnknownReference:
            label = OTHER
        self._trs.labels(label).inc()

    def tr_answered(self, seconds: float) -> None:
        """Its answer came, so many seconds of the server's clock after it was sent."""
        self._answers.observe(seconds)

    def order_sent(self, action: str, code: int) -> None:
        """An order was given to the control, which returned ``code``."""
        self._orders.labels(action, str(code)).inc()

    def refused(self, kind: str, code: int) -> None:
        """The broker refused a call for its rate."""
        self._refusals.labels(kind, str(code)).inc()

    def event(self, name: str) -> None:
        """The control fired an event."""
        self._event(name).inc()

    def events_dropped(self, count: int = 1) -> None:
        """A slow reader has lost so many real-time events."""
        self._dropped.inc(count)

    def queued(self, kind: str, length: int) -> None:
        self._queue.labels(kind).set(length)

    def connected(self, now: bool) -> None:
        self._connected.set(now)

    def serving(self, now: bool) -> None:
        self._serving.set(now)

    def control_answered(self, seconds: float) -> None:
        """The control thread has answered a ping after so many real seconds."""
        self._ping.set(seconds)

    def phase_lag(self, seconds: float) -> None:
        """A 장시작시간 event came that many seconds after the time in it."""
        self._phase_lag.set(seconds)
