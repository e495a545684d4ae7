"""Rule of the static volatility interruption (정적 VI).

If an order would trade too far from the static reference price (the price of the issue's last auction, 기준가 before
the day's first trade), continuous trading stops and a call auction follows. In the after-market, which begins without
an auction, it is the close until the first VI. The dynamic VI (동적 VI), whose reference is the last trade, is left
out: minute bars do not show how far one trade is from the next.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from kernel_server.reference.price_rules import PriceRules


class ViRule(NamedTuple):
    """Trigger distance in percent of the static reference price, and length of the auction.

    ``seconds`` is the least length; a random extension of up to ``random`` seconds is added.
    """

    percent: int
    seconds: int
    random: int

    def triggers(self, base: int, grid: PriceRules) -> tuple[int, int]:
        """The lowest price above the reference price and the highest one below it, KRW, that trigger a VI.

        >>> from kernel_server.reference.price_rules import rules
        >>> vi_rule(date(2026, 3, 18), "KOSDAQ").triggers(3490, rules(date(2026, 3, 18), "KOSDAQ"))
        (3840, 3140)
        """
        above = -(-base * (100 + self.percent) // 100)
        return grid.ceil(above), grid.floor(base * (100 - self.percent) // 100)


# A guess from general market knowledge. The closing auction is not extended here, as it may be there; leveraged ETPs
# are treated like the others.
_RULES: dict[str, list[tuple[date, ViRule]]] = {
    board: [(date(2015, 6, 15), ViRule(percent=10, seconds=120, random=30))]
    for board in ("KOSPI", "KOSDAQ", "ETP")
}
NEXTRADE: Final = "Nextrade"
"""The board of all issues at Nextrade, which has static VIs since 2026-09-14; their distance is a guess too."""

_RULES[NEXTRADE] = [(date(2026, 9, 14), ViRule(percent=10, seconds=120, random=30))]
"""Rules of each board with their first day, oldest first."""


def vi_rule(day: date, board: str) -> ViRule | None:
    """The rule of a board (as in ``price_rules``) on a day; None if there are no VIs."""
    return next((rule for since, rule in reversed(_RULES.get(board, [])) if since <= day), None)


def smallest_percent() -> int:
    """The smallest trigger distance there has ever been, in percent."""
    return min(rule.percent for rules in _RULES.values() for _since, rule in rules)
