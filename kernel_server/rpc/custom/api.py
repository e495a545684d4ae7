"""The names that code of a client can use: the base class of its event handler, and the control's functions.

A class written for KOAPY's server runs here unchanged: its imports from there give the same few things.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from kernel_server.control.plain import PlainCalls
from kernel_server.rpc.values import checked_plain
from kernel_server.wire import openapi_pb2


class Functions:
    """The control's functions as methods, for custom code; only on the control thread."""

    def __init__(self, calls: PlainCalls) -> None:
        self._calls = calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self._calls.call(name, checked_plain(name, arguments))


class EventHandler:
    """Base class of a client's event handler: its methods are named after the control's events.

    It is made with control, request and context; a subclass may pass on the control, the control and the context, or
    all three.

    Attributes:
        control: the control's functions.
        request: the ListenRequest.
        context: None here; KOAPY's handlers take this argument.
        observer: ``on_next(response)``, ``on_error(exception)``, ``on_completed()``; set before ``on_enter``.
    """

    observer: Any

    def __init__(self, control: Functions, *others: Any) -> None:
        self.control = control
        self.request = others[0] if len(others) > 1 else None
        self.context = others[-1] if others else None

    def on_enter(self) -> None:
        """Called before the first event."""

    def on_exit(self) -> None:
        """Called at the end of the stream, however it ends."""

    def add_callback(self, callback: Callable[..., object], *arguments: object, **named: object) -> None:
        """Calls ``callback`` at the end of the stream, after ``on_exit``; the last one added goes first."""
        self.__dict__.setdefault("_callbacks", []).append(lambda: callback(*arguments, **named))


def callbacks(handler: object) -> list[Callable[[], object]]:
    """The callbacks of a handler, in the order in which they are called."""
    return list(reversed(getattr(handler, "_callbacks", ())))


_KOAPY = {
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
        return SimpleNamespace(__name__=name, **_KOAPY)
    return builtins.__import__(name, globals, locals, fromlist, level)


def namespace() -> dict[str, Any]:
    """The globals of custom code."""
    return {
        "__builtins__": {**vars(builtins), "__import__": _import},
        "__name__": "client",
        "EventHandler": EventHandler,
        "ListenResponse": openapi_pb2.ListenResponse,
        **_KOAPY,
    }
