"""The functions that a request passes in the client, as ``docs/architecture.md`` lists them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from koalab.sessions.session import Session

AT_MOST = 10
# From the session's method to the stub's call that opens the gRPC stream, in a cold kw.daily.
WALK = [
    "koalab.sessions.bars.BarMethods.daily",
    "koalab.sessions.bars.BarMethods.bars",
    "koalab.sessions.bars.BarMethods._load_frame",
    "koalab.loaders.bars.BarLoader.load",
    "koalab.loaders.bars.BarLoader._fetch",
    "koalab.loaders.page_requests.bar_pages",
    "koalab.link.link.Link.pages",
    "koalab.transport.remote.RemoteTransport.pages",
]
ARCHITECTURE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"


class Watched:
    """A stub that notes the stack of the client's functions at each call of ``Pages``."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self.walks: list[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stub, name)

    def Pages(self, *arguments: Any, **named: Any) -> Any:
        walk, frame = [], sys._getframe(1)
        while frame is not None:
            module = frame.f_globals["__name__"]
            if module.partition(".")[0] == "koalab":
                walk.append(f"{module}.{frame.f_code.co_qualname}")
            frame = frame.f_back  # type: ignore[assignment]
        self.walks.append(walk[::-1])
        return self._stub.Pages(*arguments, **named)


def test_a_cold_daily_passes_at_most_ten_functions_to_the_stub(
    kw: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport: Any = kw._link.transport
    watched = Watched(transport._stub)
    monkeypatch.setattr(transport, "_stub", watched)
    frame = kw.daily("005930", "2020-01-01", "2024-12-31", progress=False)
    assert frame.attrs["trs"] == len(watched.walks) == 3
    assert watched.walks == [WALK] * 3
    assert len(WALK) <= AT_MOST


def test_the_architecture_names_each_of_them() -> None:
    _, found, rest = ARCHITECTURE.read_text(encoding="utf-8").partition("\n## Three walks\n")
    assert found
    section = rest.partition("\n## ")[0]
    missing = [
        name for name in WALK if ".".join(name.split(".")[-2:]).removeprefix("page_requests.") not in section
    ]
    assert not missing
