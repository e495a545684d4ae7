"""Rankings by what investors traded: opt10034 to opt10036, opt10044, opt10058, opt10062 to opt10066, opt10131.

What is ranked is ``flow_columns``; what foreigners hold is ``holders``'.
"""

from __future__ import annotations

from collections.abc import Callable

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.trs.rankings.catalog import RankingKind
from kernel_server.simulated.trs.rankings.fields import RankingRow, Writer, percent, signed, whole
from kernel_server.simulated.trs.rankings.investor_sort_keys import InvestorSortKeys

Held = Callable[[RankingRow], "int | None"]


class InvestorCatalog:
    """The kinds of these rankings.

    Args:
        columns: what they rank.
        held: how many shares of a row's issue foreigners hold, None where that is not known.
    """

    def __init__(self, columns: InvestorSortKeys, held: Held) -> None:
        self._columns = columns
        self._held = held

    def kinds(self) -> dict[str, RankingKind]:
        """By TR."""
        columns = self._columns
        left = {"취득가능주식수": self._left_to_buy}
        averages: dict[str, Writer] = {
            "추정평균가": whole("average"),
            "평균가대비": _twice("from_average"),
            "대비율": percent("average_rate"),
        }
        return {
            "opt10034": RankingKind(columns.foreigners, {"순매수량": signed("net"), **left}),
            "opt10035": RankingKind(
                columns.three_days,
                {
                    **{f"D-{day}": signed(f"day{day}") for day in (1, 2, 3)},
                    "합계": signed("net"),
                    "한도소진율": self._exhausted,
                },
            ),
            "opt10036": RankingKind(
                columns.foreigners,
                {
                    "보유주식수": self._holding,
                    **left,
                    "기준한도소진율": self._exhausted_before,
                    "한도소진율": self._exhausted,
                    "소진율증가": percent("increase"),
                },
            ),
            "opt10044": RankingKind(
                columns.one_group,
                {"순매수수량": signed("net"), "순매수금액": signed("net_money"), **averages},
            ),
            "opt10058": RankingKind(
                columns.one_group,
                {
                    "순매도수량": signed("net"),
                    "순매도금액": signed("net_money"),
                    **averages,
                    "기간거래량": whole("period_volume"),
                },
            ),
            "opt10062": RankingKind(columns.both, _both_fields()),
            "opt10063": RankingKind(columns.intraday, _intraday_fields()),
            "opt10065": RankingKind(
                columns.intraday,
                {"매도량": _twice("minus"), "매수량": signed("plus"), "순매도": signed("net")},
            ),
            "opt10066": RankingKind(
                columns.every_group, {name: signed(name) for name in investor_groups.names()}
            ),
            "opt10131": RankingKind(columns.streaks, _streak_fields()),
        }

    # What is held.

    def _left_to_buy(self, row: RankingRow) -> str:
        held = self._held(row)
        return "" if held is None else str(row.day.issue.shares - held)

    def _holding(self, row: RankingRow) -> str:
        held = self._held(row)
        return "" if held is None else str(held)

    def _exhausted(self, row: RankingRow) -> str:
        held = self._held(row)
        return "" if held is None else kiwoom_format.rate(held, row.day.issue.shares)

    def _exhausted_before(self, row: RankingRow) -> str:
        held = self._held(row)
        return "" if held is None else kiwoom_format.rate(held - row.whole("net"), row.day.issue.shares)


def _twice(name: str) -> Writer:
    return lambda row: kiwoom_format.twice_signed(row.whole(name))


def _always(value: str) -> Writer:
    return lambda _row: value


def _both_fields() -> dict[str, Writer]:
    fields: dict[str, Writer] = {"순매매수량": signed("net"), "순매매금액": signed("net_money")}
    for name, short in (("기관", "own"), ("외인", "foreign")):
        fields[f"{name}순매매수량"] = signed(short)
        fields[f"{name}순매매금액"] = signed(f"{short}_money")
        fields[f"{name}순매매평균가"] = whole(f"{short}_average")
    return fields


def _intraday_fields() -> dict[str, Writer]:
    """How the day stood when it was last counted is not kept, so nothing has changed since."""
    fields: dict[str, Writer] = {}
    for unit, suffix in (("금액", "_money"), ("수량", "")):
        fields |= {
            f"순매수{unit}": _twice(f"net{suffix}"),
            f"매수{unit}": signed(f"plus{suffix}"),
            f"매도{unit}": _twice(f"minus{suffix}"),
        }
    before = {"이전순매수금액": _twice("net_money"), "이점시전순매수수량": _twice("net")}
    changes = ("순매수금액증감", "매수금액증감", "매도금액증감", "순매수증감", "매수수량증감", "매도수량증감")
    return fields | before | dict.fromkeys(changes, _always("0"))


def _streak_fields() -> dict[str, Writer]:
    def plus(name: str) -> Writer:
        return lambda row: f"{row.whole(name):+d}"

    return {
        "기간중주가등락률": percent("change_rate"),
        "기관순매매금액": plus("own_money"),
        "기관순매매량": plus("own"),
        "기관계연속순매수일수": plus("own_days"),
        "기관계연속순매수량": plus("own_streak"),
        "기관계연속순매수금액": plus("own_streak_money"),
        "외국인순매매량": plus("foreign"),
        "외국인순매매액": plus("foreign_money"),
        "외국인연속순매수일수": plus("foreign_days"),
        "외국인연속순매수량": plus("foreign_streak"),
        "외국인연속순매수금액": plus("foreign_streak_money"),
        "순매매량": plus("both"),
        "순매매액": plus("both_money"),
        "합계연속순매수일수": plus("both_days"),
        "합계연속순매매수량": plus("both_streak"),
        "합계연속순매수금액": plus("both_streak_money"),
    }
