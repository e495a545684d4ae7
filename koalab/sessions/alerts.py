"""Session methods for alerts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Final

import pandas as pd

from koalab.alerts.alert import Alert
from koalab.alerts.board import AlertBoard
from koalab.alerts.delivery import RetryPauses
from koalab.alerts.feeds import ConditionFeed, ConnectionFeed, FillFeed, PriceFeed, SharedFeed
from koalab.alerts.grammar import AlertRule, ConditionRule, FillRule, PriceRule, parse
from koalab.alerts.targets import AlertTo, targets
from koalab.inputs.arguments import flag, seconds, whole_number
from koalab.loaders import condition_search
from koalab.sessions.live import LiveMethods
from koalab.sessions.orders import OrderMethods
from koalab.sessions.watch import WatchMethods

_REPEATED: Final = 60.0
_KEPT: Final = 1_000


class AlertMethods(LiveMethods, WatchMethods, OrderMethods):
    """Messages when something happens."""

    _alert_pauses = RetryPauses()

    @cached_property
    def _board(self) -> AlertBoard:
        return AlertBoard(self._alert_pauses, lambda: self._attrs("", self._link.now()))

    def alert(
        self,
        text: str,
        to: AlertTo | Sequence[AlertTo] | None = None,
        *,
        once: bool | None = None,
        every: float | None = None,
        account: str | None = None,
        progress: bool = True,
    ) -> Alert:
        """Sends a message when something happens, from now on. No TR but those of the account's lists for 체결.

        >>> kw.alert("005930 > 80000", to="discord://…")  # doctest: +SKIP
        >>> kw.alert("삼성전자 등락률 >= 5", once=False, every=300)  # doctest: +SKIP

        Args:
            text: what is waited for: ``ISSUE [FIELD] COMPARATOR NUMBER``, ``체결``, ``조건:NAME`` or ``연결``. A
                comparison is made with every trade or best quote from now on. It fires when it becomes true, and
                with the first of them where it is true already.
            to: one or several of Apprise URLs (``discord://…``), which are never shown, and functions, which are called
                with an ``AlertMessage``; None: shown here.
            once: end with the first message; None: True for a comparison, False otherwise.
            every: least seconds between two messages, by the broker's time; None: 60 for a comparison, 0 otherwise.
            account: for 체결; None for the first of ``kw.accounts``.
            progress: show a bar while a condition waits for the broker's minute.

        Returns:
            An ``Alert``: ``state``, ``problem``, ``messages()``, ``wait()``, ``stop()``. ``kw.alerts`` lists all.

        Raises:
            BadInput, UnknownCode: the text, a target or another argument cannot be used; nothing was registered.
            NotConnected, NoAnswer: the live data could not be registered.
        """
        rule = parse(text, lambda given: self._listing().resolve(given), self._name)
        compared = isinstance(rule, PriceRule)
        single = compared if once is None else flag("once", once)
        least = (_REPEATED if compared else 0.0) if every is None else _every(every)
        places = targets(to)
        if isinstance(rule, ConditionRule):
            rule = ConditionRule(condition_search.find(self._link, self._memo, rule.condition)[1])
        self._link.retrying(self._link.require_login)
        chosen = self._accounts.choose(account) if isinstance(rule, FillRule) else ""
        return self._board.add(
            rule,
            places,
            single,
            least,
            self._feed_key(rule, chosen),
            lambda: self._open_feed(rule, chosen, progress),
        )

    @property
    def alerts(self) -> pd.DataFrame:
        """The alerts of this session, those that are over included.

        Returns:
            Index ``alert`` (number, for ``stop_alert``); ``text``, ``to`` (without secrets), ``state``, ``fired``
            (messages), ``last`` (of the newest message, Asia/Seoul), ``waiting`` (messages on their way),
            ``undelivered`` (that are not sent again), ``held_back`` (by ``every``, since the last message),
            ``problem``, ``once``, ``every`` (seconds).
        """
        return self._board.frame()

    def stop_alert(self, number: int) -> Alert:
        """Ends the alert of that number, as ``alert.stop()`` does, and returns it.

        Raises:
            BadInput: there is none.
        """
        found = self._board.alert(whole_number("number", number, 1, 10**9))
        found.stop()
        return found

    def close(self) -> None:
        """Ends the session and its alerts."""
        self._board.close()
        super().close()

    def _feed_key(self, rule: AlertRule, account: str) -> Hashable:
        if isinstance(rule, PriceRule):
            return rule.field.realtype, rule.code
        return type(rule), getattr(rule, "condition", ""), account

    def _open_feed(self, rule: AlertRule, account: str, progress: bool) -> SharedFeed:
        if isinstance(rule, PriceRule):
            return PriceFeed(self._open_streams.open(rule.field.realtype, [rule.code], _KEPT))
        if isinstance(rule, FillRule):
            return FillFeed(self._state(account))
        if isinstance(rule, ConditionRule):
            return ConditionFeed(self.watch(rule.condition, progress=progress))
        return ConnectionFeed(self._hub, self._link.now)


def _every(given: object) -> float:
    return 0.0 if isinstance(given, (int, float)) and given == 0 else seconds("every", given)
