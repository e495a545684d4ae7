"""Session methods for live conditions."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from koalab.live.condition_watch import ConditionWatch, WatchSource
from koalab.loaders import condition_search
from koalab.sessions.condition_search import ConditionSearchMethods


class WatchMethods(ConditionSearchMethods):
    """Conditions that stay live."""

    @cached_property
    def _watches(self) -> list[WatchSource]:
        return []

    @cached_property
    def _watches_with_callbacks(self) -> set[Any]:
        return set()

    def watch(self, condition: str | int, *, progress: bool = True) -> ConditionWatch:
        """The issues that fulfil a condition from now on, with every entry and exit (SendCondition, live).

        The broker allows one search a minute of each condition and ten live ones: a repeated one waits, with a bar
        that shows how long, and can be interrupted.

        Args:
            condition: name or number, from ``kw.conditions()``.
            progress: show a bar while it waits longer than a second.

        Returns:
            A ``ConditionWatch``: ``for change in watch``, ``on(fn)``, ``frame()``, ``history()``, ``close()``.

        Raises:
            UnknownCode: there is no such condition; its ``near`` holds similar names.
            NoAnswer: the broker does not follow it; the text has its message.
        """
        index, name = condition_search.find(self._link, self._memo, condition)
        self._link.require_login()
        names = dict(self._listing().names)
        source = WatchSource(self._link, index, name, lambda code: names.get(code[:6], ""))
        try:
            with self._progress(f"조건검색 {name}", progress) as shown:
                source.wait_listed(shown)
        except BaseException:
            source.finish()
            raise
        self._watches[:] = [one for one in self._watches if not one.over]
        self._watches.append(source)
        return ConditionWatch(source, name, index, self._watches_with_callbacks)

    def close(self) -> None:
        """Ends the session, and its live conditions."""
        for source in self._watches:
            source.finish()
        self._watches_with_callbacks.clear()
        super().close()
