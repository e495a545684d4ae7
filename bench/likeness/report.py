"""A table of ten issues of a simulated day, from small to large, each beside the recorded figures of one like it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import log
from pathlib import Path

import numpy as np

from bench.likeness import recorded
from bench.likeness.figures import Figures, of_plan
from bench.timing import Row
from kernel_server.clock import KST
from kernel_server.reference import sessions
from kernel_server.simulated.exchange.day_plan import DayPlan, plan_day
from kernel_server.simulated.exchange.generated_script import mean_trade
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.synthetic.market import SyntheticMarket

DATE = (2026, 11, 17)  # a usual day
FACTOR = 2.0  # each figure is within that of the recorded one
SEED = 1

_NAMES = {
    "turnover": "bn KRW/h",
    "trades": "trades/s",
    "trade": "m KRW",
    "mean": "mean",
    "median": "median",
    "one_share": "1 share",
    "spread": "ticks",
    "quotes": "quotes",
}


def ratios(simulated: Figures, real: Figures) -> dict[str, float]:
    """Simulated by recorded, of each figure that is recorded."""
    pairs = zip(Figures._fields, simulated, real, strict=True)
    return {name: mine / other for name, mine, other in pairs if mine is not None and other}


def like(market: Market, hours: phases.SessionHours, wanted: Sequence[Figures]) -> list[str]:
    """For each of some recorded figures the code of an issue of about that turnover and shares a trade."""
    known = []
    for code in market.issues():
        bars = market.daily(code, False, hours.closes, 1)
        if len(bars) and bars.volume[-1]:
            turnover = float(bars.value[-1]) / (hours.closes - hours.opens) * 3600 / 1e9
            known.append((code, log(turnover), log(float(bars.close[-1]))))
    codes: list[str] = []
    for figures in wanted:
        usual = float(mean_trade(np.array([figures.turnover * 1e9]))[0])
        turnover, price = log(figures.turnover), log(usual / figures.mean)
        left = (each for each in known if each[0] not in codes)
        codes.append(min(left, key=lambda each: 2 * abs(each[1] - turnover) + abs(each[2] - price))[0])
    return codes


def plans(wanted: Sequence[Figures]) -> list[DayPlan]:
    """Plans of a day of issues like those recorded."""
    market = SyntheticMarket(SEED, sessions.load)
    calendar = sessions.load()
    noon = datetime(*DATE, 12, tzinfo=KST).timestamp()
    hours = phases.hours(calendar, phases.session_index(calendar, noon))
    found = (plan_day(market, hours, market.issues()[code], SEED) for code in like(market, hours, wanted))
    return [plan for plan in found if plan is not None]


def run(options: Sequence[str] = ()) -> Iterable[Row]:
    """Print the table; the rows say which ratios are beyond a factor of two."""
    parser = argparse.ArgumentParser(prog="python -m bench likeness")
    parser.add_argument(
        "--data", type=Path, help="a folder of market data, whose days of trades are compared too"
    )
    folder = parser.parse_args(options).data
    wanted = recorded.table() + (recorded.of_folder(folder) if folder else [])
    print(f"{'':<34}" + "".join(f"{name:>10}" for name in _NAMES.values()))
    for plan, real in zip(plans(wanted), wanted, strict=True):
        mine = of_plan(plan)
        found = ratios(mine, real)
        print(_line(f"{plan.issue.code} {plan.issue.name}", dict(zip(Figures._fields, mine, strict=True))))
        print(_line("    recorded", dict(zip(Figures._fields, real, strict=True))))
        print(_line("    ratio", found))
        far = [_NAMES[name] for name, ratio in found.items() if not 1 / FACTOR <= ratio <= FACTOR]
        if far:
            yield Row(plan.issue.code, f"{len(far)} far", ", ".join(far))


def _line(title: str, figures: dict[str, float | None] | dict[str, float]) -> str:
    texts = ("" if (figure := figures.get(name)) is None else f"{figure:.3g}" for name in _NAMES)
    return f"{title:<34}" + "".join(f"{text:>10}" for text in texts)
