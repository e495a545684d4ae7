"""A plan: the cost of a bulk load, and the load itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from koalab.dates import seoul
from koalab.errors import KoalabError, PlanIncomplete
from koalab.frames.attrs import frame_attrs
from koalab.link import Link
from koalab.plans.running import PlanResult, PlanRun
from koalab.plans.work import CodeNeed, PlanWork, share
from koalab.progress import Progress

_NAMED = 5  # failures listed one by one in an error


class Plan:
    """The cost of a bulk load, and the load. ``kw.plan(…)`` makes it; no TR is spent before ``run()``.

    It has no stored state: it loads what the cache lacks. So it resumes where it was stopped, by Ctrl-C, a dead
    kernel or a dead server, in this session or in any other.

    Args:
        work: what to load.
        link: to the broker.
        names: of issues, by code.
        progress: makes the bar, from a label and whether it is shown.
    """

    def __init__(
        self,
        work: PlanWork,
        link: Link,
        names: Mapping[str, str],
        progress: Callable[[str, bool], Progress],
    ) -> None:
        self._work = work
        self._link = link
        self._names = names
        self._progress = progress
        self._needs: Sequence[CodeNeed] = ()
        self._looked_at = 0.0
        self.wait = 0.0
        """Seconds of the broker's time that the TRs take under its limits, behind those in the server's queue."""
        self.ends: pd.Timestamp
        """When they would be done if the plan ran now (Asia/Seoul, by the broker's clock)."""
        self.look()

    def look(self) -> Plan:
        """Reads the cache and the server's queue again; returns this plan."""
        self._needs = self._work.needs()
        # A fully cached plan needs no server.
        self.wait = self._link.status(trs=self.trs).expected_wait if self.trs else 0.0
        self._looked_at = self._link.now()
        self.ends = seoul(round(self._looked_at + self.wait))
        return self

    @property
    def codes(self) -> list[str]:
        """The codes of its issues."""
        return [need.code for need in self._needs]

    @property
    def trs(self) -> int:
        """TRs expected in all."""
        return sum(need.trs for need in self._needs)

    @property
    def cached(self) -> float:
        """The cached share, 0 to 1, by bars (of minutes by sessions)."""
        stored, whole = sum(need.stored for need in self._needs), sum(need.whole for need in self._needs)
        return share(stored, whole, self.trs)

    @property
    def history_from(self) -> dict[str, str]:
        """Where the broker's history begins, by code, of codes of which it is known to be later than asked."""
        found = {need.code: need.history_from for need in self._needs}
        return {code: str(when.astype("datetime64[s]")) for code, when in found.items() if when is not None}

    def frame(self) -> pd.DataFrame:
        """The cost of each code.

        Returns:
            Index ``code``; ``name``, ``trs`` (expected, int64), ``cached`` (share, 0 to 1, float64).
        """
        return self._table(
            {
                "trs": np.array([need.trs for need in self._needs], np.int64),
                "cached": np.array([need.cached for need in self._needs], np.float64),
            }
        )

    def summary(self) -> pd.Series:
        """The totals: ``plan codes trs cached wait ends``, ``wait`` a Timedelta, ``ends`` in Asia/Seoul."""
        found = pd.Series(
            {
                "plan": self._work.description,
                "codes": len(self._needs),
                "trs": self.trs,
                "cached": self.cached,
                "wait": pd.Timedelta(seconds=round(self.wait)),
                "ends": self.ends,
            }
        )
        found.attrs = self._attrs()
        return found

    def run(self, *, progress: bool = True) -> pd.DataFrame:
        """Loads what the cache lacks, as bulk work: interactive requests go first.

        An issue that cannot be loaded does not stop the others, and is reported at the end.

        Args:
            progress: show a bar with the rate, the wait and the end.

        Returns:
            Index ``code``; ``name``, ``trs`` (spent), ``error`` (blank). ``attrs["trs"]`` is their sum.

        Raises:
            PlanIncomplete: some codes could not be loaded; all others are. Its ``report`` is the frame.
            KoalabError: what concerns all of them, a server that does not come back for example.
            KeyboardInterrupt: it was stopped. Nothing stays queued, and what came is stored.
        """
        self.look()
        todo = [need for need in self._needs if need.trs]
        if todo:
            self._link.retrying(self._link.require_login)
        run = PlanRun(todo, self._work.load, self._name)
        try:
            with self._progress(self._label(todo), progress) as bar:
                outcome = run(bar)
        except (KeyboardInterrupt, KoalabError) as stopped:
            stopped.add_note(
                f"the plan stopped after {run.done:,} of {run.total:,} TRs; what came is kept: "
                "run() goes on from there, as does the same plan in another session"
            )
            raise
        self.look()
        report = self._report(outcome)
        if outcome.failed:
            raise PlanIncomplete(self._complaint(outcome), report, outcome.failed)
        return report

    def load(self, *, progress: bool = True) -> pd.DataFrame:
        """Runs the plan, and returns the frame of all of it, as the session's method does."""
        report = self.run(progress=progress)
        frame = self._work.frame()
        frame.attrs["trs"] += report.attrs["trs"]
        return frame

    def __repr__(self) -> str:
        return f"<plan {self._text()}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._text())}</p>{self.frame().to_html(max_rows=10, notebook=True)}"

    def _text(self) -> str:
        count = len(self._needs)
        of = self._name(self._needs[0].code) if count == 1 else f"{count:,} codes"
        if not self.trs:
            late = self.history_from
            if not late:
                whole = sum(need.whole for need in self._needs)
                why = "the cache has it all" if whole else "there are no bars of that time"
                return f"{self._work.description} of {of}: nothing to load, {why}"
            which = f"of {len(late):,} of them " if count > 1 else ""
            return (
                f"{self._work.description} of {of}: nothing to load, the cache has what there is; {which}the broker's "
                f"history begins later than asked ({min(late.values()).replace('T', ' ')})"
            )
        wait = str(pd.Timedelta(seconds=round(self.wait))).removeprefix("0 days ")
        return (
            f"{self._work.description} of {of}: {self.trs:,} TRs, {self.cached:.1%} cached; "
            f"{wait} under the broker's limits, until {self.ends:%Y-%m-%d %H:%M} in Seoul"
        )

    def _label(self, todo: Sequence[CodeNeed]) -> str:
        of = self._name(todo[0].code) if len(todo) == 1 else f"{len(todo):,}종목"
        return f"{of} {self._work.label}"

    def _name(self, code: str) -> str:
        return self._names.get(code[:6], code)

    def _report(self, outcome: PlanResult) -> pd.DataFrame:
        errors = {code: f"{type(error).__name__}: {error}" for code, error in outcome.failed.items()}
        report = self._table(
            {
                "trs": np.array([outcome.trs.get(code, 0) for code in self.codes], np.int64),
                "error": pd.array([errors.get(code, "") for code in self.codes], dtype="str"),
            }
        )
        report.attrs["trs"] = sum(outcome.trs.values())
        return report

    def _complaint(self, outcome: PlanResult) -> str:
        failed = list(outcome.failed.items())
        listed = "; ".join(f"{self._name(code)} ({code}): {error}" for code, error in failed[:_NAMED])
        more = f"; and {len(failed) - _NAMED:,} more" if len(failed) > _NAMED else ""
        return (
            f"{len(failed):,} of {len(self._needs):,} codes could not be loaded, the others are: {listed}{more}. "
            "run() tries these again; .report of this error lists them"
        )

    def _table(self, columns: Mapping[str, object]) -> pd.DataFrame:
        names = pd.array([self._name(code) for code in self.codes], dtype="str")
        index = pd.Index(self.codes, dtype="str", name="code")
        frame = pd.DataFrame({"name": names, **columns}, index=index)
        frame.attrs = self._attrs()
        return frame

    def _attrs(self) -> dict[Hashable | None, Any]:
        return frame_attrs(self._link.source, self._work.tr, self._looked_at)
