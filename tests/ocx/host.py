"""The kernel server in the Windows Python, over the test control, over the simulated broker in another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.ocx.machine import Machine
from scripts.ocx.wine import WINE, environment
from tests.conformance.broker import START
from tests.support.waiting import HANGS_AFTER

ROOT = Path(__file__).resolve().parents[2]
STOP_WITHIN = HANGS_AFTER


class BrokerProcess:
    """A broker in a process; see ``tests/ocx/broker.py``."""

    def __init__(self, start: str = START, **settings: Any) -> None:
        arguments = [sys.executable, "-m", "tests.ocx.broker", start, json.dumps(settings)]
        self._process = subprocess.Popen(
            arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._answer()["port"])

    def advance(self, seconds: float) -> None:
        self._ask(do="advance", seconds=seconds)

    def fault(self, name: str, **arguments: Any) -> None:
        self._ask(do="fault", name=name, **arguments)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(STOP_WITHIN)

    def _ask(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        if error := self._answer().get("error"):
            raise RuntimeError(f"the broker: {error}")

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the broker's process has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


class WindowsProgram:
    """A program of the Windows Python under Wine, with pipes: a file as its input or output would end it at once."""

    def __init__(self, machine: Machine, display: str, arguments: Sequence[str], **variables: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [WINE, str(machine.python), *arguments],
            cwd=ROOT,
            env=windows_environment(machine, display, **variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(self.process.stderr)

    def first_line(self) -> str:
        """The first line that it prints; its errors where it prints none."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(STOP_WITHIN)
            self._reader.join(STOP_WITHIN)
            raise RuntimeError("".join(self.lines) or f"exit code {self.process.returncode}")
        return line

    def close(self) -> int:
        """Closes its input, which ends it; its exit code.

        Raises:
            RuntimeError: it does not end; with the last lines of its errors.
        """
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            return self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise RuntimeError(f"has not ended within {STOP_WITHIN:.0f} s: {self.errors()}") from None

    def errors(self) -> str:
        """The last lines that it wrote to its standard error."""
        self._reader.join(1)
        return "".join(self.lines[-100:])


def windows_environment(machine: Machine, display: str, **variables: str) -> dict[str, str]:
    """The variables of a program of the Windows Python."""
    return {
        **clean(os.environ),
        **environment(machine.prefix, display),
        "PYTHONPATH": f"Z:{ROOT}",
        **variables,
    }


def clean(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without those that are meant for its own Python."""
    return {
        name: value for name, value in variables.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }


class OcxHost:
    """A served control: the address, and the broker beside it."""

    def __init__(
        self,
        machine: Machine,
        display: str,
        broker: BrokerProcess,
        state: Path,
        *options: str,
        **variables: str,
    ) -> None:
        arguments = ["-X", "faulthandler", "-m", "kernel_server", "--control", "ocx", "--port", "0"]
        places = ["--state-dir", f"Z:{state}", "--parent", "1", "--limits", "official"]
        self.broker = broker
        self.program = WindowsProgram(
            machine,
            display,
            [*arguments, *places, *options],
            KOALAB_BROKER_PORT=str(broker.port),
            KOALAB_STATE_DIR=f"Z:{state}",
            LOCALAPPDATA=f"Z:{state}",
            **variables,
        )
        self.address: str = json.loads(self.program.first_line())["listening"]

    def close(self) -> None:
        """Ends it; one that has to be ended by its deadline says on which lines it stood."""
        if code := self.program.close():
            raise RuntimeError(f"exit code {code}: {self.program.errors()}")
