"""Session method that updates the daily bars of a whole market."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from koalab.errors import BadInput
from koalab.inputs.arguments import flag
from koalab.inputs.issue_codes import venue_of
from koalab.loaders.market_updates.market_update import MarketUpdate
from koalab.sessions.core import Codes, SessionCore, exchange_sessions
from koalab.sessions.notices import note_missing


class MarketUpdateMethods(SessionCore):
    """Updates of all issues in one call."""

    @cached_property
    def _market_update(self) -> MarketUpdate:
        return MarketUpdate(self._link, self.cache, self._memo, exchange_sessions, self._finality)

    def update_market(
        self,
        codes: Codes | None = None,
        *,
        market: str | None = None,
        catch_up: bool = True,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Brings daily bars, adjusted and raw, up to the latest session: 100 codes a TR (OPTKWFID).

        Since 2026-09-14 there is trading until 20:00, and a day's bar is final when two halves are known: the
        official prices, which quotes have from a minute to 29 minutes after the close (15:31 to 15:59), and the whole
        volume, from 20:05 on. Call it in both, at 15:40 and 20:10 say: the second call stores the final bars. Quotes
        from 08:00 of the next morning until the next opening have both. Without a call in the afternoon 기준가 of
        the next session's quotes is the close, at no cost; see ``Finality.evening_range`` for high and low. Bars that
        lack a half stay ``provisional``, and ``daily`` loads them.

        Codes that have what quotes bring now cost nothing: repeat a call that was stopped, on a day off too; one
        with nothing to do costs 0 TRs.

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
            - ``provisional``: a half of the day's bar is known, or more, and it is not stored yet.
            - ``too early``: the call took longer than quotes had a half of the day.
            - ``behind``: more sessions are missing, and were not loaded.
            - ``no quote``: the broker has no bar of that session for it.
            - ``failed``: opt10081 was needed and did not come.
            - ``not listed``: daily bars are cached, and it is no longer in the listing.

            ``attrs["missing"]`` has the reasons of ``no quote`` and ``failed`` by code.

        Raises:
            TooEarly: quotes have nothing final of the newest session now: it is open, or its after-market is (until
                2026-09-11: it closed less than 150 minutes ago, or opens within the hour); ``retry_at`` is when they
                have.
            BadInput: a code of another exchange, as ``005930_NX``.
            CacheUnavailable: the cache cannot be used, so nothing could be stored.
        """
        if codes is not None and market is not None:
            raise BadInput("give codes or a market, not both")
        catch_up = flag("catch_up", catch_up)
        listing = self._listing()
        gone: set[str] = set()
        if codes is not None:
            given = self._given(codes)
            elsewhere = [code for code in given.codes if venue_of(code)]
            if elsewhere:
                raise BadInput(
                    f"quotes make up daily bars of the Korea Exchange alone, not of {', '.join(elsewhere[:3])}: "
                    f'kw.daily("{elsewhere[0]}") loads them'
                )
            wanted, gone = given.listed, {*given.kept, *given.missing}
        else:
            wanted = list(listing.markets) if market is None else listing.of(market)
        before = self._link.trs_here
        day, part = self._market_update.session()
        with self._progress(f"{day.astype('datetime64[D]')} 일봉", progress) as shown:
            found = self._market_update.run(wanted, catch_up, shown)
        names = self._listing().names
        rows = [(code, names.get(code[:6], code), str(one.done), one.trs) for code, one in found.items()]
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
        frame.attrs = self._attrs("OPTKWFID", self._link.now(), 0, self._link.trs_here - before)
        frame.attrs |= {"session": str(day.astype("datetime64[D]")), "quotes": part}
        missing = {code: one.reason for code, one in found.items() if one.reason}
        note_missing(frame, missing, listing.names, len(wanted))
        return frame
