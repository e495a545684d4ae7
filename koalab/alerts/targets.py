"""Where messages go: a service behind an Apprise URL, a function, or the screen.

An Apprise URL holds secrets. It stays inside a closure, and what Apprise and the libraries under it log while it is
used is taken from their loggers, so that it stands in no repr, frame, log or error.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import click

from koalab.alerts.message import AlertMessage
from koalab.errors import BadInput
from koalab.inputs.text import composed, printable

TITLE: Final = "koalab"

AlertTo = str | Callable[[AlertMessage], object]
"""An Apprise URL, or a function."""

_LOGGERS: Final = ("apprise", "urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")
_SCHEME: Final = re.compile(r"([A-Za-z0-9]{1,20})://")
_STATUS: Final = re.compile(r"error=(\d{3})\b")


class Undelivered(Exception):
    """Raised when a target did not take a message; the text has nothing of the target's secrets."""


class AlertTarget(Protocol):
    """A place that takes messages.

    Attributes:
        label: what is shown of it.
        key: equal for equal targets.
        repeats: whether a message that it did not take is sent again.
    """

    label: str
    key: str
    repeats: bool

    def send(self, message: AlertMessage) -> None:
        """Raises Undelivered if it is not taken."""
        ...


class ServiceTarget:
    """A service that Apprise knows.

    Raises:
        BadInput: no URL, or of no known service, or one that lacks what its service needs.
    """

    repeats = True

    def __init__(self, url: str) -> None:
        found = _SCHEME.match(composed(url).strip())
        if found is None:
            raise BadInput(
                "a target is an Apprise URL, which begins with a service and ://, like discord://…, tgram://… or json://…"
                " (it is not shown, because targets hold secrets)"
            )
        scheme = found[1].lower()
        self.label = scheme
        self.key = hashlib.sha256(url.strip().encode("utf-8", "surrogatepass")).hexdigest()
        self._post = _service(scheme, url.strip())

    def send(self, message: AlertMessage) -> None:
        with _quiet.records() as lines:
            try:
                taken = self._post(f"{message.text}\n{message.time:%Y-%m-%d %H:%M:%S}")
            except Exception as error:  # noqa: BLE001  # of one of a hundred services; its text may hold the URL
                raise Undelivered(f"{self.label}: {type(error).__name__}") from None
        if not taken:
            raise Undelivered(f"{self.label}: {_reason(lines)}")

    def __repr__(self) -> str:
        return f"<{self.label}>"


class FunctionTarget:
    """A user's function. It is called once for each message: what it has done cannot be undone."""

    repeats = False

    def __init__(self, fn: Callable[[AlertMessage], object]) -> None:
        name = getattr(fn, "__name__", type(fn).__name__)
        self.label = f"{name}()"
        self.key = f"function {id(fn)}"
        self._fn = fn

    def send(self, message: AlertMessage) -> None:
        try:
            self._fn(message)
        except Exception as error:
            raise Undelivered(f"{self.label}: it raised {type(error).__name__}: {error}") from error


class ScreenTarget:
    """A line on standard output."""

    label = "screen"
    key = "screen"
    repeats = False

    def send(self, message: AlertMessage) -> None:
        click.echo(f"{message.time:%H:%M:%S} {printable(message.text)}")


def targets(given: AlertTo | Sequence[AlertTo] | None) -> list[AlertTarget]:
    """The targets of an alert, each once; the screen where none is given.

    Raises:
        BadInput: one is neither an Apprise URL nor a function, or its service is unknown.
    """
    if given is None:
        return [ScreenTarget()]
    several = [given] if isinstance(given, str) or callable(given) else _listed(given)
    if not several:
        raise BadInput(
            "to= is empty: give an Apprise URL or a function, or leave it out to see messages here"
        )
    found: dict[str, AlertTarget] = {}
    for one in several:
        target = _target(one)
        found.setdefault(target.key, target)
    return list(found.values())


def _listed(given: object) -> list[object]:
    if isinstance(given, (list, tuple, set, frozenset)):
        return list(given)
    raise BadInput(f"to= is an Apprise URL, a function, or a list of them, not {type(given).__name__}")


def _target(given: object) -> AlertTarget:
    if isinstance(given, str):
        return ServiceTarget(given)
    if callable(given):
        return FunctionTarget(given)
    raise BadInput(f"a target is an Apprise URL or a function, not {type(given).__name__}")


def _service(scheme: str, url: str) -> Callable[[str], bool]:
    """A function that sends a text to the service."""
    import apprise

    with _quiet.records():
        known = scheme in apprise.NotificationManager()  # type: ignore[no-untyped-call]
        plugin = _instance(url) if known else None
    if not known:
        raise BadInput(
            f"no service {scheme}://; Apprise knows discord, tgram, slack, mailto, ntfy, json and a hundred more:"
            " https://github.com/caronc/apprise/wiki"
        )
    if plugin is None:
        raise BadInput(
            f"the {scheme}:// target is incomplete or wrong, or this system cannot use the service; its form is at"
            f" https://github.com/caronc/apprise/wiki (it is not shown, because targets hold secrets)"
        )
    service = plugin

    def post(text: str) -> bool:
        return bool(service.notify(body=text, title=TITLE))

    return post


def _instance(url: str) -> Any:
    """Apprise's object for a URL; None if it cannot be used."""
    import apprise

    try:
        return apprise.Apprise.instantiate(url)
    except Exception:  # noqa: BLE001  # of one of a hundred parsers; its text may hold the URL
        return None


def _reason(lines: Sequence[str]) -> str:
    """Why a service did not take a message, from what Apprise logged, without a word of it: it may hold the URL."""
    text = "\n".join(lines)
    status = _STATUS.search(text)
    if status is not None:
        code = int(status[1])
        return f"HTTP {code} {http.client.responses.get(code, '')}".strip()
    return "no connection" if "onnection" in text else "it was not taken"


class _QuietLoggers(logging.Filter):
    """Takes the records of the thread that is inside ``records`` from the loggers of Apprise and its libraries."""

    def __init__(self) -> None:
        super().__init__()
        self._inside = threading.local()
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    @contextmanager
    def records(self) -> Iterator[list[str]]:
        lines: list[str] = []
        self._inside.lines = lines
        try:
            yield lines
        finally:
            self._inside.lines = None

    def filter(self, record: logging.LogRecord) -> bool:
        lines: list[str] | None = getattr(self._inside, "lines", None)
        if lines is None:
            return True
        lines.append(record.getMessage())
        return False


_quiet: Final = _QuietLoggers()
