"""Themes: groups of issues in the same trend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from kernel_server.simulated.market.model import Issue
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

_BY_NAME = 1


@cache
def themes() -> Sequence[tuple[str, str, Sequence[str]]]:
    """Code, name and issues of each theme."""
    return [(code, name, members.split(",")) for code, name, members in rows(_DATA / "theme.tsv")]


class Themes:
    """The control's theme functions under Kiwoom's names. A theme has those members that the market lists."""

    def __init__(self, issues: Mapping[str, Issue]) -> None:
        self._names: dict[str, str] = {}
        self._members: dict[str, str] = {}
        for code, name, members in themes():
            listed = [f"A{member}" for member in members if member in issues]
            if listed:
                self._names[code] = name
                self._members[code] = ";".join(listed)

    def GetThemeGroupList(self, nType: int) -> str:
        """``100|태양광_폴리실리콘;101|…``: by code, or by name for nType 1."""
        pairs = sorted(self._names.items(), key=lambda pair: pair[nType == _BY_NAME])
        return ";".join(f"{code}|{name}" for code, name in pairs)

    def GetThemeGroupCode(self, strThemeCode: str) -> str:
        """``A000660;A005930``; blank for an unknown theme."""
        return self._members.get(strThemeCode, "")
