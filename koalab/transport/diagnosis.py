"""Why a server cannot be reached, where TLS is the reason: gRPC only says that it waits."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timezone

from kernel_server.security.validity import not_after
from koalab.transport.access import Tls

_PATIENCE = 2.0


def tls_problem(target: str, tls: Tls | None) -> str:
    """A sentence about what is wrong with TLS between here and ``target``, blank where it is something else."""
    host, _, port = target.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), _PATIENCE) as connection:
            return _plain(connection, target) if tls is None else _secured(connection, host, target, tls)
    except ssl.SSLError as error:
        return f"no TLS with {target}: {(error.reason or str(error)).replace('_', ' ').lower()}"
    except OSError:
        return ""


def _plain(connection: socket.socket, target: str) -> str:
    """No TLS was asked for: does the server speak it?"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    # Nothing is sent, it is only asked whether it would be TLS; whose certificate it has does not matter.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with context.wrap_socket(connection):
            return f'the server at {target} speaks TLS: give tls="ca.pem" (or KOALAB_TLS), the CA of its certificate'
    except ssl.SSLError:
        return ""


def _secured(connection: socket.socket, host: str, target: str, tls: Tls) -> str:
    try:
        with tls.context().wrap_socket(connection, server_hostname=host) as secured:
            # In TLS 1.3 the server looks at our certificate after the handshake, and hangs up where it does not like
            # it; otherwise it speaks first.
            secured.settimeout(_PATIENCE)
            return "" if secured.recv(1) else _hung_up(target, tls)
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
            return _hung_up(target, tls)
        raise


def _hung_up(target: str, tls: Tls) -> str:
    """Why a server goes after a handshake that was well for us."""
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
