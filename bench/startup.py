"""What a user waits for before the first line works: imports, the extension, the embedded server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

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
        try:
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
    ]
