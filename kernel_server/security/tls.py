"""TLS: the server's certificate and key, and the CA of its clients where they need certificates too."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc

from kernel_server.security.files import NotPrivate, check_private, state
from kernel_server.security.validity import not_after

log = logging.getLogger(__name__)


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
        """What gRPC listens with. Files that change count from the next connection on; while they cannot be used, those
        before them do.

        Raises:
            BadTls: a file is missing, is not what it should be, or the key is another certificate's.
        """
        files = _Files(self)
        return grpc.dynamic_ssl_server_credentials(
            files.first,
            files.changed,  # type: ignore[arg-type]  # None is what gRPC wants where nothing has changed
            require_client_authentication=self.client_ca is not None,
        )

    def read(self) -> grpc.ServerCertificateConfiguration:
        """The files as they are.

        Raises:
            BadTls: as ``credentials``.
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
        return grpc.ssl_server_certificate_configuration([chain], roots)

    def state(self) -> tuple[object, ...]:
        """Another one where the files may have changed."""
        return tuple(state(file) for file in (self.certificate, self.key, self.client_ca) if file is not None)

    def not_after(self) -> datetime:
        """The last moment at which the server's certificate is valid, UTC.

        Raises:
            BadTls: the file is no certificate.
        """
        try:
            return not_after(self.certificate.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise BadTls(f"--tls-cert {self.certificate}: {error}") from None


class _Files:
    """The files as gRPC asks for them, on a thread of its own, at the beginning of every connection."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._seen = tls.state()
        self.first = tls.read()

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What they hold now; None where that is what it was, or cannot be used."""
        seen = self._tls.state()
        if seen == self._seen:
            return None
        self._seen = seen
        try:
            found = self._tls.read()
        except BadTls as error:
            log.error("the certificate before goes on being used: %s", error)  # noqa: TRY400 - it says all
            return None
        log.warning("the certificate was read anew from %s", self._tls.certificate)
        return found


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error) or "it is no PEM file"
