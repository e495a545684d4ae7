"""Subscriptions to real-time data, and the registrations at the control that they share.

A code is registered once for all subscribers, on a screen of the server's own, with every FID that one of them
asked for. It is removed when its last subscriber leaves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple, Protocol

from kernel_server import failure, reference
from kernel_server.clock import Clock
from kernel_server.control.event_context import EventContext
from kernel_server.control.seam import Control

CODES_A_SCREEN = 100
FIDS_A_CALL = 100
SCREENS = [f"{number:04d}" for number in range(5101, 5181)]
"""Screens for real-time data. The control takes 200; ``control.screens`` has others for TRs."""

_CODE = re.compile(r"[0-9A-Za-z]{0,12}(_NX|_AL)?\Z")
NO_CODE = ""
"""Subscribes to what belongs to no code: the hours of the market, and interruptions (VI) of any issue."""
_OF_NO_CODE = frozenset({"장시작시간", "VI발동/해제"})


class RealEvent:
    """OnReceiveRealData. ``time`` is the server's, seconds since the epoch; ``serialized`` caches it by options."""

    __slots__ = ("code", "data", "realtype", "serialized", "time")

    def __init__(self, code: str, realtype: str, data: str, time: float) -> None:
        self.code = code
        self.realtype = realtype
        self.data = data
        self.time = time
        self.serialized: dict[object, bytes] = {}


class Connection(NamedTuple):
    """OnEventConnect: 0 where the connection is up, negative where it is lost."""

    code: int


class Subscriber(Protocol):
    """Receives real-time events, on the control thread."""

    def on_event(self, event: RealEvent) -> None: ...


@cache
def types_of(fids: frozenset[int]) -> frozenset[str]:
    """The real-time types that hold one of these FIDs; a registration subscribes to whole types."""
    return frozenset(name for name, found in reference.realtypes().items() if fids.intersection(found.fids))


def fids_to_register(fids: frozenset[int]) -> frozenset[int]:
    """At most ``FIDS_A_CALL`` of these FIDs that subscribe to the same types, since one FID brings its whole type."""
    if len(fids) <= FIDS_A_CALL:
        return fids
    chosen: set[int] = set()
    left = set(types_of(fids))
    while left:
        best = max(sorted(fids), key=lambda fid: len(left & types_of(frozenset({fid}))))
        chosen.add(best)
        left -= types_of(frozenset({best}))
    return frozenset(chosen)


class _RegisteredCode:
    """A registered code: its screen, its FIDs, and the types each subscriber gets."""

    __slots__ = ("fids", "screen", "subscribers")

    def __init__(self, screen: str) -> None:
        self.screen = screen
        self.fids: frozenset[int] = frozenset()
        self.subscribers: dict[Subscriber, frozenset[str]] = {}


