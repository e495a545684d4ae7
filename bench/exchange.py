"""The simulated exchange: how many real-time events it makes, what every issue at once costs, and a day at a stretch.

Each figure comes from a separate process (``python -m bench.exchange start|all|change|day [CODES]|cold``), so that
memory and first times are not those of the measurement before. The control stands alone: no server, no client and
no limits. Its garbage collector is set as a server's. A piece of work is what the control thread does in one go.
All is measured in the processor's time of that thread, so that what else the machine does is not in it.
An event is counted when the control hands it to its one handler, with the texts of all FIDs of its type: 주식체결 and
주식호가잔량 of all issues are registered, of which the book's are four in five.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from bench import timing
from bench.timing import Row
from kernel_server import gc_tuning, simulated
from kernel_server.clock import KST, SteppedClock
from kernel_server.control.seam import Event, Scalar

ROUNDS = 12
STARTS = 7
DAY_CODES = 50
BOOKS = 9
TARGET = 20_000

_SESSION = (2026, 11, 17)  # a usual day, and the next one too: 09:00 to 15:30
_CODES_A_SCREEN = 100
_MARKETS = ("0", "10", "8", "50", "60")
_FIDS = "10;41"  # 주식체결 and 주식호가잔량, and in the auctions 주식예상체결
_AT_ONCE = 4.0  # seconds of the market a round
_STRIDE = 10.0  # seconds of the market between two looks at what has come due
_BUSY, _QUIET, _WARM_UP = "005930", "030520", "000660"

Figures = dict[str, float]


class _Broker:
    """A control whose clock stands until it is told to go on, and whose queue is worked off here."""

    def __init__(self, hour: int, minute: int) -> None:
        self._due: deque[Callable[[], None]] = deque()
        moment = datetime(*_SESSION, hour, minute, tzinfo=KST)
        self._clock = SteppedClock(moment.timestamp())
        settings = simulated.BrokerSettings(limited=False)
        self.control = simulated.build(None, 1, self._clock, settings, self._due.append)
        self.seen: Counter[str] = Counter()
        self.events = 0
        self.longest = 0.0  # seconds of the longest piece of work
        self.spent = self.answered = 0.0  # seconds of all pieces, and of those before the newest answer
        self._begun = 0.0
        self.listen()

    def listen(self) -> None:
        self.control.listen(self._count)

    def _count(self, event: Event) -> None:
        # As little as a handler can do that tells types apart.
        self.events += 1
        if event.name == "OnReceiveRealData":
            self.seen[str(event.arguments[1])] += 1
            return
        self.seen[event.name] += 1
        self.answered = self.spent + time.thread_time() - self._begun

    def go_on(self, seconds: float, stride: float = 0.2) -> None:
        for _ in range(round(seconds / stride)):
            self._clock.advance(stride)
            self.settle()

    def settle(self) -> None:
        while self._due:
            self._piece(self._due.popleft())

    def _piece(self, work: Callable[[], object]) -> float:
        begun = self._begun = time.thread_time()
        work()
        took = time.thread_time() - begun
        self.longest = max(self.longest, took)
        self.spent += took
        return took

    def login(self) -> None:
        self.control.call("CommConnect", ())
        self.go_on(1)
        assert self.control.call("GetConnectState", ()) == 1

    def listed(self) -> list[str]:
        lists = (str(self.control.call("GetCodeListByMarket", (market,))) for market in _MARKETS)
        return list(dict.fromkeys(code for codes in lists for code in codes.split(";") if code))

    def register(self, codes: list[str]) -> list[float]:
        """Seconds of each SetRealReg. Every issue's day has been started on return."""
        took = []
        for number, first in enumerate(range(0, len(codes), _CODES_A_SCREEN)):
            part = codes[first : first + _CODES_A_SCREEN]
            arguments = (f"{1000 + number}", ";".join(part), _FIDS, "0")
            took.append(self._piece(partial(self._called, "SetRealReg", arguments)))
        self.settle()
        return took

    def ask(self, name: str, *arguments: Scalar) -> tuple[float, float]:
        """Seconds of the processor until a request is answered, and those of a second of the market in all.

        An answer registers its issues for real-time data, so their days begin after it.
        """
        answers, before = self.seen["OnReceiveTrData"], self.spent
        self._piece(partial(self._called, name, arguments))
        self.go_on(1)
        assert self.seen["OnReceiveTrData"] == answers + 1
        return self.answered - before, self.spent - before

    def book(self, code: str) -> tuple[float, float]:
        """Seconds that opt10004 of an issue takes, as from ``ask``."""
        self.control.call("SetInputValue", ("종목코드", code))
        return self.ask("CommRqData", "bench", "opt10004", 0, "0001")

    def _called(self, name: str, arguments: tuple[Scalar, ...]) -> None:
        assert self.control.call(name, arguments) == 0


