"""Who hears of which code in real time, and what is registered at the control for them.

One registration serves everybody: a code stands on one screen of the server's own, with every FID that
anybody wants of it, and leaves when the last one does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple, Protocol

import grpc

from kernel_server import failure, reference
from kernel_server.clock import Clock
from kernel_server.control.event_context import EventContext
from kernel_server.control.seam import Control

CODES_A_SCREEN = 100
FIDS_A_CALL = 100
SCREENS = [f"{number:04d}" for number in range(5101, 5181)]
"""The control takes 200 screens: these are for real-time data, ``control.screens`` has others for TRs."""

_CODE = re.compile(r"[0-9A-Za-z]{0,12}(_NX|_AL)?\Z")
NO_CODE = ""
"""Stands for what belongs to no code: the hours of the market, and interruptions of any issue."""
_OF_NO_CODE = frozenset({"장시작시간", "VI발동/해제"})


class RealEvent:
    """OnReceiveRealData. ``time`` is the server's, seconds since the epoch; ``wire`` keeps what it was packed into."""

    __slots__ = ("code", "data", "realtype", "time", "wire")

    def __init__(self, code: str, realtype: str, data: str, time: float) -> None:
        self.code = code
        self.realtype = realtype
        self.data = data
        self.time = time
        self.wire: dict[object, bytes] = {}


class Connection(NamedTuple):
    """OnEventConnect: 0 where the connection is there, negative where it is lost."""

    code: int


class Subscriber(Protocol):
    """Who hears of events, on the control thread."""

    def on_event(self, event: RealEvent) -> None: ...


@cache
def types_of(fids: frozenset[int]) -> frozenset[str]:
    """The real-time types that hold one of these FIDs: a registration subscribes those."""
    return frozenset(name for name, found in reference.realtypes().items() if fids.intersection(found.fids))


def registered(fids: frozenset[int]) -> frozenset[int]:
    """The FIDs to register so that the same types come, no more than the broker takes at a time.

    One FID has its whole type come, so of too many some will do.
    """
    if len(fids) <= FIDS_A_CALL:
        return fids
    chosen: set[int] = set()
    left = set(types_of(fids))
    while left:
        best = max(sorted(fids), key=lambda fid: len(left & types_of(frozenset({fid}))))
        chosen.add(best)
        left -= types_of(frozenset({best}))
    return frozenset(chosen)


class _Held:
    """A registered code: its screen, its FIDs, and who wants which types of it."""

    __slots__ = ("fids", "hearers", "screen")

    def __init__(self, screen: str) -> None:
        self.screen = screen
        self.fids: frozenset[int] = frozenset()
        self.hearers: dict[Subscriber, frozenset[str]] = {}


