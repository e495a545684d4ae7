"""A kernel server in a thread, for programs without an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from kernel_server.clock import Clock
from kernel_server.control.host import ControlHost
from kernel_server.control.seam import Control
from kernel_server.control.thread import ControlThread, PlainThread
from kernel_server.reconnecting import Reconnector
from kernel_server.server.server import GRACE, KernelServer
from kernel_server.server.settings import ServerSettings


class BackgroundServer:
    """A server on an event loop in its own thread, for programs that have none.

    >>> with BackgroundServer(make_control, clock, settings) as server:  # doctest: +SKIP
    ...     grpc.insecure_channel(server.address)
    """

    def __init__(
        self,
        make_control: Callable[[], Control],
        clock: Clock,
        settings: ServerSettings,
        thread: ControlThread | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)
        self._thread.start()
        try:
            self._server = KernelServer(make_control, thread or PlainThread(), clock, settings)
            self._run(self._server.start())
        except BaseException:
            self._end_loop()
            raise

    def _run(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)  # type: ignore[arg-type]

    @property
    def address(self) -> str:
        return self._server.address

    @property
    def metrics_port(self) -> int:
        return self._server.metrics_port

    @property
    def host(self) -> ControlHost:
        """The control and its thread, for a program that embeds the server."""
        return self._server.host

    @property
    def reconnector(self) -> Reconnector:
        """The state of the login."""
        return self._server.reconnector

    def stop(self, grace: float = GRACE) -> None:
        if not self._loop.is_closed():
            self._run(self._server.stop(grace))
            self._run(_unwound())
            self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> BackgroundServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


async def _unwound() -> None:
    """Lets the handlers of cancelled streams finish, as asyncio.run would."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=2)