def _memory() -> float:
    """MB that this process holds now; 0 where the system has no way of saying."""
    status = Path("/proc/self/status")
    if status.exists():
        held = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return float(held["VmRSS"].split()[0]) / 1024
    if sys.platform == "win32":
        return 0.0
    import resource

    # The most it ever held: bytes on macOS, kilobytes elsewhere.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _start() -> Figures:
    begun = time.thread_time()
    broker = _Broker(9, 30)
    broker.login()
    inputs = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}
    for name, value in inputs.items():
        broker.control.call("SetInputValue", (name, value))
    took = time.thread_time() - begun
    took += broker.ask("CommRqData", "bench", "opt10081", 0, "0001")[0]
    return {"seconds": took, "codes": len(broker.listed())}


def _all() -> Figures:
    broker = _Broker(9, 30)
    broker.login()
    codes = broker.listed()
    before = _memory()
    broker.longest = 0.0
    begun = time.thread_time()
    calls = broker.register(codes)
    registering = time.thread_time() - begun
    broker.go_on(_AT_ONCE)
    held = _memory()
    longest = broker.longest
    # What the same strings cost when they need not be made: the floor is the handing on.
    ready: list[tuple[Scalar, ...]] = []
    broker.control.listen(lambda event: ready.append(event.arguments))
    broker.go_on(_AT_ONCE)
    broker.listen()
    made: list[float] = []
    ratios: list[float] = []
    for _ in range(ROUNDS):
        before_round = broker.events
        begun = time.thread_time()
        broker.go_on(_AT_ONCE)
        mine = (time.thread_time() - begun) / (broker.events - before_round)
        begun = time.thread_time()
        for arguments in ready:
            broker.control.fire("OnReceiveRealData", *arguments)
        floor = (time.thread_time() - begun) / len(ready)
        made.append(1 / mine)
        ratios.append(mine / floor)
    broker.control.close()
    return {
        "codes": len(codes),
        "registering": registering,
        "call": timing.median(calls),
        "longest_call": max(calls),
        "longest": longest,
        "memory": held,
        "grown": held - before,
        "rate": timing.median(made),
        "times_floor": timing.median(ratios),
        "trades": broker.seen["주식체결"] / broker.events,
    }


def _change() -> Figures:
    """The last minute of a session, its close, and the beginning and the opening of the next, with all issues."""
    broker = _Broker(15, 29)
    broker.login()
    broker.register(broker.listed())
    broker.longest = 0.0
    broker.go_on(120.0)
    close = broker.longest
    broker.go_on(16.95 * 3600, 3600.0)
    broker.longest = 0.0
    broker.go_on(180.0)
    morning = broker.longest
    broker.go_on(28 * 60.0, 1.0)
    broker.longest = 0.0
    broker.go_on(10.0)
    broker.control.close()
    return {"close": close, "morning": morning, "opening": broker.longest}


