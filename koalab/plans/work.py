"""What a plan consists of: parts that can be loaded one by one, in any order, and side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from koalab.progress import Progress


@dataclass(frozen=True, slots=True)
class CodeNeed:
    """What a plan needs of one code.

    Attributes:
        code: which.
        trs: expected; 0 where the cache has it all.
        whole: how much there is in all: bars, of minutes sessions.
        held: how much of that the cache has.
    """

    code: str
    trs: int
    whole: int
    held: int

    @property
    def cached(self) -> float:
        """The share that the cache has, 0 to 1."""
        return share(self.held, self.whole, self.trs)


def share(held: int, whole: int, trs: int) -> float:
    """The share held; of nothing it is all, unless the broker still has to be asked."""
    return min(1.0, held / whole) if whole else float(not trs)


class PlanWork(Protocol):
    """A kind of plan, with what it was asked for.

    Attributes:
        kind: the session's method that gives the result, ``daily`` for example.
        label: its Korean name, for the progress bar.
        asked: what was asked for, in words.
    """

    @property
    def kind(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def asked(self) -> str: ...

    def needs(self) -> Sequence[CodeNeed]:
        """What is needed as of now, a code each. Nothing is spent."""
        ...

    def load(self, code: str, progress: Progress) -> int:
        """Loads what is missing of one code into the cache; gives the TRs it took. Any thread."""
        ...

    def frame(self) -> pd.DataFrame:
        """The result, as the session's method gives it."""
        ...
