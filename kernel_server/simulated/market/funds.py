"""ETFs and the indices that they follow, ``etf.tsv``.

An ETF of an index of this market has that index's daily return times its multiple; others follow nothing that is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True)
class Fund:
    """An ETF.

    Attributes:
        code: its code.
        index: code of its index, blank if this market does not have it.
        index_name: name of its index.
        multiple: factor on the index's daily return.
        manager: 운용사 code of opt40004.
    """

    code: str
    index: str
    index_name: str
    multiple: int
    manager: str


@cache
def funds() -> Mapping[str, Fund]:
    """ETFs by code."""
    return {
        code: Fund(code, index, name, int(multiple), manager)
        for code, index, name, multiple, manager in rows(_DATA / "etf.tsv")
    }
