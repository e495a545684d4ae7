"""``reference``: lookups in the tables of Kiwoom's OpenAPI+, without a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
import pandas as pd

from koalab import completion
from koalab import reference as tables
from koalab.errors import BadInput, UnknownCode
from koalab.inputs.text import plain


@click.group()
def reference() -> None:
    """Kiwoom's TRs, FIDs, real-time types and error codes."""


@reference.command()
@click.argument("code", nargs=-1, metavar="[CODE|TEXT]", shell_complete=completion.complete_trs)
def tr(code: Sequence[str]) -> pd.DataFrame:
    """What a TR takes and gives; or the TRs whose name contains TEXT.

    An optional input may be left out.
    """
    text = plain(" ".join(code))
    try:
        return describe_tr(tables.tr(text))
    except UnknownCode:
        found = [
            entry for entry in tables.trs() if _contains(entry.name, text) or _contains(entry.code, text)
        ]
        if not found:
            raise
    rows = [(entry.code, entry.name, entry.rows_per_page) for entry in found]
    frame = pd.DataFrame(rows, columns=["code", "name", "rows_per_page"])
    return frame.astype({"rows_per_page": "Int64"}).set_index("code")


@reference.command()
@click.argument("number", nargs=-1, metavar="[NUMBER|TEXT]")
def fid(number: Sequence[str]) -> pd.DataFrame:
    """The name of a FID; or the FIDs whose name contains TEXT."""
    text = plain(" ".join(number))
    if text.isdecimal() and len(text) < 10:
        found: Iterable[tables.Fid] = [tables.fid(int(text))]
    else:
        found = [entry for entry in tables.fids().values() if _contains(entry.name, text)]
        if not found:
            raise BadInput(f"no FID has {text!r} in its name")
    return pd.DataFrame([(entry.fid, entry.name) for entry in found], columns=["fid", "name"]).set_index(
        "fid"
    )


@reference.command()
@click.argument("name", required=False, shell_complete=completion.complete_realtypes)
def realtype(name: str | None) -> pd.DataFrame:
    """The FIDs of a real-time type, in their order; or all types."""
    if name is None:
        rows = [(entry.name, entry.gidc, len(entry.fids)) for entry in tables.realtypes().values()]
        return pd.DataFrame(rows, columns=["name", "gidc", "fids"]).set_index("name")
    entry = tables.realtype(name)
    known = tables.fids()
    named = [(number, known[number].name if number in known else "") for number in entry.fids]
    return pd.DataFrame(named, columns=["fid", "name"]).set_index("fid")


# A code like -200 must not be parsed as an option.
@reference.command(context_settings={"ignore_unknown_options": True})
@click.argument("code", type=int)
def error(code: int) -> pd.Series[Any]:
    """What an error code of the control means: error -200."""
    found = tables.error(code)
    return pd.Series({"code": found.code, "name": found.name, "message": found.message}, dtype=object)


def describe_tr(entry: tables.Tr) -> pd.DataFrame:
    """A TR's inputs and fields, one per row; its name and page size in ``attrs``."""
    inputs = [
        ("input" if given.default is None else "optional", given.name, given.default or "", None)
        for given in (*entry.inputs, *entry.optional_inputs)
    ]
    outputs = [
        (block, field.name, "", field.fid if field.fid > 0 else None)
        for block, fields in (("single", entry.single), ("multi", entry.multi))
        for field in fields
    ]
    frame = pd.DataFrame([*inputs, *outputs], columns=["part", "name", "default", "fid"])
    frame = frame.astype({"part": "str", "name": "str", "default": "str", "fid": "Int64"}).set_index("part")
    frame.attrs = {"tr": entry.code, "name": entry.name, "rows_per_page": entry.rows_per_page}
    return frame


def _contains(name: str, text: str) -> bool:
    return text.replace(" ", "").lower() in name.lower()
