"""What all the tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Asserts in helpers explain themselves as those in tests do.
pytest.register_assert_rewrite("tests.support", "tests.fakes")

# A gate must not fall on chance: there the same examples are tried each time, new ones at everybody's desk.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# KOAPY's client needs an environment of its own: `make test-koapy`.
collect_ignore = ["koapy"]
