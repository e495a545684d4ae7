"""What a frame does not have: in its ``attrs``, and as one warning at the user's line."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from koalab.errors import KoalabWarning, MissingData, ShortHistory

# Packages whose frames a warning skips: click is between koalab's commands and its methods.
_OURS = ("koalab", "click")
_NAMED = 5  # issues listed one by one in a warning


def warn_no_rows(messages: list[str], frame: pd.DataFrame) -> None:
    """Puts the broker's messages about an empty frame into its ``attrs``, and warns with them."""
    if messages:
        frame.attrs["messages"] = messages
        warn(f"no rows; the broker says: {' / '.join(messages)}", MissingData)


def note_missing(
    frame: pd.DataFrame,
    missing: Mapping[str, str],
    names: Mapping[str, str],
    of: int,
    messages: Sequence[str] = (),
) -> None:
    """Puts codes and reasons into ``attrs["missing"]``, and warns with them; nothing where none is missing.

    Args:
        frame: to which they belong.
        missing: reasons by code.
        names: of issues, by code.
        of: how many issues were asked for.
        messages: the broker's, which say more about a frame without rows.
    """
    if missing:
        frame.attrs["missing"] = dict(missing)
    if messages and not len(frame):
        warn_no_rows(list(messages), frame)
        return
    if not missing:
        return
    count = f"{len(missing):,} of {of:,} issues" if of > 1 else "the issue"
    warn(f"{count} did not come, or not all of it: {listed(missing, names)}", MissingData)


def warn_late(late: Mapping[str, np.datetime64], asked: np.datetime64, names: Mapping[str, str]) -> None:
    """Warns that the broker's history begins later than asked; nothing where it does not.

    Args:
        late: where it begins, by code.
        asked: from when on bars were asked for.
        names: of issues, by code.
    """
    if late:
        begins = listed({code: words(when) for code, when in late.items()}, names)
        warn(f"the broker's history begins later than asked ({words(asked)}): {begins}", ShortHistory)


def words(when: np.datetime64) -> str:
    """A moment as YYYY-MM-DD, with HH:MM if it is not midnight."""
    day = when.astype("datetime64[D]")
    return str(day if day == when else when.astype("datetime64[m]")).replace("T", " ")


def listed(found: Mapping[str, str], names: Mapping[str, str]) -> str:
    """The first of some issues with the text of each."""
    texts = [
        f"{name} ({code}): {what}" if (name := names.get(code[:6], "")) else f"{code}: {what}"
        for code, what in list(found.items())[:_NAMED]
    ]
    more = len(found) - _NAMED
    return "; ".join(texts) + (f"; and {more:,} more" if more > 0 else "")


def warn(text: str, kind: type[KoalabWarning]) -> None:
    """Warns at the first line outside of koalab."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, kind, stacklevel=level)
