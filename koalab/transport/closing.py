"""Closes gRPC channels within a deadline."""

from __future__ import annotations

import threading
from typing import Final

import grpc

_WITHIN: Final = 2.0

_left_open: list[grpc.Channel] = []
"""Channels that are given up. Collected, gRPC would close them, and wait."""


def close(channel: grpc.Channel) -> None:
    """Closes a channel, for at most two seconds; then its calls end with the process.

    gRPC waits for the end of every call of a channel. A call that Ctrl-C has interrupted at the wrong instant has none.
    """
    thread = threading.Thread(target=channel.close, name="koalab-close", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter ends, and all connections with it
        give_up(channel)
        return
    thread.join(_WITHIN)
    if thread.is_alive():
        give_up(channel)


def give_up(channel: grpc.Channel) -> None:
    """Leaves a channel open that cannot be closed: in a forked child, that would wait for threads of the parent."""
    _left_open.append(channel)
