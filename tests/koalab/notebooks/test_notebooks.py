"""What a newcomer meets first: the notebooks, the README's example, and the demo."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.cache_folder import with_calendar

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
QUICKSTART = FOLDER / "quickstart.ipynb"
WHOLE_MARKET = FOLDER / "whole-market.ipynb"
CONDITION_TO_ORDERS = FOLDER / "condition-to-orders.ipynb"
LIVE_DASHBOARD = FOLDER / "live-dashboard.ipynb"

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def run(path: Path, cache: Path, **environment: str) -> dict[str, Any]:
    """The code cells by id, executed in a kernel with a cache of its own; a cell that fails raises."""
    notebook = nbformat.read(path, as_version=4)
    own = {"KOALAB_CACHE_DIR": str(with_calendar(cache)), "IPYTHONDIR": str(cache / "ipython"), **environment}
    others = ("KOALAB_TARGET", "MARKET_DATA")
    env = {name: value for name, value in os.environ.items() if name not in others} | own
    client = NotebookClient(
        notebook, timeout=180, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    )
    client.execute(env=env)
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def text(cell: Any) -> str:
    """All that a cell shows, as plain text."""
    shown = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(shown)


def test_there_are_notebooks() -> None:
    assert QUICKSTART in NOTEBOOKS


@every_notebook
def test_a_committed_notebook_is_clean(path: Path) -> None:
    given = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in given["cells"] if cell["cell_type"] == "code"]
    assert [
        cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] or cell["metadata"]
    ] == []
    assert given["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in given["metadata"]
    nbformat.validate(nbformat.read(path, as_version=4))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook-cache")


@pytest.fixture(scope="module")
def executed(cache: Path) -> Callable[[Path], dict[str, Any]]:
    """Each notebook over the synthetic market, run once, all with one cache."""
    return functools.cache(lambda path: run(path, cache))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=() if path == QUICKSTART else pytest.mark.long) for path in NOTEBOOKS],
)
def test_a_notebook_runs_without_errors(path: Path, executed: Callable[[Path], dict[str, Any]]) -> None:
    assert all(cell.execution_count for cell in executed(path).values())


def check_quickstart(cells: dict[str, Any]) -> None:
    bars, hits, trs = (int(word) for word in text(cells["again"]).replace(",", "").split() if word.isdigit())
    assert bars == hits > 1900
    assert trs == 0
    assert "int64" in text(cells["dtypes"])
    assert "50.0" in text(cells["split"])
    errors = text(cells["errors"])
    assert errors.count("BadInput: ") == 3
    assert "삼성전자 (005930)" in errors
    assert re.search(r"[1-9][\d,]* trades in ten seconds, gaps: 0", text(cells["live-volume"]))
    assert "2026-11-18 10:3" in text(cells["live-ticks"])  # a simulated moment, at any hour
    assert "체결 10/10" in text(cells["live-order"])
    assert "closed" in text(cells["close"])
    # Both: the first is what JupyterLab draws, the second what an exported page holds.
    kinds = {kind for output in cells["chart"].outputs for kind in output.get("data", {})}
    assert {"application/vnd.plotly.v1+json", "text/html"} <= kinds


def test_the_quickstart_shows_what_it_says(executed: Callable[[Path], dict[str, Any]]) -> None:
    cells = executed(QUICKSTART)
    check_quickstart(cells)
    assert "synthetic" in text(cells["attrs"])


@pytest.mark.long
def test_the_notebook_of_the_dashboard_shows_what_it_says(
    executed: Callable[[Path], dict[str, Any]],
) -> None:
    cells = executed(LIVE_DASHBOARD)
    for name in ("dashboard", "chart"):
        (shown,) = (output["data"] for output in cells[name].outputs if "data" in output)
        assert "application/vnd.jupyter.widget-view+json" in shown
        assert "<table>" in shown["text/html"]
    assert text(cells["follow"]) == "['000660']"
    assert "보내지 않음: 매수 SK하이닉스 10주" in text(cells["guards"])


@pytest.mark.long
def test_the_notebook_of_the_whole_market_shows_what_it_says(
    executed: Callable[[Path], dict[str, Any]],
) -> None:
    cells = executed(WHOLE_MARKET)
    assert "4,900 bars, 0 TRs" in text(cells["frame"])
    assert "nothing to load" in text(cells["frame"])
    assert "10 TRs for 950 codes" in text(cells["evening"])
    assert "update the market from 15:31 on" in text(cells["too-early"])
    assert [line.split()[3] for line in text(cells["collected"]).splitlines() if "전자" in line] == ["0"]


@pytest.mark.long
def test_the_notebook_from_a_condition_to_orders_buys_what_enters_and_sells_it(
    executed: Callable[[Path], dict[str, Any]],
) -> None:
    cells = executed(CONDITION_TO_ORDERS)
    assert "단기 골든크로스" in text(cells["conditions"])
    entry = [line for line in text(cells["entry"]).splitlines() if line][-1]
    code = entry.split()[1]
    assert "편입" in entry
    assert "보내지 않음: 매수" in text(cells["preview"])
    assert "체결" in text(cells["order"])
    assert code in text(cells["positions"])
    assert {"매수", "매도"} <= set(text(cells["fills"]).split())
    assert "bought for" in text(cells["result"])
    for cell in ("sale", "flat"):  # open orders and positions at the end
        assert "Empty DataFrame" in text(cells[cell])


def test_what_it_has_loaded_is_there_for_the_next_kernel(
    executed: Callable[[Path], dict[str, Any]], cache: Path, tmp_path: Path
) -> None:
    executed(QUICKSTART)
    short = nbformat.read(QUICKSTART, as_version=4)
    short.cells = [cell for cell in short.cells if cell.id in ("load", "connect", "daily", "attrs")]
    path = tmp_path / "again.ipynb"
    nbformat.write(short, path)
    assert "'trs': 0" in text(run(path, cache)["attrs"])


@pytest.mark.long  # as `make demo` does; other tests run sessions over given prices
@pytest.mark.market_data
def test_the_quickstart_runs_over_given_prices(market_data: Path, tmp_path: Path) -> None:
    cells = run(QUICKSTART, tmp_path, MARKET_DATA=str(market_data.resolve()))
    check_quickstart(cells)
    assert "given" in text(cells["attrs"])
    assert "2023-12-22" in text(cells["daily"])


# -- the README


def example(name: str) -> tuple[str, list[str]]:
    """The first example of a README, without its comments, and the lines that it shows below."""
    readme = (ROOT / name).read_text(encoding="utf-8")
    found = re.search(r"```python\n(?P<code>.*?)```\s*```text\n(?P<output>.*?)```", readme, re.DOTALL)
    assert found is not None
    return re.sub(r"  # .*", "", found["code"]), lines(found["output"])


def test_the_example_prints_what_the_readme_shows(tmp_path: Path) -> None:
    code, shown = example("README.md")
    environment = {**os.environ, "KOALAB_CACHE_DIR": str(with_calendar(tmp_path)), "PYTHONUTF8": "1"}
    environment.pop("KOALAB_TARGET", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    assert lines(done.stdout) == shown


def test_both_readmes_show_one_example() -> None:
    assert example("README.ko.md") == example("README.md")


def lines(text: str) -> list[str]:
    """Without the blanks at the end of a line, which editors take away."""
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("name", ["README.md", "README.ko.md", "CONTRIBUTING.md"])
def test_links_to_other_files_lead_somewhere(name: str) -> None:
    given = (ROOT / name).read_text(encoding="utf-8")
    targets = [
        target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", given) if "://" not in target
    ]
    assert targets
    assert [target for target in targets if target and not (ROOT / target).exists()] == []


# -- the demo


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import demo

    return demo


def small_notebook(*code: str) -> Any:
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(code)]
    return nbformat.v4.new_notebook(cells=cells)


def test_the_demo_says_which_cell_failed_and_why(demo: Any, tmp_path: Path) -> None:
    notebook = small_notebook("price = 1", "price / 0")
    with (tmp_path / "log").open("w+") as log, pytest.raises(demo.Failed) as failed:
        demo.run(notebook, log)
    assert "cell-1" in str(failed.value)
    assert "price / 0" in str(failed.value)
    assert "ZeroDivisionError: division by zero" in str(failed.value)


def test_the_demos_page_fetches_nothing(demo: Any, tmp_path: Path) -> None:
    chart = """
import plotly.graph_objects as go, plotly.io as pio
pio.renderers.default = "plotly_mimetype+notebook"
go.Figure(go.Bar(y=[1]))
"""
    notebook = small_notebook(chart)
    with (tmp_path / "log").open("w+") as log:
        demo.run(notebook, log)
    page = demo.html(notebook)
    assert "plotly.js v" in page
    assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=[\"']?https?:", page) == []


def test_the_demos_table_lines_up_under_hangul(demo: Any) -> None:
    import pandas as pd

    days = pd.DatetimeIndex(["2026-11-19", "2026-11-20"], name="일자")
    frame = pd.DataFrame({"시가": [70_000, 1_070_000], "거래량": [1, 22]}, index=days)
    assert demo.table(frame).splitlines() == [
        "      일자       시가  거래량",
        "2026-11-19     70,000       1",
        "2026-11-20  1,070,000      22",
    ]


def test_the_demo_wants_a_folder_that_is_there(demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_DATA", "no/such/folder")
    with pytest.raises(demo.Failed, match="there is no folder"):
        demo.market_data_folder()
    monkeypatch.setenv("MARKET_DATA", "")
    assert demo.market_data_folder() is None
