"""The listing: codes, names, markets, and the lookup of a code by what a user typed.

Names come from the control's master functions, which cost no TR. They change once a day, before the market
opens, so a day's listing is cached.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from koalab.dates import SEOUL, seoul
from koalab.errors import BadInput, KoalabError, NoAnswer, UnknownCode
from koalab.frames.attrs import frame_attrs
from koalab.inputs.issue_codes import OTHER_NAMES, WrittenCode, index_market, written_code
from koalab.inputs.text import folded, plain, shown
from koalab.link import CallMany, Link
from koalab.store.memo import Memo
from koalab.store.turns import Turns
from koalab.transport.base import Scalar

# Numbers of GetCodeListByMarket. KINDS are parts of the MARKETS.
MARKETS: Mapping[str, str] = {"KOSPI": "0", "KOSDAQ": "10", "KONEX": "50"}
KINDS: Mapping[str, str] = {"etf": "8", "etn": "60", "reit": "6", "elw": "3", "fund": "4", "warrant": "5"}
_KOREAN_MARKETS = {"코스피": "KOSPI", "코스닥": "KOSDAQ", "코넥스": "KONEX"}
_CODE = re.compile(r"[0-9A-Z]{6}(?:_(?:NX|AL))?")
_DATE = re.compile(r"[12]\d{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_NEAR = 5
# Similar names of longer texts are not looked for: it takes long.
_LONGEST = 60
# Up to so many codes the master functions are called for them alone; beyond, for the whole market, which is cached.
_FEW = 300


class DayListing:
    """The codes of one day, by market and kind, with their names."""

    def __init__(
        self, names: Mapping[str, str], markets: Mapping[str, str], kinds: Mapping[str, str], day: str = ""
    ) -> None:
        self.names = names
        self.markets = markets
        self.kinds = kinds
        self.day = day

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Codes by folded name; several where issues share a name."""
        found: dict[str, list[str]] = {}
        for code, name in self.names.items():
            found.setdefault(folded(name), []).append(code)
        return found

    def resolve(self, given: str) -> str:
        """The code of that code or name; ``issue_codes.written_code`` lists the forms of codes.

        Raises:
            UnknownCode: no issue has that code or name, or several have; its ``near`` holds similar ones, or those.
            BadInput: it is no text, or an ISIN without a code.
        """
        if not isinstance(given, str) or not given.strip():
            raise BadInput(
                f'a code is a text of six characters like "005930", or a name, not {shown(given)}'
                + _with_zeros(given)
            )
        written = written_code(given)
        if written is not None and written.code in self.names:
            return self._checked(given, written)
        codes = self.by_name.get(folded(given), [])
        if len(codes) > 1:
            near = [(code, self.names[code]) for code in codes]
            listed = ", ".join(
                f"{code} ({self.markets.get(code) or self.kinds.get(code, '')})" for code in codes
            )
            raise UnknownCode(f"several issues are called {shown(given)}: say which by code, {listed}", near)
        if not codes:
            raise self._unknown(given)
        return codes[0]

    def near(self, text: str) -> list[tuple[str, str]]:
        """Issues with a similar code or name, at most five."""
        name, code = folded(text), plain(text).upper()
        if not name or len(name) > _LONGEST:
            return []
        found = list(self.by_name.get(folded(OTHER_NAMES.get(name, "")), []))
        if code.isdigit() and len(code) < len("005930"):
            found += [one for one in [code.zfill(6)] if one in self.names]
        inside = [one for one, listed in self.names.items() if name in folded(listed)]
        found += sorted(inside, key=lambda one: len(self.names[one]))
        for close in difflib.get_close_matches(name, self.by_name, _NEAR, 0.5):
            found += self.by_name[close]
        if _CODE.fullmatch(code):
            found += difflib.get_close_matches(code, self.names, _NEAR, 0.8)
        return [(one, self.names[one]) for one in dict.fromkeys(found)][:_NEAR]

    def of(self, market: str | None) -> list[str]:
        """The codes of a market or kind, in the broker's order; None for all.

        Raises:
            BadInput: no such market.
        """
        if market is None:
            return list(self.names)
        wanted = folded(market) if isinstance(market, str) else ""
        wanted = _KOREAN_MARKETS.get(wanted, wanted)
        if wanted.upper() in MARKETS:
            return [code for code, found in self.markets.items() if found == wanted.upper()]
        if wanted in KINDS:
            return [code for code, found in self.kinds.items() if found == wanted]
        known = ", ".join([*MARKETS, *(kind.upper() for kind in KINDS)])
        raise BadInput(f"no market {shown(market)}; there are {known}, or None for all")

    def _checked(self, given: str, written: WrittenCode) -> str:
        """The code, if market and kind are those that its form names."""
        market, kind = self.markets.get(written.code, ""), self.kinds.get(written.code, "stock")
        near = [(written.code, self.names[written.code])]
        if written.market and market and written.market != market:
            raise UnknownCode(
                f"{shown(given)} would be of {written.market}, but {self.names[written.code]} ({written.code}) is"
                f" listed on {market}",
                near,
            )
        if written.kind and written.kind != kind:
            raise UnknownCode(
                f"{shown(given)} would be an {written.kind.upper()}, but {self.names[written.code]}"
                f" ({written.code}) is none",
                near,
            )
        return written.text

    def _unknown(self, given: str) -> UnknownCode:
        index = index_market(given)
        if index is not None:
            market, name = index
            issues = f', and kw.codes("{market}") its issues' if name == market and market in MARKETS else ""
            return UnknownCode(
                f'{shown(given)} is an index, not an issue: kw.index("{name}") has its bars{issues}'
            )
        near = self.near(given)
        listed = ", ".join(f"{name} ({code})" for code, name in near)
        hint = f": did you mean {listed}?" if near else ""
        return UnknownCode(f"no issue has the code or name {shown(given)}{hint}", near)


