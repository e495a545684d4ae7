"""KOAPY's released client over the OCX host: ``tests/koapy``, in the environment that it needs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scripts.ocx.machine import Machine
from tests.ocx.host import ROOT, clean

ENVIRONMENT = ROOT / ".venvkoapy"
WITHIN = 900
OPTIONS = ["-q", "-c", os.devnull, "--rootdir", ".", "--confcutdir", ".", "-p", "no:cacheprovider"]


@pytest.mark.timeout(WITHIN + 60)
def test_runs_as_over_the_simulated_control(machine: Machine, display: str) -> None:
    if not (ENVIRONMENT / ".ready").exists():
        pytest.skip("KOAPY's released client could not be installed")
    variables = {"KOALAB_SERVER_PYTHON": sys.executable, "KOALAB_CONFORMANCE": "ocx", "DISPLAY": display}
    done = subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-m", "pytest", *OPTIONS, "."],
        cwd=ROOT / "tests" / "koapy",
        env={**clean(os.environ), **variables, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    print(done.stdout)
    assert done.returncode == 0
    assert " passed" in done.stdout
