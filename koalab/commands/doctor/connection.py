"""Checks of the server and the way to it: answer, version, login, rights, clocks, certificates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from kernel_server import __version__
from koalab.commands.doctor.finding import Finding
from koalab.errors import KoalabError

if TYPE_CHECKING:
    from koalab.sessions.session import Session
    from koalab.transport.diagnosis import CertificateEnd

NOTICE: Final = timedelta(days=30)
"""Before the end of a certificate."""
APART: Final = 5.0
"""Seconds by which the clocks may differ: candles of minutes and limits of requests go by the server's."""


def server(
    connect: Callable[[], Session],
    certificates: Callable[[str], list[CertificateEnd]] = lambda _target: [],
    clock: Callable[[], float] = time.perf_counter,
    wall: Callable[[], float] = time.time,
) -> Iterator[Finding]:
    """Checks the server.

    Args:
        connect: gives a session at it.
        certificates: their ends, by the server's address.
        clock: seconds of a clock that only goes forward.
        wall: this machine's time, seconds since the epoch.
    """
    started = clock()
    try:
        session = connect()
        before = wall()
        status = session.status()
        after = wall()
    except KoalabError as error:
        # koalab's errors already contain the advice.
        yield Finding("session", str(error))
        return
    about: dict[str, Any] = status["server"]
    yield _answer(status, clock() - started)
    yield _version(about["version"])
    yield Finding(f"rights at the server: {status['rights']}")
    if status["clock"]["name"] == "real":
        yield _clocks(datetime.fromisoformat(status["now"]).timestamp(), (before + after) / 2)
    yield from _certificates(certificates(about["target"]), datetime.fromtimestamp(wall(), timezone.utc))


def _answer(status: Mapping[str, Any], took: float) -> Finding:
    about = status["server"]
    kind = "모의투자" if status["simulation"] else "실서버"
    text = f"{about['control']} server {about['version']} at {about['target']}, {kind}, in {took:.1f} s"
    if status["problems"]:
        return Finding(text, "; ".join(status["problems"]))
    if not status["connected"]:
        return Finding(f"{text}, not logged in", f"koalab --target {about['target']} login")
    return Finding(text)


def _version(there: str) -> Finding:
    if there == __version__:
        return Finding(f"the server has koalab {there}, as this machine has")
    advice = "update the older one, so that both know the same requests"
    return Finding(f"the server has koalab {there} and this machine {__version__}", advice, optional=True)


def _clocks(there: float, here: float) -> Finding:
    # The server's time comes in whole seconds.
    apart = here - there - 0.5
    text = f"the clocks differ by {abs(apart):.0f} s"
    if abs(apart) <= APART:
        return Finding(text)
    behind = "the server's machine" if apart > 0 else "this machine"
    return Finding(f"{text}, {behind} is behind", "set both by a time server (Windows: w32tm /resync)")


def _certificates(ends: list[CertificateEnd], now: datetime) -> Iterator[Finding]:
    for what, end in ends:
        left = end - now
        text = f"certificate of {what} until {end:%Y-%m-%d}"
        if left < timedelta(0):
            yield Finding(text, "it has expired: koalab certificates makes another")
        elif left < NOTICE:
            yield Finding(text, f"it expires in {left.days} days: koalab certificates makes another")
        else:
            yield Finding(text)
