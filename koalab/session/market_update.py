"""Session method that updates the daily bars of a whole market."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from koalab.errors import BadInput
from koalab.inputs.arguments import flag
from koalab.loaders.market_update import MarketUpdate
from koalab.session.core import Codes, SessionCore, exchange_sessions
from koalab.session.notices import note_missing


class MarketUpdateMethods(SessionCore):
    """Updates of all issues in one call."""

    @cached_property
    def _market_update(self) -> MarketUpdate:
        return MarketUpdate(self._link, self.cache, exchange_sessions)

    def update_market(
        self,
        codes: Codes | None = None,
        *,
        market: str | None = None,
        catch_up: bool = True,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Brings daily bars, adjusted and raw, up to the latest session: 100 codes a TR (OPTKWFID).

        Call it after 18:00, when the day's bars are final (150 minutes after the close, on a late day too), and at
        least an hour before the next session opens. Codes that are up to date cost nothing: repeat a call that was
        stopped, on a day off too; one with nothing to do costs 0 TRs.

        Args:
            codes: codes or names; None for all that are listed on KOSPI, KOSDAQ and KONEX.
            market: all of that market or kind instead (``"KOSPI"``, ``"ETF"``, as for ``codes``).
            catch_up: load the missing sessions of codes that lack more than this one, a TR of opt10081 or more for
                each of their series; else they are reported as ``behind``. Only series with 20 sessions or more in
                a row are caught up; others get the day and keep their gap, which ``daily`` fills when called.
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``code``; ``name``, ``done`` and ``trs`` (spent on that code alone, beside the quotes). ``done``:

            - ``up to date``: nothing was missing.
            - ``appended``: the day's bar was appended to the cached ones. It equals opt10081's to the digit, but for
              수정주가구분, which a quote does not have: it counts as none.
            - ``added``: the day's bar was stored alone, as the first of its series.
            - ``asked``: the day's bar came from opt10081, because the quote is incomplete (no trade and prices of
              0, or raw prices after a split that only the adjusted ones show).
            - ``caught up``: more sessions were missing, and were loaded.
            - ``refetched``: 기준가 is not the last cached close (a split, a rights issue), so that the whole cached
              range of the adjusted series was loaded again.
            - ``behind``: more sessions are missing, and were not loaded.
            - ``no quote``: the broker has no bar of that session for it.
            - ``failed``: opt10081 was needed and did not come.
            - ``not listed``: daily bars are cached, and it is no longer in the listing.

            ``attrs["missing"]`` has the reasons of ``no quote`` and ``failed`` by code.

        Raises:
            TooEarly: the next session has begun, or is about to; ``retry_at`` is when its bars are final.
            CacheUnavailable: the cache cannot be used, so nothing could be stored.
        """
        if codes is not None and market is not None:
            raise BadInput("give codes or a market, not both")
        catch_up = flag("catch_up", catch_up)
        listing = self._listing()
        gone: set[str] = set()
        if codes is not None:
            given = self._given(codes)
            wanted, gone = given.listed, {*given.kept, *given.missing}
        else:
            wanted = list(listing.markets) if market is None else listing.of(market)
        before = self._link.trs
        day, _ = self._market_update.session()
        with self._progress(f"{day.astype('datetime64[D]')} 일봉", progress) as shown:
            found = self._market_update.run(wanted, catch_up, shown)
        rows = [(code, self._name(code), str(one.done), one.trs) for code, one in found.items()]
        rows += [(code, "", "not listed", 0) for code in sorted(gone)]
        if codes is None and market is None:
            # Codes of three digits are indices, not issues.
            series = [one for one in self.cache.series() if one.interval == "D" and len(one.code) > 3]
            cached = dict.fromkeys(one.code for one in series)
            rows += [(code, "", "not listed", 0) for code in cached if code[:6] not in listing.names]
        frame = pd.DataFrame(
            {
                "name": pd.array([row[1] for row in rows], dtype="str"),
                "done": pd.array([row[2] for row in rows], dtype="str"),
                "trs": np.array([row[3] for row in rows], np.int64),
            },
            index=pd.Index([row[0] for row in rows], dtype="str", name="code"),
        )
        frame.attrs = self._attrs("OPTKWFID", self._link.now(), 0, self._link.trs - before)
        frame.attrs["session"] = str(day.astype("datetime64[D]"))
        missing = {code: one.reason for code, one in found.items() if one.reason}
        note_missing(frame, missing, listing.names, len(wanted))
        return frame