class RealTimeRouter:
    """It is touched on the control thread alone.

    Args:
        control: where codes are registered.
        clock: of the events' times.
        screens: the screens it may use.
    """

    def __init__(self, control: Control, clock: Clock, screens: Sequence[str] = SCREENS) -> None:
        self._control = control
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._of: dict[Subscriber, set[str]] = {}
        # What belongs to no code is taken back by clearing its screen, so it has one to itself.
        self._apart = screens[-1]
        self._screens: dict[str, int] = dict.fromkeys(screens, 0)

    def add(self, hearer: Subscriber, codes: Iterable[str], fids: Iterable[int]) -> None:
        """``hearer`` hears of these codes, of the types that hold one of ``fids``.

        Raises:
            failure.Failure: the control refuses, or all screens are full. What had been registered by then stays
                until ``drop``.
        """
        wanted = frozenset(fids)
        types = types_of(wanted)
        groups: dict[tuple[str, frozenset[int]], list[str]] = {}
        for code in dict.fromkeys(codes):
            held = self._held.get(code)
            if held is None:
                held = self._held[code] = _Held(self._apart if code == NO_CODE else self._room())
                self._screens[held.screen] += 1
            held.hearers[hearer] = held.hearers.get(hearer, frozenset()) | types
            self._of.setdefault(hearer, set()).add(code)
            if not wanted <= held.fids:
                held.fids |= wanted
                groups.setdefault((held.screen, held.fids), []).append(code)
        for (screen, union), members in groups.items():
            try:
                self._register(screen, members, union)
            except Exception:
                for code in members:
                    self._held[code].fids = frozenset()
                raise

    def remove(self, hearer: Subscriber, codes: Iterable[str]) -> None:
        """``hearer`` hears of these codes no more."""
        mine = self._of.get(hearer, set())
        for code in list(codes):
            if code not in mine:
                continue
            mine.discard(code)
            held = self._held[code]
            held.hearers.pop(hearer, None)
            if not held.hearers:
                del self._held[code]
                self._screens[held.screen] -= 1
                if self._screens[held.screen]:
                    self._control.call("SetRealRemove", (held.screen, code))
                else:
                    self._control.call("DisconnectRealData", (held.screen,))
        if not mine:
            self._of.pop(hearer, None)

    def drop(self, hearer: Subscriber) -> None:
        """``hearer`` hears of nothing more."""
        self.remove(hearer, list(self._of.get(hearer, ())))

    def restore(self) -> None:
        """Registers everything again, as after a lost connection.

        Raises:
            failure.Failure: the control refuses.
        """
        groups: dict[tuple[str, frozenset[int]], list[str]] = {}
        for code, held in self._held.items():
            groups.setdefault((held.screen, held.fids), []).append(code)
        for (screen, fids), codes in groups.items():
            self._register(screen, codes, fids)

    def codes(self) -> Collection[str]:
        """What is registered now."""
        return self._held.keys()

    def hearers(self) -> int:
        """How many hear of anything."""
        return len(self._of)

    def __call__(self, moment: EventContext) -> None:
        """An event of the control, to whoever wants it."""
        code, realtype, data = moment.arguments
        held = self._held.get(code)  # type: ignore[arg-type]  # all three are texts
        event: RealEvent | None = None
        if held is not None:
            event = RealEvent(code, realtype, data, self._clock.now())  # type: ignore[arg-type]
            for hearer, types in held.hearers.items():
                if realtype in types:
                    hearer.on_event(event)
        if realtype in _OF_NO_CODE and NO_CODE in self._held:
            event = event or RealEvent(code, realtype, data, self._clock.now())  # type: ignore[arg-type]
            known: Mapping[Subscriber, frozenset[str]] = held.hearers if held else {}
            for hearer, types in self._held[NO_CODE].hearers.items():
                if realtype in types and realtype not in known.get(hearer, ()):
                    hearer.on_event(event)

    def _room(self) -> str:
        for screen, used in self._screens.items():
            if used < CODES_A_SCREEN and screen != self._apart:
                return screen
        raise failure.Failure(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "RateLimited",
            f"all {len(self._screens) - 1} screens for real-time data are full, with {CODES_A_SCREEN} codes each",
        )

    def _register(self, screen: str, codes: Sequence[str], fids: frozenset[int]) -> None:
        listed = ";".join(str(fid) for fid in sorted(registered(fids)))
        result = self._control.call("SetRealReg", (screen, ";".join(codes), listed, "1"))
        assert isinstance(result, int)
        if result < 0:
            raise failure.returned("SetRealReg", result)


def check(codes: Sequence[str], fids: Sequence[int]) -> None:
    """Whether they can be registered.

    Raises:
        failure.Failure: BadInput, saying what is wrong.
    """
    if not fids:
        raise failure.bad_input(
            "no FIDs: they choose what is heard of a code, for example 10 (현재가) for its trades"
        )
    for fid in fids:
        if fid not in reference.fids() and not types_of(frozenset({fid})):
            raise failure.bad_input(f"no FID {fid}")
    if not types_of(frozenset(fids)):
        raise failure.bad_input(f"no real-time type holds any of the FIDs {sorted(set(fids))}")
    for code in codes:
        if not _CODE.match(code):
            raise failure.bad_input(
                f"no code {code!r}: a code is letters and digits, as 005930 or 001, with _NX or _AL behind them"
                " for the other exchange or both"
            )
