"""Diagnoses TLS and proxies of a server that does not answer; gRPC itself only reports a timeout."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from kernel_server.security.access import is_loopback
from kernel_server.security.validity import not_after
from koalab.transport.access import Tls

_TIMEOUT = 2.0
# As gRPC reads them: the first that is set counts. Names in capitals are none.
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
_EXCEPTIONS = ("no_grpc_proxy", "no_proxy")


def proxy_hint(target: str, environment: Mapping[str, str] = os.environ) -> str:
    """A remark about the proxy that gRPC takes to ``target``, to follow a message; blank if it takes none.

    >>> proxy_hint("pc:5943", {"http_proxy": "http://me:secret@proxy:3128"})
    ' (through the proxy proxy:3128 of http_proxy; to connect directly, set no_proxy=pc)'
    >>> proxy_hint("pc:5943", {"http_proxy": "http://proxy:3128", "no_proxy": "pc"})
    ''
    """
    host = target.rpartition(":")[0].strip("[]")
    found = [(name, environment[name]) for name in _PROXIES if environment.get(name)]
    if is_loopback(host) or not found or _excepted(host, environment):
        return ""
    name, url = found[0]
    proxy = urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]
    return f" (through the proxy {proxy} of {name}; to connect directly, set no_proxy={host})"


def _excepted(host: str, environment: Mapping[str, str]) -> bool:
    """Whether no_proxy has the host: by the end of its name, or by its network."""
    listed = next((environment[name] for name in _EXCEPTIONS if environment.get(name)), "")
    for entry in filter(None, (one.strip() for one in listed.split(","))):
        if host.lower().endswith(entry.lower()):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry):
                return True
        except ValueError:  # a name
            continue
    return False


def tls_problem(target: str, tls: Tls | None) -> str:
    """A sentence about the TLS problem between here and ``target``, blank if TLS is not the problem."""
    host, _, port = target.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), _TIMEOUT) as connection:
            return (
                _without_tls(connection, target) if tls is None else _with_tls(connection, host, target, tls)
            )
    except ssl.SSLError as error:
        return f"no TLS with {target}: {(error.reason or str(error)).replace('_', ' ').lower()}"
    except OSError:
        return ""


def _without_tls(connection: socket.socket, target: str) -> str:
    """Checks whether the server expects TLS although the client uses none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    # Only the handshake matters and nothing is sent, so the certificate is not verified.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with context.wrap_socket(connection):
            return f'the server at {target} speaks TLS: give tls="ca.pem" (or KOALAB_TLS), the CA of its certificate'
    except ssl.SSLError:
        return ""


def _with_tls(connection: socket.socket, host: str, target: str, tls: Tls) -> str:
    try:
        with tls.context().wrap_socket(connection, server_hostname=host) as tls_socket:
            # In TLS 1.3 the server checks our certificate after the handshake and closes the connection if it refuses
            # it; otherwise it sends the first data (HTTP/2 settings).
            tls_socket.settimeout(_TIMEOUT)
            return "" if tls_socket.recv(1) else _refused_certificate(target, tls)
    except ssl.SSLCertVerificationError as error:
        return (
            f"the certificate of the server at {target} is refused: {error.verify_message}."
            " Is it for that host name, signed by the CA that tls names, and not expired?"
        )
    except ssl.SSLError as error:
        reason = error.reason or ""
        if "WRONG_VERSION" in reason or "UNEXPECTED_EOF" in reason:
            return f"the server at {target} does not speak TLS: leave tls out, or start it with --tls-cert, --tls-key"
        if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
            return _refused_certificate(target, tls)
        raise


def _refused_certificate(target: str, tls: Tls) -> str:
    """Why the server closed the connection after a successful handshake."""
    if tls.certificate is None:
        return (
            f"the server at {target} wants a certificate of its clients:"
            ' give tls=("ca.pem", "client.pem", "client.key")'
        )
    end = not_after(tls.certificate.read_text(encoding="ascii"))
    if end < datetime.now(timezone.utc):
        why = f"it expired on {end.date().isoformat()}"
    else:
        why = "is it for clients, and signed by the CA that the server was started with (--tls-client-ca)?"
    return f"the server at {target} refuses our certificate {tls.certificate}: {why}"


class CertificateEnd(NamedTuple):
    """Whose certificate it is, and until when it is valid, UTC."""

    what: str
    end: datetime


def certificate_ends(target: str, tls: Tls | None) -> list[CertificateEnd]:
    """The ends of the certificates between here and ``target``: the server's, the CA's and the client's own.

    Empty without TLS; those that cannot be read are left out.
    """
    if tls is None:
        return []
    found = [] if (end := _server_end(target, tls)) is None else [CertificateEnd("the server", end)]
    for what, file in (("its CA", tls.ca), ("this client", tls.certificate)):
        if file is not None and (end := _file_end(file)) is not None:
            found.append(CertificateEnd(what, end))
    return found


def _server_end(target: str, tls: Tls) -> datetime | None:
    host, _, port = target.rpartition(":")
    host = host.strip("[]")
    try:
        with (
            socket.create_connection((host, int(port)), _TIMEOUT) as connection,
            tls.context().wrap_socket(connection, server_hostname=host) as tls_socket,
        ):
            found = tls_socket.getpeercert() or {}
    except OSError:
        return None
    text = found.get("notAfter")
    return (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(text), timezone.utc)
        if isinstance(text, str)
        else None
    )


def _file_end(file: Path) -> datetime | None:
    try:
        return not_after(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
