"""Keeps the accounts in a file while they are traded: after every change, off the control thread, and at the end."""

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

_PAUSE = (
    0.1  # real seconds from one writing to the next, at least: what changes in between is written together
)
_SHARE = 9  # and so many times as long as writing took, so that it takes a tenth of the time at most
_AGAIN = 5.0  # after a failure


class Kept(Protocol):
    """Whose accounts are kept, seen from the control thread."""

    source: str

    def now(self) -> float: ...


class AccountFileWriter:
    """The one user of an account file, from here until ``close``.

    A change is on the disk within a moment: the control thread copies the books, which takes no longer with many
    fills than with few, and a thread of the keeper's writes them. Whatever ends the process, the file is whole,
    and lacks what happened in the last moment at most.

    Args:
        file: where; it is made if it is not there, in a folder that is.
        later: hands work to the control thread.

    Raises:
        AccountFileError: the file is damaged, or another server uses it, or it cannot be used here.
    """

    def __init__(self, file: Path, later: Callable[[Callable[[], None]], None]) -> None:
        self._file = file.expanduser().resolve()  # where a link leads, as the file itself will be another one
        self._later = later
        self._lock = FileLock(self._file.with_name(f"{self._file.name}.lock"))
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._copies: queue.SimpleQueue[Callable[[], Saved] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failing = False
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
            self._found = account_file.read(self._file)
        except AccountFileError:
            self._lock.release()
            raise

    def begin(self, brokerage: Brokerage, kept: Kept) -> None:
        """Puts into the brokerage what the file holds, and writes down what becomes of it from now on.

        Raises:
            AccountFileError: what the file holds is of other prices, of other accounts, of a day to come, or makes
                no sense; or it cannot be written.
        """
        self._brokerage, self._kept = brokerage, kept
        if self._found is not None:
            self._resume(self._found)
            self._found = None
        brokerage.keep(self._dirty.set)
        try:
            self._write(self._copy())
        except OSError as error:
            raise AccountFileError(self._file, f"it cannot be written: {error.strerror}") from error
        self._thread = threading.Thread(target=self._run, name="account-file", daemon=True)
        self._thread.start()

    def _resume(self, found: Saved) -> None:
        source, now = self._kept.source, self._kept.now()
        if not account_file.same_prices(found.source, source):
            raise AccountFileError(
                self._file,
                f"its accounts were traded at the prices of {found.source}, and these are {source}; take those prices"
                " again, or another file",
            )
        if found.source != source:
            log.warning(
                "%s: the given prices have changed since (%s, now %s)", self._file, found.source, source
            )
        books = account_file.books_of(self._file, found)
        if books["day"] > self._brokerage.day(now):
            raise AccountFileError(
                self._file,
                f"its accounts have lived until {seoul(found.moment):%Y-%m-%d %H:%M}, and the broker's clock stands at"
                f" {seoul(now):%Y-%m-%d %H:%M}; start it later, or take another file",
            )
        if not books["accounts"].keys() <= self._brokerage.accounts():
            raise AccountFileError(
                self._file, "it holds accounts that this broker does not have; take another file"
            )
        self._brokerage.restore(books)

    def close(self) -> None:
        """Lets go of the file, once what is left to be written has been; on the control thread."""
        if self._thread is None:
            self._lock.release()
            return
        self._closing.set()
        self._dirty.set()
        self._copies.put(None)
        self._thread.join()
        self._thread = None
        with contextlib.suppress(OSError):  # the log has it
            self._write(self._copy())
        self._lock.release()

    def _copy(self) -> Callable[[], Saved]:
        """The books as they are, and the moment; on the control thread. What is costly about it is done later."""
        source, moment, books = self._kept.source, self._kept.now(), self._brokerage.copied()
        return lambda: Saved(source, moment, books())

    def _run(self) -> None:
        while True:
            self._dirty.wait()
            if self._closing.is_set():
                return
            self._dirty.clear()
            self._later(lambda: self._copies.put(self._copy()))
            copy = self._copies.get()
            if copy is None:
                return
            # Not the broker's clock: this is about the disk.
            began = time.monotonic()
            try:
                self._write(copy)
            except OSError:
                self._dirty.set()
                self._closing.wait(_AGAIN)
            else:
                self._closing.wait(max(_PAUSE, _SHARE * (time.monotonic() - began)))

    def _write(self, copy: Callable[[], Saved]) -> None:
        try:
            account_file.write(self._file, copy())
        except OSError as error:
            if not self._failing:
                log.error("the accounts cannot be kept in %s: %s", self._file, error)  # noqa: TRY400
            self._failing = True
            raise
        if self._failing:
            log.warning("the accounts are kept in %s again", self._file)
        self._failing = False
