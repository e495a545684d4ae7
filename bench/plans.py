"""Plans: how long a look at the whole market takes, and how much longer than it must a bulk load waits."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import koalab as kl
from bench import timing
from bench.scheduler import best
from bench.timing import Row
from kernel_server.scheduler import PRESETS
from kernel_server.wire import kernel_pb2
from koalab.plans.running import PlanRun
from koalab.sessions.session import Session
from koalab.store.series import Series

ROUNDS = 20
AT_MOST = 1.01
START, END = "2016-01-01", "2026-11-13"
# Market seconds a real one, and a busy evening's answers: so that what keeps a window waiting shows.
SPEED = 20
LATE = 4.0
CODES = 40
IN_FLIGHT = (1, 8)
_MOMENT = "2026-11-14T12:00"


@contextmanager
def _session(clock: str, limits: str = "safe") -> Iterator[Session]:
    with (
        tempfile.TemporaryDirectory() as folder,
        kl.connect(cache_dir=folder, clock=f"{clock}@{_MOMENT}", limits=limits) as kw,
    ):
        yield kw


def _looks() -> list[Row]:
    """The plan of a whole market whose listing is known, with nothing held, and with ten years of everything."""
    with _session("stepped") as kw:
        codes = kw.codes().index

        def look() -> None:
            kw.plan("daily", codes, START, END)

        trs = kw.plan("daily", codes, START, END).trs
        cold = timing.rounds([look], ROUNDS)[0]
        _fill(kw, list(codes))
        assert kw.plan("daily", codes, START, END).trs == 0
        warm = timing.rounds([look], ROUNDS)[0]
    what = f"a plan of {len(codes):,} codes' daily bars since 2016"
    return [
        Row(f"{what}, nothing held", timing.duration(timing.median(cold)), f"(under 1 s) {trs:,} TRs"),
        Row("  all of it held", timing.duration(timing.median(warm)), "(under 1 s) no TR"),
    ]


def _fill(kw: Session, codes: list[str]) -> None:
    """One code's bars for all of them: a plan looks at what is covered and not at bars."""
    kw.plan("daily", codes[0], START, END).run(progress=False)
    shelf = kw.cache.shelf
    record = shelf.get(Series(codes[0], "D", True).key)
    assert record is not None
    with shelf.transaction() as change:
        for code in codes[1:]:
            change.set(Series(code, "D", True).key, record)


def _loads() -> list[Row]:
    """Bulk loads against the best possible, on a clock that runs: what is slow here keeps windows waiting."""
    rows = []
    for flying in IN_FLIGHT:
        with _session(f"fast:{SPEED}") as kw:
            plan = kw.plan("daily", list(kw.codes("KOSPI").index[:CODES]), START, END)
            needs = [need for need in plan._needs if need.trs]
            kw.login()
            fault = kernel_pb2.FaultRequest(kind="slowness", extra=LATE)
            kw._link.transport._stub.Fault(fault)  # type: ignore[attr-defined]
            began = kw._link.now()
            run = PlanRun(needs, plan._work.load, plan._name, flying)
            with kw._progress("", show=False) as bar:
                run(bar)
            took = kw._link.now() - began
            possible = best(PRESETS["safe"].of("tr"), run.done) + LATE
        rows.append(
            Row(
                f"{run.done:,} TRs under safe, {LATE:.0f} s an answer, {flying} in flight",
                f"{took:.0f} s",
                f"{took / possible:.4f} times the best possible (at most {AT_MOST}), clock x {SPEED}",
            )
        )
    return rows


def _whole() -> list[Row]:
    """A market's first fill, on a clock that leaps over the waits."""
    with _session("stepped") as kw:
        plan = kw.plan("daily", "KOSPI", START, END)
        expected, began, real = plan.trs, kw._link.now(), time.perf_counter()
        spent = plan.run(progress=False).attrs["trs"]
        took = kw._link.now() - began
        real = time.perf_counter() - real
    possible = best(PRESETS["safe"].of("tr"), spent)
    return [
        Row(
            f"KOSPI's daily bars since 2016, {spent:,} TRs ({expected:,} planned), simulated",
            f"{took / 3600:.2f} h",
            f"{took / possible:.4f} times the best possible (at most {AT_MOST}); in {real:.0f} s of real time",
        )
    ]


def run() -> list[Row]:
    return [*_looks(), *_loads(), *_whole()]
