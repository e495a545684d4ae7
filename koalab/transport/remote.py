"""A kernel server at an address, over gRPC."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

import grpc

from kernel_server.wire import kernel_pb2, kernel_pb2_grpc, openapi_pb2
from koalab.errors import BadInput, Forbidden, KoalabError, NotConnected, ServerLost
from koalab.transport import conditions
from koalab.transport.access import Access
from koalab.transport.base import (
    CALL_TIMEOUT,
    Page,
    Priority,
    QueuePosition,
    Quota,
    Scalar,
    Status,
    StopCondition,
)
from koalab.transport.diagnosis import tls_problem
from koalab.transport.problems import to_error
from koalab.transport.ticks import RemoteTicks

DEFAULT_PORT = 5943
# While a request is under way the server says something every second: so long a silence is a dead server's.
SILENCE = 8.0
# So long nothing has answered before it is looked at whether TLS is the reason.
_UNTIL_DIAGNOSIS = 1.0
_COMPARATORS = ("<=", "<", ">=", ">", "==", "!=")
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    # Notices within a quarter of a minute that the other end is frozen or unplugged.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),
    # Each session has a connection of its own, so that the server sees each as a client of its own.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


def parse_target(text: str) -> str:
    """``host:port`` from ``host``, ``host:port`` or ``[::1]:port``.

    >>> parse_target("192.168.0.10")
    '192.168.0.10:5943'
    """
    host, colon, port = text.strip().rpartition(":")
    if not colon or port.endswith("]") or (text.count(":") > 1 and not text.startswith("[")):
        host, port = text.strip(), str(DEFAULT_PORT)
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or any(letter in host for letter in "/ @"):
        raise BadInput(f'no target {text!r}: it is "host" or "host:port", "192.168.0.10:5943" for example')
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{host}:{port}"


class RemoteTransport:
    """The transport of ``koalab.transport.base`` over a gRPC channel."""

    def __init__(self, target: str, access: Access | None = None) -> None:
        self._target = parse_target(target)
        self._access = access or Access()
        self._closed = False
        self._open()

    def _open(self) -> None:
        self._channel = self._access.channel(self._target, _OPTIONS)
        self._stub: Any = kernel_pb2_grpc.KernelStub(self._channel)

    @property
    def target(self) -> str:
        return self._target

    def call(self, name: str, *arguments: Scalar) -> Scalar | list[list[str]] | None:
        with self._told():
            response = self._stub.Call(_call(name, arguments), timeout=CALL_TIMEOUT)
        return _value(response.return_value)

    def call_many(self, calls: Sequence[tuple[str, tuple[Scalar, ...]]]) -> list[Scalar | None]:
        request = kernel_pb2.CallManyRequest(calls=[_call(name, arguments) for name, arguments in calls])
        with self._told():
            response = self._stub.CallMany(request, timeout=CALL_TIMEOUT)
        return [_value(value) for value in response.return_values]

    def login(self, timeout: float) -> None:
        with self._told():
            stream = self._stub.Login(openapi_pb2.LoginRequest(), timeout=timeout)
            try:
                for _ in stream:
                    pass
            finally:
                stream.cancel()

    def pages(
        self,
        tr: str,
        inputs: Mapping[str, str],
        *,
        stop: StopCondition | None = None,
        priority: Priority = "interactive",
        max_pages: int = 0,
    ) -> Generator[Page | QueuePosition, None, None]:
        request = kernel_pb2.PagesRequest(
            transaction_code=tr,
            inputs=dict(inputs),
            priority=kernel_pb2.BULK if priority == "bulk" else kernel_pb2.INTERACTIVE,
            max_pages=max_pages,
        )
        if stop is not None:
            request.stop_condition.name = stop.name
            request.stop_condition.value = stop.value
            request.stop_condition.comparator = _COMPARATORS.index(stop.comparator)  # type: ignore[assignment]
        with self._told():
            stream = self._stub.Pages(request)
            with _Silence(stream) as heard:
                try:
                    for page in stream:
                        heard.rest()
                        yield _page(page)
                        heard.wait()
                except grpc.RpcError:
                    if heard.ended:
                        raise ServerLost(
                            f"the kernel server at {self._target} has fallen silent for {SILENCE:g} s"
                        ) from None
                    raise
                finally:
                    stream.cancel()

    def conditions(self, reload: bool) -> dict[int, str]:
        with self._told():
            return conditions.conditions(self._stub, reload)

    def search(self, index: int, name: str) -> Generator[list[str] | QueuePosition, None, None]:
        with self._told():
            yield from conditions.search(self._stub, index, name)

    def ticks(self, now: Callable[[], float]) -> RemoteTicks:
        return RemoteTicks(self._stub.Ticks, self._told, now)

    def status(self, timeout: float = CALL_TIMEOUT, trs: int = 0) -> Status:
        with self._told():
            found = self._stub.Status(kernel_pb2.StatusRequest(trs=trs), timeout=timeout)
        return Status(
            version=found.version,
            control=found.control,
            source=found.source,
            connected=found.connected,
            simulation=found.simulation,
            user_id=found.user_id,
            now=found.now,
            speed=found.speed,
            limits=found.limits,
            quotas=tuple(
                Quota(one.kind, one.limit, one.seconds, one.used, one.next_free) for one in found.quotas
            ),
            queued=found.queued,
            streams=found.streams,
            started_at=found.started_at,
            trs=found.trs,
            clock=found.clock,
            clock_begins=found.clock_begins,
            clock_replays=found.clock_replays,
            clock_leaps_at=found.clock_leaps_at,
            session=found.session,
            phase=found.phase,
            problems=tuple(found.problems),
            rights=found.rights,
            real_orders=found.real_orders,
            max_order_value=found.max_order_value,
            next_login=found.next_login,
            expected_wait=found.expected_wait,
        )

    def recover(self, timeout: float) -> None:
        self._still_open()
        # A fresh channel: the old one may be in a long pause between its own attempts.
        self._channel.close()
        self._open()
        self.wait_ready(timeout)

    def wait_ready(self, timeout: float) -> Status:
        """Waits until a server answers there.

        Raises:
            NotConnected: what answers is no kernel server.
            ServerLost: nothing answers in time.
        """
        until = time.monotonic() + timeout
        try:
            grpc.channel_ready_future(self._channel).result(timeout)
        except grpc.FutureTimeoutError:
            raise ServerLost(f"no kernel server answers at {self._target} within {timeout:g} s") from None
        while True:
            try:
                return self.status()
            except ServerLost:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def why_not(self) -> str:
        """What is wrong with TLS on the way to the server, blank where it is something else."""
        return tls_problem(self._target, self._access.tls)

    def close(self) -> None:
        self._closed = True
        self._channel.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of gRPC leave as ours."""
        try:
            yield
        except grpc.RpcError as error:
            raise to_error(error, self._target) from None
        except ValueError as error:  # gRPC's ways to say that the channel is closed
            if not {"channel", "closed"} <= set(re.findall(r"\w+", str(error).lower())):
                raise
            self._still_open()
            # Somebody is bringing the server back at this moment.
            raise ServerLost(f"the kernel server at {self._target} is gone") from None

    def _still_open(self) -> None:
        if self._closed:
            raise NotConnected("this session is closed: kl.connect() makes a new one")


