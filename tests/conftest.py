"""What all the tests share."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shell ignores SIGINT for what it starts in the background, and all that a test starts would then ignore it too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What modules and tests make stays to the end: while they load, collections find nothing.
gc.disable()

# Asserts in helpers explain themselves as those in tests do.
pytest.register_assert_rewrite("tests.support", "tests.fakes")
from kernel_server import gc_tuning  # noqa: E402
from tests.support.examples import examples  # noqa: E402

# Where CI is set, the same examples are tried each time: a gate must not depend on chance.
_FIXED = bool(os.environ.get("CI"))
settings.register_profile(
    "koalab",
    max_examples=examples(40, 100),
    derandomize=_FIXED,
    # A slow machine is no fault of a test, so no example has a time to keep to either.
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow,),
)
settings.load_profile("koalab")

# KOAPY's client needs an environment of its own: `make test-koapy`.
collect_ignore = ["koapy"]


def pytest_collection_finish() -> None:
    """Every full garbage collection would visit all modules and tests again, and then all that tests share.

    Young objects are visited after more of them than in a server, as nothing here waits for a collection: one part in
    twenty of the CPU time.
    """
    gc_tuning.tune()
    gc.set_threshold(20_000, *gc.get_threshold()[1:])


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """A request to a server in this process may set them (SetLogLevel): a later test would find nothing logged."""
    before = _log_levels()
    yield
    for name, level in _log_levels().items():
        if level != before.get(name, logging.NOTSET):
            logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


def _log_levels() -> dict[str, int]:
    known = logging.root.manager.loggerDict
    return {
        name: logger.level
        for name, logger in list(known.items())
        if isinstance(logger, logging.Logger) and name.startswith("kernel_server")
    }


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The log of orders is not the user's own."""
    folder, before = tmp_path_factory.mktemp("state"), os.environ.get("KOALAB_STATE_DIR")
    os.environ["KOALAB_STATE_DIR"] = str(folder)
    yield folder
    del os.environ["KOALAB_STATE_DIR"]
    if before is not None:
        os.environ["KOALAB_STATE_DIR"] = before
