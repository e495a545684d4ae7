"""A JupyterLab and a browser for all of these tests: `make test-browser`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts.browser import NoBrowser, require
from tests.browser import packages
from tests.browser.lab import Lab

# A machine that is busy with other suites takes long for each step.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        path = require()
    except NoBrowser as error:
        pytest.skip(f"no browser: {error}")
    with sync_playwright() as driver:
        # Chromium's own sandbox needs rights that a container does not have; the pages are of the tests alone.
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    started = Lab(tmp_path_factory.mktemp("lab"), static=packages.PLACE / "served")
    yield started
    started.close()


@pytest.fixture(scope="module")
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, locale="ko-KR")
    outside: list[str] = []
    context.on(
        "request",
        lambda request: (
            None if request.url.startswith((lab.url, "data:", "blob:")) else outside.append(request.url)
        ),
    )
    yield context.new_page()
    context.close()
    lab.end_kernels()
    assert not outside, "requests beyond the Jupyter server"
