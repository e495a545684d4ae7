"""Basic info and quotes of issues, cached only while the market cannot change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kernel_server.reference.sessions import Sessions
from koalab.errors import UnknownCode
from koalab.link import Link
from koalab.loaders import transactions
from koalab.progress import Progress
from koalab.store.finality import final_until
from koalab.store.memo import Memo
from koalab.transport.base import Page

_CODES_A_TR = 100


class SnapshotLoader:
    """Loads opt10001 and OPTKWFID. Answers are cached from the settlement of a session to an hour before the next.

    Args:
        link: to the broker.
        memo: caches answers; None: nothing is cached.
        sessions: of the exchange, read on first use.
    """

    def __init__(self, link: Link, memo: Memo | None, sessions: Callable[[], Sessions]) -> None:
        self._link = link
        self._memo = memo
        self._sessions = sessions

    def info(self, codes: Sequence[str], progress: Progress) -> tuple[list[Page], int]:
        """One opt10001 page a code, and how many of them were cached."""
        keys = [f"opt10001:{code}" for code in codes]
        found = {key: page for key in keys if (page := self._cached(key)) is not None}
        hits = len(found)
        missing = [(key, code) for key, code in zip(keys, codes, strict=True) if key not in found]
        if missing:
            progress.expect(len(missing))
        for key, code in missing:
            page = self._one("opt10001", {"종목코드": code}, progress)
            if not any(value.strip() for value in page.single):
                messages = f" ({' / '.join(page.messages)})" if page.messages else ""
                raise UnknownCode(f"the broker knows nothing of {code}{messages}")
            found[key] = page
            self._store(key, page)
        return [found[key] for key in keys], hits

    def quotes(self, codes: Sequence[str], progress: Progress) -> tuple[list[Page], int]:
        """OPTKWFID pages of 100 codes each, and how many of the pages were cached."""
        chunks = [codes[start : start + _CODES_A_TR] for start in range(0, len(codes), _CODES_A_TR)]
        pages, hits, asked = [], 0, 0
        for chunk in chunks:
            joined = ";".join(chunk)
            page = self._cached(f"OPTKWFID:{joined}")
            if page is not None:
                hits += 1
            else:
                if not asked:
                    progress.expect(len(chunks) - hits)
                asked += 1
                page = self._one("OPTKWFID", {"종목코드": joined}, progress)
                self._store(f"OPTKWFID:{joined}", page)
            pages.append(page)
        return pages, hits

    def _one(self, tr: str, inputs: dict[str, str], progress: Progress) -> Page:
        return transactions.load(self._link, tr, inputs, progress, pages=1, counted=True).pages[0]

    def _cached(self, key: str) -> Page | None:
        stored: Any = None if self._memo is None else self._memo.get(key)
        if stored is None:
            return None
        page, now = Page(**stored), self._link.now()
        # A simulated broker may have been ahead of this one.
        return page if page.received_at <= now and self._expires(now) is not None else None

    def _store(self, key: str, page: Page) -> None:
        expires = self._expires(page.received_at)
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

    def _expires(self, now: float) -> float | None:
        """When answers of now may change, seconds since the epoch; None where they may change at any moment."""
        sessions = self._sessions()
        started = sessions.last_started(now)
        if not 0 <= started < len(sessions) - 1:
            return None  # outside the calendar
        newest = sessions.dates[started].astype("datetime64[us]")
        # Auctions and closing-price trading change quotes before the opening.
        opens = sessions.next_open(now) - 3600.0
        settled = bool(newest <= final_until("D", now, sessions))
        return opens if settled and now < opens else None
