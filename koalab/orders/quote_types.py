"""거래구분 (sHogaGb) by name and code, from ``data/quote_type.tsv``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from kernel_server.tsv import rows
from koalab.errors import BadInput
from koalab.inputs.text import folded, shown

_DATA: Final = Path(__file__).parent / "data"
# Names that the broker's own messages and other programs use.
_SAME: Final = {
    "보통": "지정가",
    "최유리": "최유리지정가",
    "최우선": "최우선지정가",
    "조건부": "조건부지정가",
    "장전시간외": "장전시간외종가",
    "장후시간외": "장후시간외종가",
}
_CONDITIONS: Final = ("IOC", "FOK")


@dataclass(frozen=True, slots=True)
class QuoteType:
    """One 거래구분: its code, its name, whether a price is given, and the part of the day that it is for.

    ``session`` is ``regular``, ``before`` (장전 시간외), ``after`` (장후 시간외) or ``evening`` (시간외단일가).
    """

    code: str
    name: str
    priced: bool
    session: str


@cache
def quote_types() -> tuple[QuoteType, ...]:
    """All of them, 지정가 first."""
    return tuple(
        QuoteType(code, name, price == "given", session)
        for code, name, price, session in rows(_DATA / "quote_type.tsv")
    )


def find_quote_type(given: str | None, price: int | None) -> QuoteType:
    """The 거래구분 of that name or code; None is 지정가 with a price and 시장가 without, IOC and FOK are of these.

    Raises:
        BadInput: there is none, or it needs a price and has none, or the other way round.

    >>> find_quote_type(None, 70000).name, find_quote_type("최유리", None).code
    ('지정가', '06')
    >>> find_quote_type("IOC", 70000).name, find_quote_type("fok", None).name
    ('지정가IOC', '시장가FOK')
    """
    usual = "시장가" if price is None else "지정가"
    if isinstance(given, str) and folded(given).upper() in _CONDITIONS:
        given = usual + folded(given).upper()
    found = quote_type_named(usual if given is None else given)
    if found.priced and price is None:
        raise BadInput(f"{found.name} needs a price: price=70_000, for example")
    if not found.priced and price is not None:
        raise BadInput(f'{found.name} takes no price: leave it out, or give type="지정가"')
    return found


def name_in_reports(written: str) -> str:
    """The name of a 거래구분 that the broker's events and lists write in their own words; what is unknown as written.

    >>> name_in_reports("보통"), name_in_reports("시장가"), name_in_reports("새로운구분")
    ('지정가', '시장가', '새로운구분')
    """
    return _SAME.get(written, written)


def quote_type_named(given: object) -> QuoteType:
    """The 거래구분 of that name or code; the broker's own names in events about orders (FID 906) count too.

    Raises:
        BadInput: there is none.

    >>> quote_type_named("보통").code, quote_type_named("장후시간외").code
    ('00', '81')
    """
    text = folded(given).upper() if isinstance(given, str) else ""
    text = _SAME.get(text, text)
    found = next((one for one in quote_types() if text in (one.code, one.name)), None)
    if found is None:
        names = [one.name for one in quote_types()]
        near = difflib.get_close_matches(text, names, 3, 0.4)
        raise BadInput(
            f"no 거래구분 {shown(given)}: {'did you mean' if near else 'there are'} {', '.join(near or names)}?"
        )
    return found
