"""What all the tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Asserts in helpers explain themselves as those in tests do.
pytest.register_assert_rewrite("tests.support", "tests.fakes")
from tests.support.examples import FEW, THOROUGH  # noqa: E402

# Where CI is set, the same examples are tried each time: a gate must not depend on chance.
_FIXED = bool(os.environ.get("CI"))
for _name, _examples in (("few", 4), ("default", 40), ("thorough", 100)):
    settings.register_profile(
        _name,
        max_examples=_examples,
        derandomize=_FIXED,
        # A slow machine is no fault of a test, so no example has a time to keep to either.
        deadline=None,
        suppress_health_check=(HealthCheck.too_slow,),
    )
settings.load_profile("thorough" if THOROUGH else "few" if FEW else "default")

# KOAPY's client needs an environment of its own: `make test-koapy`.
collect_ignore = ["koapy"]


def pytest_collection_finish() -> None:
    """Every full garbage collection would visit all modules and tests again: a fifth of the time of many tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The log of orders is not the user's own."""
    folder, before = tmp_path_factory.mktemp("state"), os.environ.get("KOALAB_STATE_DIR")
    os.environ["KOALAB_STATE_DIR"] = str(folder)
    yield folder
    del os.environ["KOALAB_STATE_DIR"]
    if before is not None:
        os.environ["KOALAB_STATE_DIR"] = before
