"""A request on its way to the broker, the answer on its way back, and how a program reads that answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from kernel_server import reference
from kernel_server.reference import Tr
from kernel_server.simulated.base.tables import rows


@dataclass(frozen=True, slots=True)
class TrRequest:
    """One TR request.

    Attributes:
        tr: the TR; ``asked_as`` is its code in the case in which it was asked for.
        name: sRQName, ``screen`` its screen.
        inputs: values by input name, blanks stripped.
        after: continuation key of the page before, None for the first page.
    """

    tr: Tr
    asked_as: str
    name: str
    screen: str
    inputs: Mapping[str, str]
    after: int | None = None


@dataclass(frozen=True, slots=True)
class TrAnswer:
    """What the broker answers, in the order of the TR's definition.

    Attributes:
        single: one value a field of the single block; empty stands for blanks.
        rows: one list a row of the multi block.
        after: continuation key of the next page, None where there is none.
        message: text of an OnReceiveMsg that comes first, blank for none.
        codes: issues that the request registers for real-time prices.
    """

    single: Sequence[str] = ()
    rows: list[list[str]] = field(default_factory=list)
    after: int | None = None
    message: str = ""
    codes: tuple[str, ...] = ()


TrHandler = Callable[[TrRequest, float], TrAnswer]


@cache
def _messages() -> Mapping[str, str]:
    return dict(rows("message"))


def message(key: str) -> str:
    """The text of an OnReceiveMsg, from ``data/message.tsv``."""
    return _messages()[key]


class TrRejected(Exception):
    """The broker does not take the request; ``text`` is what it says about it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.text = message(key)


class Unfinished(Exception):
    """The answer takes more work than one turn of the control thread should: the handler is to be asked again."""


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a TR's fields stand. Where a name repeats, its first place counts."""

    single: Mapping[str, int]
    multi: Mapping[str, int]


@cache
def _places(code: str) -> _Places:
    tr = reference.tr(code)

    def first(names: Sequence[str]) -> dict[str, int]:
        return {name: place for place, name in reversed(list(enumerate(names)))}

    return _Places(first(tr.single_names), first(tr.multi_names))


class TrAnswerReader:
    """The answer of the TR event that is being handled, as GetCommData and its like read it.

    ``count`` is what GetRepeatCnt says: 0 for a TR like opt10004, whose one row does not repeat. opt10008 is
    declared like that and has many.
    """

    def __init__(self, tr: Tr, answer: TrAnswer) -> None:
        self._places = _places(tr.code)
        self._single = answer.single
        self.rows = answer.rows
        self.count = len(answer.rows) if tr.repeats or len(answer.rows) > 1 else 0

    def value(self, index: int, name: str) -> str:
        """The value of a field; blank where there is no such row or field."""
        if 0 <= index < len(self.rows):
            place = self._places.multi.get(name)
            if place is not None:
                return self.rows[index][place]
        place = self._places.single.get(name)
        return self._single[place] if index == 0 and place is not None and self._single else ""

    def at(self, index: int, item: int) -> str:
        """The value of the ``item``-th field, of the multi block where that has rows."""
        values: Sequence[str] = self._single
        if self.rows:
            values = self.rows[index] if 0 <= index < len(self.rows) else ()
        elif index != 0:
            return ""
        return values[item] if 0 <= item < len(values) else ""


def in_order(names: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The values in that order, blank where there is none."""
    return [values.get(name, "") for name in names]
