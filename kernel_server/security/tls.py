"""TLS: the server's certificate and key, and the CA of its clients where they need certificates too."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc

from kernel_server.security.files import NotPrivate, check_private
from kernel_server.security.validity import not_after


class BadTls(ValueError):
    """Certificate, key or CA cannot be used; it says which and why."""


@dataclass(frozen=True)
class Tls:
    """Files in PEM form.

    Attributes:
        certificate: of the server, with what is between it and its CA behind it.
        key: of the certificate, unencrypted, readable by nobody else.
        client_ca: who signs the clients' certificates; None: clients need none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """What gRPC listens with.

        Raises:
            BadTls: a file is missing, is not what it should be, or the key is another certificate's.
        """
        try:
            check_private(self.key)
        except NotPrivate as error:
            raise BadTls(f"--tls-key: {error}") from None
        except OSError as error:
            raise BadTls(f"--tls-key {self.key}: {error.strerror}") from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # An encrypted key would be asked for at the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:
            raise BadTls(
                f"--tls-cert {self.certificate} and --tls-key {self.key} cannot be used together: {_said(error)}"
            ) from None
        roots = None
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
                roots = self.client_ca.read_bytes()
            except OSError as error:
                raise BadTls(f"--tls-client-ca {self.client_ca}: {_said(error)}") from None
        chain = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_credentials([chain], roots, require_client_auth=roots is not None)

    def not_after(self) -> datetime:
        """The last moment at which the server's certificate is valid, UTC.

        Raises:
            BadTls: the file is no certificate.
        """
        try:
            return not_after(self.certificate.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise BadTls(f"--tls-cert {self.certificate}: {error}") from None


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error) or "it is no PEM file"
