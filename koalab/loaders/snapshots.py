"""Basic info and quotes of issues, cached only while the market cannot change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kernel_server.reference.sessions import Sessions
from koalab.link import Link
from koalab.loaders import transactions
from koalab.loaders.failures import Missing, complaints
from koalab.progress import Progress
from koalab.store.finality import DEFAULT, Finality, final_until
from koalab.store.memo import Memo
from koalab.transport.base import Page

CODES_A_TR: Final = 100
"""The most codes of one OPTKWFID."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Pages of snapshots, those of info one a code.

    Attributes:
        pages: as they came, or from the cache.
        hits: how many of them were cached.
        missing: reasons of issues without one, by code.
    """

    pages: list[Page]
    hits: int
    missing: dict[str, str]


class SnapshotLoader:
    """Loads opt10001 and OPTKWFID. Answers are cached from the settlement of a session to an hour before the next.

    Args:
        link: to the broker.
        memo: caches answers; None: nothing is cached.
        sessions: of the exchange, read on first use.
        finality: when figures of a day are final.
    """

    def __init__(
        self,
        link: Link,
        memo: Memo | None,
        sessions: Callable[[], Sessions],
        finality: Finality = DEFAULT,
    ) -> None:
        self._finality = finality
        self._link = link
        self._memo = memo
        self._sessions = sessions

    def info(self, codes: Sequence[str], several: bool, progress: Progress) -> Snapshots:
        """One opt10001 page a code; of several codes one that fails is missing."""
        keys = {code: f"opt10001:{code}" for code in codes}
        found = {code: page for code, key in keys.items() if (page := self._cached(key, [code])) is not None}
        hits, missing = len(found), Missing(several)
        if hits < len(codes):
            progress.expect(len(codes) - hits)
        for code in codes:
            if code in found:
                continue
            with missing.of(code):
                page = self._one("opt10001", {"종목코드": code}, progress)
                if any(value.strip() for value in page.single):
                    found[code] = page
                    self._store(keys[code], page, [code])
                else:
                    said = complaints(page.messages)
                    messages = f" ({' / '.join(said)})" if said else ""
                    missing.add(code, f"the broker knows nothing of {code}{messages}")
        if not found:
            missing.check()
        return Snapshots([found[code] for code in codes if code in found], hits, missing.reasons)

    def quotes(self, codes: Sequence[str], progress: Progress) -> Snapshots:
        """OPTKWFID pages of 100 codes each. Which codes they lack shows when they are parsed."""
        chunks = [codes[start : start + CODES_A_TR] for start in range(0, len(codes), CODES_A_TR)]
        pages, hits, asked = [], 0, 0
        for chunk in chunks:
            joined = ";".join(chunk)
            page = self._cached(f"OPTKWFID:{joined}", chunk)
            if page is not None:
                hits += 1
            else:
                if not asked:
                    progress.expect(len(chunks) - hits)
                asked += 1
                page = self._one("OPTKWFID", {"종목코드": joined}, progress)
                if page.rows == len(chunk) and not complaints(page.messages):
                    self._store(f"OPTKWFID:{joined}", page, chunk)
            pages.append(page)
        return Snapshots(pages, hits, {})

    def _one(self, tr: str, inputs: dict[str, str], progress: Progress) -> Page:
        return transactions.load(self._link, tr, inputs, progress, pages=1, counted=True).pages[0]

    def _cached(self, key: str, codes: Sequence[str]) -> Page | None:
        stored: Any = None if self._memo is None else self._memo.get(key)
        if stored is None:
            return None
        page, now = Page(**stored), self._link.now()
        # A simulated broker may have been ahead of this one.
        return page if page.received_at <= now and self._expires(now, codes) is not None else None

    def _store(self, key: str, page: Page, codes: Sequence[str]) -> None:
        expires = self._expires(page.received_at, codes)
        if self._memo is None or expires is None:
            return
        value = {
            "single": list(page.single),
            "columns": list(page.columns),
            "rows": page.rows,
            "prev_next": page.prev_next,
            "messages": list(page.messages),
            "received_at": page.received_at,
        }
        self._memo.put(key, value, expires)

    def _expires(self, now: float, codes: Sequence[str]) -> float | None:
        """When answers of now about codes may change, seconds since the epoch; None where they may at any moment."""
        sessions = self._sessions()
        started = sessions.last_started(now)
        if not 0 <= started < len(sessions) - 1:
            return None  # outside the calendar
        newest = sessions.dates[started].astype("datetime64[us]")
        # Auctions and closing-price trading change quotes before the opening.
        opens = sessions.next_open(now) - 3600.0
        ends = {self._finality.of(code) for code in codes}
        settled = all(newest <= final_until("D", now, sessions, each) for each in ends)
        return opens if settled and now < opens else None
