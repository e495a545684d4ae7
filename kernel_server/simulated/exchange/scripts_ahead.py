"""Trades of issues that are asked for together, made together: numpy's calls cost as much as the trades of most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from kernel_server.simulated.exchange.day_plan import SessionFacts, session_scripts
from kernel_server.simulated.market.trade_script import Script


class ScriptsAhead:
    """Scripts of one session that no plan has yet.

    Args:
        facts: of an issue in a session, by its index; LookupError, ValueError or OSError where there are none.
        together: issues whose trades are made in one go.
    """

    def __init__(self, facts: Callable[[str, int], SessionFacts | None], together: int) -> None:
        self._facts = facts
        self._together = together
        self._session = -1
        self._known: set[str] = set()
        self._made: dict[str, Script] = {}

    def make(self, codes: Sequence[str], place: int, session: int) -> None:
        """Make the trades of the code at a place and of some after it, if those of the first are not known yet."""
        if session != self._session:
            self._session, self._known, self._made = session, set(), {}
        if codes[place] in self._known:
            return
        new = dict.fromkeys(code for code in codes[place:] if code not in self._known)
        facts = [found for code in islice(new, self._together) if (found := self._read(code)) is not None]
        scripts = session_scripts(facts)
        self._made = {each.issue.code: script for each, script in zip(facts, scripts, strict=True)}

    def take(self, code: str, session: int) -> Script | None:
        """The script of an issue, once; None if it has not been made."""
        if session != self._session:
            return None
        self._known.add(code)
        return self._made.pop(code, None)

    def _read(self, code: str) -> SessionFacts | None:
        self._known.add(code)
        try:
            found = self._facts(code, self._session)
        except (LookupError, ValueError, OSError):
            return None  # its tape says why
        return found if found is not None and len(found.minutes) else None
