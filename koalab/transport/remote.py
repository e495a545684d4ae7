"""``RemoteTransport``: the transport to a kernel server at an address, over gRPC."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import grpc

from kernel_server.wire import kernel_pb2, kernel_pb2_grpc, openapi_pb2
from koalab.errors import BadInput, Forbidden, KoalabError, NotConnected, ServerLost
from koalab.inputs.text import plain, shown
from koalab.short_traceback import shorten
from koalab.transport import closing, conditions, forking, messages, orders, silence
from koalab.transport.access import Access
from koalab.transport.base import (
    CALL_TIMEOUT,
    CallAnswer,
    CallAnswers,
    FoundCodes,
    ListedConditions,
    OrderAnswer,
    OrderRequest,
    Origin,
    Page,
    Priority,
    QueuePosition,
    Scalar,
    Status,
    StopCondition,
)
from koalab.transport.conditions import RemoteCondition
from koalab.transport.diagnosis import proxy_hint, tls_problem
from koalab.transport.orders import RemoteChejan
from koalab.transport.problems import session_closed, to_error
from koalab.transport.silence import SilenceWatchdog
from koalab.transport.ticks import RemoteTicks

DEFAULT_PORT = 5943
_PORT = re.compile(r"[0-9]{1,5}")
_LONGEST_HOST = 253
# Seconds without an answer before TLS is checked as the reason.
_DIAGNOSE_AFTER = 1.0
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    # Detects a frozen or unplugged server within 15 seconds.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),
    # One connection per session, so that the server sees each session as a client.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


def parse_target(text: str) -> str:
    """``host:port`` from ``host``, ``host:port`` or ``[::1]:port``.

    >>> parse_target("192.168.0.10")
    '192.168.0.10:5943'
    """
    given = plain(text)
    host, colon, port = given.rpartition(":")
    if not colon or port.endswith("]") or (given.count(":") > 1 and not given.startswith("[")):
        host, port = given, str(DEFAULT_PORT)
    named = (
        0 < len(host) <= _LONGEST_HOST and host.isprintable() and not any(letter in host for letter in "/ @")
    )
    if not named or not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise BadInput(
            f'no target {shown(text)}: it is "host" or "host:port", "192.168.0.10:5943" for example'
        )
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{host}:{port}"


CALLS_A_MESSAGE = 2000
"""Calls that ``call_many`` puts into one message; a server takes at most 20,000."""


class RemoteTransport:
    """``koalab.transport.base.Transport`` over a gRPC channel."""

    def __init__(self, target: str, access: Access | None = None) -> None:
        self._target = parse_target(target)
        self._access = access or Access()
        self._closed = False
        self._forked = False
        self._open()
        forking.watch(self)

    def _open(self) -> None:
        self._channel = self._access.channel(self._target, _OPTIONS)
        self._stub: Any = kernel_pb2_grpc.KernelStub(self._channel)

    @property
    def target(self) -> str:
        return self._target

    @property
    def forked(self) -> bool:
        return self._forked

    def call(self, name: str, *arguments: Scalar, expected: Origin | None = None) -> CallAnswer:
        metadata = None if expected is None else messages.expecting(expected)
        with self._translated_errors():
            response, rpc = self._stub.Call.with_call(
                messages.call_request(name, arguments), timeout=CALL_TIMEOUT, metadata=metadata
            )
        return CallAnswer(
            messages.scalar(response.return_value), messages.origin_in(rpc.trailing_metadata() or ())
        )

    def call_many(self, calls: Sequence[tuple[str, tuple[Scalar, ...]]]) -> CallAnswers:
        found: list[Scalar | None] = []
        origins: list[Origin] = []
        for start in range(0, max(1, len(calls)), CALLS_A_MESSAGE):
            request = messages.call_many_request(calls[start : start + CALLS_A_MESSAGE])
            with self._translated_errors():
                response = self._stub.CallMany(request, timeout=CALL_TIMEOUT)
            found += [messages.scalar(value) for value in response.return_values]
            origins.append(messages.origin_of(response))
        steady = all(origin == origins[0] for origin in origins)
        return CallAnswers(found, origins[0] if steady else replace(origins[-1], connected=False))

    def login(self, timeout: float) -> None:
        with self._translated_errors():
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
        request = messages.pages_request(tr, inputs, stop, priority, max_pages)
        with self._translated_errors():
            stream = self._stub.Pages(request)
            with SilenceWatchdog(stream) as watchdog:
                try:
                    for page in stream:
                        watchdog.pause()
                        yield messages.page(page)
                        watchdog.resume()
                except grpc.RpcError:
                    if watchdog.expired:
                        raise ServerLost(
                            f"the kernel server at {self._target} has fallen silent for {silence.SILENCE_TIMEOUT:g} s"
                        ) from None
                    raise
                finally:
                    stream.cancel()

    def conditions(self, reload: bool) -> ListedConditions:
        with self._translated_errors():
            return conditions.conditions(self._stub, reload)

    def search(self, index: int, name: str) -> Generator[FoundCodes | QueuePosition, None, None]:
        with self._translated_errors():
            yield from conditions.search(self._stub, index, name)

    def chejan(self, expected: Origin) -> RemoteChejan:
        return RemoteChejan(self._stub.Chejan, self._translated_errors, expected)

    def order(self, request: OrderRequest, timeout: float, expected: Origin) -> OrderAnswer:
        with self._translated_errors():
            return orders.send(self._stub, request, timeout, expected)

    def watch(self, index: int, name: str, expected: Origin) -> RemoteCondition:
        return RemoteCondition(self._stub.Condition, self._translated_errors, index, name, expected)

    def ticks(self, now: Callable[[], float]) -> RemoteTicks:
        return RemoteTicks(self._stub.Ticks, self._translated_errors, now)

    def status(self, timeout: float = CALL_TIMEOUT, trs: int = 0) -> Status:
        with self._translated_errors():
            return messages.status(self._stub.Status(kernel_pb2.StatusRequest(trs=trs), timeout=timeout))

    def recover(self, timeout: float) -> None:
        self._require_open()
        self._reopen()
        self.wait_ready(timeout)

    def _reopen(self) -> None:
        """A new channel, since the old one may be in a long reconnect backoff."""
        closing.close(self._channel)
        self._open()

    def wait_ready(self, timeout: float) -> Status:
        """Waits until the server answers.

        Raises:
            NotConnected: the answer is not a kernel server's.
            ServerLost: no answer in time.
        """
        until = time.monotonic() + timeout
        try:
            grpc.channel_ready_future(self._channel).result(timeout)
        except grpc.FutureTimeoutError:
            raise self.no_answer(timeout) from None
        while True:
            try:
                return self.status()
            except ServerLost:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def tls_problem(self) -> str:
        """The TLS problem between here and the server, blank if there is none."""
        return tls_problem(self._target, self._access.tls)

    def no_answer(self, timeout: float) -> ServerLost:
        """The error for a server that has not answered within so many seconds."""
        hint = proxy_hint(self._target)
        return ServerLost(f"no kernel server answers at {self._target} within {timeout:g} s{hint}")

    def close(self) -> None:
        self._closed = True
        if not self._forked:
            closing.close(self._channel)

    def after_fork(self) -> None:
        """Gives up the channel without closing it, which would wait for threads of the parent."""
        self._forked = True
        closing.give_up(self._channel)

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Raises koalab's errors in place of gRPC's."""
        self._require_ours()
        try:
            yield
        except grpc.RpcError as error:
            raise to_error(error, self._target) from None
        except KeyboardInterrupt:
            # Without the frames of gRPC's own wait.
            stopped = KeyboardInterrupt()
            shorten(stopped)
            raise stopped from None
        except ValueError as error:  # gRPC raises it, in several wordings, for a closed channel
            if not {"channel", "closed"} <= set(re.findall(r"\w+", str(error).lower())):
                raise
            self._require_open()
            # Another thread is in ``recover`` and replaces the channel.
            raise ServerLost(f"the kernel server at {self._target} is gone") from None

    def _require_ours(self) -> None:
        if self._forked:
            raise forking.forked()

    def _require_open(self) -> None:
        self._require_ours()
        if self._closed:
            raise session_closed()


def connect(target: str, timeout: float = 5.0, access: Access | None = None) -> RemoteTransport:
    """A transport to the server at ``target``.

    Raises:
        NotConnected: no answer within ``timeout`` seconds, no kernel server, or TLS fails.
        Forbidden: the token is unknown or missing.
        BadInput: the token or a TLS file is unusable.
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
    """Waits for the server, but fails early if TLS is the reason that it does not answer."""
    first = min(timeout, _DIAGNOSE_AFTER)
    try:
        transport.wait_ready(first)
    except ServerLost:
        reason = transport.tls_problem()
        if reason:
            raise NotConnected(reason) from None
        if timeout <= first:
            raise transport.no_answer(timeout) from None
        try:
            transport.wait_ready(timeout - first)
        except ServerLost:
            raise transport.no_answer(timeout) from None
