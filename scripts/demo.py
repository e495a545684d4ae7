"""The main job, end to end: runs the quickstart notebook, prints a table, and writes a page and a picture.

``MARKET_DATA=DIR`` runs it over the given prices of DIR, by default over a synthetic market.
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
# Seconds a cell may take; the longest takes ten on a slow machine.
CELL_TIMEOUT: Final = 90
INTERRUPTED: Final = 130  # as shells count what Ctrl-C ends
ROWS: Final = 10
BARS: Final = 250
WIDTH: Final = 78

# Without what the page would fetch from elsewhere: it needs none of it, and is to open offline.
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
    """The demo cannot go on; the text says why."""


class Lines:
    """One line a cell: what it does as soon as it begins, how long it took when it is over."""

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
    import nbformat  # these here and below, so that Ctrl-C is understood from the start

    folder = given_folder()
    with tempfile.TemporaryDirectory(prefix="koalab-demo-", ignore_cleanup_errors=True) as scratch:
        # A cache of its own: what an earlier run has loaded must make no difference to this one.
        os.environ |= {"KOALAB_CACHE_DIR": scratch, "IPYTHONDIR": f"{scratch}/ipython"}
        os.environ.pop("KOALAB_TARGET", None)
        if folder is not None:
            os.environ["MARKET_DATA"] = str(folder)
        over = folder or "a synthetic market: the prices are made up"
        print(f"{NOTEBOOK.relative_to(ROOT)}, over {over}\n", flush=True)
        prepare()
        notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
        with (Path(scratch) / "kernel.log").open("w+") as log:
            run(notebook, log)
        page, picture, rows = results(notebook, folder)
    print(f"\n{rows}\n")
    print(f"notebook  {page}")
    print(f"chart     {picture}")
    return 0


def given_folder() -> Path | None:
    """The folder of MARKET_DATA; a relative one lies where the demo was started."""
    given = os.environ.get("MARKET_DATA")
    if not given:
        return None
    folder = Path(given).expanduser().resolve()
    if not folder.is_dir():
        raise Failed(f"MARKET_DATA={given}: there is no folder {folder}")
    return folder


def prepare() -> None:
    """Has the calendar made here: a server that is stopped while it makes one would leave the file behind."""
    from koalab import calendar

    calendar.table()


def run(notebook: Any, log: IO[str]) -> None:
    """Executes the notebook in place, in a kernel that is gone afterwards, however that ends."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    lines = Lines(notebook.cells)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
        shutdown_kernel="immediate",
        on_cell_start=lines.start,
        on_cell_executed=lines.done,
    )

    stopped: list[int] = []

    async def execute() -> None:
        loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(client.async_execute(stderr=log))

        def stop(number: int) -> None:
            stopped.append(number)
            work.cancel()

        def take_signals(**_: object) -> None:
            # In the place of nbclient's own handlers, which make it look as if the kernel had died by itself.
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
        raise Failed(f"{failing(notebook)}\n{plain(f'{error.ename}: {error.evalue}')}") from None
    except CellTimeoutError:
        raise Failed(f"{failing(notebook)}\nit took longer than {CELL_TIMEOUT} s") from None
    except RuntimeError as error:  # the kernel died, or did not start
        if stopped:
            raise KeyboardInterrupt from None
        log.seek(0)
        raise Failed(f"{failing(notebook)}\n{error}\n{log.read()[-2000:]}".strip()) from None


def failing(notebook: Any) -> str:
    """The cell that was running, and what is in it."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    begun = [cell for cell in code if "execution" in cell.metadata]
    if not begun:
        return "the notebook's kernel did not start:"
    source = "\n".join(f"    {line}" for line in begun[-1].source.splitlines())
    return f"cell {begun[-1].id} failed:\n{source}\n"


def results(notebook: Any, folder: Path | None) -> tuple[Path, Path, str]:
    """The page, the picture, and the table of the last days."""
    import koalab as kl
    from koalab import picture

    OUTPUT.mkdir(exist_ok=True)
    page = OUTPUT / "quickstart.html"
    page.write_text(html(notebook), encoding="utf-8")
    # The notebook's bars are in the cache; what is asked for here is the days that it left out.
    with kl.connect(market_data=folder) as kw:
        name = kw.call.GetMasterCodeName(CODE)
        daily = kw.daily(CODE, columns="ko", start="2016-01-01")
    made = picture.save(daily.tail(BARS), OUTPUT / f"{CODE}.png", title=f"{name} 일봉")
    made_up = "" if folder else ", 지어낸 시세"
    return page, made, f"{name} {CODE}, 마지막 {ROWS}일{made_up}\n\n{table(daily.tail(ROWS))}"


def html(notebook: Any) -> str:
    """The executed notebook as a page that opens without a network."""
    from nbconvert import HTMLExporter

    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Bars of progress: in a page they would wait for a kernel for ever.
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
    """The frame as lines of text; a Hangul syllable is two columns wide in a terminal."""
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
    """The line of a cell that says best what it does: the first that asks the broker, else the last."""
    source: str = cell.source
    lines = [line.strip() for line in source.splitlines() if line and not line.startswith("#")]
    said = next((line for line in lines if re.search(r"\bkw\b|%kiwoom", line)), lines[-1])
    room = WIDTH - len("[12/34] ") - 1
    if width(said) <= room:
        return said
    while width(said) > room - 1:
        said = said[:-1]
    return f"{said}…"


def width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, wide: int) -> str:
    return text + " " * max(1, wide - width(text))


def plain(text: str) -> str:
    return _COLOUR.sub("", text)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Ends the process with a message where the demo could not."""
    try:
        yield
    except Failed as failed:
        print()
        sys.exit(f"\ndemo: {failed}")
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    with told():
        sys.exit(main())
