"""What code that a client sends derives its class from, and what it finds besides.

A class written for KOAPY's server runs here as it is: what it imports from there are the same few things.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from kernel_server.control.plain import PlainCalls
from kernel_server.rpc import call
from kernel_server.wire import openapi_pb2


class Functions:
    """The control as custom code sees it: its functions as methods. Only on the control thread."""

    def __init__(self, calls: PlainCalls) -> None:
        self._calls = calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self._calls.call(name, call.checked_plain(name, arguments))


class EventHandler:
    """What custom code derives its class from: methods named as the control's events handle them.

    It is made with control, request and context, of which a class may hand on here what it likes: the control, the
    control and the context, or all three.

    Attributes:
        control: the control's functions.
        request: the ListenRequest.
        context: nothing of use here; it stands for the argument that KOAPY's handlers take.
        observer: ``on_next(response)``, ``on_error(exception)``, ``on_completed()``; there from ``on_enter`` on.
    """

    observer: Any

    def __init__(self, control: Functions, *others: Any) -> None:
        self.control = control
        self.request = others[0] if len(others) > 1 else None
        self.context = others[-1] if others else None

    def on_enter(self) -> None:
        """Before the first event."""

    def on_exit(self) -> None:
        """When the stream is over, however it ends."""

    def add_callback(self, callback: Callable[..., object], *arguments: object, **named: object) -> None:
        """Has something done when the stream is over, after ``on_exit``; what was added last comes first."""
        self.__dict__.setdefault("_callbacks", []).append(lambda: callback(*arguments, **named))


def callbacks(handler: object) -> list[Callable[[], object]]:
    """What a handler wants done at its end, in that order."""
    return list(reversed(getattr(handler, "_callbacks", ())))


_OLDER = {
    "KiwoomOpenApiPlusEventHandler": EventHandler,
    "KiwoomOpenApiPlusEventHandlerForGrpc": EventHandler,
    "KiwoomOpenApiPlusService_pb2": openapi_pb2,
}


def _import(
    name: str,
    globals: Any = None,
    locals: Any = None,
    fromlist: Sequence[str] = (),
    level: int = 0,
) -> Any:
    if name.split(".")[0] == "koapy" and fromlist:
        return SimpleNamespace(__name__=name, **_OLDER)
    return builtins.__import__(name, globals, locals, fromlist, level)


def space() -> dict[str, Any]:
    """The names that custom code finds."""
    return {
        "__builtins__": {**vars(builtins), "__import__": _import},
        "__name__": "client",
        "EventHandler": EventHandler,
        "ListenResponse": openapi_pb2.ListenResponse,
        **_OLDER,
    }
