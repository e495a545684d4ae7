"""Trials of sessions while server, broker and events fail at random moments of an hour of the simulated broker.

``python -m bench.chaos orders --seeds 1 2 3``: three sessions trade; afterwards each has what the broker's books have,
to the share and the won, and nothing was sent twice. ``python -m bench.chaos streams``: each gap has a name, 누적거래량
proves that nothing else is missing, and registered is what is wanted. What was found is printed; a difference ends it
with exit code 1.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bench.timing import Row
from tests.support.chaos.orders import OrderTrial
from tests.support.chaos.streams import StreamTrial

ORDERS, ORDER_FAULTS = 2_000, 150
MINUTES, STREAM_FAULTS = 60, 27
_SHOWN, _EVERY = 20, 200


def orders(seed: int, count: int = ORDERS, faults: int = ORDER_FAULTS) -> Row:
    """Raises RuntimeError where a session differs from the broker's books."""
    began = time.monotonic()
    with _folder() as folder:
        outcome = OrderTrial(folder, seed, count, min(faults, count // 10)).run(_progress)
    print(outcome, flush=True)
    _require_none(f"orders, seed {seed}", outcome.differences)
    return Row(
        f"orders of three sessions under {outcome.faults.total()} faults, seed {seed}",
        "0 differences",
        f"{outcome.sent.total():,} sent, none twice, {outcome.unknown:,} of unknown fate settled,"
        f" {time.monotonic() - began:.0f} s",
    )


def _progress(done: int) -> None:
    if done % _EVERY == 0:
        print(f"{done:,} orders", file=sys.stderr, flush=True)


def streams(seed: int, minutes: int = MINUTES, faults: int = STREAM_FAULTS) -> Row:
    """Raises RuntimeError where something is missing without a name, or registered without a stream."""
    began = time.monotonic()
    with _folder() as folder, closing(StreamTrial(folder, seed, minutes, faults)) as trial:
        outcome = trial.run()
    _require_none(f"streams, seed {seed}", outcome.differences)
    return Row(
        f"streams of {minutes} minutes under {outcome.faults.total()} faults, seed {seed}",
        "0 differences",
        f"{outcome.trades:,} trades, {outcome.gaps:,} gaps, {outcome.repeated:,} trades came twice,"
        f" {time.monotonic() - began:.0f} s",
    )


def run() -> list[Row]:
    return [orders(1), streams(1)]


def _require_none(what: str, differences: Sequence[str]) -> None:
    if differences:
        shown = "\n".join(differences[:_SHOWN])
        raise RuntimeError(f"{what}: {len(differences)} differences\n{shown}")


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder in memory where there is one; the log says every fault, thousands of times."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    logging.disable(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory(dir=memory, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    finally:
        logging.disable(logging.NOTSET)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("trial", choices=["orders", "streams"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], metavar="N", help="default: 1")
    parser.add_argument("--orders", type=int, default=ORDERS, help=f"default: {ORDERS:,}")
    parser.add_argument("--minutes", type=int, default=MINUTES, help=f"of the streams; default: {MINUTES}")
    parser.add_argument(
        "--faults", type=int, help=f"default: {ORDER_FAULTS} of orders, {STREAM_FAULTS} of streams"
    )
    given = parser.parse_args()
    try:
        for seed in given.seeds:
            if given.trial == "orders":
                row = orders(seed, given.orders, given.faults or ORDER_FAULTS)
            else:
                row = streams(seed, given.minutes, given.faults or STREAM_FAULTS)
            print(f"{row.what:<58} {row.figure:>18}  {row.against}", flush=True)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
