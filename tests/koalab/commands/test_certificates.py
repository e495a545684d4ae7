"""Certificates of one's own: what is made, for whom, how long it holds, and that nothing is written over."""

from __future__ import annotations

import os
import ssl
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.security.tls import BadTls, Tls
from kernel_server.security.validity import not_after
from koalab.certificates import CA_DAYS, DAYS, make
from koalab.errors import BadInput
from tests.support.examples import examples

NOW = datetime(2026, 11, 20, 9, tzinfo=timezone.utc)


def loaded(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def names(file: Path) -> set[str]:
    found = loaded(file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in found}


def test_a_ca_a_server_and_its_clients_are_made(tmp_path: Path) -> None:
    made = make(tmp_path / "keys", ["broker.lan", "192.168.0.10"], ["notebook", "robot"], now=NOW)
    expected = {f"{name}.{end}" for name in ("ca", "server", "notebook", "robot") for end in ("pem", "key")}
    assert {file.name for file in made} == expected
    ca = loaded(tmp_path / "keys" / "ca.pem")
    for name in ("server", "notebook", "robot"):
        loaded(tmp_path / "keys" / f"{name}.pem").verify_directly_issued_by(ca)


def test_the_servers_certificate_has_its_names_and_those_of_its_machine(tmp_path: Path) -> None:
    make(tmp_path, ["broker.lan", "192.168.0.10", "fe80::1"], now=NOW)
    assert names(tmp_path / "server.pem") == {
        *("broker.lan", "192.168.0.10", "fe80::1"),
        *("localhost", "127.0.0.1", "::1"),
    }


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_every_file_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    for file in make(folder, ["broker.lan"], ["notebook"]):
        assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_nothing_is_written_over(tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in make(tmp_path, ["broker.lan"], ["notebook"])}
    for hosts, clients in [(["other.lan"], []), ([], ["notebook"]), (["other.lan"], ["another"])]:
        with pytest.raises(BadInput, match="there already"):
            make(tmp_path, hosts, clients)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_another_client_is_made_under_the_ca_that_is_there(tmp_path: Path) -> None:
    make(tmp_path, ["broker.lan"])
    made = make(tmp_path, clients=["later"])
    assert [file.name for file in made] == ["later.pem", "later.key"]
    loaded(tmp_path / "later.pem").verify_directly_issued_by(loaded(tmp_path / "ca.pem"))


@pytest.mark.parametrize("spoil", ["missing", "other", "broken"])
def test_half_a_ca_is_not_gone_on_with(tmp_path: Path, spoil: str) -> None:
    make(tmp_path, ["broker.lan"])
    key = tmp_path / "ca.key"
    key.unlink()
    if spoil == "other":
        make(tmp_path / "other", ["broker.lan"])
        key.write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    if spoil == "broken":
        key.write_text("no key")
    with pytest.raises(BadInput, match="ca"):
        make(tmp_path, clients=["later"])
    assert not (tmp_path / "later.pem").exists()


def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from koalab import certificates

    whole, written = certificates.create_private, [0]

    def full(file: Path, content: bytes) -> None:
        written[0] += 1
        if written[0] == 4:
            raise OSError("disk full")
        whole(file, content)

    monkeypatch.setattr(certificates, "create_private", full)
    with pytest.raises(OSError, match="disk full"):
        make(tmp_path, ["broker.lan"], ["notebook"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "host", ["", "two words", "broker:5943", "https://broker", "0.0.0.0", "::", "-x", "a" * 64]
)
def test_a_host_that_cannot_be_connected_to_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadInput):
        make(tmp_path, [host])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "ca", "server", "../escape", "a/b", "x" * 41, ".hidden"])
def test_a_client_that_would_be_a_file_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        make(tmp_path, clients=[name])


@pytest.mark.parametrize("days", [0, -1, CA_DAYS + 1])
def test_a_time_that_makes_no_sense_is_refused(tmp_path: Path, days: int) -> None:
    with pytest.raises(BadInput, match="days"):
        make(tmp_path, ["broker.lan"], days=days)


def test_without_a_host_or_a_client_there_is_nothing_to_make(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--host"):
        make(tmp_path)


@settings(max_examples=examples(25), deadline=None)
@given(
    st.integers(950_000_000, 2_850_000_000),  # from the year 2000 to 2060: two digits of a year end in 2049
    st.integers(1, CA_DAYS),
)
def test_the_server_reads_from_a_certificate_when_it_expires(
    tmp_path_factory: pytest.TempPathFactory, second: int, days: int
) -> None:
    now = datetime.fromtimestamp(second, timezone.utc)
    folder = tmp_path_factory.mktemp("keys")
    make(folder, ["broker.lan"], days=days, now=now)
    file = folder / "server.pem"
    expected = now + timedelta(days=days)
    assert loaded(file).not_valid_after_utc == expected
    assert not_after(file.read_text()) == expected
    assert not_after((folder / "ca.pem").read_text()) == loaded(folder / "ca.pem").not_valid_after_utc


@given(st.text())
def test_what_is_no_certificate_has_no_end(text: str) -> None:
    for pem in (text, f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"):
        with pytest.raises(ValueError):
            not_after(pem)


def test_a_certificate_that_is_cut_off_has_no_end(tmp_path: Path) -> None:
    make(tmp_path, ["broker.lan"])
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "server.pem").read_text())
    for length in range(150):
        with pytest.raises(ValueError):
            not_after(ssl.DER_cert_to_PEM_cert(der[:length]))


def test_by_default_it_holds_as_long_as_all_systems_take_it() -> None:
    assert DAYS <= 825


class TestTheServersFiles:
    def test_are_used_as_they_were_made(self, tmp_path: Path) -> None:
        make(tmp_path, ["broker.lan"])
        Tls(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem").credentials()

    def test_are_refused_where_they_do_not_belong_together(self, tmp_path: Path) -> None:
        make(tmp_path, ["broker.lan"], ["notebook"])
        with pytest.raises(BadTls, match="key values mismatch"):
            Tls(tmp_path / "server.pem", tmp_path / "notebook.key").credentials()

    @pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
    def test_are_refused_where_others_can_read_the_key(self, tmp_path: Path) -> None:
        make(tmp_path, ["broker.lan"])
        (tmp_path / "server.key").chmod(0o640)
        with pytest.raises(BadTls, match="chmod 600"):
            Tls(tmp_path / "server.pem", tmp_path / "server.key").credentials()

    @pytest.mark.parametrize("missing", ["server.pem", "server.key", "ca.pem"])
    def test_are_missed_by_name(self, tmp_path: Path, missing: str) -> None:
        make(tmp_path, ["broker.lan"])
        (tmp_path / missing).unlink()
        with pytest.raises(BadTls, match=missing):
            Tls(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem").credentials()

    @pytest.mark.parametrize("spoilt", ["server.pem", "server.key", "ca.pem"])
    def test_are_refused_where_they_are_something_else(self, tmp_path: Path, spoilt: str) -> None:
        make(tmp_path, ["broker.lan"])
        (tmp_path / spoilt).write_text("something else")
        with pytest.raises(BadTls, match=spoilt):
            Tls(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem").credentials()


def test_addresses_are_addresses_in_the_certificate_and_names_are_names(tmp_path: Path) -> None:
    make(tmp_path, ["10.0.0.1", "broker.lan"])
    found = (
        loaded(tmp_path / "server.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    )
    assert ip_address("10.0.0.1") in found.get_values_for_type(x509.IPAddress)
    assert "broker.lan" in found.get_values_for_type(x509.DNSName)