def connect(target: str, timeout: float = 5.0, access: Access | None = None) -> RemoteTransport:
    """A transport to the server at ``target``.

    Raises:
        NotConnected: nothing answers there within ``timeout`` seconds, it is no kernel server, or TLS fails.
        Forbidden: it does not know the token, or wants one.
        BadInput: the token or a file of TLS cannot be used.
    """
    transport = RemoteTransport(target, access)
    try:
        _wait_ready(transport, timeout)
    except Forbidden:
        transport.close()
        raise
    except KoalabError as error:
        transport.close()
        advice = "start one there with `koalab serve`, or check the address; kl.connect() without one needs no server"
        raise NotConnected(f"{error}: {advice}") from None
    return transport


def _wait_ready(transport: RemoteTransport, timeout: float) -> None:
    """Waits for the server; where TLS is in the way, no longer than it takes to see that."""
    first = min(timeout, _UNTIL_DIAGNOSIS)
    try:
        transport.wait_ready(first)
    except ServerLost:
        reason = transport.why_not()
        if reason:
            raise NotConnected(reason) from None
        if timeout <= first:
            raise ServerLost(f"no kernel server answers at {transport.target} within {timeout:g} s") from None
        try:
            transport.wait_ready(timeout - first)
        except ServerLost:
            raise ServerLost(f"no kernel server answers at {transport.target} within {timeout:g} s") from None


class _Silence:
    """Cancels a stream on which nothing came for ``SILENCE`` seconds, while somebody waits for it."""

    def __init__(self, stream: grpc.RpcContext) -> None:
        self._stream = stream
        self._over = threading.Event()
        self._last = time.monotonic()
        self.ended = False

    def wait(self) -> None:
        """Somebody waits from now on."""
        self._last = time.monotonic()

    def rest(self) -> None:
        """Something came, and nobody waits until it is looked at."""
        self._last = float("inf")

    def __enter__(self) -> _Silence:
        threading.Thread(target=self._watch, name="koalab-silence", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(SILENCE / 8):
            if time.monotonic() - self._last > SILENCE:
                self.ended = True
                self._stream.cancel()
                return


def _call(name: str, arguments: Sequence[Scalar]) -> openapi_pb2.CallRequest:
    request = openapi_pb2.CallRequest(name=name)
    for argument in arguments:
        if isinstance(argument, str):
            request.arguments.add(string_value=argument)
        else:
            request.arguments.add(long_value=argument)
    return request


def _value(argument: openapi_pb2.Argument) -> Scalar | None:
    kind = argument.WhichOneof("value")
    if kind == "string_value":
        return argument.string_value
    if kind == "long_value":
        return argument.long_value
    return int(argument.bool_value) if kind == "bool_value" else None


def _page(page: kernel_pb2.Page) -> Page | QueuePosition:
    if page.HasField("waiting"):
        return QueuePosition(page.waiting.ahead, page.waiting.expected_wait)
    return Page(
        single=tuple(page.single),
        columns=tuple(page.columns),
        rows=page.rows,
        prev_next=page.prev_next,
        messages=tuple(page.messages),
        received_at=page.received_at,
        stopped=page.stopped,
    )
