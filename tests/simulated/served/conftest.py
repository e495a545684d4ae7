"""Servers over the market of one seed: what it generates is shared between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import few_issues, generated_once


@pytest.fixture(scope="package", autouse=True)
def _histories_are_generated_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        generated_once.install(patch)
        few_issues.install(patch)
        yield
