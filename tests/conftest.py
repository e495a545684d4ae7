"""What all the tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# A gate must not fall on chance: there the same examples are tried each time, new ones at everybody's desk.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# KOAPY's client needs an environment of its own: `make test-koapy`.
collect_ignore = ["koapy"]
