"""What a shell's completion can know without a server: cached listing and conditions, and today's log of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from koalab.loaders.condition_search import CONDITIONS
from koalab.orders.audit import AuditLog, default_folder
from koalab.orders.record import brief
from koalab.store.disk import Shelf
from koalab.store.memo import Memo
from koalab.transport.remote import parse_target

# Seconds to wait for another process's write: a completion must not be felt.
_TIMEOUT: Final = 0.1
_OPEN: Final = frozenset({"accepted", "partly filled"})


def cached_names(folder: Path) -> Mapping[str, str]:
    """Names by code out of the newest of the caches in a folder; none where there is none."""
    stored = _cached(folder, "listing")
    return {} if stored is None else dict(stored["names"])


def cached_conditions(folder: Path) -> Sequence[str]:
    """Names of the user's conditions out of the newest of the caches in a folder; none where there are none."""
    return _cached(folder, CONDITIONS) or []


def _cached(folder: Path, key: str) -> Any:
    newest = max(folder.glob("*/cache.db"), key=lambda file: file.stat().st_mtime, default=None)
    if newest is None:
        return None
    shelf = Shelf(newest.parent, _TIMEOUT)
    try:
        return Memo(shelf).get(key)
    finally:
        shelf.close()


def logged_open_orders(target: str | None) -> Mapping[str, str]:
    """Today's orders of this machine whose last line in the log leaves them open, by number, as texts.

    Args:
        target: the server that they were sent to; None: any simulated broker.
    """
    log = AuditLog(default_folder(), str, "")
    lines = log.read(log.today())
    mine = lines["broker"] == "simulated" if target is None else lines["target"] == parse_target(target)
    lines = lines[mine]
    # Another process's log has of an order that it changed only the order that changed it.
    accepted = lines[lines["event"].isin(_OPEN) & (lines["original"] != "")].drop_duplicates("entry")
    replaced = set(accepted.loc[accepted["action"] == "modify", "original"])
    cancelled = accepted[accepted["action"] == "cancel"].groupby("original")["quantity"].sum()
    last = lines[(lines["order"] != "") & (lines["action"] != "cancel")].groupby("order").tail(1)
    still_open = last[last["event"].isin(_OPEN) & ~last["order"].isin(replaced)]
    left = still_open["left"] - still_open["order"].map(cancelled).fillna(0).astype("int64")
    still_open = still_open.assign(left=left)[left > 0]
    texts = map(brief, still_open["side"], still_open["name"], still_open["left"], still_open["price"])
    return dict(zip(still_open["order"], texts, strict=True))
