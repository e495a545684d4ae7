"""Session methods for live data: collection of minute bars."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from koalab.live.collecting.archive import MinuteArchive
from koalab.live.collecting.collection import Collection
from koalab.live.collecting.collector import MinuteCollector
from koalab.sessions.core import Codes, exchange_sessions
from koalab.sessions.widgets import WidgetMethods

_REGISTERED_WITHIN: Final = 20.0


class CollectMethods(WidgetMethods):
    """Collection of minute bars from live trades."""

    @cached_property
    def _collections(self) -> list[Collection]:
        """Running collections, which continue without a reference of the caller's."""
        return []

    def collect(self, codes: Codes, *, progress: bool = True) -> Collection:
        """Collects minute bars from live trades (주식체결) into the cache, from now on, in the background.

        The broker keeps a few months of minutes only; collected minutes stay. A minute is stored when it is
        complete: the stream had no gap in it, no trade is missing by 누적거래량, and a later moment has been seen.
        It is then equal to the bar of opt10080, raw and, at today's scale, adjusted. Other minutes of the session
        are gaps, which ``fill`` and ``stop`` load with opt10080. ``minute`` then costs no TR, once the session's
        minutes are final (20:05; until 2026-09-11 at the Korea Exchange 10 minutes after the close).

        Minutes are those of the exchange's whole day: 09:00 to 15:40 and since 2026-09-14 16:00 to 20:00, at Nextrade
        (``005930_NX``, ``005930_AL``) from 08:00 to 20:00. Trades that stand in no minute, as 시간외종가, are counted
        as ``outside``.

        Args:
            codes: codes or names.
            progress: show a bar while gaps are filled.

        Returns:
            A ``Collection``: ``frame()``, ``status()``, ``gaps``, ``fill()`` and ``stop()``; ``with`` stops it too.

        Raises:
            NotConnected, NoAnswer: the codes could not be registered.
        """
        wanted = self._codes_of(codes, "주식체결")
        self._link.retrying(self._link.require_login)
        archive = MinuteArchive(self.cache, exchange_sessions)
        collector = MinuteCollector(self._hub, archive, exchange_sessions, self._link.now, wanted)
        try:
            collector.wait(_REGISTERED_WITHIN)
        except BaseException:
            collector.stop()
            raise
        found = Collection(collector, self._link, lambda: self._progress("분봉 보충", progress), self._name)
        self._collections[:] = [one for one in self._collections if one.running]
        self._collections.append(found)
        return found

    def close(self) -> None:
        """Ends the session: stores what was collected, ends registrations, and stops an embedded server."""
        for one in self._collections:
            one.stop(fill=False)
        super().close()
