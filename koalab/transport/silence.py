"""Timeout for a stream whose server has stopped responding without closing it."""

from __future__ import annotations

import threading
import time

import grpc

SILENCE_TIMEOUT = 8.0
"""Seconds. A server sends something every second during a request, so a longer silence means it has died."""


class SilenceWatchdog:
    """Cancels a stream on which nothing arrives for ``SILENCE_TIMEOUT`` seconds while its consumer waits.

    Attributes:
        expired: whether it has cancelled the stream.
    """

    def __init__(self, stream: grpc.RpcContext) -> None:
        self._stream = stream
        self._finished = threading.Event()
        self._waiting_since = time.monotonic()
        self.expired = False

    def resume(self) -> None:
        """The consumer waits for the next message."""
        self._waiting_since = time.monotonic()

    def pause(self) -> None:
        """A message has arrived; no timeout while the consumer processes it."""
        self._waiting_since = float("inf")

    def __enter__(self) -> SilenceWatchdog:
        threading.Thread(target=self._watch, name="koalab-silence", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finished.set()

    def _watch(self) -> None:
        while not self._finished.wait(SILENCE_TIMEOUT / 8):
            if time.monotonic() - self._waiting_since > SILENCE_TIMEOUT:
                self.expired = True
                self._stream.cancel()
                return
