"""The work of a plan: codes that can be loaded in any order, and in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from koalab.progress import Progress
from koalab.store.series import Moment


@dataclass(frozen=True, slots=True)
class CodeNeed:
    """What a plan has to load of one code.

    Attributes:
        code: of the issue.
        trs: expected; 0 where it is fully cached.
        whole: the number of bars in all; of minutes, sessions.
        stored: the number of those that are cached.
        history_from: where the broker's history begins, if that is known to be later than asked.
    """

    code: str
    trs: int
    whole: int
    stored: int
    history_from: Moment | None = None

    @property
    def cached(self) -> float:
        """The cached share, 0 to 1."""
        return share(self.stored, self.whole, self.trs)


def share(stored: int, whole: int, trs: int) -> float:
    """The cached share, 0 to 1; of no bars it is 1 unless TRs are expected."""
    return min(1.0, stored / whole) if whole else float(not trs)


class PlanWork(Protocol):
    """What a plan loads, and how.

    Attributes:
        kind: the session's method that returns the result, ``daily`` for example.
        label: its Korean name, for the progress bar.
        description: the request in words.
        tr: the TR that it takes.
    """

    @property
    def kind(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def tr(self) -> str: ...

    def needs(self) -> Sequence[CodeNeed]:
        """What has to be loaded as of now, one entry a code. No TR."""
        ...

    def load(self, code: str, progress: Progress) -> int:
        """Loads what is missing of one code into the cache; returns the TRs it took. Any thread."""
        ...

    def frame(self) -> pd.DataFrame:
        """The result, as the session's method returns it."""
        ...
