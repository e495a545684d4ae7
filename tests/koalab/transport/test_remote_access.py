"""A server on another machine, as its clients meet it: real TLS on loopback, tokens, real orders."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import koalab as kl
from kernel_server import simulated
from kernel_server.security import access as server_access
from kernel_server.security import tokens
from kernel_server.security.rights import TOKEN_RIGHTS
from kernel_server.security.tls import Tls
from koalab.certificates import make
from koalab.transport import access
from koalab.transport.remote import RemoteTransport
from tests.support.session import Market, start

SECRET = "koalab_" + "s" * 43


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    make(folder, ["127.0.0.1"], ["notebook"])
    make(folder / "other", ["127.0.0.1"], ["stranger"])
    long_ago = datetime.now(timezone.utc) - timedelta(days=400)
    make(folder / "expired", ["127.0.0.1"], ["notebook"], days=365, now=long_ago)
    return folder


@pytest.fixture(scope="module")
def table(keys: Path) -> dict[str, str]:
    """A token of each right."""
    return {name: tokens.add(keys / "tokens.tsv", name, right) for name, right in TOKEN_RIGHTS.items()}


Serve = Callable[..., Market]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server: ``tls`` is the folder of its certificate; the rest as Access takes it."""
    markets: list[Market] = []

    def started(
        tls: Path | None = None,
        mutual: Path | None = None,
        settings: simulated.BrokerSettings | None = None,
        host: str = "127.0.0.1",
        **more: Any,
    ) -> Market:
        files = tls and Tls(tls / "server.pem", tls / "server.key", mutual and mutual / "ca.pem")
        reach = server_access.Access(tls=files, refusal_delay=0.0, **more)
        markets.append(start(tmp_path, settings=settings, host=host, access=reach))
        return markets[-1]

    yield started
    for market in markets:
        market.close()


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., kl.Session]]:
    """``kl.connect`` to a market, waiting not too long; what it opened is closed."""
    sessions: list[kl.Session] = []

    def connected(market: Market, **more: Any) -> kl.Session:
        sessions.append(kl.connect(market.server.address, cache_dir=tmp_path / "cache", shared=False, **more))
        return sessions[-1]

    yield connected
    for session in sessions:
        session.close()


