"""``koalab certificates`` and ``koalab token``, and showing who one is on the command line and in the magics."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result
from IPython.core.interactiveshell import InteractiveShell

import koalab as kl
from kernel_server.security import tokens
from kernel_server.security.access import Access
from kernel_server.security.rights import Right
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc
from koalab.certificates import make
from koalab.cli import program
from tests.koalab.transport.test_server_process import refused, served
from tests.support.cache_folder import with_calendar
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, wait_until

ACCOUNT = "8000000011"
PASSWORD = "pw-s3cret"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path / "cache")))
    for name in ("KOALAB_TARGET", "KOALAB_TOKEN", "KOALAB_TLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(*words: str, **more: Any) -> Result:
    return CliRunner().invoke(program, words, **more)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Market]:
    """A server that wants a token: that of ``notebook`` is in the file notebook.token."""
    assert run("token", "add", "notebook", "--rights", "admin", "--save", "notebook.token").exit_code == 0
    market = start(tmp_path, access=Access(tokens=tmp_path / "tokens.tsv", refusal_delay=0.0))
    yield market
    market.close()


class TestCertificates:
    def test_are_made_and_listed(self, tmp_path: Path) -> None:
        result = run(
            "certificates", "keys", "--host", "broker.lan", "--host", "192.168.0.10", "--client", "notebook"
        )
        assert result.exit_code == 0
        made = {Path(line).name for line in result.stdout.splitlines()}
        assert made == {file.name for file in (tmp_path / "keys").iterdir()}
        assert "server.key" in made
        assert "notebook.pem" in made
        assert "ca.key" in result.stderr

    def test_are_not_written_over(self) -> None:
        assert run("certificates", "keys", "--host", "broker.lan").exit_code == 0
        again = run("certificates", "keys", "--host", "broker.lan")
        assert again.exit_code == 1
        assert "there already" in again.stderr

    def test_without_a_name_are_refused(self, tmp_path: Path) -> None:
        assert run("certificates", "keys").exit_code == 1
        assert not (tmp_path / "keys").exists()


class TestTokens:
    def test_are_added_listed_and_removed(self, tmp_path: Path) -> None:
        made = run("token", "add", "notebook", "--rights", "read").stdout.strip()
        entry = tokens.Tokens(tmp_path / "tokens.tsv").find(made)
        assert entry is not None
        assert entry.right is Right.READ
        run("token", "add", "robot", "--rights", "trade")
        assert run("token", "list").stdout.splitlines() == ["notebook\tread", "robot\ttrade"]
        assert run("token", "remove", "notebook").exit_code == 0
        assert run("token", "list").stdout.splitlines() == ["robot\ttrade"]

    @pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
    def test_go_into_a_file_of_their_own_unseen(self, tmp_path: Path) -> None:
        result = run("token", "add", "notebook", "--rights", "read", "--save", "notebook.token")
        file = tmp_path / "notebook.token"
        assert result.output == ""
        assert file.stat().st_mode & 0o777 == 0o600
        assert tokens.Tokens(tmp_path / "tokens.tsv").find(file.read_text().strip()) is not None

    def test_are_not_added_where_their_file_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "there").touch()
        for file in ("there", "no/such/folder/token"):
            assert run("token", "add", "notebook", "--rights", "read", "--save", file).exit_code == 1
        assert run("token", "list").stdout == "" or not (tmp_path / "tokens.tsv").exists()

    def test_of_a_name_that_has_one_are_refused(self) -> None:
        run("token", "add", "notebook", "--rights", "read")
        again = run("token", "add", "notebook", "--rights", "admin")
        assert again.exit_code == 1
        assert "already" in again.stderr


class TestTheCommandLine:
    def test_takes_the_token_from_a_file_or_asks_for_it(
        self, locked: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = ("--target", locked.server.address)
        assert run("status", *target).exit_code == 1
        from_file = run("status", *target, "--token", "notebook.token", "--format", "json")
        assert json.loads(from_file.output)["rights"] == "admin"
        token = (tmp_path / "notebook.token").read_text().strip()
        monkeypatch.setattr("getpass.getpass", lambda _prompt: token)
        assert run(*target, "--token", "-", "status").exit_code == 0

    def test_takes_no_token_that_is_written_out(self) -> None:
        token = tokens.new_token()
        result = run("status", "--target", "127.0.0.1:1", "--token", token)
        assert result.exit_code == 1
        assert "histories" in result.stderr
        assert token not in result.output

    def test_takes_the_files_of_tls(self, tmp_path: Path) -> None:
        make(tmp_path / "keys", ["127.0.0.1"], ["notebook"])
        keys = [str(tmp_path / "keys" / name) for name in ("ca.pem", "notebook.pem", "notebook.key")]
        options = (
            "--tls-cert",
            "keys/server.pem",
            "--tls-key",
            "keys/server.key",
            "--tls-client-ca",
            "keys/ca.pem",
        )
        with served(*options) as (_, address):
            target = ("--target", address, "--tls", os.pathsep.join(keys))
            assert run("status", *target).exit_code == 0
            assert "wants a certificate" in run("status", "--target", address, "--tls", keys[0]).stderr

    def test_says_in_doctor_what_is_wrong_with_the_server(self, tmp_path: Path) -> None:
        make(tmp_path / "keys", ["127.0.0.1"], days=3)
        options = ("--tls-cert", "keys/server.pem", "--tls-key", "keys/server.key")
        with served(*options) as (_, address):
            result = run("--target", address, "--tls", "keys/ca.pem", "doctor")
            shown = run("status", "--target", address, "--tls", "keys/ca.pem", "--format", "json")
        assert result.exit_code == 1
        assert "certificate expires on" in result.output
        assert "!!  certificate of the server until" in result.output
        assert "ok  certificate of its CA until" in result.output
        assert "certificate expires on" in json.loads(shown.output)["problems"]


class TestTheMagic:
    @pytest.fixture
    def shell(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
        from traitlets.config import Config

        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        shell.run_line_magic("load_ext", "koalab")
        yield shell
        with contextlib.suppress(kl.NotConnected):
            kl.session().close()
        InteractiveShell.clear_instance()

    def test_connects_with_a_token_from_a_file(self, shell: InteractiveShell, locked: Market) -> None:
        kw = shell.run_line_magic("kiwoom", f"connect {locked.server.address} --token notebook.token")
        assert kw.status()["rights"] == "admin"
        with pytest.raises(kl.BadInput, match="histories"):
            shell.run_line_magic("kiwoom", f"connect {locked.server.address} --token {tokens.new_token()}")


class TestAServersProcess:
    @pytest.fixture
    def options(self, tmp_path: Path) -> list[str]:
        """What a server on another machine needs, all of it."""
        make(tmp_path / "keys", ["127.0.0.1"])
        for name, right in (("admin", Right.ADMIN), ("reader", Right.READ)):
            (tmp_path / f"{name}.token").touch(0o600)
            (tmp_path / f"{name}.token").write_text(tokens.add(tmp_path / "tokens.tsv", name, right))
        names = {"--tls-cert": "keys/server.pem", "--tls-key": "keys/server.key", "--tokens": "tokens.tsv"}
        return [word for pair in names.items() for word in pair]

    def test_listens_where_others_can_reach_it_once_it_is_protected(self, options: list[str]) -> None:
        with served("--host", "0.0.0.0", *options) as (_, address):
            port = address.rpartition(":")[2]
            with kl.connect(f"127.0.0.1:{port}", tls="keys/ca.pem", token=Path("reader.token")) as kw:
                assert kw.status()["rights"] == "read"

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--tls-cert", "keys/server.pem"], "go together"),
            (["--tls-cert", "no.pem", "--tls-key", "keys/server.key"], "no.pem"),
            (["--tls-cert", "keys/server.pem", "--tls-key", "keys/ca.key"], "cannot be used together"),
            (["--tokens", "no.tsv"], "no.tsv"),
            (["--tokens", "keys/ca.pem"], "no table of tokens"),
            (["--host", "0.0.0.0", "--tokens", "tokens.tsv"], "--tls-cert"),
            (["--allow-real-orders"], "--max-order-value"),
            (["--max-order-value", "lots"], "sum of money"),
            (["--metrics-port", "70000"], "0 to 65535"),
        ],
    )
    def test_says_in_a_sentence_what_it_cannot_use(
        self, options: list[str], words: list[str], said: str
    ) -> None:
        assert said in refused("--control", "simulated", "--port", "0", *words)

    def test_serves_its_metrics_where_it_is_told_to(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with served("--metrics-port", str(port)) as (_, address):
            with kl.connect(address) as kw:
                kw.login()

            def counted() -> bool:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/metrics", timeout=HANGS_AFTER
                ) as answer:
                    return b'koalab_rpcs_total{method="Kernel/Login",status="OK"} 1.0' in answer.read()

            wait_until(counted)  # its answer comes before it is counted

    @pytest.mark.parametrize("form", ["text", "json"])
    def test_never_writes_a_secret_into_its_log(self, options: list[str], form: str, tmp_path: Path) -> None:
        made = {name: (tmp_path / f"{name}.token").read_text() for name in ("admin", "reader")}
        wrong = tokens.new_token()
        order = ("주문", "0101", ACCOUNT, 1, "005930", 1, 50_000, "00", "")
        more = ("--log-level", "DEBUG", "--log-format", form)
        with served(*options, *more) as (process, address):

            def session(token: str | None) -> kl.Session:
                return kl.connect(address, tls="keys/ca.pem", token=token, cache_dir=tmp_path / "cache")

            with session(made["admin"]) as kw:
                kw.login()
                assert kw.call.GetLoginInfo("ACCNO") == f"{ACCOUNT};"
                assert len(kw.daily("005930", "2026-11-09", "2026-11-13")) == 5
                kw.tr(
                    "opw00001", 계좌번호=ACCOUNT, 비밀번호=PASSWORD, 비밀번호입력매체구분="00", 조회구분="2"
                )
                assert kw.call.SendOrder(*order) == 0
                failing: list[Callable[[], object]] = [
                    lambda: kw.call.SendOrder(*order[:2], int(ACCOUNT), *order[3:]),
                    lambda: _raw(address, made["admin"], f"{ACCOUNT} {PASSWORD}"),
                    lambda: _raw(address, made["reader"], f"opt10081 {PASSWORD}"),
                ]
                for ask in failing:
                    with pytest.raises((kl.KoalabError, grpc.RpcError)):
                        ask()
            for token in (wrong, None):
                with pytest.raises(kl.Forbidden):
                    session(token)
            with session(made["reader"]) as kw, pytest.raises(kl.Forbidden):
                kw.call.SendOrder(*order)
            process.send_signal(signal.SIGTERM)
            out, log = process.communicate(timeout=HANGS_AFTER)
        assert process.returncode == 0
        lines = log.splitlines()
        if form == "json":
            lines = [line for line in lines if line.startswith("{")]
            sent = [json.loads(line) for line in lines if '"result": 0' in line]
            assert [(line["account"], line["code"], line["caller"]) for line in sent] == [
                ("80****11", "005930", "admin")
            ]
        assert any("Kernel/Pages" in line and "opt10081" in line and "rows" in line for line in lines)
        assert any("PERMISSION_DENIED" in line and "reader" in line for line in lines)
        assert any("UNAUTHENTICATED" in line for line in lines)
        for secret in (ACCOUNT, PASSWORD, wrong, *made.values()):
            assert secret not in log
            assert secret not in out


def _raw(address: str, token: str, words: str) -> None:
    """A call that no client of ours would make: secrets where names belong."""
    credentials = grpc.ssl_channel_credentials(Path("keys/ca.pem").read_bytes())
    with grpc.secure_channel(address, credentials) as channel:
        stub: Any = kernel_pb2_grpc.KernelStub(channel)
        request = kernel_pb2.PagesRequest(transaction_code="opw00001", inputs={words: words})
        list(stub.Pages(request, metadata=[("authorization", f"Bearer {token}")], timeout=HANGS_AFTER))
