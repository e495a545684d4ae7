"""Login: CommConnect, and the OnEventConnect that answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc

from kernel_server import failure, reference
from kernel_server.control.seam import Control, Event
from kernel_server.control.thread import call_in_loop
from kernel_server.failure import Failure
from kernel_server.rpc.context import Parts
from kernel_server.security.guard import Caller, require
from kernel_server.security.rights import of_function

# A person may have to type a password; the caller's own deadline is usually shorter.
LOGIN_TIMEOUT = 300.0


async def login(parts: Parts, caller: Caller, timeout: float = LOGIN_TIMEOUT) -> Event:
    """Logs in and gives the event that says so; a login that is already done gives the same at once.

    Raises:
        failure.Failure: the broker refused, nothing came in time, or ``caller`` may not log in.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[int] = loop.create_future()

    def settle(code: int) -> None:
        if not done.done():
            done.set_result(code)

    def connect(control: Control) -> int:
        if control.call("GetConnectState", ()) == 1:
            call_in_loop(loop, settle, 0)
            return 0
        require(caller, of_function("CommConnect"), "logging in")
        stops.append(
            parts.host.router.listen(
                "OnEventConnect", lambda event: call_in_loop(loop, settle, int(event.arguments[0]))
            )
        )
        code = control.call("CommConnect", ())
        assert isinstance(code, int)
        return code

    def stop_listening() -> None:
        for stop in stops:
            stop()

    stops: list[Callable[[], None]] = []
    try:
        code = await parts.host.run(connect)
        if code != 0:
            raise failure.returned("CommConnect", code)
        code = await asyncio.wait_for(done, timeout)
    except asyncio.TimeoutError:
        raise Failure(
            grpc.StatusCode.DEADLINE_EXCEEDED, "LoginFailed", f"no OnEventConnect within {timeout:g} s"
        ) from None
    finally:
        parts.host.thread.hand_over(stop_listening)
    if code != 0:
        try:
            meaning = reference.error(code).message
        except reference.UnknownReference:
            meaning = "unknown code"
        raise Failure(
            grpc.StatusCode.UNAUTHENTICATED,
            "LoginFailed",
            f"the broker refused the login: {code} ({meaning})",
            code,
        )
    parts.scheduler.logged_in()
    return Event("OnEventConnect", (code,))
