"""Batches of trades into minute bars, against splitting the same texts and nothing else."""

from __future__ import annotations

import numpy as np

from bench import timing
from bench.timing import Row
from kernel_server import reference
from koalab.live.collecting.minute_builder import MinuteBuilder, SessionMinutes
from koalab.live.collecting.trades import read_trades
from koalab.live.wall_time import MINUTE, wall_micros
from koalab.transport.base import TickBatch

EVENTS, CODES, BATCHES, ROUNDS = 1_000, 200, 20, 7
_TYPE = "주식체결"
_OPENS = wall_micros(1_795_132_800.0)  # 2026-11-20 09:00 in Seoul
_FIDS = (20, 10, 11, 15, 13)


def _batches() -> list[TickBatch]:
    """Trades of many codes, each a share, one after the other over some minutes."""
    width = len(reference.realtype(_TYPE).fids)
    places = {fid: place for place, fid in enumerate(reference.realtype(_TYPE).fids)}
    codes = tuple(f"{number:06d}" for number in range(CODES))
    found = []
    for number in range(BATCHES):
        lines = []
        for event in range(EVENTS):
            cells = ["0"] * width
            total = number * (EVENTS // CODES) + event // CODES + 1
            minute, second = divmod(total * 3, 60)
            for fid, text in zip(
                _FIDS, (f"09{minute:02d}{second:02d}", "-77000", "-500", "+1", str(total)), strict=True
            ):
                cells[places[fid]] = text
            lines.append("\t".join(cells))
        found.append(
            TickBatch(
                (_TYPE,),
                np.zeros(EVENTS, np.intp),
                codes,
                np.arange(EVENTS) % CODES,
                "\n".join(lines),
                np.full(EVENTS, 1_795_132_900.0),
            )
        )
    return found


def run() -> list[Row]:
    batches = _batches()
    session = SessionMinutes(_OPENS, _OPENS + 390 * MINUTE - 1)
    connected = ((_OPENS - MINUTE, session.last),)

    def mine() -> None:
        builders = {code: MinuteBuilder(session) for code in batches[0].codes}
        for batch in batches:
            found = read_trades(batch)
            assert found is not None
            for code, trades, _ in found.by_code():
                builders[code].add(trades)
        bars = sum(len(builder.complete(connected).bars) for builder in builders.values())
        assert bars == CODES * 6

    def floor() -> None:
        for batch in batches:
            assert len(batch.data.replace("\n", "\t").split("\t")) > EVENTS

    found, least = timing.rounds([mine, floor], ROUNDS)
    count = EVENTS * BATCHES
    return [
        Row(
            f"trades of {CODES} codes into complete minutes",
            f"{count / timing.median(found):,.0f} trades/s",
            f"{timing.ratio(found, least):.1f} times splitting their texts",
        ),
        Row("  splitting their texts", f"{count / timing.median(least):,.0f} trades/s"),
    ]
