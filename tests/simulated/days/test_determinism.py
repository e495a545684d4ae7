"""The same seed gives the same day, byte for byte, wherever and however often it is played."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.played_day import CODES, Played, play

SEED = 3


@pytest.fixture(scope="module")
def played() -> Played:
    return play(SEED)


@pytest.mark.long
def test_the_day_has_something_of_everything(played: Played) -> None:
    real = {"주식체결", "주식우선호가", "주식호가잔량", "주식예상체결", "주식시세", "장시작시간", "업종지수"}
    others = {"OnEventConnect", "OnReceiveTrData", "OnReceiveMsg", "OnReceiveChejanData"}
    conditions = {"OnReceiveConditionVer", "OnReceiveTrCondition", "OnReceiveRealCondition"}
    assert played.counts.keys() >= real | others | conditions
    assert played.counts["주식체결"] > 1_000  # of three issues, with few trades
    assert played.counts["OnReceiveChejanData"] >= 12


def elsewhere(*options: str) -> str:
    """The digest of the day in another process, where text hashes differently, which decides the order of every set."""
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.played_day", *options, str(SEED), *CODES[::-1]],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=Path(__file__).parents[3],
    )
    return done.stdout.strip()


@pytest.mark.long
def test_another_process_plays_the_same_day_in_any_order_of_registration(played: Played) -> None:
    assert elsewhere() == played.digest


def test_the_same_seed_gives_the_same_day_twice_and_another_seed_another() -> None:
    first, again, other = (play(seed, short=True) for seed in (SEED, SEED, SEED + 1))
    assert elsewhere("--short") == first.digest
    assert again == first
    assert other.digest != first.digest
    assert other.counts != first.counts
