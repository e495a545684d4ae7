"""What the doctor says of the server and the way to it, and of this machine's time zone."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import koalab as kl
from kernel_server import __version__
from koalab.certificates import make
from koalab.commands.doctor import connection, machine
from koalab.transport.access import Tls
from koalab.transport.diagnosis import CertificateEnd, certificate_ends

NOON = datetime(2026, 11, 30, 3, 0, 0, tzinfo=timezone.utc)  # 12:00 in Seoul


def session(**changes: Any) -> Any:
    """A session at a server whose clock is the wall's, at noon, with what a test changes."""
    status = {
        "server": {"target": "pc:5943", "version": __version__, "control": "ocx"},
        "simulation": True,
        "connected": True,
        "problems": [],
        "rights": "trade",
        "clock": {"name": "real"},
        "now": "2026-11-30T12:00:00+09:00",
        **changes,
    }
    return SimpleNamespace(status=lambda: status)


def lines(
    served: Any, wall: float = NOON.timestamp(), certificates: list[CertificateEnd] | None = None
) -> list[str]:
    seconds = iter([10.0, 12.5])
    found = connection.server(
        lambda: served, lambda _target: certificates or [], lambda: next(seconds), lambda: wall
    )
    return [str(finding) for finding in found]


def test_all_is_well() -> None:
    assert lines(session()) == [
        f"ok  ocx server {__version__} at pc:5943, 모의투자, in 2.5 s",
        f"ok  the server has koalab {__version__}, as this machine has",
        "ok  rights at the server: trade",
        "ok  the clocks differ by 0 s",
    ]


def test_no_server_answers() -> None:
    def refuse() -> kl.Session:
        raise kl.NotConnected("nothing answers: start one")

    assert [str(one) for one in connection.server(refuse)] == ["!!  session: nothing answers: start one"]


def test_a_server_of_another_version_is_a_remark() -> None:
    server = {"target": "pc:5943", "version": "0.0.1", "control": "ocx"}
    assert lines(session(server=server))[1] == (
        f"--  the server has koalab 0.0.1 and this machine {__version__}: update the older one, so that both know the"
        " same requests"
    )


class TestTheClocks:
    @pytest.mark.parametrize("seconds", [-4, 0, 5])
    def test_that_are_near_are_well(self, seconds: float) -> None:
        assert lines(session(), NOON.timestamp() + seconds)[3].startswith("ok  the clocks differ")

    def test_of_which_the_servers_is_behind(self) -> None:
        assert lines(session(), NOON.timestamp() + 90.5)[3].startswith(
            "!!  the clocks differ by 90 s, the server's machine is behind: set both by a time server"
        )

    def test_of_which_this_machines_is_behind(self) -> None:
        assert "this machine is behind" in lines(session(), NOON.timestamp() - 60)[3]

    def test_are_not_compared_where_the_broker_has_a_clock_of_its_own(self) -> None:
        assert not [line for line in lines(session(clock={"name": "market"})) if "clocks" in line]


class TestCertificates:
    def end(self, days: float) -> str:
        found = lines(session(), certificates=[CertificateEnd("the server", NOON + timedelta(days=days))])
        return found[-1]

    def test_that_are_valid_for_long(self) -> None:
        assert self.end(400) == "ok  certificate of the server until 2028-01-04"

    def test_that_end_soon(self) -> None:
        assert "!!  certificate of the server until 2026-12-05: it expires in 5 days" in self.end(5)

    def test_that_have_ended(self) -> None:
        assert "it has expired: koalab certificates makes another" in self.end(-1)

    def test_of_files_are_read_where_no_server_answers(self, tmp_path: Path) -> None:
        make(tmp_path, ["127.0.0.1"], ["notebook"], days=40)
        tls = Tls(*(tmp_path / name for name in ("ca.pem", "notebook.pem", "notebook.key")))
        found = certificate_ends("127.0.0.1:1", tls)
        assert [one.what for one in found] == ["its CA", "this client"]
        assert all(one.end > datetime.now(timezone.utc) for one in found)

    def test_of_no_tls_are_none(self) -> None:
        assert certificate_ends("127.0.0.1:1", None) == []


class TestTheTimeZone:
    def test_of_the_market_is_known(self) -> None:
        assert str(machine.time_zone("UTC")).startswith("ok  time zone Asia/Seoul")

    def test_of_the_market_is_missing(self) -> None:
        def load(_name: str) -> object:
            raise zoneinfo.ZoneInfoNotFoundError

        assert str(machine.time_zone("KST", load)) == "!!  no time zone Asia/Seoul: pip install tzdata"
