"""Sort keys of rankings by investor group, opt10034 to opt10131: trades over a period.

They add up to opt10059: a net amount is the sum of that TR's over the period. Amounts are in 백만원.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.investor_groups import FOREIGNERS, INSTITUTIONS
from kernel_server.simulated.market.trading_hours import today
from kernel_server.simulated.snapshot.investor_matrix import (
    InvestorMatrix,
    InvestorTrades,
    Period,
    last_sessions,
    period_between,
    period_volumes,
)
from kernel_server.simulated.trs.rankings.sort_keys import Inputs, choice_input
from kernel_server.simulated.trs.rankings.view import RankingView
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

_PERIODS = ("0", "1", "5", "10", "20", "60")
_SPANS = ("0", "1", "3", "5", "10", "20", "120")
_THOUSANDS = "1000"
_MILLION = 1_000_000


class InvestorSortKeys:
    """Columns by ranking; ``flows`` supplies the trades of investor groups."""

    def __init__(self, flows: InvestorMatrix) -> None:
        self._flows = flows
        self._groups = {(tr, code): name for tr, code, name in rows(_DATA / "investor_code.tsv")}

    def _net(self, view: RankingView, period: Period, name: str, money: bool = False) -> InvestorTrades:
        return self._flows.traded(view.bars, period, name, money)

    def foreigners(self, view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
        """opt10034 and opt10036: 기간 0 is today, 1 the previous session, else the number of sessions up to today."""
        chosen_period = choice_input(inputs["기간"], *_PERIODS)
        period = (
            last_sessions(1, newest=False)
            if chosen_period == "1"
            else last_sessions(max(1, int(chosen_period)))
        )
        net = self._net(view, period, FOREIGNERS).net.sum(axis=1)
        shares = view.facts.columns["shares"]
        return {
            **_signs(net),
            "net": net.astype(np.float64),
            "size": np.abs(net).astype(np.float64),
            "increase": np.divide(net * 100.0, shares, out=np.zeros(len(net)), where=shares > 0),
        }

    def three_days(self, view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
        """opt10035: net purchases, or net sales, in each of the three sessions up to today or the previous one."""
        newest = choice_input(inputs["기준일구분"], "0", "1") == "0"
        net = self._net(view, last_sessions(3, newest), FOREIGNERS).net
        same = (net > 0).all(axis=1) | (net < 0).all(axis=1)
        summed = net.sum(axis=1)
        days = {f"day{day}": net[:, -day].astype(np.float64) for day in (1, 2, 3)}
        found = {name: flags * same for name, flags in _signs(summed).items()}
        return {**days, **found, "net": summed.astype(np.float64)}

    def one_group(self, view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
        """opt10044 (기관계) and opt10058: over the days from 시작일자 to 종료일자."""
        name = self._group("opt10058", inputs["투자자구분"]) if "투자자구분" in inputs else INSTITUTIONS
        period = _period(view, inputs)
        shares, money = (self._net(view, period, name, money) for money in (False, True))
        net = shares.net.sum(axis=1)
        side = "bought" if choice_input(inputs["매매구분"], "1", "2") == "2" else "sold"
        average = _average(*(getattr(part, side).sum(axis=1) for part in (money, shares)))
        last = view.prices.last
        return {
            **_signs(net),
            "net": net.astype(np.float64),
            "net_money": money.net.sum(axis=1).astype(np.float64),
            "average": average,
            "from_average": np.where(average > 0, last - average, 0.0),
            "average_rate": np.divide(
                (last - average) * 100, average, out=np.zeros(len(net)), where=average > 0
            ),
            "period_volume": period_volumes(view, period).astype(np.float64),
        }

    def both(self, view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
        """opt10062: net purchases, or net sales, of both institutions and foreigners."""
        unit = 1000 if choice_input(inputs["단위구분"], "1", _THOUSANDS) == _THOUSANDS else 1
        side = "bought" if choice_input(inputs["매매구분"], "1", "2") == "1" else "sold"
        by_money = choice_input(inputs["정렬조건"], "1", "2") == "2"
        period = _period(view, inputs)
        found: dict[str, Floats] = {}
        nets = {}
        for short, name in (("own", INSTITUTIONS), ("foreign", FOREIGNERS)):
            shares, money = (self._net(view, period, name, money) for money in (False, True))
            nets[short] = shares.net.sum(axis=1)
            found[short] = _in_units(nets[short], unit)
            found[f"{short}_money"] = money.net.sum(axis=1).astype(np.float64)
            found[f"{short}_average"] = _average(
                *(getattr(part, side).sum(axis=1) for part in (money, shares))
            )
        net = nets["own"] + nets["foreign"]
        found["net"], found["net_money"] = _in_units(net, unit), found["own_money"] + found["foreign_money"]
        same = np.sign(nets["own"]) * np.sign(nets["foreign"]) > 0
        found |= {name: flags * same for name, flags in _signs(net).items()}
        found["sorted"] = found["net_money"] if by_money else net.astype(np.float64)
        return found

    def intraday(self, view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
        """opt10063 and opt10065: trades of one group today so far."""
        asked, tr = (
            (inputs["투자자별"], "opt10063") if "투자자별" in inputs else (inputs["기관구분"], "opt10058")
        )
        name, period = self._group(tr, asked), last_sessions(1)
        found: dict[str, Floats] = {}
        for suffix, money in (("", False), ("_money", True)):
            traded = self._net(view, period, name, money)
            found[f"plus{suffix}"] = traded.bought.sum(axis=1).astype(np.float64)
            found[f"minus{suffix}"] = -traded.sold.sum(axis=1).astype(np.float64)
            found[f"net{suffix}"] = found[f"plus{suffix}"] + found[f"minus{suffix}"]
        hit = (view.prices.volume > 0).astype(np.float64)
        if choice_input(inputs.get("동시순매수구분", "0") or "0", "0", "1") == "1":
            for each in (INSTITUTIONS, FOREIGNERS):
                hit = hit * (self._net(view, period, each).net.sum(axis=1) > 0)
        in_money = choice_input(inputs.get("금액수량구분", "2"), "1", "2") == "1"
        sides = _signs(found["net"].astype(np.int64))
        return {**found, **sides, "hit": hit, "sorted": found["net_money"] if in_money else found["net"]}

    def every_group(self, view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
        """opt10066: trades of every group today so far; of one issue if 종목코드 is given."""
        money = choice_input(inputs["금액수량구분"], "1", "2") == "1"
        side = choice_input(inputs["매매구분"], "0", "1", "2")
        found = {}
        for name in investor_groups.names():
            traded = self._net(view, last_sessions(1), name, money)
            amounts = {"0": traded.net, "1": traded.bought, "2": -traded.sold}[side]
            found[name] = amounts.sum(axis=1).astype(np.float64)
        wanted = inputs["종목코드"]
        asked_for = [not wanted or issue.code == wanted for issue in view.facts.issues]
        if not any(asked_for):
            raise TrRejected("unknown_code")
        return {**found, "hit": np.array(asked_for, np.float64)}

    def streaks(self, view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
        """opt10131: consecutive days up to today of net purchases by institutions and foreigners."""
        if inputs["종목업종구분"] != "0" or inputs["순매도수구분"] != "2":
            raise TrRejected("bad_input")
        by_money = choice_input(inputs["금액수량구분"], "0", "1") == "0"
        span = choice_input(inputs["기간"], *_SPANS)
        period = _period(view, inputs) if span == "0" else last_sessions(int(span))
        sums: dict[str, Floats | Ints] = {}
        for short, name in (("own", INSTITUTIONS), ("foreign", FOREIGNERS)):
            shares, money = (self._net(view, period, name, money).net for money in (False, True))
            # Consecutive days back from the newest, up to the first without net purchases.
            running = np.minimum.accumulate((shares > 0)[:, ::-1], axis=1)[:, ::-1]
            sums |= {
                short: shares.sum(axis=1),
                f"{short}_money": money.sum(axis=1),
                f"{short}_days": running.sum(axis=1),
                f"{short}_streak": (shares * running).sum(axis=1),
                f"{short}_streak_money": (money * running).sum(axis=1),
            }
        for suffix in ("", "_money", "_days", "_streak", "_streak_money"):
            sums[f"both{suffix}"] = sums[f"own{suffix}"] + sums[f"foreign{suffix}"]
        found = {name: np.asarray(column, np.float64) for name, column in sums.items()}
        start = _start(view, period)
        change = np.divide(
            (view.prices.last - start) * 100.0, start, out=np.zeros(len(view.facts)), where=start > 0
        )
        wanted = found["both_money" if by_money else "both"]
        return {**found, "change_rate": change, "sorted": wanted, "hit": (wanted > 0).astype(np.float64)}

    def _group(self, tr: str, code: str) -> str:
        """Investor group of a code in a TR.

        Raises:
            TrRejected: the TR has no such code.
        """
        name = self._groups.get((tr, code))
        if name is None:
            raise TrRejected("bad_input")
        return name


def _period(view: RankingView, inputs: Inputs) -> Period:
    until = date_input(inputs["종료일자"]) or today(view.now)
    return period_between(view.facts, date_input(inputs["시작일자"]) or until, until)


def _signs(net: Ints) -> dict[str, Floats]:
    return {"buying": (net > 0).astype(np.float64), "selling": (net < 0).astype(np.float64)}


def _average(money: Ints, shares: Ints) -> Floats:
    """Average price per share in whole won; 0 if nothing was traded."""
    found = np.divide(money * float(_MILLION), shares, out=np.zeros(len(shares)), where=shares > 0)
    rounded: Floats = np.rint(found)
    return rounded


def _in_units(shares: Ints, unit: int) -> Floats:
    rounded: Floats = np.rint(shares / unit)
    return rounded


def _start(view: RankingView, period: Period) -> Ints:
    """Close of each issue before the period; 0 if there is none."""
    past = view.facts.history.close
    at = period.first - 1 if period.first else 0
    closes: Ints = past[:, at].astype(np.int64) if period.first else np.zeros(len(past), np.int64)
    return closes
