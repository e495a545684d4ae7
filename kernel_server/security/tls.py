"""TLS files of the server: certificate, key, and the CA of clients' certificates where these are required."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc

from kernel_server.security.files import NotPrivate, check_private, fingerprint
from kernel_server.security.validity import not_after

log = logging.getLogger(__name__)


class BadTls(ValueError):
    """Certificate, key or CA cannot be used, with the option and the reason."""


@dataclass(frozen=True)
class Tls:
    """Files in PEM form.

    Attributes:
        certificate: of the server, followed by intermediate ones.
        key: of the certificate, unencrypted, readable by its owner only.
        client_ca: the CA of clients' certificates; None: clients need none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials for gRPC. Changed files are used from the next connection on, unless they cannot be used.

        Raises:
            BadTls: a file is missing or invalid, or the key does not belong to the certificate.
        """
        files = _Files(self)
        return grpc.dynamic_ssl_server_credentials(
            files.first,
            files.changed,  # type: ignore[arg-type]  # gRPC expects None where nothing has changed
            require_client_authentication=self.client_ca is not None,
        )

    def read(self) -> grpc.ServerCertificateConfiguration:
        """Reads the files.

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
            # With an encrypted key OpenSSL would prompt for a password at the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:
            raise BadTls(
                f"--tls-cert {self.certificate} and --tls-key {self.key} cannot be used together: {_reason(error)}"
            ) from None
        roots = None
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
                roots = self.client_ca.read_bytes()
            except OSError as error:
                raise BadTls(f"--tls-client-ca {self.client_ca}: {_reason(error)}") from None
        chain = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_certificate_configuration([chain], roots)

    def fingerprint(self) -> tuple[object, ...]:
        """A value that differs once one of the files has changed."""
        return tuple(
            fingerprint(file) for file in (self.certificate, self.key, self.client_ca) if file is not None
        )

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
    """The files, read again when they change; gRPC calls ``changed`` on a thread of its own for each connection."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._seen = tls.fingerprint()
        self.first = tls.read()

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """The new configuration; None where the files are the same or cannot be used."""
        seen = self._tls.fingerprint()
        if seen == self._seen:
            return None
        self._seen = seen
        try:
            found = self._tls.read()
        except BadTls as error:
            log.error("the certificate before goes on being used: %s", error)  # noqa: TRY400 - the message is enough
            return None
        log.warning("the certificate was read anew from %s", self._tls.certificate)
        return found


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error) or "it is no PEM file"
