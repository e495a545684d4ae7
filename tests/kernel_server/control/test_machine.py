"""A machine, a Python or a process in which the control cannot run is refused with what to do."""

from __future__ import annotations

import struct
import sys

import pytest

from kernel_server.control import ocx, window_station
from kernel_server.control.installed import ControlMissing


@pytest.mark.skipif(sys.platform == "win32", reason="about other systems")
def test_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ControlMissing, match=r"runs on Windows, this is \w+: use --control simulated"):
        ocx.check_machine()


def test_a_python_of_64_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(struct, "calcsize", lambda _format: 8)
    with pytest.raises(ControlMissing, match=r"this Python is 64-bit: use a 32-bit Python 3\.10"):
        ocx.check_machine()


def test_a_python_without_qt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(struct, "calcsize", lambda _format: 4)
    monkeypatch.setitem(sys.modules, "PySide2.QtAxContainer", None)
    with pytest.raises(ControlMissing, match=r"PySide2 cannot be loaded .* Python 3\.10"):
        ocx.check_machine()


def test_a_process_without_a_desktop() -> None:
    with pytest.raises(
        ControlMissing, match="no desktop, as in a Windows service or an ssh session: start it"
    ):
        ocx.check_desktop(lambda: False)
    ocx.check_desktop(lambda: True)


@pytest.mark.skipif(sys.platform != "win32", reason="only Windows has window stations")
def test_this_process_has_one() -> None:
    assert window_station.is_visible()
    ocx.check_machine()
