"""Data that can only be read inside an event: TR blocks, Chejan values."""

from __future__ import annotations

from functools import cached_property

from kernel_server import reference
from kernel_server.control.seam import Control, Event, Scalar, Table

ORDER_FIELDS = ("주문번호",)
"""The fields of the answer to an order. Its TR codes (KOA_NORMAL_BUY_KP_ORD and the like) are in no table."""


class EventContext:
    """An event while it is handled; its data is read once, for all listeners.

    It is used on the control thread, inside the event; what was read there may be used afterwards.
    """

    def __init__(self, event: Event, control: Control) -> None:
        self.event = event
        self.name = event.name
        self.arguments: tuple[Scalar, ...] = event.arguments
        self._control = control

    @cached_property
    def single(self) -> tuple[tuple[str, ...], list[str]]:
        """Names and values of a TR's single block; for the answer to an order, its number."""
        code = str(self.arguments[2])
        tr = known(code)
        names = ORDER_FIELDS if tr is None else tr.single_names
        return names, [text(self._control, code, 0, name) for name in names]

    @cached_property
    def rows(self) -> tuple[tuple[str, ...], Table]:
        """Names of a TR's multi block, and its rows."""
        tr = known(str(self.arguments[2]))
        return ((), []) if tr is None else (tr.multi_names, read_rows(self._control, tr))

    @cached_property
    def chejan(self) -> dict[int, str]:
        """The values of a Chejan event by FID, in its own order."""
        listed = str(self.arguments[2]).rstrip(";")
        numbers = [int(fid) for fid in listed.split(";")] if listed else []
        return {fid: str(self._control.call("GetChejanData", (fid,))) for fid in numbers}

    def chejan_value(self, fid: int) -> str:
        """One value, stripped, whether or not the event lists its FID."""
        value = self.chejan.get(fid)
        if value is None:
            value = str(self._control.call("GetChejanData", (fid,)))
        return value.strip()


def known(code: str) -> reference.Tr | None:
    """The TR of that code, None if it is in no table."""
    try:
        return reference.tr(code)
    except reference.UnknownReference:
        return None


def read_single(control: Control, tr: reference.Tr) -> list[str]:
    """The single block of the page whose event is being handled."""
    return [text(control, tr.code, 0, name) for name in tr.single_names]


def read_rows(control: Control, tr: reference.Tr) -> Table:
    """The multi block of the page whose event is being handled, as rows in the TR's field order.

    GetCommDataEx gives the whole block at once; where it gives nothing although there are rows, as it
    does on some machines, the cells are read one by one.
    """
    if not tr.multi:
        return []
    count = control.call("GetRepeatCnt", (tr.code, ""))
    assert isinstance(count, int)
    if not tr.repeats:
        count = 1
    elif count:
        table = control.call("GetCommDataEx", (tr.code, ""))
        if isinstance(table, list) and len(table) == count and len(table[0]) == len(tr.multi):
            return table
    return [[text(control, tr.code, row, name) for name in tr.multi_names] for row in range(count)]


def text(control: Control, code: str, row: int, name: str) -> str:
    """One value of a TR."""
    value = control.call("GetCommData", (code, "", row, name))
    return value if isinstance(value, str) else ""
