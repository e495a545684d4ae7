"""How a login ended, for whoever asked for it, also where it listens late or nobody had to log in.

A client of KOAPY's calls CommConnect while another thread of it is still about to listen for OnEventConnect, and
waits for that event without an end. The control does not wait for it, and where somebody is logged in already it
may have no event to tell at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from kernel_server.control.event_context import EventContext
from kernel_server.control.seam import Control, Event

EVENT = "OnEventConnect"
_CLIENTS_REMEMBERED = 1000

Tell = Callable[[EventContext], None]


class Logins:
    """It is touched on the control thread alone."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._open: dict[str, list[Tell]] = {}
        # Who called CommConnect and has not heard of its end, and that end where it is known by now.
        self._owed: OrderedDict[str, int | None] = OrderedDict()

    def ask(self, client: str) -> int:
        """CommConnect, for that client. Where somebody is logged in, the control is not asked again."""
        if self._control.call("GetConnectState", ()) == 1:
            self._known(client, 0)
            return 0
        self._owed[client] = None  # the event may come inside the call
        self._forget()
        code = self._control.call("CommConnect", ())
        assert isinstance(code, int)
        if code != 0:
            self._owed.pop(client, None)
        return code

    def heard(self, moment: EventContext) -> None:
        """OnEventConnect: those who listen hear it by themselves; for the others it is kept."""
        code = int(moment.arguments[0])
        for client, known in list(self._owed.items()):
            if client in self._open or known is not None:
                del self._owed[client]  # what was known is not so any more
            else:
                self._owed[client] = code

    def listens(self, client: str, tell: Tell) -> Callable[[], None]:
        """That client hears of OnEventConnect from here on; calling what comes back ends that."""
        self._open.setdefault(client, []).append(tell)
        code = self._owed.get(client)
        if code is not None:
            self._known(client, code)

        def stop() -> None:
            left = self._open.get(client, [])
            if tell in left:
                left.remove(tell)
            if not left:
                self._open.pop(client, None)

        return stop

    def _known(self, client: str, code: int) -> None:
        tells = self._open.get(client)
        if not tells:
            self._owed[client] = code
            self._forget()
            return
        self._owed.pop(client, None)
        for tell in list(tells):
            tell(EventContext(Event(EVENT, (code,)), self._control))

    def _forget(self) -> None:
        while len(self._owed) > _CLIENTS_REMEMBERED:
            self._owed.popitem(last=False)
