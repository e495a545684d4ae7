"""The same order of two terminals: refused by the second, with the first one's number."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from koalab import AuditIncomplete, OrderGuarded
from koalab.calendar import table
from koalab.orders.audit import AuditLog
from koalab.orders.checks import OrderChecks
from koalab.orders.guards import Guards
from koalab.orders.recent import FATE, RecentOrders
from koalab.orders.record import OrderChange, OrderRecord, OrderStatus
from tests.koalab.orders.test_guards import order
from tests.koalab.orders.test_orders import MORNING
from tests.support.forked import FORKED
from tests.support.session import start
from tests.support.waiting import HANGS_AFTER

NOON = 1_763_348_400.0

Process = Callable[..., "Terminal"]


class Terminal:
    """The guard of one process."""

    def __init__(self, folder: Path, name: str, broker: str = "simulated host:1") -> None:
        self.guards = Guards()
        self.audit = AuditLog(folder, lambda: "simulated", "host:1", lambda: NOON)
        self.recent = RecentOrders(self.audit, lambda: broker, lambda: name)
        self.checks = OrderChecks(self.guards, table, self.recent)

    def send(self, at: float = NOON, quantity: int = 10) -> OrderRecord:
        record = order(entered=at, quantity=quantity, ours=True)
        self.checks.reserve(record, at)
        return record

    def becomes(self, record: OrderRecord, status: OrderStatus, number: str = "") -> None:
        record.status, record.number = status, number
        self.audit.changed(record, OrderChange(NOON, status, 0, record.quantity))


@pytest.fixture
def terminal(tmp_path: Path) -> Process:
    return lambda name, **more: Terminal(tmp_path, name, **more)


def test_the_second_is_refused_and_the_first_is_named(terminal: Process) -> None:
    one, other = terminal("11"), terminal("22")
    one.becomes(one.send(), "accepted", "0000012")
    with pytest.raises(
        OrderGuarded, match=r"주문번호 0000012\) was sent 1\.5 s before by another process, 11"
    ) as caught:
        other.send(NOON + 1.5)
    assert caught.value.guard == "duplicates_within"
    with pytest.raises(OrderGuarded, match="0000012"):  # a dry run says so too
        other.checks.check_duplicate(order(), NOON + 1.5)


def test_the_seconds_are_those_of_the_guard(terminal: Process) -> None:
    one, other = terminal("11"), terminal("22")
    one.becomes(one.send(), "accepted", "0000012")
    other.send(NOON + 5)
    third = terminal("33")
    third.guards.duplicates_within = None
    third.send(NOON + 5)


def test_another_order_or_broker_or_a_refused_one_is_no_twin(terminal: Process) -> None:
    one, other = terminal("11"), terminal("22")
    record = one.send()
    other.send(quantity=11)
    terminal("33", broker="simulated host:2").send()
    one.becomes(record, "rejected")
    other.send(NOON + 1)


def test_one_that_is_given_back_is_no_twin(terminal: Process) -> None:
    one, other = terminal("11"), terminal("22")
    one.checks.give_back(one.send())
    other.send()


def test_a_question_counts_from_its_answer_on(terminal: Process) -> None:
    one, other = terminal("11"), terminal("22")
    record = one.send()
    one.checks.renew(record, NOON + 60)
    one.becomes(record, "accepted", "0000012")
    with pytest.raises(OrderGuarded):
        other.send(NOON + 62)


def test_one_of_unknown_fate_is_a_twin_until_its_process_must_know(terminal: Process) -> None:
    one, other = terminal("11"), terminal("22")
    one.becomes(one.send(), "unknown")
    with pytest.raises(OrderGuarded, match="its fate is not known"):
        other.send(NOON + 60)
    other.send(NOON + FATE)


def test_no_account_number_is_in_the_file(terminal: Process) -> None:
    one = terminal("11")
    record = one.send()
    text = one.recent.file.read_text()
    assert record.account not in text
    assert one.recent.file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"{", b"[3]", b'[{"at": "x"}]', b"\xff"])
def test_a_damaged_file_counts_as_empty(terminal: Process, content: bytes) -> None:
    one = terminal("11")
    one.recent.file.parent.mkdir(exist_ok=True)
    one.recent.file.write_bytes(content)
    one.send()
    with pytest.raises(OrderGuarded):
        terminal("22").send()


def test_a_folder_that_cannot_be_used_stops_no_order(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    one = Terminal(tmp_path / "file" / "orders", "11")
    with pytest.warns(AuditIncomplete, match="the order itself goes on"):
        one.send()


def _race(folder: Path, name: str, start: Barrier, results: Queue[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "koalab.orders.recent._LOCKED", HANGS_AFTER
        )  # a busy machine is no file that cannot be used
        terminal = Terminal(folder, name)
        start.wait()
        try:
            terminal.send()
            results.put("sent")
        except OrderGuarded:
            results.put("refused")


def test_of_several_at_once_one_is_sent(tmp_path: Path) -> None:
    results: Queue[str] = FORKED.Queue()
    together = FORKED.Barrier(4)
    racers = [FORKED.Process(target=_race, args=(tmp_path, str(n), together, results)) for n in range(4)]
    for one in racers:
        one.start()
    found = sorted(results.get(timeout=HANGS_AFTER) for _ in racers)
    for one in racers:
        one.join(HANGS_AFTER)
    assert found == ["refused"] * 3 + ["sent"]


@pytest.mark.slow
def test_of_two_commands_the_second_is_refused(tmp_path: Path) -> None:
    market = start(tmp_path, MORNING)
    command = [sys.executable, "-m", "koalab", "--target", market.server.address]
    order = ["buy", "005930", "1", "--yes", "--guard", "duplicates_within=600"]
    try:
        first, second = (
            subprocess.run([*command, *order], capture_output=True, text=True, timeout=HANGS_AFTER)
            for _ in range(2)
        )
    finally:
        market.close()
    assert (first.returncode, second.returncode) == (0, 1)
    assert "주문번호 0000001" in second.stderr
