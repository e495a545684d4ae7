"""A JupyterLab, and a notebook in a page of it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import nbformat
from playwright.sync_api import Locator, Page

CONNECT: Final = 'import koalab as kl\nkw = kl.connect(clock="market@2026-11-19T10:00")'
"""The first cell of a notebook: the simulated broker, in its session at any hour."""
PARTS: Final = ("ticker", "ladder", "chart", "account", "order")
"""The parts of a dashboard, beside its bar."""
ROOT: Final = Path(__file__).resolve().parents[2]
SCREENSHOTS: Final = ROOT / "build" / "browser"
_STARTED_WITHIN: Final = 60.0
_ENDED_WITHIN: Final = 20.0
_RUN_WITHIN: Final = 120_000.0
_RUNS: Final = 60
_KERNEL: Final = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}

_SETTINGS: Final = {
    # No question about news, which are read outside of this machine.
    "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    # The debugger takes seconds to begin, and is not used here.
    "config_dir/labconfig/page_config.json": {"disabledExtensions": {"@jupyterlab/debugger-extension": True}},
}


class Lab:
    """A JupyterLab of the interpreter that runs the tests, on loopback, with its settings in ``folder``.

    Args:
        folder: for everything it writes.
        static: a folder whose files it serves beside its own.

    Attributes:
        folder: of the notebooks.
        url: of the server, without the token.
    """

    def __init__(self, folder: Path, static: Path | None = None) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir(parents=True)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{port}"
        places = {
            f"JUPYTER_{name}": f"{folder}/{name.lower()}"
            for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
        }
        places |= {
            f"JUPYTERLAB_{name}_DIR": f"{folder}/{name.lower()}" for name in ("SETTINGS", "WORKSPACES")
        }
        environment = {name: value for name, value in os.environ.items() if name != "KOALAB_TARGET"}
        environment |= {
            **places,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "KOALAB_CACHE_DIR": str(folder / "cache"),
            "KOALAB_STATE_DIR": str(folder / "state"),
            "IPYTHONDIR": str(folder / "ipython"),
        }
        for path, settings in _SETTINGS.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(json.dumps(settings))
        self._log = (folder / "lab.log").open("wb")
        self._process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "jupyterlab",
                    "--no-browser",
                    "--allow-root",
                    "--expose-app-in-browser",
                ),
                *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"),
                *(f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.folder}"),
                "--LabApp.extension_manager=readonly",
                "--JupyterNotebookApp.expose_app_in_browser=True",
                *([f"--ServerApp.extra_static_paths={static}"] if static is not None else []),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + _STARTED_WITHIN
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError):
                self.get("/api/status")
                return
            time.sleep(0.2)
        log = Path(self._log.name).read_text()[-2000:]
        self.close()
        raise RuntimeError(f"JupyterLab did not start:\n{log}")

    def get(self, path: str, method: str = "GET") -> Any:
        """The answer of the server's API."""
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"token {self.token}"}, method=method
        )
        with urllib.request.urlopen(request, timeout=_RUN_WITHIN / 1000) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def end_kernels(self) -> None:
        """Shuts all kernels down, and with them their brokers."""
        for session in self.get("/api/sessions"):
            self.get(f"/api/sessions/{session['id']}", "DELETE")

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """A notebook with these cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
        notebook.metadata.update(_KERNEL)
        path = self.folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path

    def close(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                self.end_kernels()
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_ENDED_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()


class OpenNotebook:
    """A notebook that is open in a page.

    Args:
        name: of its file, without the ending.
        cells: code.
        at: the application's path: ``lab/tree`` is JupyterLab's, ``notebooks`` that of Notebook 7.
    """

    def __init__(self, lab: Lab, page: Page, name: str, cells: Sequence[str], at: str = "lab/tree") -> None:
        self.lab = lab
        self.page = page
        self.path = lab.write(name, cells)
        page.goto(f"{lab.url}/{at}/{self.path.name}?token={lab.token}&reset")
        page.wait_for_function(
            """() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.isReady
                 && window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'""",
            timeout=_RUN_WITHIN,
        )

    def command(self, name: str, **arguments: Any) -> None:
        """Begins one of JupyterLab's commands; running a cell may take for ever, so its end is not awaited."""
        self.page.evaluate(
            "([name, args]) => { window.jupyterapp.commands.execute(name, args) }", [name, arguments]
        )

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")
        self.idle()

    def run(self, cell: int, wait: bool = True) -> None:
        """Runs a cell, counted from 0."""
        self.select(cell)
        self.command("notebook:run-cell")
        if wait:
            self.idle()

    def select(self, cell: int) -> None:
        self.page.evaluate(
            "(at) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = at }", cell
        )

    def idle(self) -> None:
        """Waits until every cell that was run is done."""
        self.page.wait_for_function(
            """() => { const notebook = window.jupyterapp.shell.currentWidget;
                 return notebook.sessionContext.session?.kernel?.status === 'idle'
                   && !document.querySelector('.jp-Notebook')?.innerText.includes('[*]'); }""",
            timeout=_RUN_WITHIN,
        )

    def output(self, cell: int) -> Locator:
        """What a cell has put out."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-Cell-outputArea")

    def text(self, cell: int) -> str:
        """What a cell has printed or returned as text."""
        texts = self.output(cell).locator(".jp-OutputArea-output")
        return "\n".join(text.strip() for text in texts.all_inner_texts())

    def becomes(self, cell: int, expected: str) -> None:
        """Runs a cell until its last line is that: a widget sends no value before the kernel is done with the last."""
        for _ in range(_RUNS):
            self.run(cell)
            found = self.text(cell).splitlines()[-1:]
            if found == [expected]:
                return
            self.page.wait_for_timeout(250)
        raise AssertionError(f"{found}, not {expected}")

    def theme(self, dark: bool) -> None:
        self.command("apputils:change-theme", theme=f"JupyterLab {'Dark' if dark else 'Light'}")
        self.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light", arg="false" if dark else "true"
        )

    def clear(self, cell: int) -> None:
        """Clears the output of a cell."""
        self.page.evaluate(
            "(at) => { window.jupyterapp.shell.currentWidget.content.widgets[at].model.clearExecution() }",
            cell,
        )

    def restart(self) -> None:
        """Restarts the kernel of the notebook."""
        sessions = self.lab.get("/api/sessions")
        (kernel,) = (one["kernel"]["id"] for one in sessions if one["path"] == self.path.name)
        self.lab.get(f"/api/kernels/{kernel}/restart", "POST")

    def picture(self, name: str, of: Locator, folder: Path = SCREENSHOTS) -> Path:
        """A screenshot of a part of the page, kept as build output."""
        # It lies over the page for some time after the theme has changed.
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")
        return keep_picture(name, of, folder)


def part(desk: Locator, name: str) -> Locator:
    """A part of a dashboard: ``bar``, or one of ``PARTS``."""
    return desk.locator(f".koalab-part-{name} .koalab-live")


def keep_picture(name: str, of: Locator, folder: Path = SCREENSHOTS) -> Path:
    """Writes a screenshot of a part of a page."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    of.screenshot(path=path, animations="disabled")
    return path
