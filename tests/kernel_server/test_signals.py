"""What asks a server to end: Ctrl-C, SIGTERM and, on Windows, Ctrl-Break, which a supervisor sends there."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from kernel_server.__main__ import _on_signals

NAMES = [name for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def handlers_put_back() -> Iterator[None]:
    before = {name: signal.getsignal(getattr(signal, name)) for name in NAMES}
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@pytest.mark.parametrize("name", NAMES)
def test_ends_it(name: str) -> None:
    stopped: list[str] = []
    _on_signals(lambda: stopped.append(name))
    signal.raise_signal(getattr(signal, name))
    assert stopped == [name]


@pytest.mark.skipif(sys.platform != "win32", reason="only Windows has Ctrl-Break")
def test_on_windows_ctrl_break_is_among_them() -> None:
    assert "SIGBREAK" in NAMES
