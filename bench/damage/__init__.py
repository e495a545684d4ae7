"""Damages the cache, the account file and the journal of calls, and reads them: ``python -m bench damage``.

What is read has to be right, or refused by name, or loaded anew. Flipped bits, cut ends, lost and foreign blocks,
values and files in each other's places; every reader runs in this process, so that thousands of cases take minutes.
"""

from __future__ import annotations

import logging
import random
import tempfile
import time
import warnings
from pathlib import Path

from bench.damage.broker_files import account_files, journals
from bench.damage.kinds import Outcome
from bench.damage.sessions import session_cases
from bench.damage.store import cache_files, cache_values
from bench.timing import Row

_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # thousands of files are synced


def damage(seed: int = 1) -> dict[str, Outcome]:
    """Damages all of it, and reads it."""
    outcomes: dict[str, Outcome] = {}
    draw = random.Random(seed)
    logging.disable(logging.ERROR)  # every case is said, thousands of times
    try:
        for part in (journals, account_files, cache_values, cache_files, session_cases):
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
    total_cases = sum(outcome.cases for outcome in found.values())
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
        f"0 raw exceptions in {total_cases:,} cases, {time.monotonic() - began:.0f} s",
    )
    return [*rows, total]
