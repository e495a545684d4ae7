"""``PageViews``: the views of a widget in pages, and which of them show it now."""

from __future__ import annotations

from typing import Any, Final

CHECK_EVERY: Final = 10.0
"""Seconds between two checks; a page says as often that it is there."""
_MISSED: Final = 3


class PageViews:
    """The views of one widget, by what their pages send.

    A page that was reloaded or closed says nothing. Whether one is silent is checked on the kernel's loop, which
    a running cell holds up together with the messages of the pages: so a long cell makes no view silent.
    """

    def __init__(self) -> None:
        self._missed: dict[str, int] = {}
        self._hidden: set[str] = set()

    def __len__(self) -> int:
        return len(self._missed)

    def receive(self, content: dict[str, Any]) -> bool:
        """Takes a page's message; returns whether that page needs all values."""
        if "hello" in content:
            self._missed[str(content["hello"])] = 0
            return True
        if "gone" in content:
            self._missed.pop(str(content["gone"]), None)
            self._hidden.discard(str(content["gone"]))
        elif "alive" in content:
            view = str(content["alive"])
            missed = self._missed.get(view, _MISSED)
            self._missed[view] = 0
            return missed >= _MISSED
        elif "hidden" in content:
            view = str(content.get("view", ""))
            if content["hidden"]:
                self._hidden.add(view)
            else:
                self._hidden.discard(view)
                self._missed[view] = 0
                return True
        return False

    def check(self) -> None:
        """To be called every ``CHECK_EVERY`` seconds on the kernel's loop."""
        for view in self._missed:
            self._missed[view] += 1
        if any(missed < _MISSED for missed in self._missed.values()):
            # The page was reloaded: its former view will not say that it is gone.
            self._missed = {view: missed for view, missed in self._missed.items() if missed < _MISSED}

    @property
    def watched(self) -> bool:
        """Whether a page shows it: one that is there, in a tab that is not hidden."""
        return any(
            missed < _MISSED and view not in self._hidden for view, missed in list(self._missed.items())
        )
