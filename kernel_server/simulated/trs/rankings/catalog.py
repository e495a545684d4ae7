"""Catalog of the rankings: additional columns and fields of each TR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.trs.rankings import sort_keys
from kernel_server.simulated.trs.rankings.fields import (
    FieldWriter,
    RankingRow,
    integer,
    percent,
    price,
    signed,
)
from kernel_server.simulated.trs.rankings.sort_keys import Inputs
from kernel_server.simulated.trs.rankings.view import RankingView


def _no_columns(_view: RankingView, _inputs: Inputs) -> Mapping[str, Floats]:
    return {}


@dataclass(frozen=True, slots=True)
class RankingKind:
    """Additional columns of a ranking, computed from its inputs, and its own field writers by name."""

    columns: Callable[[RankingView, Inputs], Mapping[str, Floats]] = _no_columns
    fields: Mapping[str, FieldWriter] = field(default_factory=dict)


def _expected_direction(row: RankingRow) -> str:
    day, expected = row.day, row.integer("expected_price")
    return kiwoom_format.change_sign(expected or day.base, day.base, day.upper, day.lower)


_TOTALS: Mapping[str, FieldWriter] = {  # FID 121 and 125, which have the names of the best sizes
    "매도잔량": lambda row: str(row.quotes.asks_size),
    "매수잔량": lambda row: str(row.quotes.bids_size),
}

KINDS: Mapping[str, RankingKind] = {
    "opt10016": RankingKind(
        sort_keys.new_extremes, {"고가": integer("period_high"), "저가": integer("period_low")}
    ),
    "opt10017": RankingKind(
        sort_keys.limit_streaks, {"종목정보": lambda _row: "", "횟수": integer("streak")}
    ),
    "opt10018": RankingKind(sort_keys.near_extremes),
    "opt10019": RankingKind(
        sort_keys.price_surge,
        {
            "종목분류": lambda _row: "",
            "기준가": integer("from_price"),
            "기준대비": integer("from_change"),
            "급등률": percent("surge"),
        },
    ),
    "opt10020": RankingKind(
        sort_keys.order_imbalance,
        {"순매수잔량": integer("net"), "매수비율": lambda row: f"{row.real('bids_rate'):.2f}"},
    ),
    "opt10021": RankingKind(
        sort_keys.order_surge,
        {
            "기준률": integer("old"),
            "현재": integer("new"),
            "급증수량": integer("more"),
            "급증률": percent("surge"),
            "총매수량": lambda row: str(row.quotes.bids_size),
        },
    ),
    "opt10022": RankingKind(
        sort_keys.ratio_surge,
        {"기준률": percent("old"), "현재비율": percent("new"), "급증률": percent("surge")},
    ),
    "opt10023": RankingKind(
        sort_keys.volume_surge,
        {"이전거래량": integer("old"), "급증량": signed("more"), "급증률": percent("surge")},
    ),
    "opt10024": RankingKind(sort_keys.volume_record, {"이전거래량": integer("old")}),
    "opt10025": RankingKind(
        sort_keys.price_bands,
        {
            "가격대시작": integer("band_start"),
            "가격대끝": integer("band_end"),
            "매물량": integer("band_volume"),
            "매물비": percent("share"),
        },
    ),
    "opt10026": RankingKind(sort_keys.valuation_ratio, {"PER": lambda row: f"{row.real('ratio'):.2f}"}),
    "opt10027": RankingKind(fields=_TOTALS),
    "opt10028": RankingKind(sort_keys.change_from, {"시가대비": percent("from")}),
    "opt10029": RankingKind(
        sort_keys.expected_price,
        {
            "예상체결가": price(lambda row: row.integer("expected_price")),
            "전일대비기호": _expected_direction,
            "전일대비": signed("expected_change"),
            "등락률": lambda row: kiwoom_format.rate(row.integer("expected_change"), row.day.base),
            "예상체결량": integer("expected_volume"),
        },
    ),
    "opt10030": RankingKind(),
    "opt10031": RankingKind(),
    "opt10032": RankingKind(),
    "opt10033": RankingKind(
        fields={
            "신용비율": percent("credit"),
            **_TOTALS,
        }
    ),
}
"""Rankings by TR code."""
