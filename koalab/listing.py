"""The listing: codes, names, markets, and the lookup of a code by what a user typed.

Names come from the control's master functions, which cost no TR. They change once a day, before the market
opens, so a day's listing is cached.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from koalab.dates import seoul
from koalab.errors import BadInput, CacheDamaged, KoalabError, UnknownCode
from koalab.link import Link
from koalab.store.memo import Memo

log = logging.getLogger(__name__)

# Numbers of GetCodeListByMarket. KINDS are parts of the MARKETS.
MARKETS: Mapping[str, str] = {"KOSPI": "0", "KOSDAQ": "10", "KONEX": "50"}
KINDS: Mapping[str, str] = {"etf": "8", "etn": "60", "reit": "6", "elw": "3", "fund": "4", "warrant": "5"}
_CODE = re.compile(r"(?P<code>[0-9A-Z]{6})(?:_(?:NX|AL))?")
_DATE = re.compile(r"[12]\d{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_NEAR = 5
# Up to so many codes the master functions are called for them alone; beyond, for the whole market, which is cached.
_FEW = 300


class DayListing:
    """The codes of one day, by market and kind, with their names."""

    def __init__(
        self, names: Mapping[str, str], markets: Mapping[str, str], kinds: Mapping[str, str]
    ) -> None:
        self.names = names
        self.markets = markets
        self.kinds = kinds

    @cached_property
    def by_name(self) -> dict[str, str]:
        # Of two issues with one name the first is the older listing; the other is found by its code only.
        found: dict[str, str] = {}
        for code, name in self.names.items():
            found.setdefault(folded(name), code)
        return found

    def resolve(self, given: str) -> str:
        """The code of that code or name.

        Raises:
            UnknownCode: no issue has that code or name; its ``near`` holds similar ones.
        """
        if not isinstance(given, str) or not given.strip():
            raise BadInput(f'a code is a text of six characters like "005930", or a name, not {given!r}')
        text = given.strip()
        match = _CODE.fullmatch(text.upper())
        if match is not None and match["code"] in self.names:
            return text.upper()
        if text.upper().startswith("A") and text[1:].upper() in self.names:
            return text[1:].upper()  # the form in account TRs
        code = self.by_name.get(folded(text))
        if code is not None:
            return code
        near = self.near(text)
        hint = ": did you mean " + ", ".join(f"{name} ({code})" for code, name in near) + "?" if near else ""
        raise UnknownCode(f"no issue has the code or name {given!r}{hint}", near)

    def near(self, text: str) -> list[tuple[str, str]]:
        """Issues with a similar code or name, at most five."""
        plain = folded(text)
        inside = [code for code, name in self.names.items() if plain and plain in folded(name)]
        close = [self.by_name[name] for name in difflib.get_close_matches(plain, self.by_name, _NEAR, 0.5)]
        if text.isdigit() or _CODE.fullmatch(text.upper()):
            close += difflib.get_close_matches(text.upper(), self.names, _NEAR, 0.8)
        found = list(dict.fromkeys([*sorted(inside, key=lambda code: len(self.names[code])), *close]))
        return [(code, self.names[code]) for code in found[:_NEAR]]

    def of(self, market: str | None) -> list[str]:
        """The codes of a market or kind, in the broker's order; None for all.

        Raises:
            BadInput: no such market.
        """
        if market is None:
            return list(self.names)
        wanted = str(market).strip()
        if wanted.upper() in MARKETS:
            return [code for code, found in self.markets.items() if found == wanted.upper()]
        if wanted.lower() in KINDS:
            return [code for code, found in self.kinds.items() if found == wanted.lower()]
        known = ", ".join([*MARKETS, *(kind.upper() for kind in KINDS)])
        raise BadInput(f"no market {market!r}; there are {known}, or None for all")


class ListingLoader:
    """Today's listing, from the cache or from the broker."""

    def __init__(self, link: Link, memo: Memo | None) -> None:
        self._link = link
        self._memo = memo
        self._cached: tuple[str, DayListing] | None = None
        self._dates: tuple[str, dict[str, str]] = ("", {})

    def today(self) -> DayListing:
        """The listing as of the broker's today.

        Where the server is gone the last cached one is used, so that cached bars can still be read.
        """
        day = _day(self._link.now())
        if self._cached is not None and self._cached[0] == day:
            return self._cached[1]
        stored = daily_cached(self._memo, "listing", day, self._ask)
        listing = DayListing(stored["names"], stored["markets"], stored["kinds"])
        self._cached = (day, listing)
        return listing

    def frame(self, codes: Sequence[str]) -> pd.DataFrame:
        """A frame of those codes with the values of the master functions; see ``Session.codes``."""
        listing = self.today()
        details = self._details(codes)
        rows = [details[code] for code in codes if code in details]
        known = [code for code in codes if code in details]
        listed, shares, last, supervision, state = zip(*rows, strict=True) if rows else ([], [], [], [], [])
        frame = pd.DataFrame(
            {
                "name": pd.array([listing.names[code] for code in known], dtype="str"),
                "market": pd.array([listing.markets.get(code, "") for code in known], dtype="str"),
                "kind": pd.array([listing.kinds.get(code, "stock") for code in known], dtype="str"),
                "listed": pd.to_datetime(pd.Series(listed, dtype="str"), format="%Y%m%d", errors="coerce")
                .to_numpy()
                .astype("datetime64[us]"),
                "shares": np.array([_number(text) for text in shares], np.int64),
                "base_price": np.array([_number(text) for text in last], np.int64),
                "supervision": pd.array(list(supervision), dtype="str"),
                "state": pd.array(list(state), dtype="str"),
            },
            index=pd.Index(known, dtype="str", name="code"),
        )
        frame.attrs = {"source": self._link.source, "listed_on": _day(self._link.now()), "trs": 0}
        return frame

    def listed(self, codes: Sequence[str]) -> dict[str, np.datetime64]:
        """The listing dates of those codes (GetMasterListedStockDate), without those that the broker has not."""
        day = _day(self._link.now())
        if self._dates[0] != day:
            stored = cached_value(self._memo, "listing-details")
            rows = stored["rows"] if stored is not None and stored["day"] == day else {}
            self._dates = (day, {code: row[0] for code, row in rows.items()})
        known = self._dates[1]
        unknown = [code for code in codes if code not in known]
        if unknown:
            self._link.require_login()
            dates = self._link.call_many([("GetMasterListedStockDate", (code,)) for code in unknown])
            known.update({code: str(date or "").strip() for code, date in zip(unknown, dates, strict=True)})
        return {code: _date(known[code]) for code in codes if _DATE.fullmatch(known[code])}

    def _ask(self) -> dict[str, Any]:
        self._link.require_login()
        lists = [("GetCodeListByMarket", (number,)) for number in [*MARKETS.values(), *KINDS.values()]]
        found = [str(text or "").split(";") for text in self._link.call_many(lists)]
        codes = [[code for code in one if code] for one in found]
        markets = dict(_labels(zip(MARKETS, codes[: len(MARKETS)], strict=True)))
        kinds = dict(_labels(zip(KINDS, codes[len(MARKETS) :], strict=True)))
        order = list(dict.fromkeys([*markets, *kinds]))
        names = self._link.call_many([("GetMasterCodeName", (code,)) for code in order])
        return {
            "names": {code: str(name).strip() for code, name in zip(order, names, strict=True)},
            "markets": markets,
            "kinds": kinds,
        }

    def _details(self, codes: Sequence[str]) -> dict[str, list[str]]:
        """The values of the master functions for at least those codes: for the whole market once a day, or a few."""
        now = self._link.now()
        day = _day(now)
        stored = cached_value(self._memo, "listing-details")
        # A simulated broker may have been ahead of this one: its last prices are later closes.
        if stored is not None and stored["day"] == day and stored.get("at", now) <= now:
            return dict(stored["rows"])
        whole = len(codes) > _FEW
        rows = self._ask_details(list(self.today().names) if whole else codes)
        if whole:
            self._put("listing-details", {"day": day, "at": now, "rows": rows})
        return rows

    def _ask_details(self, codes: Sequence[str]) -> dict[str, list[str]]:
        self._link.require_login()
        calls: list[tuple[str, tuple[str, ...]]] = []
        for code in codes:
            calls += [
                ("GetMasterListedStockDate", (code,)),
                # GetMasterListedStockCnt overflows for the largest issues.
                ("KOA_Functions", ("GetMasterListedStockCntEx", code)),
                ("GetMasterLastPrice", (code,)),
                ("GetMasterConstruction", (code,)),
                ("GetMasterStockState", (code,)),
            ]
        values = ["" if value is None else str(value).strip() for value in self._link.call_many(calls)]
        return {code: values[5 * number : 5 * number + 5] for number, code in enumerate(codes)}

    def _put(self, key: str, value: Any) -> None:
        if self._memo is not None:
            self._memo.put(key, value)