class ListingLoader:
    """Today's listing, from the cache or from the broker.

    Args:
        link: to the broker.
        memo: caches the day's listing; None: nothing is cached.
        turns: of the threads and processes that want it at once.
    """

    def __init__(self, link: Link, memo: Memo | None, turns: Turns) -> None:
        self._link = link
        self._memo = memo
        self._turns = turns
        self._cached: tuple[tuple[str, int], DayListing] | None = None
        self._details_cached: tuple[int, dict[str, Any]] | None = None
        self._dates: tuple[tuple[str, int], dict[str, str]] = (("", 0), {})

    def today(self) -> DayListing:
        """The listing as of the broker's today.

        Where the server is gone the last cached one is used, so that cached bars can still be read.
        """
        key = day_and_clearing(self._link, self._memo)
        cached = self._cached
        if cached is not None and cached[0] == key:
            return cached[1]
        with self._turns.of("listing") as claim:
            cached = self._cached
            if cached is not None and cached[0] == key:
                return cached[1]
            stored = self._link.retrying(
                lambda: daily_cached(self._memo, "listing", self._link.now(), lambda: self._ask(claim.beat))
            )
            listing = DayListing(stored["names"], stored["markets"], stored["kinds"], stored["day"])
            self._cached = (key, listing)
            return listing

    def frame(self, codes: Sequence[str]) -> pd.DataFrame:
        """A frame of those codes with the values of the master functions; see ``Session.codes``."""
        listing = self.today()
        details, asked_at, cached = self._details(codes)
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
        frame.attrs = {
            **frame_attrs(self._link.source, "GetCodeListByMarket", asked_at, len(known) if cached else 0),
            "listed_on": listing.day,
        }
        return frame

    def cached_sizes(self) -> dict[str, int]:
        """Market values by code, KRW: listed shares at the base price. No call: none before ``frame`` of a market."""
        stored = cached_value(self._memo, "listing-details")
        if stored is None or stored["day"] != _day(self._link.now()):
            return {}
        return {code: _number(row[1]) * _number(row[2]) for code, row in stored["rows"].items()}

    def listed(self, codes: Sequence[str]) -> dict[str, np.datetime64]:
        """The listing dates of those codes (GetMasterListedStockDate), without those that the broker has not."""
        key = day_and_clearing(self._link, self._memo)
        if self._dates[0] != key:
            stored = cached_value(self._memo, "listing-details")
            rows = stored["rows"] if stored is not None and stored["day"] == key[0] else {}
            self._dates = (key, {code: row[0] for code, row in rows.items()})
        known = self._dates[1]
        unknown = [code for code in codes if code not in known]
        if unknown:
            dates = self._link.retrying(lambda: self._ask_dates(unknown))
            known.update({code: str(date or "").strip() for code, date in zip(unknown, dates, strict=True)})
        return {code: _date(known[code]) for code in codes if _DATE.fullmatch(known[code])}

    def _ask_dates(self, codes: Sequence[str]) -> list[Scalar | None]:
        calls = [("GetMasterListedStockDate", (code,)) for code in codes]
        return self._link.in_one_connection(lambda call_many: call_many(calls))

    def _ask(self, at_work: Callable[[], None]) -> dict[str, Any]:
        return self._link.in_one_connection(self._ask_listing, at_work)

    def _ask_listing(self, call_many: CallMany) -> dict[str, Any]:
        lists = [("GetCodeListByMarket", (number,)) for number in [*MARKETS.values(), *KINDS.values()]]
        found = [str(text or "").split(";") for text in call_many(lists)]
        codes = [[code for code in one if code] for one in found]
        markets = dict(_labels(zip(MARKETS, codes[: len(MARKETS)], strict=True)))
        kinds = dict(_labels(zip(KINDS, codes[len(MARKETS) :], strict=True)))
        order = list(dict.fromkeys([*markets, *kinds]))
        if not order:
            raise NoAnswer("the broker lists not one issue (GetCodeListByMarket), which cannot be: ask again")
        names = call_many([("GetMasterCodeName", (code,)) for code in order])
        return {
            "names": {code: str(name).strip() for code, name in zip(order, names, strict=True)},
            "markets": markets,
            "kinds": kinds,
        }

    def _details(self, codes: Sequence[str]) -> tuple[dict[str, list[str]], float, bool]:
        """The values of the master functions for at least those codes, since when, and whether they were cached.

        They are asked for the whole market once a day, or for a few codes.
        """
        stored = self._stored_details()
        if stored is not None:
            return stored["rows"], stored["at"], True
        if len(codes) <= _FEW:
            return self._link.retrying(lambda: self._ask_details(codes)), self._link.now(), False
        names = list(self.today().names)
        with self._turns.of("listing-details") as claim:
            stored = self._stored_details()
            if stored is not None:
                return stored["rows"], stored["at"], True
            now, cleared = self._link.now(), _clearing(self._memo)
            rows = self._link.retrying(lambda: self._ask_details(names, claim.beat))
            details = {"day": _day(now), "at": now, "rows": rows}
            self._put("listing-details", details)
            self._details_cached = (cleared, details)
            return rows, now, False

    def _stored_details(self) -> dict[str, Any] | None:
        """Today's values of the whole market, from memory or the cache; None where they are not there."""
        now, cached = self._link.now(), self._details_cached
        in_memory = cached is not None and cached[0] == _clearing(self._memo)
        for stored in (
            cached[1] if cached is not None and in_memory else None,
            cached_value(self._memo, "listing-details"),
        ):
            # A simulated broker may have been ahead of this one: its last prices are later closes.
            if stored is not None and stored["day"] == _day(now) and stored.get("at", now + 1) <= now:
                return dict(stored)
        return None

    def _ask_details(
        self, codes: Sequence[str], at_work: Callable[[], None] = lambda: None
    ) -> dict[str, list[str]]:
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
        found = self._link.in_one_connection(lambda call_many: call_many(calls), at_work)
        values = ["" if value is None else str(value).strip() for value in found]
        return {code: values[5 * number : 5 * number + 5] for number, code in enumerate(codes)}

    def _put(self, key: str, value: Any) -> None:
        if self._memo is not None:
            self._memo.put(key, value)


