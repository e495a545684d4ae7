"""The simulated broker: a control behind the seam that needs no Windows, no account and no market hours.

Its market is synthetic or recorded. Importing this package is cheap; ``build`` needs numpy and the exchange calendar,
which only come with Python 3.11 and later.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_server.clock import Clock
from kernel_server.simulated.settings import AccountSetting, BrokerSettings

if TYPE_CHECKING:
    from kernel_server.reference.holidays import DayChange
    from kernel_server.reference.sessions import Sessions
    from kernel_server.simulated.control import SimulatedControl
    from kernel_server.simulated.market.trade_script import RecordedTrades

__all__ = ["AccountSetting", "BrokerSettings", "build", "check_machine", "saved_at"]

# One CommKwRqData requests a hundred issues: a smaller cache of histories would miss for each of them.
_CACHED_HISTORIES = 128


def check_machine() -> None:
    """Check that the simulated broker can run here.

    Raises:
        RuntimeError: numpy or the exchange calendar is not installed here.
    """
    for module in ("numpy", "exchange_calendars"):
        if importlib.util.find_spec(module) is None:
            raise RuntimeError(
                f"the simulated broker needs {module}, which is not installed here: it comes with koalab on"
                " Python 3.11 and later"
            )


def build(
    market_data: Path | None,
    seed: int,
    clock: Clock,
    settings: BrokerSettings,
    later: Callable[[Callable[[], None]], None],
    sessions: Callable[[], Sessions] | None = None,
    account_file: Path | None = None,
    holidays: tuple[DayChange, ...] | None = None,
    edited_account: bool = False,
) -> SimulatedControl:
    """Build a simulated control with the files of ``market_data``, or with a synthetic market if that is None.

    Args:
        market_data: folder of recorded prices.
        seed: random seed of the synthetic market, and of its fundamentals unless the settings have a seed for them.
        clock: clock of the broker.
        settings: settings of the broker.
        later: hands work to the control thread.
        sessions: loads the calendar, on first use; by default the one cached on this machine, with ``holidays``.
        account_file: file in which accounts and orders persist; None for no persistence.
        holidays: changes to the calendar; None for those of the user's file, or for none if ``sessions`` is given.
        edited_account: take an account file that was edited by hand.

    Raises:
        BadHolidays: the user's file is damaged.
        BadMarketData: the files of ``market_data`` are invalid.
        AccountFileError: ``account_file`` is invalid, or used by another broker.
        RuntimeError: as ``check_machine``.
    """
    check_machine()
    from kernel_server.reference import holidays as user_file
    from kernel_server.reference import sessions as calendar
    from kernel_server.simulated.brokerage.account_file_writer import AccountFileWriter
    from kernel_server.simulated.control import SimulatedControl
    from kernel_server.simulated.market.model import Market

    changes = holidays if holidays is not None else user_file.read() if sessions is None else ()
    load = sessions or functools.cache(functools.partial(calendar.load, changes=changes))
    market: Market
    recorded_trades: RecordedTrades | None = None
    if market_data is not None:
        from kernel_server.simulated.market.recorded.market import RecordedMarket

        market = recorded_trades = RecordedMarket(market_data, load, cached=_CACHED_HISTORIES)
        if settings.after_hours is None:
            settings = dataclasses.replace(settings, after_hours="clients")
    else:
        from kernel_server.simulated.market.synthetic.evenings import EveningBar
        from kernel_server.simulated.market.synthetic.market import SyntheticMarket

        market = SyntheticMarket(
            seed,
            load,
            minute_sessions=settings.minute_days,
            cached=_CACHED_HISTORIES,
            calendar=user_file.digest(changes),
            evening_bar=EveningBar(settings.evening_bar, settings.evening_bar_until),
        )
        if settings.fundamentals_seed is None:
            settings = dataclasses.replace(settings, fundamentals_seed=seed)
    account_writer = None if account_file is None else AccountFileWriter(account_file, later, edited_account)
    try:
        return SimulatedControl(market, clock, settings, later, load, seed, recorded_trades, account_writer)
    except BaseException:
        if account_writer is not None:
            account_writer.close()
        raise


def saved_at(account_file: Path, edited: bool = False) -> float | None:
    """When the accounts in a file were saved, in seconds since the epoch of the broker's clock; None without a file.

    Args:
        account_file: its path.
        edited: take one that was edited by hand.

    Raises:
        AccountFileError: it is not an account file, or damaged.
        RuntimeError: as for ``build``.
    """
    check_machine()
    from kernel_server.simulated.brokerage.account_file import read

    saved = read(account_file.expanduser(), edited)
    return None if saved is None else saved.moment
