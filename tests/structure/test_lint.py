"""What `make lint` says about structure, each check shown by a deliberate breach in a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The two packages with the project's own contracts."""
    for package in ("koalab", "kernel_server"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "data")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


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


def test_the_project_passes(copy: Path) -> None:
    code, text = lint_imports(copy)
    assert code == 0, text
    assert "0 broken" in text
    assert check_structure(copy) == (0, "")


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("simulated/market/model", "simulated.exchange.engine", "Floors of the simulated broker BROKEN"),
        ("simulated/exchange/book", "simulated.snapshot.columns", "Floors of the simulated broker BROKEN"),
        ("simulated/brokerage/order", "simulated.realtime.registry", "Floors of the simulated broker BROKEN"),
        ("simulated/faults", "rpc.status", "The simulated broker needs of the server only"),
        ("reference/tables", "server", "Floors of the kernel server BROKEN"),
    ],
)
def test_an_import_that_goes_up_fails(copy: Path, module: str, imported: str, contract: str) -> None:
    add(copy / "kernel_server" / f"{module}.py", f"import kernel_server.{imported}")
    code, text = lint_imports(copy)
    assert code == 1
    assert contract in text
    importer = module.replace("/", ".")
    assert f"kernel_server.{importer} -> kernel_server.{imported}" in text


def test_an_import_that_goes_up_in_the_client_fails(copy: Path) -> None:
    add(copy / "koalab" / "frames" / "fields.py", "import koalab.sessions.core")
    code, text = lint_imports(copy)
    assert code == 1
    assert "Floors of koalab BROKEN" in text
    assert "koalab.frames.fields -> koalab.sessions.core" in text


def test_an_import_from_the_other_package_fails(copy: Path) -> None:
    add(copy / "kernel_server" / "clock.py", "import koalab.dates")
    add(copy / "koalab" / "store" / "disk.py", "import kernel_server.server")
    code, text = lint_imports(copy)
    assert code == 1
    assert "The kernel server needs nothing of koalab BROKEN" in text
    assert "What koalab needs of the kernel server BROKEN" in text
    assert "koalab.store.disk -> kernel_server.server" in text


def test_a_circle_fails(copy: Path) -> None:
    add(copy / "koalab" / "frames" / "numbers.py", "import koalab.frames.fields")
    code, text = lint_imports(copy)
    assert code == 1
    assert "No circles BROKEN" in text
    assert "No cycles are allowed in koalab.frames" in text


def test_a_folder_with_more_than_twenty_modules_fails(copy: Path) -> None:
    folder = copy / "koalab" / "new"
    folder.mkdir()
    for number in range(20):
        (folder / f"module_{number}.py").touch()
    (folder / "__init__.py").touch()
    assert check_structure(copy) == (0, "")
    (folder / "module_20.py").touch()
    code, text = check_structure(copy)
    assert code == 1
    assert f"{folder}: 21 modules" in text


def test_a_class_name_used_twice_in_one_package_fails(copy: Path) -> None:
    (copy / "koalab" / "plans" / "first.py").write_text("class Thing: ...\n")
    (copy / "kernel_server" / "first.py").write_text("class Thing: ...\n")
    assert check_structure(copy) == (0, "")
    second = copy / "koalab" / "store" / "second.py"
    second.write_text("def make() -> None:\n    class _Thing: ...\n")
    code, text = check_structure(copy)
    assert code == 1
    assert f"{second}:2: class _Thing is also at {copy / 'koalab' / 'plans' / 'first.py'}:1" in text
