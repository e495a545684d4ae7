"""The simulated broker: a control behind the seam that needs no Windows, no account and no market hours.

It trades in a market of its own making, or in given data. Importing this package costs nothing; ``build``
needs numpy and the exchange calendar, which only Python 3.11 and later has.
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
    from kernel_server.reference.sessions import Sessions
    from kernel_server.simulated.control import SimulatedControl
    from kernel_server.simulated.market.trade_script import RecordedTrades

__all__ = ["AccountSetting", "BrokerSettings", "build", "check_machine", "saved_at"]

# One CommKwRqData asks for a hundred issues: with fewer histories kept, each of them would be made anew.
_KEPT = 128


def check_machine() -> None:
    """Nothing where the simulated broker can run.

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
) -> SimulatedControl:
    """A simulated control over the files of ``market_data``, or over a synthetic market where that is None.

    Args:
        market_data: a folder of given prices.
        seed: of the synthetic market; its fundamentals follow it unless the settings give a seed of their own.
        clock: the broker's time.
        settings: what can be chosen about the broker.
        later: hands work to the control thread.
        sessions: the calendar, asked for when first needed; by default the one that is kept on this machine.
        account_file: where accounts and orders are kept, from an earlier broker to a later one; None: nowhere.

    Raises:
        BadMarketData: there is something wrong with the files of ``market_data``.
        AccountFileError: there is something wrong with ``account_file``, or another broker uses it.
        RuntimeError: as ``check_machine``.
    """
    check_machine()
    from kernel_server.reference import sessions as calendar
    from kernel_server.simulated.brokerage.account_file_writer import AccountFileWriter
    from kernel_server.simulated.control import SimulatedControl
    from kernel_server.simulated.market.model import Market

    load = sessions or functools.cache(calendar.load)
    market: Market
    tapes: RecordedTrades | None = None
    if market_data is not None:
        from kernel_server.simulated.market.recorded.market import RecordedMarket

        market = tapes = RecordedMarket(market_data, load, cached=_KEPT)
        if settings.after_hours is None:
            settings = dataclasses.replace(settings, after_hours="clients")
    else:
        from kernel_server.simulated.market.synthetic.market import SyntheticMarket

        market = SyntheticMarket(seed, load, minute_sessions=settings.minute_days, cached=_KEPT)
        if settings.fundamentals_seed is None:
            settings = dataclasses.replace(settings, fundamentals_seed=seed)
    keeper = None if account_file is None else AccountFileWriter(account_file, later)
    try:
        return SimulatedControl(market, clock, settings, later, load, seed, tapes, keeper)
    except BaseException:
        if keeper is not None:
            keeper.close()
        raise


def saved_at(account_file: Path) -> float | None:
    """The last moment of the accounts in a file, seconds since the epoch of their broker's clock; None for no file.

    Raises:
        AccountFileError: it is no account file, or damaged.
        RuntimeError: as for ``build``.
    """
    check_machine()
    from kernel_server.simulated.brokerage.account_file import read

    saved = read(account_file.expanduser())
    return None if saved is None else saved.moment