def _day(count: int) -> Figures:
    broker = _Broker(8, 29)
    broker.login()
    codes = broker.listed()
    # Evenly from the whole list: large and small, lively and quiet.
    chosen = codes[:: max(1, len(codes) // count)][:count]
    begun = time.thread_time()
    broker.register(chosen)
    broker.go_on(7.2 * 3600, _STRIDE)
    took = time.thread_time() - begun
    broker.control.close()
    return {"codes": len(chosen), "seconds": took, "events": broker.events}


def _cold() -> Figures:
    """Books of issues that are not watched, each asked for once, and then the quotes of all issues."""
    books: dict[str, list[tuple[float, float]]] = {_WARM_UP: [], _QUIET: [], _BUSY: []}
    for _ in range(BOOKS):
        broker = _Broker(14, 0)
        broker.login()
        for code, taken in books.items():
            taken.append(broker.book(code))
        broker.control.close()
    (quiet, _), (busy, begun) = (
        map(timing.median, zip(*books[code], strict=True)) for code in (_QUIET, _BUSY)
    )
    broker = _Broker(14, 0)
    broker.login()
    codes = broker.listed()
    quotes = watched = 0.0
    for first in range(0, len(codes), _CODES_A_SCREEN):
        part = codes[first : first + _CODES_A_SCREEN]
        answered, whole = broker.ask("CommKwRqData", ";".join(part), 0, len(part), 0, "bench", "0001")
        quotes, watched = quotes + answered, watched + whole
    broker.control.close()
    figures = {"codes": len(codes), "quotes": quotes, "watched": watched}
    return figures | {"busy": busy, "begun": begun, "quiet": quiet}


def _child(*arguments: str) -> Figures:
    command = [sys.executable, "-m", "bench.exchange", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def run() -> list[Row]:
    before = timing.cores()
    timing.one_core()
    try:
        starts = [_child("start") for _ in range(STARTS)]
        every, change, day = _child("all"), _child("change"), _child("day", str(DAY_CODES))
        cold = _child("cold")
    finally:
        timing.all_cores(before)
    codes = f"{every['codes']:,.0f} issues"
    memory = f"{every['memory']:.0f} MB" if every["memory"] else "not known here"
    return [
        Row(
            f"{starts[0]['codes']:,.0f} issues: built, logged in, first page",
            timing.duration(timing.median([start["seconds"] for start in starts])),
            "(under 1 s)",
        ),
        Row(f"real-time events of {codes}", f"{every['rate']:,.0f} a CPU second", _against(every)),
        Row(
            f"registering {codes} in mid-session",
            timing.duration(every["registering"]),
            f"until all are under way, {every['registering'] / every['codes'] * 1e3:.1f} ms an issue",
        ),
        Row(
            f"of that SetRealReg of {_CODES_A_SCREEN} codes",
            timing.duration(every["call"]),
            f"at most {timing.duration(every['longest_call'])}",
        ),
        Row("longest piece of work while registering, and 4 s after", timing.duration(every["longest"])),
        Row(
            "longest at a close, at 08:30, at an opening",
            timing.duration(max(change.values())),
            ", ".join(timing.duration(change[name]) for name in ("close", "morning", "opening")),
        ),
        Row(f"memory with {codes} registered", memory, f"{every['grown']:.0f} MB more than before"),
        Row(
            f"a whole day of {day['codes']:.0f} issues",
            timing.duration(day["seconds"]),
            f"{day['events']:,.0f} events, {day['events'] / day['seconds']:,.0f} a CPU second",
        ),
        Row(
            f"OPTKWFID of {cold['codes']:,.0f} issues at 14:00, none asked for before",
            timing.duration(cold["quotes"]),
            f"{timing.duration(cold['watched'])} with the start of their real-time events",
        ),
        Row(
            "opt10004 of a busy issue that is not watched",
            timing.duration(cold["busy"]),
            f"{timing.duration(cold['begun'])} with the start of its real-time events;"
            f" of a quiet one {timing.duration(cold['quiet'])}",
        ),
    ]


def _against(every: Figures) -> str:
    return (
        f"{every['times_floor']:.1f} times firing ready-made strings (at least {TARGET:,} events/s);"
        f" {every['trades']:.0%} 주식체결"
    )


def main() -> None:
    kind, *rest = sys.argv[1:]
    gc_tuning.tune()
    kinds = {"start": _start, "all": _all, "change": _change, "cold": _cold}
    print(json.dumps(kinds[kind]() if kind in kinds else _day(int(rest[0]) if rest else DAY_CODES)))


if __name__ == "__main__":
    main()
