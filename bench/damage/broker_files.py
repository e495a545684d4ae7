"""The account file and the journal of calls, damaged and read."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

from bench.damage.kinds import Outcome, cases, foreign_file
from bench.damage.store import SOURCE
from kernel_server.clock import KST
from kernel_server.scheduler.journal import Journal
from kernel_server.simulated.brokerage import account_file
from kernel_server.simulated.brokerage.account_file import AccountFileError, Saved

ACCOUNT_CASES, JOURNAL_CASES = 3000, 2000
_NOW = datetime(2026, 11, 21, 12, tzinfo=KST)


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
    return Saved(SOURCE, _NOW.timestamp(), books)


def account_files(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
    file, truth = folder / "paper.json", _books(1)
    account_file.write(file, _books(2))
    other = file.read_bytes()
    account_file.write(file, truth)
    data = file.read_bytes()
    for damage, outcome in cases(outcomes, "the account file", ACCOUNT_CASES):
        if damage is foreign_file:
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


def journals(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
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
    for damage, outcome in cases(outcomes, "the journal of calls", JOURNAL_CASES):
        (place / "calls").write_bytes(damage(contents[0], contents[1], draw))
        with outcome.case("starting with it"):
            found = journal(place)
            times = found.times("tr")
            found.close()
            assert set(times) <= truth, "a call that was not made"
            outcome.count(len(times) == len(truth))
