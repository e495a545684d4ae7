"""Recorded answers of the broker come out of the parsers as they were recorded, every figure."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest

from kernel_server import reference
from koalab.frames import info, quotes, to_frame
from koalab.frames.chart_pages import parse
from koalab.transport.base import Page
from tests.support.recorded_data import RECORDED_DATA

KIWOOM = RECORDED_DATA / "kiwoom"

pytestmark = [
    pytest.mark.market_data,
    pytest.mark.skipif(
        not KIWOOM.is_dir(), reason=f"no recorded market data at {KIWOOM} (set KOALAB_MARKET_DATA)"
    ),
]


def page(tr: str, rows: Sequence[Mapping[str, str]] = (), single: Mapping[str, str] | None = None) -> Page:
    entry = reference.tr(tr)
    values = [(single or {}).get(name, "") for name in entry.single_names]
    columns = ["\n".join(row[name] for row in rows) for name in entry.multi_names]
    return Page(values, columns, len(rows), "", [], 0.0)


def recorded_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["현재가"] != "..."]


def test_recorded_daily_charts_come_out_as_recorded():
    files = sorted(KIWOOM.glob("opt10081_*.csv"))
    assert len(files) == 3
    for path in files:
        rows = recorded_rows(path)
        assert len(rows) == 10
        bars = parse("opt10081", [page("opt10081", rows[:5]), page("opt10081", rows[5:])])
        frame = to_frame(bars, "daily")
        assert len(frame) == len(rows)
        for row, (when, bar), event, ratio in zip(
            reversed(rows), frame.iterrows(), bars.event, bars.ratio, strict=True
        ):
            assert f"{when:%Y%m%d}" == row["일자"]
            assert [str(figure) for figure in bar[["open", "high", "low", "close", "volume"]]] == [
                row[name] for name in ("시가", "고가", "저가", "현재가", "거래량")
            ]
            assert bar["value"] == int(row["거래대금"]) * 1_000_000
            assert event == int(row["수정주가구분"] or 0)
            assert math.isnan(ratio) if row["수정비율"] == "" else ratio == float(row["수정비율"])


SIGNED = {"전일대비", "등락율", "250최고가대비율", "250최저가대비율", "체결량"}
UNITS = {
    "opt10001": dict.fromkeys(["자본금", "시가총액", "매출액", "영업이익", "당기순이익"], 10**8)
    | dict.fromkeys(["상장주식", "유통주식"], 10**3),
    "OPTKWFID": dict.fromkeys(["자본금", "시가총액"], 10**8) | {"주식수": 10**3, "거래대금": 10**6},
}


def agrees(tr: str, name: str, raw: str, found: object) -> bool:
    """Whether a typed value says what the raw one says, by rules written apart from the field table."""
    if isinstance(found, str):
        return found == raw
    if isinstance(found, pd.Timestamp):
        return f"{found:%H%M%S}" == raw if name.endswith("시간") else f"{found:%Y%m%d}" == raw
    if found is None or pd.isna(found):
        return raw.strip("0") == ""
    value = float(raw) if name in SIGNED else abs(float(raw))
    return value * UNITS[tr].get(name, 1) == found


def events() -> list[dict]:
    return [
        json.loads(line) for line in (KIWOOM / "koapy_events.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_recorded_basic_info_comes_out_as_recorded():
    found = []
    for event in events():
        block = event.get("event", {}).get("single_data", {})
        arguments = [next(iter(one.values())) for one in event.get("event", {}).get("arguments", [])]
        if "opt10001" in arguments:
            found.append(dict(zip(block["names"], block["values"], strict=True)))
        if "결산월" in event.get("result", {}):
            found.append(event["result"])
    assert len(found) >= 3
    for raw in found:
        assert set(raw) == set(reference.tr("opt10001").single_names)
        typed = info(page("opt10001", single=raw), "ko")
        assert [name for name in raw if not agrees("opt10001", name, raw[name], typed[name])] == []


def test_recorded_quotes_come_out_as_recorded():
    blocks = [event["event"]["multi_data"] for event in events() if "multi_data" in event.get("event", {})]
    assert blocks
    for block in blocks:
        raw = [dict(zip(block["names"], line["values"], strict=True)) for line in block["values"]]
        frame = quotes([page("OPTKWFID", raw)], "ko")
        assert len(frame) == len(raw) > 1
        for line in raw:
            typed = frame.loc[line["종목코드"]]
            wrong = [name for name in frame if not agrees("OPTKWFID", name, line[name], typed[name])]
            assert wrong == []
