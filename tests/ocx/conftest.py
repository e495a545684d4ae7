"""The Windows machine and its display."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from scripts.ocx import wine
from scripts.ocx.machine import Machine


@pytest.fixture(scope="session")
def machine() -> Machine:
    if "ocx" not in os.environ.get("KOALAB_CONFORMANCE", ""):
        pytest.skip("`make test-ocx` runs these")
    return Machine.require()


@pytest.fixture(scope="session")
def display(machine: Machine) -> Iterator[str]:
    with wine.display() as shown:
        yield shown
