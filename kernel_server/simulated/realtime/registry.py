"""Which codes are registered for real-time prices, and on which screens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

CODES_A_SCREEN = 100
FIDS_A_CALL = 100
SCREENS = 200
ALL = "ALL"
INTERRUPTIONS = "VI"
"""Stands on a screen for VI발동/해제 of every issue, as a TR registers it."""

TOO_MANY_CODES = -204
TOO_MANY_FIDS = -206
BAD_ARGUMENT = -105


@dataclass(slots=True)
class _Screen:
    """``registered``: codes of SetRealReg with their FIDs; ``by_tr``: codes of the last TR on the screen.

    A market-wide type (장시작시간) is registered without a code: its FIDs stand under the blank code.
    """

    registered: dict[str, frozenset[str]] = field(default_factory=dict)
    by_tr: frozenset[str] = frozenset()

    def codes(self) -> set[str]:
        """Whatever stands on the screen, the blank code included."""
        return {*self.registered, *self.by_tr}


class CodeRegistration(NamedTuple):
    """How a code is registered on all screens together: the FIDs of SetRealReg, and whether a TR did it too."""

    fids: frozenset[str]
    by_tr: bool


class RealTimeRegistry:
    """The control's bookkeeping of real-time registrations.

    ``changed`` is told which codes (the blank one included) may now be registered otherwise than before.
    """

    def __init__(self, no_screen_left: int) -> None:
        self._no_screen_left = no_screen_left
        self._screens: dict[str, _Screen] = {}
        self._holders: dict[str, set[str]] = {}  # the screens on which a code stands
        self.changed: Callable[[Iterable[str]], None] = _nobody

    def clear(self) -> None:
        """Forgets every registration, as a lost connection does."""
        dropped = list(self._holders)
        self._screens.clear()
        self._holders.clear()
        self.changed(dropped)

    def _held_by(self, number: str, before: set[str]) -> None:
        """Keeps the holders of codes up to date, now that a screen has changed."""
        known = self._screens.get(number)
        now = known.codes() if known is not None else set()
        for code in before - now:
            holders = self._holders[code]
            holders.discard(number)
            if not holders:
                del self._holders[code]
        for code in now - before:
            self._holders.setdefault(code, set()).add(number)

    def register(self, screen: str, codes: Sequence[str], fids: Sequence[str], option: str) -> int:
        """SetRealReg. Nothing is registered where it returns other than 0.

        Args:
            screen: its number.
            codes: may be empty, for types that belong to the whole market.
            fids: the types that hold one of these are subscribed.
            option: ``0`` drops what the screen had, ``1`` adds to it.
        """
        if option not in ("0", "1") or not fids:
            return BAD_ARGUMENT
        if len(fids) > FIDS_A_CALL:
            return TOO_MANY_FIDS
        known = self._screens.get(screen)
        if known is None and len(self._screens) >= SCREENS:
            return self._no_screen_left
        wanted = dict(known.registered) if known is not None and option == "1" else {}
        for code in codes or ("",):
            wanted[code] = wanted.get(code, frozenset()) | frozenset(fids)
        if len(wanted) - ("" in wanted) > CODES_A_SCREEN:
            return TOO_MANY_CODES
        held = known.codes() if known is not None else set()
        by_tr = known.by_tr if known is not None and option == "1" else frozenset()
        self._screens[screen] = _Screen(wanted, by_tr)
        self._held_by(screen, held)
        self.changed({*(held if option == "0" else ()), *(codes or ("",))})
        return 0

    def follow(self, screen: str, codes: Sequence[str]) -> None:
        """A quote TR registers its codes on its screen, in place of those of the TR before it."""
        known = self._screens.get(screen)
        held = known.codes() if known is not None else set()
        before = known.by_tr if known is not None else frozenset()
        if known is not None:
            known.by_tr = frozenset(codes)
        elif len(self._screens) < SCREENS:
            self._screens[screen] = _Screen(by_tr=frozenset(codes))
        self._held_by(screen, held)
        self.changed({*before, *codes})

    def remove(self, screen: str, code: str) -> None:
        """SetRealRemove: that code from that screen; ``ALL`` in either place means every one."""
        dropped = set()
        for number in list(self._screens) if screen == ALL else [screen]:
            known = self._screens.get(number)
            if known is None:
                continue
            held = known.codes()
            if code == ALL:
                dropped |= held
                del self._screens[number]
            else:
                dropped.add(code)
                known.registered.pop(code, None)
                known.by_tr -= {code}
                if not known.registered and not known.by_tr:
                    del self._screens[number]
            self._held_by(number, held)
        self.changed(dropped)

    def screens(self) -> tuple[str, ...]:
        """The screens in use, oldest first."""
        return tuple(self._screens)

    def codes(self, screen: str) -> frozenset[str]:
        """The codes of a screen, those of its last TR included."""
        known = self._screens.get(screen)
        return frozenset() if known is None else frozenset(known.codes() - {""})

    def fids(self, screen: str, code: str) -> frozenset[str]:
        """The FIDs with which SetRealReg registered a code there; a TR's registration has none of its own."""
        known = self._screens.get(screen)
        return frozenset() if known is None else known.registered.get(code, frozenset())

    def held(self, code: str) -> CodeRegistration | None:
        """How a code, or the blank one, is registered on all screens together; None where it is not."""
        fids: set[str] = set()
        by_tr = False
        for number in self._holders.get(code, ()):
            screen = self._screens[number]
            fids |= screen.registered.get(code, frozenset())
            by_tr = by_tr or code in screen.by_tr
        return CodeRegistration(frozenset(fids), by_tr) if fids or by_tr else None


def _nobody(_codes: Iterable[str]) -> None:
    """Told of changes where nobody listens."""
