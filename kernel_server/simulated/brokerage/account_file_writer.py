"""Saves the accounts to their file: after every change, off the control thread, and on close."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kernel_server.clock import seoul
from kernel_server.simulated.brokerage import account_file
from kernel_server.simulated.brokerage.account_file import AccountFileError, Saved
from kernel_server.simulated.brokerage.brokerage import Brokerage
from kernel_server.simulated.brokerage.file_lock import FileLock

log = logging.getLogger(__name__)

_MIN_SECONDS = 0.1  # real seconds between two writes; changes in between are coalesced
_IDLE_SHARE = 9  # pause as a multiple of the write time, so that writing takes at most a tenth of the time
_RETRY_SECONDS = 5.0  # after a failed write


class AccountSource(Protocol):
    """The control whose accounts are saved, used on the control thread."""

    source: str

    def now(self) -> float: ...


class AccountFileWriter:
    """The only user of an account file until ``close``.

    A change reaches the disk within moments: the control thread copies the books in constant time, and a writer
    thread saves the copy. However the process ends, the file is intact and lacks at most the last moments.

    Args:
        file: path of the file, created if missing; its folder must exist.
        on_control_thread: hands work to the control thread.
        edited: take a file that was edited by hand.

    Attributes:
        problem: why the file cannot be written now, a sentence; blank while it can.

    Raises:
        AccountFileError: the file is damaged, used by another server, or unusable.
    """

    def __init__(
        self, file: Path, on_control_thread: Callable[[Callable[[], None]], None], edited: bool = False
    ) -> None:
        self._file = file.expanduser().resolve()  # writing replaces the file, so resolve links
        self._on_control_thread = on_control_thread
        self._lock = FileLock(self._file.with_name(f"{self._file.name}.lock"))
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._copies: queue.SimpleQueue[Callable[[], Saved] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.problem = ""
        if self._file.is_dir():
            raise AccountFileError(self._file, "it is a folder, and should be a file")
        try:
            taken = self._lock.take()
        except OSError as error:
            raise AccountFileError(self._file, f"it cannot be used: {error.strerror}") from error
        if not taken:
            holder = self._lock.holder()
            who = "another server" if holder is None else f"another server (process {holder})"
            raise AccountFileError(self._file, f"{who} uses it; close that session, or take another file")
        try:
            self._saved = account_file.read(self._file, edited)
        except AccountFileError:
            self._lock.release()
            raise

    def start(self, brokerage: Brokerage, market: AccountSource) -> None:
        """Restore the brokerage from the file, then save every change.

        Raises:
            AccountFileError: the content is of other prices, of other accounts, of the future, or invalid; or the
                file cannot be written.
        """
        self._brokerage, self._market = brokerage, market
        if self._saved is not None:
            self._restore(self._saved)
            self._saved = None
        brokerage.on_change(self._changed.set)
        try:
            self._write(self._copy())
        except OSError as error:
            raise AccountFileError(self._file, f"it cannot be written: {error.strerror}") from error
        self._thread = threading.Thread(target=self._run, name="account-file", daemon=True)
        self._thread.start()

    def _restore(self, saved: Saved) -> None:
        source, now = self._market.source, self._market.now()
        if not account_file.same_prices(saved.source, source):
            raise AccountFileError(
                self._file,
                f"its accounts were traded at the prices of {saved.source}, and these are {source}; take those prices"
                " again, or another file",
            )
        if saved.source != source:
            log.warning(
                "%s: the given prices have changed since (%s, now %s)", self._file, saved.source, source
            )
        books = account_file.books_of(self._file, saved)
        if books["day"] > self._brokerage.day(now):
            raise AccountFileError(
                self._file,
                f"its accounts have lived until {seoul(saved.moment):%Y-%m-%d %H:%M}, and the broker's clock stands at"
                f" {seoul(now):%Y-%m-%d %H:%M}; start it later, or take another file",
            )
        if not books["accounts"].keys() <= self._brokerage.accounts():
            raise AccountFileError(
                self._file, "it holds accounts that this broker does not have; take another file"
            )
        self._brokerage.restore(books)

    def close(self) -> None:
        """Save the last changes and release the file; on the control thread."""
        if self._thread is None:
            self._lock.release()
            return
        self._closing.set()
        self._changed.set()
        self._copies.put(None)
        self._thread.join()
        self._thread = None
        with contextlib.suppress(OSError):  # the log has it
            self._write(self._copy())
        self._lock.release()

    def _copy(self) -> Callable[[], Saved]:
        """A cheap copy of the books with the time, on the control thread; calling it does the costly part."""
        source, moment, books = self._market.source, self._market.now(), self._brokerage.deferred_snapshot()
        return lambda: Saved(source, moment, books())

    def _run(self) -> None:
        while True:
            self._changed.wait()
            if self._closing.is_set():
                return
            self._changed.clear()
            self._on_control_thread(lambda: self._copies.put(self._copy()))
            copy = self._copies.get()
            if copy is None:
                return
            # Real time, not the broker's clock: it measures the disk.
            began = time.monotonic()
            try:
                self._write(copy)
            except OSError:
                self._changed.set()
                self._closing.wait(_RETRY_SECONDS)
            else:
                self._closing.wait(max(_MIN_SECONDS, _IDLE_SHARE * (time.monotonic() - began)))

    def _write(self, copy: Callable[[], Saved]) -> None:
        try:
            account_file.write(self._file, copy())
        except OSError as error:
            if not self.problem:
                log.error("the accounts cannot be kept in %s: %s", self._file, error)  # noqa: TRY400
            self.problem = f"the accounts cannot be kept in {self._file}: {error.strerror or error}"
            raise
        if self.problem:
            log.warning("the accounts are kept in %s again", self._file)
        self.problem = ""
