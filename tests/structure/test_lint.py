"""What `make lint` says about structure, each check shown by a deliberate breach in a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def project(folder: Path) -> Path:
    """A copy of the two packages with the project's own contracts."""
    for package in ("koalab", "kernel_server"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "data")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return project(tmp_path)


def run(copy: Path, *command: str) -> tuple[int, str]:
    """The exit code and what was printed, on one line."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def lint_imports(copy: Path) -> tuple[int, str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return run(copy, "-c", code, "--no-logo", "--no-cache")


def check_structure(copy: Path) -> tuple[int, str]:
    return run(copy, str(ROOT / "scripts" / "check_structure.py"), str(copy))


def add(file: Path, line: str) -> None:
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


IMPORTS = (
    ("simulated/market/model", "simulated.exchange.engine", "Floors of the simulated broker BROKEN"),
    ("simulated/exchange/book", "simulated.snapshot.columns", "Floors of the simulated broker BROKEN"),
    ("simulated/brokerage/order", "simulated.realtime.registry", "Floors of the simulated broker BROKEN"),
    ("simulated/faults", "rpc.status", "The simulated broker needs of the server only"),
    ("reference/tables", "server", "Floors of the kernel server BROKEN"),
)
"""Imports that go up in the kernel server: the module, what it imports, and the contract that says so."""


def test_the_project_passes(copy: Path) -> None:
    code, text = lint_imports(copy)
    assert code == 0, text
    assert "0 broken" in text


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str]:
    """What is said of a copy with every wrong import of these tests, each of which has to be told."""
    found = project(tmp_path_factory.mktemp("broken"))
    for module, imported, _ in IMPORTS:
        add(found / "kernel_server" / f"{module}.py", f"import kernel_server.{imported}")
    add(found / "koalab" / "frames" / "fields.py", "import koalab.sessions.core")
    add(found / "kernel_server" / "clock.py", "import koalab.dates")
    add(found / "koalab" / "store" / "disk.py", "import kernel_server.server")
    add(found / "koalab" / "charts" / "figures.py", "import koalab.charts.circle")
    (found / "koalab" / "charts" / "circle.py").write_text("import koalab.charts.figures")
    return lint_imports(found)


@pytest.mark.parametrize(("module", "imported", "contract"), IMPORTS)
def test_an_import_that_goes_up_fails(
    broken: tuple[int, str], module: str, imported: str, contract: str
) -> None:
    code, text = broken
    assert code == 1
    assert contract in text
    importer = module.replace("/", ".")
    assert f"kernel_server.{importer} -> kernel_server.{imported}" in text


def test_an_import_that_goes_up_in_the_client_fails(broken: tuple[int, str]) -> None:
    code, text = broken
    assert code == 1
    assert "Floors of koalab BROKEN" in text
    assert "koalab.frames.fields -> koalab.sessions.core" in text


def test_an_import_from_the_other_package_fails(broken: tuple[int, str]) -> None:
    code, text = broken
    assert code == 1
    assert "The kernel server needs nothing of koalab BROKEN" in text
    assert "What koalab needs of the kernel server BROKEN" in text
    assert "koalab.store.disk -> kernel_server.server" in text


def test_a_circle_fails(broken: tuple[int, str]) -> None:
    code, text = broken
    assert code == 1
    assert "No circles BROKEN" in text
    assert "No cycles are allowed in koalab.charts" in text


def test_more_than_twenty_modules_in_a_folder_and_a_class_name_used_twice_in_one_package_fail(
    copy: Path,
) -> None:
    folder = copy / "koalab" / "new"
    folder.mkdir()
    for number in range(20):
        (folder / f"module_{number}.py").touch()
    (folder / "__init__.py").touch()
    first, second = copy / "koalab" / "plans" / "first.py", copy / "koalab" / "store" / "second.py"
    first.write_text("class Thing: ...\n")
    (copy / "kernel_server" / "first.py").write_text("class Thing: ...\n")
    assert check_structure(copy) == (
        0,
        "",
    )  # the project with twenty modules, and a name once in each package

    (folder / "module_20.py").touch()
    second.write_text("def make() -> None:\n    class _Thing: ...\n")
    code, text = check_structure(copy)
    assert code == 1
    assert f"{folder}: 21 modules" in text
    assert f"{second}:2: class _Thing is also at {first}:1" in text
