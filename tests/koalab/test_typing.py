"""The packages carry their types: a type checker sees what a session's methods return."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kernel_server
import koalab

ROOT = Path(__file__).resolve().parents[2]
SNIPPET = """import koalab as kl
reveal_type(kl.connect().daily("005930"))
"""


@pytest.mark.parametrize("package", [koalab, kernel_server])
def test_a_package_says_that_it_is_typed(package: object) -> None:
    assert (Path(package.__file__).parent / "py.typed").is_file()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_type_checker_sees_a_frame_for_daily(tmp_path: Path) -> None:
    file = tmp_path / "snippet.py"
    file.write_text(SNIPPET)
    command = [
        sys.executable,
        "-m",
        "mypy",
        # With the settings of `make lint` its cache can be used; reading pandas' types takes twenty seconds.
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--cache-dir",
        str(ROOT / ".mypy_cache"),
        file.name,
    ]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)
    assert 'Revealed type is "pandas.' in found.stdout, found.stdout + found.stderr
    assert 'DataFrame"' in found.stdout
    assert "import-untyped" not in found.stdout
