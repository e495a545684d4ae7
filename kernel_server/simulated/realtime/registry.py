"""Registrations of codes for real-time data, by screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

CODES_A_SCREEN = 100
FIDS_A_CALL = 100
SCREENS = 200
ALL = "ALL"
ALL_INTERRUPTIONS = "VI"
"""Pseudo-code, registered by a TR, for VI발동/해제 of all issues."""

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
        """All codes of the screen, the blank one included."""
        return {*self.registered, *self.by_tr}


class CodeRegistration(NamedTuple):
    """Registration of a code over all screens: FIDs of SetRealReg, and whether a TR registered it too."""

    fids: frozenset[str]
    by_tr: bool


class RealTimeRegistry:
    """Real-time registrations of the control. ``no_screen_left`` is the error for one screen too many."""

    def __init__(self, no_screen_left: int) -> None:
        self._no_screen_left = no_screen_left
        self._screens: dict[str, _Screen] = {}
        self._screens_of: dict[str, set[str]] = {}  # screens by code
        self._listeners: list[Callable[[Iterable[str]], None]] = []

    def subscribe(self, listener: Callable[[Iterable[str]], None]) -> None:
        """Call ``listener`` after every change with the codes (the blank one included) that it may affect."""
        self._listeners.append(listener)

    def _notify(self, codes: Iterable[str]) -> None:
        for listener in self._listeners:
            listener(codes)

    def clear(self) -> None:
        """Drop all registrations, as on a lost connection."""
        dropped = list(self._screens_of)
        self._screens.clear()
        self._screens_of.clear()
        self._notify(dropped)

    def _update_screens_of(self, number: str, old_codes: set[str]) -> None:
        """Update the screens by code after a screen has changed."""
        current = self._screens.get(number)
        new_codes = current.codes() if current is not None else set()
        for code in old_codes - new_codes:
            screens = self._screens_of[code]
            screens.discard(number)
            if not screens:
                del self._screens_of[code]
        for code in new_codes - old_codes:
            self._screens_of.setdefault(code, set()).add(number)

    def register(self, screen: str, codes: Sequence[str], fids: Sequence[str], option: str) -> int:
        """SetRealReg: returns 0, or an error code if nothing is registered.

        Args:
            screen: screen number.
            codes: may be empty, for market-wide types.
            fids: types that contain any of these are subscribed to.
            option: ``0`` replaces the registrations of the screen, ``1`` adds to them.
        """
        if option not in ("0", "1") or not fids:
            return BAD_ARGUMENT
        if len(fids) > FIDS_A_CALL:
            return TOO_MANY_FIDS
        current = self._screens.get(screen)
        if current is None and len(self._screens) >= SCREENS:
            return self._no_screen_left
        registered = dict(current.registered) if current is not None and option == "1" else {}
        for code in codes or ("",):
            registered[code] = registered.get(code, frozenset()) | frozenset(fids)
        if len(registered) - ("" in registered) > CODES_A_SCREEN:
            return TOO_MANY_CODES
        old_codes = current.codes() if current is not None else set()
        by_tr = current.by_tr if current is not None and option == "1" else frozenset()
        self._screens[screen] = _Screen(registered, by_tr)
        self._update_screens_of(screen, old_codes)
        self._notify({*(old_codes if option == "0" else ()), *(codes or ("",))})
        return 0

    def register_by_tr(self, screen: str, codes: Sequence[str]) -> None:
        """Register the codes of a quote TR on its screen, replacing those of the previous TR."""
        current = self._screens.get(screen)
        old_codes = current.codes() if current is not None else set()
        replaced = current.by_tr if current is not None else frozenset()
        if current is not None:
            current.by_tr = frozenset(codes)
        elif len(self._screens) < SCREENS:
            self._screens[screen] = _Screen(by_tr=frozenset(codes))
        self._update_screens_of(screen, old_codes)
        self._notify({*replaced, *codes})

    def remove(self, screen: str, code: str) -> None:
        """SetRealRemove: remove a code from a screen; ``ALL`` stands for all codes or all screens."""
        dropped = set()
        for number in list(self._screens) if screen == ALL else [screen]:
            current = self._screens.get(number)
            if current is None:
                continue
            old_codes = current.codes()
            if code == ALL:
                dropped |= old_codes
                del self._screens[number]
            else:
                dropped.add(code)
                current.registered.pop(code, None)
                current.by_tr -= {code}
                if not current.registered and not current.by_tr:
                    del self._screens[number]
            self._update_screens_of(number, old_codes)
        self._notify(dropped)

    def screens(self) -> tuple[str, ...]:
        """Screens in use, oldest first."""
        return tuple(self._screens)

    def codes(self, screen: str) -> frozenset[str]:
        """Codes of a screen, including those of its last TR."""
        current = self._screens.get(screen)
        return frozenset() if current is None else frozenset(current.codes() - {""})

    def fids(self, screen: str, code: str) -> frozenset[str]:
        """FIDs of a code's SetRealReg on a screen; empty for registrations by a TR."""
        current = self._screens.get(screen)
        return frozenset() if current is None else current.registered.get(code, frozenset())

    def registration(self, code: str) -> CodeRegistration | None:
        """Registration of a code, or of the blank one, over all screens; None if it is not registered."""
        fids: set[str] = set()
        by_tr = False
        for number in self._screens_of.get(code, ()):
            screen = self._screens[number]
            fids |= screen.registered.get(code, frozenset())
            by_tr = by_tr or code in screen.by_tr
        return CodeRegistration(frozenset(fids), by_tr) if fids or by_tr else None
