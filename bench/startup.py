"""What a user waits for before the first line works: imports, the extension, the embedded server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import koalab as kl
from bench import timing
from bench.timing import Row

ROUNDS = 7

_EXTENSION = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.perf_counter()
shell.run_line_magic("load_ext", "koalab")
print(time.perf_counter() - start)
"""
_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
_CONNECT = """
import time, koalab
start = time.perf_counter()
kw = koalab.connect()
print(time.perf_counter() - start)
"""
# A notebook that begins beside a server that runs, and asks for what is held.
_CACHED = """
import time
start = time.perf_counter()
import koalab
frame = koalab.connect({address!r}).daily("005930", "2016-01-01", "2025-12-31")
print(frame.attrs["trs"], time.perf_counter() - start)
"""
_PARQUET = """
import time
start = time.perf_counter()
import pandas
pandas.read_parquet({file!r})
print(time.perf_counter() - start)
"""
_CALENDAR = """
import sys, koalab
koalab.connect({address!r}).daily("005930", "2016-01-01", "2025-12-31")
print(int("exchange_calendars" in sys.modules))
"""


def _seconds(program: str) -> float:
    # Compiled modules are kept, as they are for every user but the very first time.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return float(done.stdout.split()[-1])


def run() -> list[Row]:
    programs = [_IMPORT.format("pandas"), _IMPORT.format("koalab"), _EXTENSION, _CONNECT]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KOALAB_CACHE_DIR"] = folder
        file = str(Path(folder) / "bars.parquet")
        try:
            with kl.connect() as kw:
                address = kw.status()["server"]["target"]
                kw.daily("005930", "2016-01-01", "2025-12-31").to_parquet(file)
                cached = [_CACHED.format(address=address), _PARQUET.format(file=file)]
                for program in cached:
                    _seconds(program)
                assert not _seconds(_CALENDAR.format(address=address)), "the calendar was built again"
                first, floor = timing.rounds([partial(_seconds, program) for program in cached], ROUNDS)
            for program in programs:
                _seconds(program)
            times: list[list[float]] = [[] for _ in programs]
            for _ in range(ROUNDS):
                for number, program in enumerate(programs):
                    times[number].append(_seconds(program))
        finally:
            del os.environ["KOALAB_CACHE_DIR"]
    pandas, koalab, extension, connect = times
    return [
        Row("import pandas", timing.duration(timing.median(pandas))),
        Row(
            "import koalab, pandas included",
            timing.duration(timing.median(koalab)),
            f"{timing.ratio(koalab, pandas):.2f} times pandas alone (under 0.4 s)",
        ),
        Row("%load_ext koalab, in a bare IPython", timing.duration(timing.median(extension))),
        Row(
            "kl.connect(): embedded server ready and logged in",
            timing.duration(timing.median(connect)),
            "(under 2 s)",
        ),
        Row(
            "import koalab, connect to a server, ten years of held days",
            timing.duration(timing.median(first)),
            f"{timing.ratio(first, floor):.2f} times import pandas, read_parquet (under 1 s)",
        ),
        Row("  import pandas, pandas.read_parquet", timing.duration(timing.median(floor))),
    ]
