"""TR requests, their answers, and access to the fields of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kernel_server import reference
from kernel_server.reference import Tr
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True)
class TrRequest:
    """A TR request.

    Attributes:
        tr: the TR.
        requested_code: its code in the request's own case.
        name: sRQName.
        screen: sScreenNo.
        inputs: values by input name, blanks stripped.
        after: continuation key of the previous page, None for the first page.
    """

    tr: Tr
    requested_code: str
    name: str
    screen: str
    inputs: Mapping[str, str]
    after: int | None = None


@dataclass(frozen=True, slots=True)
class TrAnswer:
    """The broker's answer, with fields in the order of the TR's definition.

    Attributes:
        single: values of the single block; an empty one stands for blanks.
        rows: values of the multi block, one list per row.
        after: continuation key of the next page, None for the last page.
        message: text of an OnReceiveMsg that comes first, blank for none.
        unread: texts of further ones, for issues that the answer leaves out because their prices cannot be read.
        codes: issues that the request registers for real-time data.
    """

    single: Sequence[str] = ()
    rows: list[list[str]] = field(default_factory=list)
    after: int | None = None
    message: str = ""
    unread: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


TrHandler = Callable[[TrRequest, float], TrAnswer]


@cache
def _messages() -> Mapping[str, str]:
    return dict(rows(_DATA / "message.tsv"))


def message(key: str) -> str:
    """The text of an OnReceiveMsg, from ``data/message.tsv``."""
    return _messages()[key]


def unread(error: Exception) -> str:
    """The text of an OnReceiveMsg about recorded prices that cannot be read; the error names file and line."""
    return f"{message('bad_data')}: {error}"


class TrRejected(Exception):
    """The broker rejects the request; ``text`` is its message."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.text = message(key)


class AnswerPending(Exception):
    """The answer needs more work than one turn of the control thread allows: the handler has to be called again."""


@dataclass(frozen=True, slots=True)
class _FieldIndices:
    """Index of each field by name. Of a repeated name the first index counts."""

    single: Mapping[str, int]
    multi: Mapping[str, int]


@cache
def _field_indices(code: str) -> _FieldIndices:
    tr = reference.tr(code)

    def first(names: Sequence[str]) -> dict[str, int]:
        return {name: index for index, name in reversed(list(enumerate(names)))}

    return _FieldIndices(first(tr.single_names), first(tr.multi_names))


class TrAnswerReader:
    """The answer of the TR event in progress, as GetCommData and its like read it.

    ``count`` is the result of GetRepeatCnt: 0 for a TR like opt10004, whose single row does not repeat. opt10008 is
    declared like that too, but has many rows.
    """

    def __init__(self, tr: Tr, answer: TrAnswer) -> None:
        self._field_indices = _field_indices(tr.code)
        self._single = answer.single
        self.rows = answer.rows
        self.count = len(answer.rows) if tr.repeats or len(answer.rows) > 1 else 0

    def value(self, index: int, name: str) -> str:
        """The value of a field; blank if there is no such row or field."""
        if 0 <= index < len(self.rows):
            field = self._field_indices.multi.get(name)
            if field is not None:
                return self.rows[index][field]
        field = self._field_indices.single.get(name)
        return self._single[field] if index == 0 and field is not None and self._single else ""

    def at(self, index: int, item: int) -> str:
        """The value of field number ``item``, of the multi block if that has rows."""
        values: Sequence[str] = self._single
        if self.rows:
            values = self.rows[index] if 0 <= index < len(self.rows) else ()
        elif index != 0:
            return ""
        return values[item] if 0 <= item < len(values) else ""


def in_order(names: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The values in the order of the names, blank for a missing one."""
    return [values.get(name, "") for name in names]
