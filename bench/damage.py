"""Damages the cache, the account file and the journal of calls, and reads them: ``python -m bench damage``.

What is read has to be right, or refused by name, or loaded anew. Flipped bits, cut ends, lost and foreign blocks,
values and files in each other's places; every reader runs in this process, so that thousands of cases take minutes.
"""

from __future__ import annotations

import contextlib
import logging
import random
import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.timing import Row
from kernel_server import simulated
from kernel_server.clock import KST, SteppedClock
from kernel_server.control.seam import Control
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import PRESETS
from kernel_server.scheduler.journal import Journal
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.simulated.brokerage import account_file
from kernel_server.simulated.brokerage.account_file import AccountFileError, Saved
from koalab.errors import CacheDamaged, KoalabError
from koalab.frames.bars import BarColumns
from koalab.sessions.session import Session
from koalab.store.bars import BarStore
from koalab.store.memo import Memo
from koalab.store.packing import pack
from koalab.store.series import Series
from koalab.transport import remote

FILE_CASES, VALUE_CASES, SESSION_CASES = 1200, 1200, 120
ACCOUNT_CASES, JOURNAL_CASES = 3000, 2000
_DATABASE = "cache.db"
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # thousands of files are synced
_PAGE = 4096

Damage = Callable[[bytes, bytes, random.Random], bytes]


# ---- what happens to a file


