"""``python -m bench [NAME ...]``: measurements and trials, all of them where none is named."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterable

from bench import (
    cache,
    chaos,
    collect,
    damage,
    exchange,
    hour,
    killing,
    live,
    orders,
    pages,
    plans,
    scheduler,
    soak,
    startup,
    streams,
    widgets,
)
from bench.likeness import report
from bench.ocx_host import calls, day
from bench.timing import Row

BENCHES: dict[str, Callable[..., Iterable[Row]]] = {
    "pages": pages.run,
    "cache": cache.run,
    "killing": killing.run,
    "damage": damage.run,
    "chaos": chaos.run,
    "startup": startup.run,
    "exchange": exchange.run,
    "streams": streams.run,
    "live": live.run,
    "hour": hour.run,
    "collect": collect.run,
    "orders": orders.run,
    "scheduler": scheduler.run,
    "plans": plans.run,
    "soak": soak.run,
    "widgets": widgets.run,
    "likeness": report.run,
    "ocx": calls.run,
    "ocx_day": day.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; default: all")
    given, options = parser.parse_known_args()
    names = given.names or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(BENCHES)}")
    if options and names not in (["widgets"], ["likeness"]):
        parser.error(f"only widgets and likeness have options: {' '.join(options)}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; medians, ratios taken round by round")
    for name in names:
        for row in BENCHES[name](options) if options else BENCHES[name]():
            print(f"{row.what:<58} {row.figure:>18}  {row.against}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
