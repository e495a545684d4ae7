"""The task in the Task Scheduler, which a fake stands for here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kernel_server.service import __main__ as command
from kernel_server.service import report
from kernel_server.service.report import ServerNews, ServiceState
from kernel_server.service.supervisor import Running
from kernel_server.service.task import ScheduledTask, TaskFailed, definition

NAMES = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


class FakeScheduler:
    """Takes commands of schtasks, keeps the task's XML, and fails where a test sets it to."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.commands: list[list[str]] = []
        self.xml = ""

    def __call__(self, given: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.commands.append(list(given))
        if "/XML" in given:
            self.xml = Path(given[given.index("/XML") + 1]).read_text(encoding="utf-16")
        if self.fails in given:
            return subprocess.CompletedProcess(given, 1, "", "오류: 액세스가\n 거부되었습니다.\n")
        return subprocess.CompletedProcess(given, 0, "", "")


def text(xml: str, path: str) -> str | None:
    return ElementTree.fromstring(xml).findtext(path, namespaces=NAMES)


class TestTheDefinition:
    XML = definition(
        "집\\홍길동", Path("C:/Python 3.10/pythonw.exe"), ["-m", "a b", "--x"], Path("C:/koalab")
    )

    def test_starts_when_the_user_logs_on_at_the_desktop(self) -> None:
        assert text(self.XML, "t:Triggers/t:LogonTrigger/t:UserId") == "집\\홍길동"
        assert text(self.XML, "t:Principals/t:Principal/t:LogonType") == "InteractiveToken"

    def test_has_no_end_of_time_and_is_there_once(self) -> None:
        assert text(self.XML, "t:Settings/t:ExecutionTimeLimit") == "PT0S"
        assert text(self.XML, "t:Settings/t:MultipleInstancesPolicy") == "IgnoreNew"
        assert text(self.XML, "t:Settings/t:RestartOnFailure/t:Interval") == "PT1M"

    def test_quotes_its_arguments(self) -> None:
        assert text(self.XML, "t:Actions/t:Exec/t:Arguments") == '-m "a b" --x'


class TestTheCommand:
    def test_installs_a_task_that_runs_the_supervisor_with_the_servers_options(self, tmp_path: Path) -> None:
        scheduler = FakeScheduler()
        given = ["install", "--state-dir", str(tmp_path), "--", "--port", "6000", "--login"]
        assert command.main(given, ScheduledTask(scheduler)) == 0
        (made,) = scheduler.commands
        assert made[:4] == ["schtasks", "/Create", "/TN", "koalab"]
        arguments = text(scheduler.xml, "t:Actions/t:Exec/t:Arguments")
        assert arguments is not None
        assert arguments.startswith("-m kernel_server.service run --state-dir ")
        assert arguments.endswith(" -- --port 6000 --login")

    def test_installs_a_daily_restart_and_administrator_rights_where_asked(self, tmp_path: Path) -> None:
        scheduler = FakeScheduler()
        given = ["install", "--state-dir", str(tmp_path), "--restart-at", "06:00", "--elevated"]
        command.main(given, ScheduledTask(scheduler))
        assert "--restart-at 06:00 --" in (text(scheduler.xml, "t:Actions/t:Exec/t:Arguments") or "")
        assert text(scheduler.xml, "t:Principals/t:Principal/t:RunLevel") == "HighestAvailable"

    def test_takes_no_wrong_time_of_day(self) -> None:
        with pytest.raises(SystemExit, match="HH:MM"):
            command.main(["install", "--restart-at", "25:00"], ScheduledTask(FakeScheduler()))

    @pytest.mark.parametrize("option", [["--restart-at", "06:00"], ["--elevated"]])
    def test_takes_these_at_the_installation_alone(self, option: list[str]) -> None:
        with pytest.raises(SystemExit, match="install again"):
            command.main(["start", *option], ScheduledTask(FakeScheduler()))

    def test_refuses_wrong_options_of_the_server_before_it_installs_them(self, tmp_path: Path) -> None:
        scheduler = FakeScheduler()
        with pytest.raises(SystemExit):
            command.main(["install", "--", "--prot", "6000"], ScheduledTask(scheduler))
        assert scheduler.commands == []

    @pytest.mark.parametrize(("action", "verb"), [("start", "/Run"), ("stop", "/End"), ("remove", "/Delete")])
    def test_starts_stops_and_removes(self, action: str, verb: str) -> None:
        scheduler = FakeScheduler()
        assert command.main([action], ScheduledTask(scheduler)) == 0
        assert scheduler.commands[0][:4] == ["schtasks", verb, "/TN", "koalab"]

    def test_says_what_the_task_scheduler_says(self) -> None:
        with pytest.raises(TaskFailed, match=r"schtasks /Run failed: 오류: 액세스가 거부되었습니다\."):
            ScheduledTask(FakeScheduler("/Run")).start()
        with pytest.raises(SystemExit, match="거부"):
            command.main(["start"], ScheduledTask(FakeScheduler("/Run")))

    def test_takes_options_of_the_server_where_they_mean_something(self) -> None:
        with pytest.raises(SystemExit, match="install again"):
            command.main(["start", "--", "--port", "1"], ScheduledTask(FakeScheduler()))

    @pytest.mark.skipif(sys.platform == "win32", reason="about other systems")
    def test_says_that_the_task_is_one_of_windows(self) -> None:
        with pytest.raises(SystemExit, match="one of Windows"):
            command.main(["start"])


class TestStatus:
    def test_is_what_the_supervisor_reported_last(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("time.time", lambda: 1000.0)
        news = ServerNews("127.0.0.1:5943", 0, "a window waits")
        report.writer(tmp_path, lambda: news, lambda: 990.0)(Running(True, 2, 3, 1))
        assert command.main(["status", "--state-dir", str(tmp_path)], ScheduledTask(FakeScheduler())) == 0
        said = capsys.readouterr().out
        assert said == (
            "the server listens on 127.0.0.1:5943, logged in, started again 2 times, last exit code 3,"
            " ended 1 times for an update or a restart; a window waits\n"
        )

    def test_is_not_running_where_the_report_is_old(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report.writer(tmp_path, ServerNews, lambda: 1.0)(Running(True, 0, None))
        assert command.main(["status", "--state-dir", str(tmp_path)], ScheduledTask(FakeScheduler())) == 1
        assert capsys.readouterr().out.startswith("not ")

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"time": 1}', "null"])
    def test_of_a_damaged_report_is_none(self, tmp_path: Path, content: str) -> None:
        (tmp_path / report.FILE).write_text(content)
        assert report.read(tmp_path, 1.0) is None

    def test_says_that_a_server_is_down(self) -> None:
        assert str(ServiceState(0.0, "", False, 1, 1)) == (
            "the server is down and will be started again, started again 1 times, last exit code 1"
        )

    def test_says_what_is_done_while_it_is_down(self, tmp_path: Path) -> None:
        write = report.writer(tmp_path, ServerNews, lambda: 1000.0)
        write(Running(False, 0, None, 1, "an update of OpenAPI+"))
        state = report.read(tmp_path, 1500.0)  # an update takes longer than the time between two reports
        assert str(state).startswith("the server is down for an update of OpenAPI+")

    def test_says_why_it_is_not_logged_in(self) -> None:
        assert "not logged in (-101)" in str(ServiceState(0.0, "here:1", True, 0, None, login=-101))
