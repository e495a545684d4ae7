"""The broker's indices (업종), and the lookup of an index by what a user typed.

They come from the control (GetUpjongCode) and cost no TR; a day's list is cached.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from koalab.errors import BadInput, NoAnswer, UnknownCode
from koalab.inputs.text import folded, plain, shown
from koalab.link import Link
from koalab.listing import daily_cached, day_and_clearing
from koalab.store.memo import Memo
from koalab.store.turns import Turns

# 장내, 코스닥, KOSPI200, KOSPI100, KRX100.
_GROUPS = ("0", "1", "2", "4", "7")
_KEY = "indices"
_NEAR = 5
_LONGEST = 60
_WHOLE = re.compile(r"종합\((.+)\)")
_KOREAN = (("코스피", "kospi"), ("코스닥", "kosdaq"))


@dataclass(frozen=True, slots=True)
class IndexList:
    """Names of indices by code, in the broker's order, when they were asked for, and whether they were cached."""

    names: Mapping[str, str]
    fetched_at: float
    cached: bool


class Indices:
    """Codes and names of the indices as of the broker's today.

    Args:
        link: to the broker.
        memo: caches the day's list; None: nothing is cached.
        turns: of the threads and processes that want it at once.
    """

    def __init__(self, link: Link, memo: Memo | None, turns: Turns) -> None:
        self._link = link
        self._memo = memo
        self._turns = turns
        self._cached: tuple[tuple[str, int], IndexList] | None = None

    def names(self) -> Mapping[str, str]:
        """Names by code, in the broker's order."""
        return self.list().names

    def list(self) -> IndexList:
        """The day's list. Where the server is gone the last cached one is used."""
        key = day_and_clearing(self._link, self._memo)
        cached = self._cached
        if cached is not None and cached[0] == key:
            return replace(cached[1], cached=True)
        with self._turns.of(_KEY) as claim:
            cached = self._cached
            if cached is not None and cached[0] == key:
                return replace(cached[1], cached=True)
            asked = False

            def ask() -> dict[str, Any]:
                nonlocal asked
                found = {"names": self._ask(claim.beat)}
                asked = True
                return found

            now = self._link.now()
            stored = self._link.retrying(lambda: daily_cached(self._memo, _KEY, now, ask))
            found = IndexList(stored["names"], stored["at"], not asked)
            self._cached = (key, found)
            return found

    def resolve(self, given: str) -> str:
        """The code of that code or name: ``"001"``, ``"KOSPI"``, ``"코스피"``, ``"종합(KOSPI)"``.

        Raises:
            UnknownCode: no index has that code or name, or several have (some industries, in KOSPI and KOSDAQ); its
                ``near`` holds similar ones, or those.
        """
        if not isinstance(given, str) or not given.strip():
            raise BadInput(f'an index is a text like "KOSPI", "코스닥" or "201", not {shown(given)}')
        names, text = self.names(), plain(given)
        if text in names:
            return text
        by_name: dict[str, list[str]] = {}
        for code, name in names.items():
            by_name.setdefault(_plain(name), []).append(code)
        wanted = _plain(text)
        codes = by_name.get(wanted, [])
        if len(codes) == 1:
            return codes[0]
        if codes:
            raise UnknownCode(
                f"several indices are called {shown(given)}: say which by code, {', '.join(codes)}",
                [(code, names[code]) for code in codes],
            )
        close = [name for name in by_name if wanted in name]
        if len(wanted) <= _LONGEST:
            close += difflib.get_close_matches(wanted, by_name, _NEAR, 0.5)
        found = [code for name in dict.fromkeys(close) for code in by_name[name]]
        near = [(code, names[code]) for code in found][:_NEAR]
        listed = ", ".join(f"{name} ({code})" for code, name in near)
        hint = f": did you mean {listed}?" if near else "; KOSPI, KOSDAQ and KOSPI200 are some"
        raise UnknownCode(f"no index has the code or name {shown(given)}{hint}", near)

    def _ask(self, at_work: Callable[[], None]) -> dict[str, str]:
        calls = [("KOA_Functions", ("GetUpjongCode", group)) for group in _GROUPS]
        found: dict[str, str] = {}
        for listed in self._link.in_one_connection(lambda call_many: call_many(calls), at_work):
            for item in str(listed or "").split("|"):
                parts = item.split(",", 2)
                if len(parts) == 3:
                    found.setdefault(parts[1].strip(), parts[2].strip())
        if not found:
            raise NoAnswer("the broker lists not one index (GetUpjongCode), which cannot be: ask again")
        return found


def _plain(name: str) -> str:
    """A name without differences of spelling.

    >>> _plain("종합(KOSPI)") == _plain("코스피"), _plain("KOSPI 200") == _plain("코스피200")
    (True, True)
    """
    text = folded(name)
    for korean, english in _KOREAN:
        text = text.replace(korean, english)
    return _WHOLE.sub(r"\1", text)
