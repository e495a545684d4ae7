"""LoginCall and Login: CommConnect, and the OnEventConnect that answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc

from kernel_server import failure, reference
from kernel_server.control.event_context import EventContext
from kernel_server.control.host import ControlHost
from kernel_server.control.seam import Control, Event
from kernel_server.control.thread import call_in_loop
from kernel_server.failure import Failure
from kernel_server.rpc.context import Context
from kernel_server.scheduler import Scheduler
from kernel_server.security.guard import Guard, require
from kernel_server.security.rights import of_function
from kernel_server.streams import event_codec
from kernel_server.wire import openapi_pb2

# A person may have to type a password; the caller's own deadline is usually shorter.
LOGIN_TIMEOUT = 300.0


class LoginFlow:
    """Logs in at the broker.

    Args:
        host: the control.
        guard: says what a caller may do.
        scheduler: a login lifts its bans.
    """

    def __init__(self, host: ControlHost, guard: Guard, scheduler: Scheduler) -> None:
        self._host = host
        self._guard = guard
        self._scheduler = scheduler

    async def login(self, _request: openapi_pb2.LoginRequest, context: Context) -> openapi_pb2.ListenResponse:
        """LoginCall and Login."""
        event = await self.log_in(context)
        return event_codec.plain(event.name, event.arguments)

    async def log_in(self, context: Context, timeout: float = LOGIN_TIMEOUT) -> Event:
        """Logs in and returns OnEventConnect; returns the same at once where a user is logged in already.

        Raises:
            failure.Failure: the broker refused, nothing came in time, or the caller may not log in.
        """
        attempt = _Login(self._host)
        caller = self._guard.caller(context.invocation_metadata())

        def connect(control: Control) -> int:
            if control.call("GetConnectState", ()) == 1:
                attempt.finish(0)
                return 0
            require(caller, of_function("CommConnect"), "logging in")
            return attempt.connect(control)

        try:
            code = await self._host.run(connect)
            if code != 0:
                raise failure.returned("CommConnect", code)
            code = await asyncio.wait_for(attempt.code, timeout)
        except asyncio.TimeoutError:
            raise Failure(
                grpc.StatusCode.DEADLINE_EXCEEDED, "LoginFailed", f"no OnEventConnect within {timeout:g} s"
            ) from None
        finally:
            self._host.thread.hand_over(attempt.close)
        if code != 0:
            raise _refused(code)
        self._scheduler.logged_in()
        return Event("OnEventConnect", (code,))


class _Login:
    """One CommConnect, and the code of the OnEventConnect that follows it."""

    def __init__(self, host: ControlHost) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._stop: Callable[[], None] = lambda: None
        self.code: asyncio.Future[int] = self._loop.create_future()

    # On the control thread.

    def connect(self, control: Control) -> int:
        self._stop = self._host.router.listen("OnEventConnect", self._on_connect)
        code = control.call("CommConnect", ())
        assert isinstance(code, int)
        return code

    def finish(self, code: int) -> None:
        call_in_loop(self._loop, self._settle, code)

    def close(self) -> None:
        self._stop()

    def _on_connect(self, event: EventContext) -> None:
        self.finish(int(event.arguments[0]))

    # On the event loop.

    def _settle(self, code: int) -> None:
        if not self.code.done():
            self.code.set_result(code)


def _refused(code: int) -> Failure:
    try:
        meaning = reference.error(code).message
    except reference.UnknownReference:
        meaning = "unknown code"
    return Failure(
        grpc.StatusCode.UNAUTHENTICATED,
        "LoginFailed",
        f"the broker refused the login: {code} ({meaning})",
        code,
    )
