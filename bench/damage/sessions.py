"""The cache, damaged and read by sessions."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd

from bench.damage.kinds import Outcome, cases
from bench.damage.store import DATABASE, OTHER_SOURCE, filled
from kernel_server import simulated
from kernel_server.clock import KST, SteppedClock
from kernel_server.control.seam import Control
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import PRESETS
from kernel_server.server import BackgroundServer, ServerSettings
from koalab.errors import CacheDamaged
from koalab.sessions.session import Session
from koalab.transport import remote

SESSION_CASES = 120

_PATIENCE = 120.0
_NOW = datetime(2026, 11, 21, 12, tzinfo=KST)


def session_cases(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
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
        (file,) = sound.rglob(DATABASE)
        data, other = file.read_bytes(), filled(folder / "elsewhere", OTHER_SOURCE, 90).read_bytes()
        for damage, outcome in cases(outcomes, "a session's cache", SESSION_CASES):
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
