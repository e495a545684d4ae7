"""The Windows machine and its display."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from scripts.ocx.machine import Machine
from tests.ocx import desktop


@pytest.fixture(scope="session")
def machine() -> Machine:
    if "ocx" not in os.environ.get("KOALAB_CONFORMANCE", ""):
        pytest.skip("`make test-ocx` runs these")
    return Machine.require()


@pytest.fixture(scope="session")
def display(machine: Machine) -> Iterator[str]:
    with desktop.shared(machine) as shown:
        yield shown
