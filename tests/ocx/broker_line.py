"""One control of the simulated broker, served to one test control over a socket."""

from __future__ import annotations

import socket
import threading
from collections import deque

from kernel_server.control.seam import Event
from kernel_server.control.thread import PlainThread
from kernel_server.simulated.control import SimulatedControl
from tests.ocx import frames
from tests.ocx.frames import Frame, Frames


class BrokerLine:
    """Serves the control until the other end closes.

    All frames lie in one queue. While an event waits until it has been handled, the control thread serves what comes
    from inside its handler: a call behind that wait would never be answered otherwise.

    Args:
        connection: the socket.
        control: the control.
        thread: its thread.
    """

    def __init__(self, connection: socket.socket, control: SimulatedControl, thread: PlainThread) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._control = control
        self._thread = thread
        self._frames: deque[Frame] = deque()
        self._came = threading.Condition()
        self._closed = False
        self._handled: set[int] = set()
        self._events = 0
        self._serving = 0  # the call that is served now
        thread.post(lambda: control.listen(self._fired)).result()

    def run(self) -> None:
        """Reads until the other end closes."""
        reader = Frames()
        try:
            while data := self._connection.recv(1 << 16):
                if came := list(reader.feed(data)):
                    with self._came:
                        self._frames.extend(came)
                        self._came.notify()
                    self._thread.hand_over(self._serve_all)
        except OSError:
            pass
        finally:
            with self._came:
                self._closed = True
                self._came.notify()
            self._thread.post(self._leave).result()

    # On the control thread.

    def _leave(self) -> None:
        """The program with the control is gone, and its login with it."""
        self._control.listen(lambda _: None)
        self._control.lose_connection()

    def _serve_all(self) -> None:
        while self._frames:
            self._serve(self._frames.popleft())

    def _serve(self, came: Frame) -> None:
        if came.kind == frames.DONE:
            self._handled.add(came.id)
            return
        call = frames.call(came.rest)
        before, self._serving = self._serving, came.id
        try:
            answer = frames.value(self._control.call(call.name, call.arguments))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            answer = frames.error(f"{type(error).__name__}: {error}")
        finally:
            self._serving = before
        self._send(frames.frame(frames.RESULT, came.id, answer))

    def _fired(self, event: Event) -> None:
        """Sends an event and returns when it has been handled."""
        self._events += 1
        number = self._events
        self._send(
            frames.frame(frames.EVENT, number, frames.event(self._serving, event.name, event.arguments))
        )
        before, self._serving = self._serving, 0
        try:
            while number not in self._handled and not self._closed:
                with self._came:
                    while not self._frames and not self._closed:
                        self._came.wait()
                self._serve_all()
            self._handled.discard(number)
        finally:
            self._serving = before

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError:
            with self._came:
                self._closed = True
