"""Numbers as a Korean writes them: with commas, 만, 억 and 조."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

# Without zeros before it: 000660 is a code.
_PART: Final = r"(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d*|0)(?:\.\d+)?"
_AMOUNT: Final = re.compile(
    rf"(?P<sign>[+-]?)\s*(?:(?P<jo>{_PART})\s*조)?\s*(?:(?P<eok>{_PART})\s*억)?"
    rf"\s*(?:(?P<man>{_PART})\s*만)?\s*(?P<one>{_PART})?\s*(?P<unit>원|주|%)?"
)
_FACTORS: Final = {"jo": 10**12, "eok": 10**8, "man": 10**4, "one": 1}
_LONGEST: Final = 60
# Beyond this nothing of the market is counted, and int64 ends.
_MOST: Final = 10**18


def amount(text: str) -> tuple[Decimal, str] | None:
    """A number and its unit (원, 주, % or blank); None if it is none.

    >>> amount("8만"), amount("1억 5,000만원"), amount("-2.5%"), amount("8만 5,000"), amount("80,00")
    ((Decimal('80000'), ''), (Decimal('150000000'), '원'), (Decimal('-2.5'), '%'), (Decimal('85000'), ''), None)
    """
    found = _AMOUNT.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None or not any(found[name] for name in _FACTORS):
        return None
    after_unit = found["jo"] or found["eok"] or found["man"]
    if after_unit and found["one"] and len(found["one"].partition(".")[0].replace(",", "")) < 4:
        return None  # 8만5 is 85,000 to those who say it
    total = sum(
        (Decimal(found[name].replace(",", "")) * factor for name, factor in _FACTORS.items() if found[name]),
        Decimal(0),
    )
    if total >= _MOST:
        return None
    plain = int(total) if total == int(total) else total.normalize()
    return (-Decimal(plain) if found["sign"] == "-" else Decimal(plain)), found["unit"] or ""
