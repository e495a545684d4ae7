"""The rankings: for each TR the columns that it adds, and the fields that it writes in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.trs.rankings import sort_keys as columns
from kernel_server.simulated.trs.rankings.fields import RankingRow, Writer, percent, price, signed, whole
from kernel_server.simulated.trs.rankings.sort_keys import Inputs
from kernel_server.simulated.trs.rankings.view import RankingView


def _none(_look: RankingView, _inputs: Inputs) -> Mapping[str, Floats]:
    return {}


@dataclass(frozen=True, slots=True)
class RankingKind:
    """A ranking's own columns, computed from its inputs, and its own fields by name."""

    added: Callable[[RankingView, Inputs], Mapping[str, Floats]] = _none
    fields: Mapping[str, Writer] = field(default_factory=dict)


def _expected_direction(row: RankingRow) -> str:
    day = row.day
    return kiwoom_format.change_sign(day.open, day.base, day.upper, day.lower)


KINDS: Mapping[str, RankingKind] = {
    "opt10016": RankingKind(columns.record, {"고가": whole("period_high"), "저가": whole("period_low")}),
    "opt10017": RankingKind(columns.standing, {"종목정보": lambda _row: "", "횟수": whole("streak")}),
    "opt10018": RankingKind(columns.near),
    "opt10019": RankingKind(
        columns.surge,
        {
            "종목분류": lambda _row: "",
            "기준가": whole("from_price"),
            "기준대비": whole("from_change"),
            "급등률": percent("surge"),
        },
    ),
    "opt10020": RankingKind(
        columns.waiting,
        {"순매수잔량": whole("net"), "매수비율": lambda row: f"{row.real('bids_rate'):.2f}"},
    ),
    "opt10021": RankingKind(
        columns.more_waiting,
        {
            "기준률": whole("old"),
            "현재": whole("new"),
            "급증수량": whole("more"),
            "급증률": percent("surge"),
            "총매수량": lambda row: str(row.seen.bids_size),
        },
    ),
    "opt10022": RankingKind(
        columns.ratio_grown,
        {"기준률": percent("old"), "현재비율": percent("new"), "급증률": percent("surge")},
    ),
    "opt10023": RankingKind(
        columns.busier, {"이전거래량": whole("old"), "급증량": signed("more"), "급증률": percent("surge")}
    ),
    "opt10024": RankingKind(columns.most_traded, {"이전거래량": whole("old")}),
    "opt10025": RankingKind(
        columns.concentrated,
        {
            "가격대시작": whole("band_start"),
            "가격대끝": whole("band_end"),
            "매물량": whole("band_volume"),
            "매물비": percent("share"),
        },
    ),
    "opt10026": RankingKind(columns.ratio, {"PER": lambda row: f"{row.real('ratio'):.2f}"}),
    "opt10027": RankingKind(),
    "opt10028": RankingKind(columns.compared, {"시가대비": percent("from")}),
    "opt10029": RankingKind(
        columns.expected_price,
        {
            "예상체결가": price(lambda row: row.day.open),
            "전일대비기호": _expected_direction,
            "전일대비": lambda row: kiwoom_format.signed(row.day.open - row.day.base),
            "등락률": lambda row: kiwoom_format.rate(row.day.open - row.day.base, row.day.base),
            "예상체결량": whole("expected_volume"),
        },
    ),
    "opt10030": RankingKind(),
    "opt10031": RankingKind(),
    "opt10032": RankingKind(),
    "opt10033": RankingKind(
        fields={
            "신용비율": percent("credit"),
            "매도잔량": lambda row: str(row.seen.asks_size),
            "매수잔량": lambda row: str(row.seen.bids_size),
        }
    ),
}
"""The rankings by TR."""