def day_and_clearing(link: Link, memo: Memo | None) -> tuple[str, int]:
    """The broker's day (ISO), and how often the cache was cleared: an answer in memory is of one such pair."""
    return _day(link.now()), _clearing(memo)


def _clearing(memo: Memo | None) -> int:
    return 0 if memo is None else memo.cleared


def unlisted_code(listing: DayListing, given: object) -> str | None:
    """The code in a text that has the form of one and is not in the listing; None for anything else."""
    written = written_code(given) if isinstance(given, str) else None
    if written is None or written.code in listing.names or not written.code[0].isdigit():
        return None
    return written.text


def cached_value(memo: Memo | None, key: str) -> Any:
    """The cached value under that key; None without a cache, or as for ``Memo.get``."""
    return None if memo is None else memo.get(key)


def _date(text: str) -> np.datetime64:
    """The day of YYYYMMDD; a day past the end of its month counts on into the next."""
    return np.datetime64(f"{text[:4]}-{text[4:6]}", "D") + np.timedelta64(int(text[6:]) - 1, "D")


def daily_cached(
    memo: Memo | None, key: str, now: float, ask: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The cached value of the day of ``now``, or the result of ``ask``, which is cached for it.

    It has ``day`` (ISO) and ``at``, when it was asked for. Where ``ask`` fails the cached value of another day is
    used; without one the error is raised.
    """
    stored: dict[str, Any] | None = cached_value(memo, key)
    if stored is None or stored["day"] != _day(now) or "at" not in stored:
        try:
            stored = {"day": _day(now), "at": now, **ask()}
            if memo is not None:
                memo.put(key, stored)
        except KoalabError:
            if stored is None:
                raise
    # What an earlier version has cached says the day alone.
    return {"at": pd.Timestamp(stored["day"], tz=SEOUL).timestamp(), **stored}


def _labels(lists: Iterable[tuple[str, list[str]]]) -> Iterable[tuple[str, str]]:
    return ((code, label) for label, codes in lists for code in codes)


def _with_zeros(given: object) -> str:
    """The hint for a code that was a number and lost its leading zeros; blank for anything else."""
    number = isinstance(given, (int, np.integer)) and not isinstance(given, (bool, np.timedelta64))
    return f': write "{given:06}"' if number and 0 < given < 10**6 else ""  # type: ignore[operator]


def _number(text: str) -> int:
    return int(text) if text.lstrip("+-").isdigit() else 0


def _day(now: float) -> str:
    return f"{seoul(now):%Y-%m-%d}"