def _bits(data: bytes, _other: bytes, draw: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def _cut(data: bytes, _other: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def _lost_block(data: bytes, _other: bytes, draw: random.Random) -> bytes:
    size = draw.choice((16, 512, _PAGE))
    start = draw.randrange(0, len(data), size)
    return (data[:start] + bytes(size) + data[start + size :])[: len(data)]


def _swapped_blocks(data: bytes, _other: bytes, draw: random.Random) -> bytes:
    size = min(draw.choice((16, 512, _PAGE)), len(data) // 2)
    one, two = sorted(draw.sample(range(len(data) // size), 2))
    first, second = data[one * size : (one + 1) * size], data[two * size : (two + 1) * size]
    between = data[(one + 1) * size : two * size]
    return data[: one * size] + second + between + first + data[(two + 1) * size :]


def _foreign_block(data: bytes, other: bytes, draw: random.Random) -> bytes:
    """A block of another file of the kind, as after a write that was not finished."""
    size = draw.choice((16, 512, _PAGE)) if len(data) > _PAGE else 64
    start = draw.randrange(0, len(data), size)
    return data[:start] + other[start : start + size] + data[start + size :]


def _foreign_file(_data: bytes, other: bytes, _draw: random.Random) -> bytes:
    return other


_DAMAGES: Mapping[str, tuple[Damage, float]] = {
    "flipped bits": (_bits, 0.5),
    "cut off": (_cut, 0.15),
    "a lost block": (_lost_block, 0.12),
    "swapped blocks": (_swapped_blocks, 0.12),
    "a block of another file": (_foreign_block, 0.1),
    "another file in its place": (_foreign_file, 0.01),
}
"""By name, each with its share of the cases."""


@dataclass
class Outcome:
    """What came of the cases of one kind.

    Attributes:
        cases: how many.
        right: in how many all that was read was right, nothing being missing.
        refused: in how many something was refused by name, or was not there and would be loaded anew.
        wrong: readings of something else than was stored.
        raw: exceptions that are not koalab's.
    """

    cases: int = 0
    right: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def case(self, what: str) -> Iterator[None]:
        self.cases += 1
        try:
            yield
        except AssertionError as error:
            self.wrong.append(f"{what}: {error}")
        except Exception as error:
            self.raw.append(f"{what}: {type(error).__name__}: {error}")

    def count(self, whole: bool) -> None:
        """After a case: whether everything was there and right."""
        self.right += whole
        self.refused += not whole


def _cases(outcomes: dict[str, Outcome], where: str, total: int) -> Iterator[tuple[Damage, Outcome]]:
    for name, (damage, share) in _DAMAGES.items():
        outcome = outcomes[f"{where}: {name}"] = Outcome()
        for _ in range(max(3, int(total * share)) if damage is not _foreign_file else 3):
            yield damage, outcome


# ---- the cache, read as its store

_SOURCE, _OTHER_SOURCE = "simulated:synthetic:seed=1:v2", "simulated:synthetic:seed=9:v2"
_SERIES = (
    Series("005930", "D", True),
    Series("005930", "D", False),
    Series("000660", "D", True),
    Series("005930", "5min", True),
)
_TIMES = np.arange("2026-01-01", "2026-06-30", dtype="M8[D]").astype("M8[us]")
_SPAN = (_TIMES[0], _TIMES[-1])
_MEMOS: Mapping[str, Any] = {
    "listing": {"day": "2026-06-30", "names": {f"{number:06d}": f"종목{number}" for number in range(300)}},
    "opt10001:005930": {"single": ["005930", "삼성전자", "78000"], "received_at": 5.0},
    "opt10001:000660": {"single": ["000660", "SK하이닉스", "98000"], "received_at": 5.0},
    "bytes": bytes(range(256)),
}


def _bars(series: Series, seed: int) -> BarColumns:
    draw = np.random.default_rng(seed)
    price = draw.integers(1_000, 90_000, len(_TIMES))
    common = (_TIMES, price, price + 50, price - 50, price + 10, price * 7)
    if series.kind != "daily":
        return BarColumns(*common)
    return BarColumns(*common, price * 1000, price * 0, np.full(len(_TIMES), np.nan))


_PACKED = {
    (source, series): pack(_bars(series, seed))
    for source, first in ((_SOURCE, 1), (_OTHER_SOURCE, 90))
    for seed, series in enumerate(_SERIES, first)
}


def _filled(folder: Path, source: str, seed: int) -> Path:
    store = BarStore(folder, source)
    for number, series in enumerate(_SERIES, seed):
        store.add(series, _bars(series, number), _SPAN, adjustment=_TIMES[0])
    memo = Memo(store.shelf, clock=lambda: 0.0)
    for key, value in _MEMOS.items():
        memo.put(key, value, expires=1e12)
    store.close()
    return store.shelf.folder / _DATABASE


def _store_is_right(store: BarStore) -> bool:
    """Whether all that was stored is there; AssertionError where something else is."""
    whole = True
    for series in _SERIES:
        try:
            found = store.cached_range(series, *_SPAN)
        except KoalabError:
            whole = False
            continue
        if not found.any_cached:
            whole = False
            continue
        assert pack(found.bars) == _PACKED[_SOURCE, series], f"other bars of {series}"
        assert not found.gaps, f"gaps in {series}"
        assert found.adjustment == (_TIMES[0] if series.adjusted else None), f"another adjustment of {series}"
    memo = Memo(store.shelf, clock=lambda: 0.0)
    for key, value in _MEMOS.items():
        stored = memo.get(key)
        assert stored in (None, value), f"another {key}"
        whole = whole and stored is not None
    for look in (store.series, store.info):
        try:
            found_here = look()
            assert whole is False or len(found_here) == len(_SERIES), "another list of series"
        except KoalabError:
            whole = False
    return whole


def _cache_files(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
    data = _filled(folder / "sound", _SOURCE, 1).read_bytes()
    other = _filled(folder / "sound", _OTHER_SOURCE, 90).read_bytes()
    place = BarStore(folder / "read", _SOURCE).shelf.folder
    for damage, outcome in _cases(outcomes, "the cache's file", FILE_CASES):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / _DATABASE).write_bytes(damage(data, other, draw))
        with outcome.case("reading, verifying, clearing"):
            store = BarStore(folder / "read", _SOURCE)
            try:
                whole = _store_is_right(store)
                problems = store.verify()
                assert whole or problems or not store.series(), "something is missing, and verify is silent"
                _cleared(store)
            finally:
                store.close()
            outcome.count(whole)


def _cleared(store: BarStore) -> None:
    store.clear()
    assert store.series() == [], "clear left something"
    store.add(_SERIES[0], _bars(_SERIES[0], 1), _SPAN)
    assert pack(store.read(_SERIES[0], *_SPAN)[0]) == _PACKED[_SOURCE, _SERIES[0]], "not mended by clear"


def _cache_values(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
    """Single values of a sound database, and values under each other's keys."""
    file = _filled(folder / "values", _SOURCE, 1)
    store = BarStore(folder / "values", _SOURCE)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        rows = dict(connection.execute("SELECT key, value FROM Cache").fetchall())
        keys = sorted(rows)

        def put(key: str, value: object) -> None:
            connection.execute("UPDATE Cache SET value = ? WHERE key = ?", (value, key))

        for kind in ("flipped bits", "cut off", "under another key", "another type"):
            outcome = outcomes[f"a value in the cache: {kind}"] = Outcome()
            for _ in range(VALUE_CASES // 4):
                key, other = draw.sample(keys, 2)
                bad: object = {
                    "flipped bits": _bits(rows[key], b"", draw),
                    "cut off": _cut(rows[key], b"", draw),
                    "under another key": rows[other],
                    "another type": draw.choice((None, 1, 2.5, "text", b"", '0123abcd{"version":3}')),
                }[kind]
                put(key, bad)
                with outcome.case(f"{key} {kind}"):
                    whole = _store_is_right(store)
                    assert not whole or bad == rows[key], "not noticed"
                    assert any(key.split(":")[1] in problem for problem in store.verify()), "verify is silent"
                    outcome.count(whole)
                put(key, rows[key])
    store.close()


# ---- the cache, read as a session's

_PATIENCE = 120.0
_NOW = datetime(2026, 11, 21, 12, tzinfo=KST)


def _session_cases(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
    clock, thread = SteppedClock(_NOW.timestamp(), jump=True), PlainThread()

    def make() -> Control:
        return simulated.build(None, 1, clock, simulated.BrokerSettings(), thread.hand_over)

    with BackgroundServer(make, clock, ServerSettings(PRESETS["official"], port=0), thread) as server:

        def read(cache: Path) -> tuple[dict[str, pd.DataFrame], int]:
            frames: dict[str, pd.DataFrame] = {}
            refused = 0
            with Session(remote.connect(server.address, _PATIENCE), cache) as kw:
                kw.login()
                for name, call in _calls(kw).items():
                    try:
                        frames[name] = call()
                    except CacheDamaged:
                        refused += 1
            return frames, refused

        sound = folder / "session"
        truth, _ = read(sound)
        (file,) = sound.rglob(_DATABASE)
        data, other = file.read_bytes(), _filled(folder / "elsewhere", _OTHER_SOURCE, 90).read_bytes()
        for damage, outcome in _cases(outcomes, "a session's cache", SESSION_CASES):
            cache = folder / "session-read"
            shutil.rmtree(cache, ignore_errors=True)
            place = cache / file.relative_to(sound)
            place.parent.mkdir(parents=True)
            place.write_bytes(damage(data, other, draw))
            with outcome.case("a session"):
                frames, refused = read(cache)
                for name, frame in frames.items():
                    missing = list(frame.attrs.get("missing", ()))
                    refused += bool(missing)
                    expected = truth[name].drop(missing, level=0) if missing else truth[name]
                    assert frame.equals(expected), f"another answer of {name}"
                spent = sum(frame.attrs.get("trs", 0) for frame in frames.values())
                outcome.count(not refused and not spent)


def _calls(kw: Session) -> dict[str, Callable[[], pd.DataFrame]]:
    return {
        "daily": lambda: kw.daily("005930", "2026-05-01", "2026-11-20", progress=False),
        "two": lambda: kw.daily(["000660", "005930"], "2026-05-01", "2026-11-20", progress=False),
        "minute": lambda: kw.minute("000660", 5, "2026-11-16", "2026-11-20", progress=False),
        "find": lambda: kw.find("삼성전"),
        "index": lambda: kw.index("KOSPI", "2026-11-02", "2026-11-20", progress=False),
        "info": lambda: kw.info(["005930"], progress=False),
        "quotes": lambda: kw.quotes(["005930", "000660"], progress=False),
    }


# ---- the account file and the journal


def _books(seed: int) -> Saved:
    draw = random.Random(seed)
    account = {
        "deposit": draw.randrange(10**8),
        "cash": draw.randrange(10**8),
        "holdings": {
            f"{draw.randrange(10**6):06d}": [draw.randrange(1, 99), draw.randrange(10**6), 7]
            for _ in range(20)
        },
        "deals": [],
        "worth": [[20261116, 10**7], [20261102, 10**7]],
    }
    books = {"day": 20261117, "next": [9, 9], "orders": [], "past": [], "accounts": {"8000000011": account}}
    return Saved(_SOURCE, _NOW.timestamp(), books)


def _account_files(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
    file, truth = folder / "paper.json", _books(1)
    account_file.write(file, _books(2))
    other = file.read_bytes()
    account_file.write(file, truth)
    data = file.read_bytes()
    for damage, outcome in _cases(outcomes, "the account file", ACCOUNT_CASES):
        if damage is _foreign_file:
            continue  # a whole file of another account is that account
        file.write_bytes(damage(data, other, draw))
        with outcome.case("reading"):
            try:
                found = account_file.read(file)
                assert found is not None, "no file"
                account_file.books_of(file, found)
            except AccountFileError:
                outcome.count(whole=False)
            else:
                assert found == truth, "another account"
                outcome.count(whole=True)


def _journals(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
    now = _NOW.timestamp()

    def journal(place: Path, at: float = now) -> Journal:
        return Journal(place, at, lambda _key: 3600.0, lambda: at)

    contents = []
    for number in range(2):
        place = folder / f"journal{number}"
        for second in range(40):
            kept = journal(place, now - 100 + second)
            kept.record(["tr", "account"] if number else ["tr"])
            kept.close()
        contents.append((place / "calls").read_bytes())
    place = folder / "journal-read"
    place.mkdir()
    truth = {now - 100 + second for second in range(40)}
    for damage, outcome in _cases(outcomes, "the journal of calls", JOURNAL_CASES):
        (place / "calls").write_bytes(damage(contents[0], contents[1], draw))
        with outcome.case("starting with it"):
            found = journal(place)
            times = found.times("tr")
            found.close()
            assert set(times) <= truth, "a call that was not made"
            outcome.count(len(times) == len(truth))


# ---- the report


def damage(seed: int = 1) -> dict[str, Outcome]:
    """Damages all of it, and reads it."""
    outcomes: dict[str, Outcome] = {}
    draw = random.Random(seed)
    logging.disable(logging.ERROR)  # every case is said, thousands of times
    try:
        for part in (_journals, _account_files, _cache_values, _cache_files, _session_cases):
            with tempfile.TemporaryDirectory(dir=_MEMORY) as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                part(outcomes, Path(folder), draw)
    finally:
        logging.disable(logging.NOTSET)
    return outcomes


def run() -> list[Row]:
    began = time.monotonic()
    found = {name: outcome for name, outcome in damage().items() if outcome.cases}
    bad = [text for outcome in found.values() for text in (*outcome.wrong, *outcome.raw)]
    if bad:
        listed = "\n".join(sorted(set(bad))[:20])
        raise RuntimeError(f"{len(bad)} readings were wrong or raised what they should not:\n{listed}")
    cases = sum(outcome.cases for outcome in found.values())
    rows = [
        Row(
            name,
            f"{outcome.cases:,} cases",
            f"{outcome.right:,} harmless, {outcome.refused:,} refused or loaded anew",
        )
        for name, outcome in found.items()
    ]
    total = Row(
        "of all readings of what was damaged",
        "0 wrong",
        f"0 raw exceptions in {cases:,} cases, {time.monotonic() - began:.0f} s",
    )
    return [*rows, total]
