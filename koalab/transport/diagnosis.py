"""Diagnoses TLS problems of a server that does not answer; gRPC itself only reports a timeout."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timezone

from kernel_server.security.validity import not_after
from koalab.transport.access import Tls

_TIMEOUT = 2.0


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