class RealTimeRouter:
    """Registers codes and routes real-time events to subscribers. It is used on the control thread only.

    Args:
        control: where codes are registered.
        clock: gives events their times.
        screens: screens to register codes on.
    """

    def __init__(self, control: Control, clock: Clock, screens: Sequence[str] = SCREENS) -> None:
        self._control = control
        self._clock = clock
        self._registrations: dict[str, _RegisteredCode] = {}
        self._codes_of: dict[Subscriber, set[str]] = {}
        # NO_CODE has a screen to itself because it can only be removed by disconnecting the screen.
        self._no_code_screen = screens[-1]
        self._screens: dict[str, int] = dict.fromkeys(screens, 0)

    def add(self, subscriber: Subscriber, codes: Iterable[str], fids: Iterable[int]) -> None:
        """Subscribes to these codes, to the types that hold one of ``fids``.

        Raises:
            failure.Failure: the control refuses, or all screens are full. What was registered until then stays
                until ``drop``.
        """
        wanted = frozenset(fids)
        types = types_of(wanted)
        groups: dict[tuple[str, frozenset[int]], list[str]] = {}
        before: dict[str, frozenset[int]] = {}
        for code in dict.fromkeys(codes):
            registration = self._registrations.get(code)
            if registration is None:
                registration = self._registrations[code] = _RegisteredCode(
                    self._no_code_screen if code == NO_CODE else self._free_screen()
                )
                self._screens[registration.screen] += 1
            registration.subscribers[subscriber] = (
                registration.subscribers.get(subscriber, frozenset()) | types
            )
            self._codes_of.setdefault(subscriber, set()).add(code)
            if not wanted <= registration.fids:
                before[code] = registration.fids
                registration.fids |= wanted
                groups.setdefault((registration.screen, registration.fids), []).append(code)
        registered: set[str] = set()
        try:
            for (screen, union), members in groups.items():
                self._register(screen, members, union)
                registered.update(members)
        except Exception:
            # What others registered before is still theirs after the next login; no more is.
            for code in before.keys() - registered:
                self._registrations[code].fids = before[code]
            raise

    def remove(self, subscriber: Subscriber, codes: Iterable[str]) -> None:
        """Ends the subscription to these codes."""
        mine = self._codes_of.get(subscriber, set())
        for code in list(codes):
            if code not in mine:
                continue
            mine.discard(code)
            registration = self._registrations[code]
            registration.subscribers.pop(subscriber, None)
            if not registration.subscribers:
                del self._registrations[code]
                self._screens[registration.screen] -= 1
                if self._screens[registration.screen]:
                    self._control.call("SetRealRemove", (registration.screen, code))
                else:
                    self._control.call("DisconnectRealData", (registration.screen,))
        if not mine:
            self._codes_of.pop(subscriber, None)

    def drop(self, subscriber: Subscriber) -> None:
        """Ends all subscriptions of one subscriber."""
        self.remove(subscriber, list(self._codes_of.get(subscriber, ())))

    def restore(self) -> None:
        """Registers everything again, after a lost connection.

        Raises:
            failure.Failure: the control refuses.
        """
        groups: dict[tuple[str, frozenset[int]], list[str]] = {}
        for code, registration in self._registrations.items():
            if registration.fids:  # else its registration is under way, or has failed
                groups.setdefault((registration.screen, registration.fids), []).append(code)
        refused: failure.Failure | None = None
        for (screen, fids), codes in groups.items():
            try:
                self._register(screen, codes, fids)
            except failure.Failure as error:
                refused = error
        if refused is not None:
            raise refused

    def codes(self) -> Collection[str]:
        """The registered codes."""
        return self._registrations.keys()

    def __call__(self, context: EventContext) -> None:
        """Routes an OnReceiveRealData of the control to its subscribers."""
        code, realtype, data = context.arguments
        registration = self._registrations.get(code)  # type: ignore[arg-type]  # all three are texts
        event: RealEvent | None = None
        if registration is not None:
            event = RealEvent(code, realtype, data, self._clock.now())  # type: ignore[arg-type]
            for subscriber, types in registration.subscribers.items():
                if realtype in types:
                    subscriber.on_event(event)
        if realtype in _OF_NO_CODE and NO_CODE in self._registrations:
            event = event or RealEvent(code, realtype, data, self._clock.now())  # type: ignore[arg-type]
            known: Mapping[Subscriber, frozenset[str]] = registration.subscribers if registration else {}
            for subscriber, types in self._registrations[NO_CODE].subscribers.items():
                if realtype in types and realtype not in known.get(subscriber, ()):
                    subscriber.on_event(event)

    def _free_screen(self) -> str:
        for screen, used in self._screens.items():
            if used < CODES_A_SCREEN and screen != self._no_code_screen:
                return screen
        raise failure.too_many(
            f"all {len(self._screens) - 1} screens for real-time data are full, with {CODES_A_SCREEN} codes each"
        )

    def _register(self, screen: str, codes: Sequence[str], fids: frozenset[int]) -> None:
        listed = ";".join(str(fid) for fid in sorted(fids_to_register(fids)))
        result = self._control.call("SetRealReg", (screen, ";".join(codes), listed, "1"))
        assert isinstance(result, int)
        if result < 0:
            raise failure.returned("SetRealReg", result)


def check(codes: Sequence[str], fids: Sequence[int]) -> None:
    """Checks that these codes and FIDs can be registered.

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
