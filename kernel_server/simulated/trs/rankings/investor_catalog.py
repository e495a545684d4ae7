"""Rankings by what investors traded: opt10034 to opt10036, opt10044, opt10058, opt10062 to opt10066, opt10131.

Their columns are in ``investor_sort_keys``; foreign ownership is in ``market.statistics.foreign_ownership``.
"""

from __future__ import annotations

from collections.abc import Callable

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.trs.rankings.catalog import RankingKind
from kernel_server.simulated.trs.rankings.fields import FieldWriter, RankingRow, integer, percent, signed
from kernel_server.simulated.trs.rankings.investor_sort_keys import InvestorSortKeys

ForeignShares = Callable[[RankingRow], "int | None"]


class InvestorCatalog:
    """Catalog of these rankings.

    Args:
        columns: their sort keys.
        foreign_shares: shares of a row's issue held by foreigners, None if unknown.
    """

    def __init__(self, columns: InvestorSortKeys, foreign_shares: ForeignShares) -> None:
        self._columns = columns
        self._foreign_shares = foreign_shares

    def kinds(self) -> dict[str, RankingKind]:
        """Rankings by TR code."""
        columns = self._columns
        left = {"취득가능주식수": self._left_to_buy}
        averages: dict[str, FieldWriter] = {
            "추정평균가": integer("average"),
            "평균가대비": _twice_signed("from_average"),
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
                    "기간거래량": integer("period_volume"),
                },
            ),
            "opt10062": RankingKind(columns.both, _both_fields()),
            "opt10063": RankingKind(columns.intraday, _intraday_fields()),
            "opt10065": RankingKind(
                columns.intraday,
                {"매도량": _twice_signed("minus"), "매수량": signed("plus"), "순매도": signed("net")},
            ),
            "opt10066": RankingKind(
                columns.every_group, {name: signed(name) for name in investor_groups.names()}
            ),
            "opt10131": RankingKind(columns.streaks, _streak_fields()),
        }

    # Foreign ownership.

    def _left_to_buy(self, row: RankingRow) -> str:
        foreign_shares = self._foreign_shares(row)
        return "" if foreign_shares is None else str(row.day.issue.shares - foreign_shares)

    def _holding(self, row: RankingRow) -> str:
        foreign_shares = self._foreign_shares(row)
        return "" if foreign_shares is None else str(foreign_shares)

    def _exhausted(self, row: RankingRow) -> str:
        foreign_shares = self._foreign_shares(row)
        return "" if foreign_shares is None else kiwoom_format.rate(foreign_shares, row.day.issue.shares)

    def _exhausted_before(self, row: RankingRow) -> str:
        foreign_shares = self._foreign_shares(row)
        if foreign_shares is None:
            return ""
        return kiwoom_format.rate(foreign_shares - row.integer("net"), row.day.issue.shares)


def _twice_signed(name: str) -> FieldWriter:
    return lambda row: kiwoom_format.twice_signed(row.integer(name))


def _always(value: str) -> FieldWriter:
    return lambda _row: value


def _both_fields() -> dict[str, FieldWriter]:
    fields: dict[str, FieldWriter] = {"순매매수량": signed("net"), "순매매금액": signed("net_money")}
    for name, short in (("기관", "own"), ("외인", "foreign")):
        fields[f"{name}순매매수량"] = signed(short)
        fields[f"{name}순매매금액"] = signed(f"{short}_money")
        fields[f"{name}순매매평균가"] = integer(f"{short}_average")
    return fields


def _intraday_fields() -> dict[str, FieldWriter]:
    """Fields of opt10063; changes since the previous count are 0, as earlier counts are not stored."""
    fields: dict[str, FieldWriter] = {}
    for unit, suffix in (("금액", "_money"), ("수량", "")):
        fields |= {
            f"순매수{unit}": _twice_signed(f"net{suffix}"),
            f"매수{unit}": signed(f"plus{suffix}"),
            f"매도{unit}": _twice_signed(f"minus{suffix}"),
        }
    before = {"이전순매수금액": _twice_signed("net_money"), "이점시전순매수수량": _twice_signed("net")}
    changes = ("순매수금액증감", "매수금액증감", "매도금액증감", "순매수증감", "매수수량증감", "매도수량증감")
    return fields | before | dict.fromkeys(changes, _always("0"))


def _streak_fields() -> dict[str, FieldWriter]:
    def plus(name: str) -> FieldWriter:
        return lambda row: f"{row.integer(name):+d}"

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
