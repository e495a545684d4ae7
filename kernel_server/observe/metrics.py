"""Prometheus metrics of one server.

Other modules report what happened (``metrics.tr_sent("opt10081")``); names and labels are defined here only. Every
server has its own registry, so that two in one process do not mix.
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
"""Label for names that callers made up: labels are never removed, so clients must not be able to add some."""


_BATCH = 250


class _BeforeRead(Collector):
    """Calls a function before metrics are read; it is the registry's first collector and has no metrics itself."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def collect(self) -> Iterable[Metric]:
        self._call()
        return ()


class Metrics:
    """Records metrics. All methods may be called from any thread, those of RPCs on the event loop only."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        # RPCs that have ended and are not counted yet: counting them in batches costs a fifth. Reading the metrics
        # counts the rest first.
        self._ended: deque[tuple[str, str, float]] = deque()
        registry.register(_BeforeRead(self._count))
        self._rpcs = Counter("koalab_rpcs", "RPCs that have ended.", ["method", "status"], registry=registry)
        self._rpc_seconds = Histogram(
            "koalab_rpc_seconds",
            "How long RPCs took, streams to their end.",
            ["method"],
            buckets=_RPC_SECONDS,
            registry=registry,
        )
        self._streams = Gauge("koalab_rpcs_open", "RPCs that are open now.", ["method"], registry=registry)
        self._trs = Counter("koalab_trs", "TRs that the broker has taken.", ["tr"], registry=registry)
        self._answers = Histogram(
            "koalab_tr_answer_seconds",
            "From a TR to its OnReceiveTrData.",
            buckets=_ANSWER_SECONDS,
            registry=registry,
        )
        self._orders = Counter(
            "koalab_orders",
            "Orders by action and by what the control returned.",
            ["action", "code"],
            registry=registry,
        )
        self._refusals = Counter(
            "koalab_refusals",
            "Calls that the broker refused, by kind (tr, order) and return code.",
            ["kind", "code"],
            registry=registry,
        )
        self._queue = Gauge(
            "koalab_queue_length", "Calls that wait for the broker's limits.", ["kind"], registry=registry
        )
        self._events = Counter("koalab_events", "Events of the control.", ["event"], registry=registry)
        self._dropped = Counter(
            "koalab_events_dropped", "Real-time events that slow readers have lost.", registry=registry
        )
        self._connected = Gauge(
            "koalab_connected", "1 while a user is logged in at the broker.", registry=registry
        )
        self._serving = Gauge("koalab_serving", "1 while the health service says SERVING.", registry=registry)
        self._ping = Gauge(
            "koalab_control_ping_seconds",
            "How long the control thread took to answer a moment ago.",
            registry=registry,
        )
        self._phase_lag = Gauge(
            "koalab_market_phase_lag_seconds",
            "From the time in the last 장시작시간 to when it was heard, by the server's clock.",
            registry=registry,
        )
        # Looking up a labelled metric costs more than counting.
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
        if len(self._ended) >= _BATCH:
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
        """The broker has accepted a TR."""
        try:
            label = reference.tr(code).code
        except reference.UnknownReference:
            label = OTHER
        self._trs.labels(label).inc()

    def tr_answered(self, seconds: float) -> None:
        """A TR's answer came that many seconds of the server's clock after the request."""
        self._answers.observe(seconds)

    def order_sent(self, action: str, code: int) -> None:
        """SendOrder returned ``code``."""
        self._orders.labels(action, str(code)).inc()

    def refused(self, kind: str, code: int) -> None:
        """The broker refused a call for its rate."""
        self._refusals.labels(kind, str(code)).inc()

    def event(self, name: str) -> None:
        """The control fired an event."""
        self._event(name).inc()

    def events_dropped(self, count: int = 1) -> None:
        """That many real-time events were dropped for a slow reader."""
        self._dropped.inc(count)

    def queued(self, kind: str, length: int) -> None:
        self._queue.labels(kind).set(length)

    def connected(self, now: bool) -> None:
        self._connected.set(now)

    def serving(self, now: bool) -> None:
        self._serving.set(now)

    def control_answered(self, seconds: float) -> None:
        """The control thread answered a ping after that many real seconds."""
        self._ping.set(seconds)

    def phase_lag(self, seconds: float) -> None:
        """A 장시작시간 event came that many seconds after the time in it."""
        self._phase_lag.set(seconds)