class TestTls:
    def test_carries_a_whole_session(
        self, serve: Serve, connect: Any, keys: Path, table: dict[str, str]
    ) -> None:
        market = serve(tls=keys, tokens=keys / "tokens.tsv")
        kw = connect(market, token=table["admin"], tls=keys / "ca.pem")
        kw.login()
        assert len(kw.daily("삼성전자", "2026-11-09", "2026-11-13")) == 5
        assert kw.status()["rights"] == "admin"
        assert kw.call.GetConnectState() == 1
        assert kw.call.GetLoginInfo("ACCNO") == "8000000011;"

    def test_refuses_a_server_that_another_ca_signed(self, serve: Serve, connect: Any, keys: Path) -> None:
        with pytest.raises(kl.NotConnected, match=r"certificate of the server .* is refused"):
            connect(serve(tls=keys), tls=keys / "other" / "ca.pem")

    def test_refuses_a_server_whose_certificate_has_expired(
        self, serve: Serve, connect: Any, keys: Path
    ) -> None:
        with pytest.raises(kl.NotConnected, match="expired"):
            connect(serve(tls=keys / "expired"), tls=keys / "expired" / "ca.pem")

    @pytest.mark.skipif(sys.platform == "darwin", reason="there 127.0.0.2 is no address of this machine")
    def test_refuses_a_server_of_another_name(self, serve: Serve, connect: Any, keys: Path) -> None:
        market = serve(tls=keys, host="127.0.0.2")
        with pytest.raises(kl.NotConnected, match="IP address mismatch"):
            connect(market, tls=keys / "ca.pem")

    def test_is_asked_for_by_name_where_the_server_speaks_it(
        self, serve: Serve, connect: Any, keys: Path
    ) -> None:
        with pytest.raises(kl.NotConnected, match="speaks TLS"):
            connect(serve(tls=keys))

    def test_is_not_taken_for_granted_where_the_server_does_not_speak_it(
        self, serve: Serve, connect: Any, keys: Path
    ) -> None:
        with pytest.raises(kl.NotConnected, match="does not speak TLS"):
            connect(serve(), tls=keys / "ca.pem")

    def test_with_a_ca_of_this_machine_does_not_trust_a_private_one(
        self, serve: Serve, connect: Any, keys: Path
    ) -> None:
        with pytest.raises(kl.NotConnected, match="is refused"):
            connect(serve(tls=keys), tls=True)

    def test_leaves_a_server_that_is_not_there_not_there(self, keys: Path, tmp_path: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(kl.NotConnected, match="no kernel server answers"):
            kl.connect(f"127.0.0.1:{port}", timeout=0.5, tls=keys / "ca.pem")

    def test_tells_the_operator_in_time_that_the_certificate_expires(
        self, serve: Serve, connect: Any, tmp_path: Path
    ) -> None:
        make(tmp_path / "soon", ["127.0.0.1"], days=20)
        kw = connect(serve(tls=tmp_path / "soon"), tls=tmp_path / "soon" / "ca.pem")
        (problem,) = kw.status()["problems"]
        assert "expires on" in problem

    def test_takes_a_renewed_certificate_without_a_restart(
        self, serve: Serve, connect: Any, keys: Path, tmp_path: Path
    ) -> None:
        used, others = tmp_path / "used", keys / "other"
        shutil.copytree(keys, used, ignore=shutil.ignore_patterns("other", "expired"))
        market = serve(tls=used)
        before = connect(market, tls=keys / "ca.pem")
        (used / "server.pem").write_bytes((others / "server.pem").read_bytes())
        # Between the two files they do not fit, and the certificate before goes on being used.
        assert connect(market, tls=keys / "ca.pem").status()["connected"] is False
        (used / "server.key").write_bytes((others / "server.key").read_bytes())
        assert connect(market, tls=others / "ca.pem").status()["connected"] is False
        with pytest.raises(kl.NotConnected, match="is refused"):
            connect(market, tls=keys / "ca.pem")
        assert before.status()["connected"] is False


class TestMutualTls:
    def own(self, keys: Path, name: str = "notebook") -> tuple[Path, Path, Path]:
        return keys / "ca.pem", keys / f"{name}.pem", keys / f"{name}.key"

    def test_lets_a_client_in_whose_certificate_the_ca_signed(
        self, serve: Serve, connect: Any, keys: Path
    ) -> None:
        assert connect(serve(tls=keys, mutual=keys), tls=self.own(keys)).status()["connected"] is False

    def test_asks_a_client_without_one_for_it(self, serve: Serve, connect: Any, keys: Path) -> None:
        with pytest.raises(kl.NotConnected, match="wants a certificate of its clients"):
            connect(serve(tls=keys, mutual=keys), tls=keys / "ca.pem")

    def test_refuses_one_of_another_ca(self, serve: Serve, connect: Any, keys: Path) -> None:
        market = serve(tls=keys, mutual=keys)
        with pytest.raises(kl.NotConnected, match=r"refuses our certificate .* signed by the CA"):
            connect(market, tls=self.own(keys, "other/stranger"))

    def test_refuses_one_that_has_expired(self, serve: Serve, connect: Any, keys: Path) -> None:
        market = serve(tls=keys, mutual=keys / "expired")
        with pytest.raises(kl.NotConnected, match=r"refuses our certificate .* expired on"):
            connect(market, tls=self.own(keys, "expired/notebook"))

    def test_does_not_take_a_servers_certificate_for_a_clients(
        self, serve: Serve, connect: Any, keys: Path
    ) -> None:
        with pytest.raises(kl.NotConnected):
            connect(serve(tls=keys, mutual=keys), tls=self.own(keys, "server"))


class TestATokenOfAClient:
    def test_is_wanted(self, serve: Serve, connect: Any, keys: Path, table: dict[str, str]) -> None:
        market = serve(tokens=keys / "tokens.tsv")
        with pytest.raises(kl.Forbidden, match="wants a token"):
            connect(market)
        with pytest.raises(kl.Forbidden, match="does not know"):
            connect(market, token=SECRET)
        assert connect(market, token=table["read"]).status()["rights"] == "read"

    def test_is_also_taken_from_a_file_or_the_environment(
        self,
        serve: Serve,
        connect: Any,
        keys: Path,
        table: dict[str, str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        market = serve(tls=keys, tokens=keys / "tokens.tsv")
        file = tmp_path / "notebook.token"
        file.touch(0o600)
        file.write_text(f"{table['read']}\n")
        assert connect(market, token=file, tls=keys / "ca.pem").status()["rights"] == "read"
        monkeypatch.setenv("KOALAB_TOKEN", table["trade"])
        monkeypatch.setenv("KOALAB_TLS", str(keys / "ca.pem"))
        assert connect(market).status()["rights"] == "trade"

    def test_survives_a_server_that_comes_back(
        self, serve: Serve, keys: Path, table: dict[str, str], tmp_path: Path
    ) -> None:
        market = serve(tls=keys, tokens=keys / "tokens.tsv")
        shown = access.access_from(table["read"], keys / "ca.pem", False)
        transport = RemoteTransport(market.server.address, shown)
        assert transport.status().rights == "read"
        transport.recover(5.0)
        assert transport.status().rights == "read"
        transport.close()

    def test_is_never_sent_to_another_machine_in_the_clear(self) -> None:
        for host in ("192.168.0.10", "broker.lan", "[2001:db8::1]"):
            with pytest.raises(kl.BadInput, match="without TLS") as error:
                kl.connect(host, token=SECRET)
            assert SECRET not in str(error.value)

    def test_has_no_place_without_an_address(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KOALAB_TARGET", raising=False)
        for more in ({"token": SECRET}, {"tls": "ca.pem"}, {"allow_real_orders": True}):
            with pytest.raises(kl.BadInput, match="address"):
                kl.connect(**more)  # type: ignore[arg-type]

    def test_of_the_environment_does_not_disturb_a_broker_of_ones_own(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("KOALAB_TARGET", raising=False)
        monkeypatch.setenv("KOALAB_TOKEN", SECRET)
        monkeypatch.setenv("KOALAB_TLS", "/no/such/file")
        with kl.connect(cache_dir=tmp_path) as kw:
            assert kw.status()["connected"]

    def test_is_in_no_repr_and_no_error(
        self, serve: Serve, connect: Any, keys: Path, table: dict[str, str], tmp_path: Path
    ) -> None:
        kw = connect(serve(tokens=keys / "tokens.tsv"), token=table["read"])
        transport = kw._link.transport
        shown = [
            repr(kw),
            repr(transport),
            repr(transport._access),
            repr(transport._channel),
            str(kw.status()),
        ]
        with pytest.raises(kl.Forbidden) as error:
            kw.call.SendOrder("", "0101", "8000000011", 1, "005930", 1, 70_000, "00", "")
        shown += [str(error.value), repr(error.value)]
        for bad in (f"{SECRET} {SECRET}", f"{SECRET}가", f"{SECRET}\n{SECRET}"):
            with pytest.raises(kl.BadInput) as error_:
                access.access_from(bad, None, False)
            shown.append(str(error_.value))
        assert not any(table["read"] in text or SECRET in text for text in shown)

    @pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
    def test_in_a_file_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text(SECRET)
        file.chmod(0o644)
        with pytest.raises(kl.BadInput, match="chmod 600"):
            access.access_from(file, None, False)

    def test_in_a_file_that_is_not_there_is_missed_by_name(self, tmp_path: Path) -> None:
        with pytest.raises(kl.BadInput, match=r"nothing\.token"):
            access.access_from(tmp_path / "nothing.token", None, False)


class TestWhatTlsTakes:
    @given(
        st.lists(
            st.text(st.characters(exclude_characters=os.pathsep, codec="utf-8"), min_size=1),
            min_size=1,
            max_size=4,
        )
    )
    def test_reads_from_the_environment_as_it_was_written(self, files: list[str]) -> None:
        found = access.parse_tls(os.pathsep.join(files))
        assert found == (files[0] if len(files) == 1 else files)

    @pytest.mark.parametrize("tls", [["ca.pem", "client.pem"], [], ["a", "b", "c", "d"], ["ca.pem", 1, 2]])
    def test_of_other_shapes_is_refused(self, tls: Any) -> None:
        with pytest.raises(kl.BadInput, match=r"client\.key"):
            access.access_from(None, tls, False)

    @pytest.mark.parametrize("spoilt", ["ca.pem", "notebook.pem", "notebook.key"])
    def test_that_is_missing_or_something_else_is_named(self, tmp_path: Path, spoilt: str) -> None:
        make(tmp_path, ["127.0.0.1"], ["notebook"])
        files = [tmp_path / name for name in ("ca.pem", "notebook.pem", "notebook.key")]
        (tmp_path / spoilt).write_text("something else")
        with pytest.raises(kl.BadInput, match=spoilt):
            kl.connect("127.0.0.1:1", tls=files)
        (tmp_path / spoilt).unlink()
        with pytest.raises(kl.BadInput, match=spoilt):
            kl.connect("127.0.0.1:1", tls=files)


class TestRealOrders:
    """The simulated broker acts as the real server: it answers GetServerGubun with 0."""

    REAL = replace(simulated.BrokerSettings(), server_gubun="0")
    BUY = ("주문", "0101", "8000000011", 1, "005930", 1, 70_000, "00", "")

    def test_need_the_clients_word_and_the_servers(self, serve: Serve, connect: Any) -> None:
        for server, client, missing in [
            (False, False, "--allow-real-orders"),
            (False, True, "--allow-real-orders"),
            (True, False, "allow_real_orders=True"),
        ]:
            market = serve(settings=self.REAL, allow_real_orders=server)
            kw = connect(market, allow_real_orders=client)
            kw.login()
            assert kw.status()["simulation"] is False
            with pytest.raises(kl.Forbidden, match=missing):
                kw.call.SendOrder(*self.BUY)

    def test_reach_the_broker_with_both(self, serve: Serve, connect: Any) -> None:
        market = serve(settings=self.REAL, allow_real_orders=True, max_order_value=100_000_000)
        kw = connect(market, allow_real_orders=True)
        kw.login()
        assert kw.status()["real_orders"] is True
        assert kw.call.SendOrder(*self.BUY) == 0

    def test_without_a_price_are_counted_by_the_brokers_base_price(self, serve: Serve, connect: Any) -> None:
        market = serve(settings=self.REAL, allow_real_orders=True, max_order_value=10_000_000)
        kw = connect(market, allow_real_orders=True)
        kw.login()
        base = int(kw.call.GetMasterLastPrice("005930"))
        most = 10_000_000 * 100 // (base * 130)
        at_market = ("주문", "0101", "8000000011", 1, "005930", most + 1, 0, "03", "")
        with pytest.raises(kl.Forbidden, match="10,000,000"):
            kw.call.SendOrder(*at_market)

    def test_are_not_asked_about_on_모의투자(self, serve: Serve, connect: Any) -> None:
        kw = connect(serve())
        kw.login()
        assert kw.call.SendOrder(*self.BUY) == 0
