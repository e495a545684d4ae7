"""The notebooks run from the first cell to the last, as a newcomer would run them."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
QUICKSTART = FOLDER / "quickstart.ipynb"

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def run(path: Path, cache: Path, **environment: str) -> dict[str, Any]:
    """The code cells by id, executed in a kernel with a cache of its own; a cell that fails raises."""
    notebook = nbformat.read(path, as_version=4)
    own = {"KOALAB_CACHE_DIR": str(cache), "IPYTHONDIR": str(cache / "ipython"), **environment}
    others = ("KOALAB_TARGET", "MARKET_DATA")
    env = {name: value for name, value in os.environ.items() if name not in others} | own
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
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


@every_notebook
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
    assert "closed" in text(cells["close"])
    # Both: the first is what JupyterLab draws, the second what an exported page holds.
    kinds = {kind for output in cells["chart"].outputs for kind in output.get("data", {})}
    assert {"application/vnd.plotly.v1+json", "text/html"} <= kinds


def test_the_quickstart_shows_what_it_says(executed: Callable[[Path], dict[str, Any]]) -> None:
    cells = executed(QUICKSTART)
    check_quickstart(cells)
    assert "synthetic" in text(cells["attrs"])


def test_what_it_has_loaded_is_there_for_the_next_kernel(
    executed: Callable[[Path], dict[str, Any]], cache: Path, tmp_path: Path
) -> None:
    executed(QUICKSTART)
    short = nbformat.read(QUICKSTART, as_version=4)
    short.cells = [cell for cell in short.cells if cell.id in ("load", "connect", "daily", "attrs", "close")]
    path = tmp_path / "again.ipynb"
    nbformat.write(short, path)
    assert "'trs': 0" in text(run(path, cache)["attrs"])


@pytest.mark.market_data
def test_the_quickstart_runs_over_given_prices(market_data: Path, tmp_path: Path) -> None:
    cells = run(QUICKSTART, tmp_path, MARKET_DATA=str(market_data.resolve()))
    check_quickstart(cells)
    assert "given" in text(cells["attrs"])
    assert "2023-12-22" in text(cells["daily"])
