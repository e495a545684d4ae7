"""Creates a private CA and certificates under it for a server and its clients.

A private CA fits: the server has no public name, and clients should trust this server alone.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kernel_server.security.files import create_private
from koalab.errors import BadInput

DAYS = 825
"""Default validity of a server's or client's certificate; some systems refuse longer ones."""
CA_DAYS = 3650
_CA, _SERVER = "ca", "server"
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\Z")
_NAME = re.compile(r"[A-Za-z0-9][\w.@-]{0,39}\Z", re.ASCII)


@dataclass(frozen=True)
class CertificateAuthority:
    """A CA's certificate and private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make(
    folder: Path,
    hosts: Sequence[str] = (),
    clients: Sequence[str] = (),
    days: int = DAYS,
    now: datetime | None = None,
) -> list[Path]:
    """Creates certificates in ``folder``; returns the files written, all readable by their owner alone.

    ``ca.pem`` and ``ca.key`` are created, or reused if present; ``server.pem`` and ``server.key`` if there are hosts;
    ``NAME.pem`` and ``NAME.key`` for each client.

    Args:
        folder: created if missing.
        hosts: names and addresses under which clients reach the server; localhost and its addresses are added.
        clients: names, one per certificate.
        days: validity of the certificates of server and clients; the CA is valid for ten years.
        now: start of the validity; None: now. It begins a day earlier, since clocks differ.

    Raises:
        BadInput: an invalid host or name, an existing file (then nothing is written), or an incomplete CA.
    """
    _check(hosts, clients, days)
    start = (now or datetime.now(timezone.utc)) - timedelta(days=1)
    end = start + timedelta(days=days + 1)
    wanted = [*([_SERVER] if hosts else []), *clients]
    existing = [file for name in wanted for file in _files(folder, name) if file.exists()]
    if existing:
        raise BadInput(
            f"{', '.join(map(str, existing))}: there already, and nothing is written over; move it away first"
        )
    content: dict[Path, bytes] = {}
    ca = _existing_ca(folder)
    if ca is None:
        ca = _new_ca(start)
        _add(content, folder, _CA, ca.certificate, ca.key)
    if hosts:
        _add(content, folder, _SERVER, *_issue_server(ca, hosts, start, end))
    for name in clients:
        _add(content, folder, name, *_issue_client(ca, name, start, end))
    _write(folder, content)
    return list(content)


def _check(hosts: Sequence[str], clients: Sequence[str], days: int) -> None:
    if not hosts and not clients:
        raise BadInput("for whom? give the server's --host, as its clients write it, or a --client")
    if not 1 <= days <= CA_DAYS:
        raise BadInput(f"days is 1 to {CA_DAYS}, not {days}")
    for host in hosts:
        _alternative_name(host)
    for name in clients:
        if not _NAME.match(name) or name in (_CA, _SERVER):
            raise BadInput(
                f"no client can be called {name!r}: letters, digits, dots and hyphens, not ca or server"
            )
    if len(set(clients)) < len(clients):
        raise BadInput("a client is named twice")


def _alternative_name(host: str) -> x509.GeneralName:
    """A host as a subject alternative name.

    Raises:
        BadInput: neither a host name nor an address to connect to.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.match(host):
            raise BadInput(
                f"no host {host!r}: it is a name or an address, as clients write it, without a port"
            ) from None
        return x509.DNSName(host)
    if address.is_unspecified:
        raise BadInput(
            f"nobody connects to {host}: give the addresses and names under which clients reach the server"
        )
    return x509.IPAddress(address)


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.pem", folder / f"{name}.key"


def _existing_ca(folder: Path) -> CertificateAuthority | None:
    """The folder's CA; None without one."""
    certificate, key = _files(folder, _CA)
    if not certificate.exists() and not key.exists():
        return None
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{certificate} and {key} are no CA to go on with: {error}") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or found.public_key() != private.public_key():
        raise BadInput(f"{key} is not the key of {certificate}")
    return CertificateAuthority(found, private)


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _new_ca(start: datetime) -> CertificateAuthority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _common_name(f"koalab private CA {secrets.token_hex(4)}")
    usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
    certificate = (
        _builder(name, name, key, start, start + timedelta(days=CA_DAYS + 1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    return CertificateAuthority(certificate, key)


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _issue(
    ca: CertificateAuthority,
    subject: str,
    names: Sequence[x509.GeneralName],
    purpose: x509.ObjectIdentifier,
    start: datetime,
    end: datetime,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    usage = dict.fromkeys(_USAGES, False) | {"digital_signature": True}
    end = min(end, ca.certificate.not_valid_after_utc)
    builder = _builder(_common_name(subject), ca.certificate.subject, key, start, end)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        .sign(ca.key, hashes.SHA256())
    )
    return certificate, key


def _issue_server(
    ca: CertificateAuthority, hosts: Sequence[str], start: datetime, end: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    names = [_alternative_name(host) for host in dict.fromkeys((*hosts, *_LOCAL_HOSTS))]
    return _issue(ca, hosts[0], names, ExtendedKeyUsageOID.SERVER_AUTH, start, end)


def _issue_client(
    ca: CertificateAuthority, name: str, start: datetime, end: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    return _issue(ca, name, [], ExtendedKeyUsageOID.CLIENT_AUTH, start, end)


def _add(
    content: dict[Path, bytes],
    folder: Path,
    name: str,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
) -> None:
    pem, secret = _files(folder, name)
    content[pem] = certificate.public_bytes(serialization.Encoding.PEM)
    content[secret] = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(folder: Path, content: dict[Path, bytes]) -> None:
    """Writes all files, or none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for file, data in content.items():
            create_private(file, data)
            written.append(file)
    except BaseException:
        for file in written:
            file.unlink()
        raise
