"""OnEventConnect for clients that call CommConnect, also if they subscribe late or are logged in already.

A KOAPY client calls CommConnect while another of its threads is still about to listen for OnEventConnect, and then
waits for that event without a timeout. The control fires the event as soon as the login ends, and may fire none
where it is logged in already; so results are kept here until their client subscribes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from kernel_server.control.event_context import EventContext
from kernel_server.control.seam import Control, Event

EVENT = "OnEventConnect"
_CLIENTS_REMEMBERED = 1000

Listener = Callable[[EventContext], None]


class Logins:
    """Login results by client. It is used on the control thread only."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._listeners: dict[str, list[Listener]] = {}
        # Clients that called CommConnect and did not get its result, with that result where it is there already.
        self._pending: OrderedDict[str, int | None] = OrderedDict()

    def log_in(self, client: str) -> int:
        """Calls CommConnect for a client, unless the control is logged in already."""
        if self._control.call("GetConnectState", ()) == 1:
            self._deliver(client, 0)
            return 0
        self._pending[client] = None  # the event may come inside the call
        self._drop_oldest()
        code = self._control.call("CommConnect", ())
        assert isinstance(code, int)
        if code != 0:
            self._pending.pop(client, None)
        return code

    def on_connect(self, context: EventContext) -> None:
        """Keeps the result of OnEventConnect for clients without a subscription; others get the event itself."""
        code = int(context.arguments[0])
        for client, known in list(self._pending.items()):
            if client in self._listeners or known is not None:
                del self._pending[client]  # an older result is outdated
            else:
                self._pending[client] = code

    def subscribe(self, client: str, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` with that client's OnEventConnect; the returned function unsubscribes."""
        self._listeners.setdefault(client, []).append(listener)
        code = self._pending.get(client)
        if code is not None:
            self._deliver(client, code)

        def stop() -> None:
            left = self._listeners.get(client, [])
            if listener in left:
                left.remove(listener)
            if not left:
                self._listeners.pop(client, None)

        return stop

    def _deliver(self, client: str, code: int) -> None:
        listeners = self._listeners.get(client)
        if not listeners:
            self._pending[client] = code
            self._drop_oldest()
            return
        self._pending.pop(client, None)
        for listener in list(listeners):
            listener(EventContext(Event(EVENT, (code,)), self._control))

    def _drop_oldest(self) -> None:
        while len(self._pending) > _CLIENTS_REMEMBERED:
            self._pending.popitem(last=False)
