"""``StateFrames``: an account's positions and open orders as frames, made anew only after a change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from koalab.dates import SEOUL, seoul
from koalab.frames.attrs import frame_attrs
from koalab.orders.credit import credit_name
from koalab.orders.state import AccountState


class StateFrames:
    """The frames of one account's state."""

    def __init__(self, state: AccountState) -> None:
        self._state = state
        self._made: dict[str, tuple[int, pd.DataFrame]] = {}

    def positions(self, trs: int = 0) -> pd.DataFrame:
        """See ``Session.positions``; ``trs``: TRs that the call has spent."""
        return self._current("positions", self._positions, "opw00018", trs)

    def open_orders(self, trs: int = 0) -> pd.DataFrame:
        """See ``Session.open_orders``; ``trs``: TRs that the call has spent."""
        return self._current("open_orders", self._open_orders, "opt10075", trs)

    def _current(self, name: str, make: Callable[[], pd.DataFrame], tr: str, trs: int) -> pd.DataFrame:
        state = self._state
        version, frame = self._made.get(name, (-1, None))
        if frame is None or version != state.version:
            with state.changed:
                frame = make()
                self._made[name] = (state.version, frame)
        found = frame.copy(deep=False)  # a caller who writes into it gets a copy of what is written
        with state.changed:
            stale = f"{seoul(state.stale_since):%H:%M:%S} {state.stale}" if state.stale else ""
            found.attrs = {**frame_attrs(state.source, tr, state.until, trs=trs), "stale": stale}
        return found

    def _positions(self) -> pd.DataFrame:
        held = self._state.positions()
        return pd.DataFrame(
            {
                "name": pd.array([one.name for one in held], dtype="str"),
                "quantity": np.array([one.quantity for one in held], np.int64),
                "sellable": np.array([one.sellable for one in held], np.int64),
                "average_price": np.array([one.average for one in held], np.float64),
                "cost": np.array([one.cost for one in held], np.int64),
                "price": np.array([one.price for one in held], np.int64),
                "credit": pd.array([credit_name(one.credit) for one in held], dtype="str"),
                "loan_date": pd.to_datetime(
                    [one.loan_date or "NaT" for one in held], format="%Y%m%d"
                ).as_unit("us"),
            },
            index=pd.Index([one.code for one in held], dtype="str", name="code"),
        )

    def _open_orders(self) -> pd.DataFrame:
        records = [one for one in self._state.orders.values() if not one.done and one.action != "cancel"]
        return pd.DataFrame(
            {
                **{
                    name: pd.array([getattr(one, name) for one in records], dtype="str")
                    for name in ("code", "name", "side", "type", "status")
                },
                **{
                    name: np.array([getattr(one, name) for one in records], np.int64)
                    for name in ("quantity", "filled", "left", "price")
                },
                "credit": pd.array([credit_name(one.credit) for one in records], dtype="str"),
                "original": pd.array([one.original for one in records], dtype="str"),
                "entered": moments([one.entered for one in records]),
            },
            index=pd.Index([one.number for one in records], dtype="str", name="order"),
        )


def moments(at: Sequence[float] | npt.NDArray[np.float64]) -> pd.DatetimeIndex:
    """Seconds since the epoch as times in Asia/Seoul."""
    return pd.to_datetime(np.array(at, np.float64), unit="s", utc=True).as_unit("us").tz_convert(SEOUL)
