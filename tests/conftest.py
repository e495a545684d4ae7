"""What all the tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Asserts in helpers explain themselves as those in tests do.
pytest.register_assert_rewrite("tests.support", "tests.fakes")
from tests.support.examples import THOROUGH  # noqa: E402

# Where CI is set, the same examples are tried each time: a gate must not depend on chance.
_FIXED = bool(os.environ.get("CI"))
settings.register_profile("default", max_examples=40, derandomize=_FIXED)
settings.register_profile("thorough", max_examples=100, derandomize=_FIXED)
settings.load_profile("thorough" if THOROUGH else "default")

# KOAPY's client needs an environment of its own: `make test-koapy`.
collect_ignore = ["koapy"]
