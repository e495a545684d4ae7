"""Demo: runs the quickstart notebook, prints a table, and writes an HTML page and a picture.

``MARKET_DATA=DIR`` uses the recorded prices of DIR in place of a synthetic market.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from unicodedata import east_asian_width

if TYPE_CHECKING:
    import pandas as pd

ROOT: Final = Path(__file__).resolve().parent.parent
NOTEBOOK: Final = ROOT / "notebooks" / "quickstart.ipynb"
OUTPUT: Final = ROOT / "demo"
CODE: Final = "005930"
# Timeout of a cell in seconds; the longest takes ten on a slow machine.
CELL_TIMEOUT: Final = 90
INTERRUPTED: Final = 130  # the shells' exit code for Ctrl-C
ROWS: Final = 10
BARS: Final = 250
WIDTH: Final = 78

# Leaves out remote scripts, which the page does not need, so that it opens offline.
_TEMPLATE: Final = """\
{%- extends "lab/index.html.j2" -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
_FETCHED: Final = re.compile(r'<script src="https?://[^"]*"></script>')
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


class Failed(Exception):
    """Raised when the demo cannot continue; the message says why."""


class CellLog:
    """Prints one line per cell: a summary at its start, its duration at its end."""

    def __init__(self, cells: list[Any]) -> None:
        code = [cell for cell in cells if cell.cell_type == "code"]
        self._numbers = {cell.id: number for number, cell in enumerate(code, 1)}
        self._count = len(code)
        self._started = 0.0

    def start(self, cell: Any, **_: object) -> None:
        if cell.id in self._numbers:
            self._started = time.perf_counter()
            print(
                padded(f"[{self._numbers[cell.id]:2}/{self._count}] {summary(cell)}", WIDTH),
                end="",
                flush=True,
            )

    def done(self, cell: Any, **_: object) -> None:
        if cell.id in self._numbers:
            print(f"{time.perf_counter() - self._started:5.1f} s", flush=True)


def main() -> int:
    import nbformat  # imported late, here and below, so that Ctrl-C is handled from the start

    folder = market_data_folder()
    with tempfile.TemporaryDirectory(prefix="koalab-demo-", ignore_cleanup_errors=True) as scratch:
        # A new cache, so that an earlier run makes no difference.
        os.environ |= {"KOALAB_CACHE_DIR": scratch, "IPYTHONDIR": f"{scratch}/ipython"}
        os.environ.pop("KOALAB_TARGET", None)
        if folder is not None:
            os.environ["MARKET_DATA"] = str(folder)
        over = folder or "a synthetic market: the prices are made up"
        print(f"{NOTEBOOK.relative_to(ROOT)}, over {over}\n", flush=True)
        build_calendar()
        notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
        with (Path(scratch) / "kernel.log").open("w+") as log:
            run(notebook, log)
        page, picture, rows = results(notebook, folder)
    print(f"\n{rows}\n")
    print(f"notebook  {page}")
    print(f"chart     {picture}")
    return 0


def market_data_folder() -> Path | None:
    """The folder of MARKET_DATA, relative to the current directory; None if unset."""
    given = os.environ.get("MARKET_DATA")
    if not given:
        return None
    folder = Path(given).expanduser().resolve()
    if not folder.is_dir():
        raise Failed(f"MARKET_DATA={given}: there is no folder {folder}")
    return folder


def build_calendar() -> None:
    """Builds the calendar's file here: a server stopped while building it would leave a temporary file behind."""
    from koalab import calendar

    calendar.table()


def run(notebook: Any, log: IO[str]) -> None:
    """Executes the notebook in place, in a kernel that is always shut down."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    cell_log = CellLog(notebook.cells)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
        shutdown_kernel="immediate",
        on_cell_start=cell_log.start,
        on_cell_executed=cell_log.done,
    )

    stopped: list[int] = []

    async def execute() -> None:
        loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(client.async_execute(stderr=log))

        def stop(number: int) -> None:
            stopped.append(number)
            work.cancel()

        def take_signals(**_: object) -> None:
            # Replaces nbclient's handlers, which report Ctrl-C as a dead kernel.
            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
                    loop.add_signal_handler(number, stop, number)

        client.on_notebook_start = take_signals
        take_signals()
        await work

    try:
        asyncio.run(execute())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except CellExecutionError as error:
        raise Failed(f"{failed_cell(notebook)}\n{plain(f'{error.ename}: {error.evalue}')}") from None
    except CellTimeoutError:
        raise Failed(f"{failed_cell(notebook)}\nit took longer than {CELL_TIMEOUT} s") from None
    except RuntimeError as error:  # the kernel died, or did not start
        if stopped:
            raise KeyboardInterrupt from None
        log.seek(0)
        raise Failed(f"{failed_cell(notebook)}\n{error}\n{log.read()[-2000:]}".strip()) from None


def failed_cell(notebook: Any) -> str:
    """The failed cell: its id and source."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    begun = [cell for cell in code if "execution" in cell.metadata]
    if not begun:
        return "the notebook's kernel did not start:"
    source = "\n".join(f"    {line}" for line in begun[-1].source.splitlines())
    return f"cell {begun[-1].id} failed:\n{source}\n"


def results(notebook: Any, folder: Path | None) -> tuple[Path, Path, str]:
    """Writes page and picture; returns their paths and the table of the last days."""
    import koalab as kl
    from koalab import picture

    OUTPUT.mkdir(exist_ok=True)
    page = OUTPUT / "quickstart.html"
    page.write_text(html(notebook), encoding="utf-8")
    # The notebook's bars are cached; this requests only the days that it left out.
    with kl.connect(market_data=folder) as kw:
        name = kw.call.GetMasterCodeName(CODE)
        daily = kw.daily(CODE, columns="ko", start="2016-01-01")
    made = picture.save(daily.tail(BARS), OUTPUT / f"{CODE}.png", title=f"{name} 일봉")
    made_up = "" if folder else ", 지어낸 시세"
    return page, made, f"{name} {CODE}, 마지막 {ROWS}일{made_up}\n\n{table(daily.tail(ROWS))}"


def html(notebook: Any) -> str:
    """The executed notebook as an HTML page that opens offline."""
    from nbconvert import HTMLExporter

    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Progress bars are widgets, which cannot work in a page without a kernel.
            cell.outputs = [
                output
                for output in cell.outputs
                if "application/vnd.jupyter.widget-view+json" not in output.get("data", {})
            ]
    notebook.metadata.pop("widgets", None)
    exporter = HTMLExporter(raw_template=_TEMPLATE)  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": "koalab quickstart"}})
    return str(_FETCHED.sub("", body))


def table(frame: pd.DataFrame) -> str:
    """The frame as aligned text; a Hangul syllable is two columns wide in a terminal."""
    heads = [str(frame.index.name), *map(str, frame.columns)]
    rows = [
        [f"{day:%Y-%m-%d}", *(f"{value:,}" for value in values)]
        for day, values in zip(frame.index, frame.to_numpy().tolist(), strict=True)
    ]
    widths = [max(map(width, column)) for column in zip(heads, *rows, strict=True)]
    return "\n".join(
        "  ".join(" " * (wide - width(text)) + text for text, wide in zip(row, widths, strict=True))
        for row in [heads, *rows]
    )


def summary(cell: Any) -> str:
    """The most telling line of a cell: the first that uses the broker, else the last."""
    source: str = cell.source
    lines = [line.strip() for line in source.splitlines() if line and not line.startswith("#")]
    shown = next((line for line in lines if re.search(r"\b(kw|live)\b|%kiwoom", line)), lines[-1])
    room = WIDTH - len("[12/34] ") - 1
    if width(shown) <= room:
        return shown
    while width(shown) > room - 1:
        shown = shown[:-1]
    return f"{shown}…"


def width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, wide: int) -> str:
    return text + " " * max(1, wide - width(text))


def plain(text: str) -> str:
    return _COLOUR.sub("", text)


@contextlib.contextmanager
def exit_on_failure() -> Iterator[None]:
    """Exits with a message if the demo failed or was interrupted."""
    try:
        yield
    except Failed as failed:
        print()
        sys.exit(f"\ndemo: {failed}")
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    with exit_on_failure():
        sys.exit(main())
