"""조건검색: the lookup of a user's condition, and the search for the issues that fulfil it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from koalab.errors import BadInput, UnknownCode
from koalab.inputs.text import folded, shown
from koalab.link import Link
from koalab.progress import Progress
from koalab.store.memo import Memo

CONDITIONS = "conditions"
"""Key of the names of the conditions in the memo."""

_NEAR = 5
_LONGEST = 60
_NUMBERS = range(-(2**31), 2**31)


def known_conditions(link: Link, memo: Memo, reload: bool) -> dict[int, str]:
    """The user's conditions by number, also stored for completion; ``reload`` downloads them from the broker."""
    found = link.retrying(lambda: link.conditions(reload))
    names = list(found.values())
    if memo.get(CONDITIONS) != names:
        memo.put(CONDITIONS, names)
    return found


def find(link: Link, memo: Memo, wanted: str | int) -> tuple[int, str]:
    """Number and name of a condition, by either.

    Raises:
        UnknownCode: there is no such condition; its ``near`` holds similar names.
        BadInput: several have that name, or it is neither a number nor a name.
    """
    number = isinstance(wanted, int) and not isinstance(wanted, bool) and wanted in _NUMBERS
    if not number and not (isinstance(wanted, str) and folded(wanted)):
        raise BadInput(
            f"a condition is its name or its number, not {shown(wanted)}: kw.conditions() lists them"
        )
    found = _matching(known_conditions(link, memo, reload=False), wanted)
    if not found:  # it may be newer than the last download
        known = known_conditions(link, memo, reload=True)
        found = _matching(known, wanted)
        if not found:
            raise _unknown(known, wanted)
    if len(found) > 1:
        raise BadInput(
            f"several conditions are called {shown(wanted)}: say which by number, {', '.join(map(str, found))}"
        )
    return next(iter(found.items()))


def search(link: Link, index: int, name: str, progress: Progress) -> list[str]:
    """The codes that fulfil a condition, in the broker's order, each once."""
    progress.expect(1)
    codes = link.retrying(lambda: link.search(index, name, progress), progress)
    progress.page()
    return list(dict.fromkeys(codes))


def _matching(known: Mapping[int, str], wanted: str | int) -> dict[int, str]:
    text = folded(str(wanted))
    by_name = (
        {} if isinstance(wanted, int) else {i: name for i, name in known.items() if folded(name) == text}
    )
    if by_name or not text.isdecimal() or len(text) > _LONGEST:
        return by_name
    return {int(text): known[int(text)]} if int(text) in known else {}


def _unknown(known: Mapping[int, str], wanted: str | int) -> UnknownCode:
    plain = {folded(name): (index, name) for index, name in known.items()}
    text = folded(str(wanted))
    inside = [name for name in plain if text in name and not text.isdecimal()]
    close = list(inside)
    if len(text) <= _LONGEST:
        close += difflib.get_close_matches(text, plain, _NEAR, 0.4)
    near = [(str(plain[name][0]), plain[name][1]) for name in dict.fromkeys(close)][:_NEAR]
    offered = near or [(str(index), name) for index, name in known.items()]
    listed = ", ".join(f"{name} ({index})" for index, name in offered)
    hint = f"did you mean {listed}?" if near else f"there are: {listed or 'none, save one in 영웅문 (HTS)'}"
    return UnknownCode(f"no condition {shown(wanted)}: {hint}", near)