def cached_value(memo: Memo | None, key: str) -> Any:
    """The cached value under that key; None where there is none or it cannot be read, so that it is requested."""
    if memo is None:
        return None
    try:
        return memo.get(key)
    except CacheDamaged as error:
        log.warning("%s; the listing is asked for anew", error)
        return None


def _date(text: str) -> np.datetime64:
    """The day of YYYYMMDD; a day past the end of its month counts on into the next."""
    return np.datetime64(f"{text[:4]}-{text[4:6]}", "D") + np.timedelta64(int(text[6:]) - 1, "D")


def daily_cached(memo: Memo | None, key: str, day: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The cached value of that day (ISO), or the result of ``ask``, which is cached for it.

    Where ``ask`` fails the cached value of another day is used; without one the error is raised.
    """
    stored: dict[str, Any] | None = cached_value(memo, key)
    if stored is None or stored["day"] != day:
        try:
            stored = {"day": day, **ask()}
            if memo is not None:
                memo.put(key, stored)
        except KoalabError:
            if stored is None:
                raise
    return stored


def _labels(lists: Iterable[tuple[str, list[str]]]) -> Iterable[tuple[str, str]]:
    return ((code, label) for label, codes in lists for code in codes)


def folded(name: str) -> str:
    """A name without blanks, in lower case."""
    return "".join(name.split()).lower()


def _number(text: str) -> int:
    return int(text) if text.lstrip("+-").isdigit() else 0


def _day(now: float) -> str:
    return f"{seoul(now):%Y-%m-%d}"
