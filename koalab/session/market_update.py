"""The whole market at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from koalab.errors import BadInput
from koalab.loaders.market_update import MarketUpdate
from koalab.session.core import Codes, SessionCore, exchange_sessions


class MarketUpdateMethods(SessionCore):
    """What is done for all issues in one go."""

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

        To be called after 18:00, when the day's bars are final (150 minutes after the close, on a late day too), until
        an hour before the next session opens. Whatever is up to date already costs nothing, so that a call that
        was stopped is simply made again, and one on a day off finishes what was left, or does nothing at 0 TRs.

        Args:
            codes: which; None for all that are listed on KOSPI, KOSDAQ and KONEX.
            market: all of that market or kind instead (``"KOSPI"``, ``"ETF"``, as ``codes`` takes it).
            catch_up: load what is missing of codes that lack more than this session, a TR of opt10081 or more
                for each of their series; else they are told of as ``behind``. Only what has 20 sessions or
                more in a row is caught up with; less gets the day and keeps its gap, which ``daily`` fills when asked.
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``code``; ``name``, ``done`` and ``trs`` (spent on that code alone, beside the quotes). ``done``:

            - ``up to date``: nothing was missing.
            - ``appended``: the day's bar was put behind what is held. It is opt10081's own to the digit, but
              that 수정주가구분 is not in a quote: it counts as none.
            - ``added``: the day's bar was put down alone, for nothing was held: from now on it is kept up to date.
            - ``asked``: the day's bar came from opt10081, since the quote left something open (nothing traded and
              prices of 0, or raw prices behind a split that the adjusted ones know of).
            - ``caught up``: more sessions were missing, and were loaded.
            - ``refetched``: 기준가 is not the last close that was held (a split, a rights issue), so that all
              that was held of the adjusted series was loaded anew.
            - ``behind``: more sessions are missing, and are left so.
            - ``no quote``: the broker shows no bar of that session for it.
            - ``not listed``: daily bars are held, and the listing has it no more.

        Raises:
            TooEarly: the next session has begun, or is about to; ``retry_at`` says when its bars are final.
            CacheUnavailable: the cache cannot be used: there is nowhere to put the bars.
        """
        if codes is not None and market is not None:
            raise BadInput("give codes or a market, not both")
        listing = self._listing()
        if codes is not None:
            wanted = self._codes(codes)[0]
        else:
            wanted = list(listing.markets) if market is None else listing.of(market)
        before = self._link.trs
        day, _ = self._market_update.session()
        with self._progress(f"{day.astype('datetime64[D]')} 일봉", progress) as shown:
            found = self._market_update.run(wanted, catch_up, shown)
        rows = [(code, self._name(code), str(one.done), one.trs) for code, one in found.items()]
        if codes is None and market is None:
            # Indices, whose codes have three digits, are no issues, listed or not.
            series = [one for one in self.cache.series() if one.interval == "D" and len(one.code) > 3]
            held = dict.fromkeys(one.code for one in series)
            rows += [(code, "", "not listed", 0) for code in held if code[:6] not in listing.names]
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
        return frame
