"""Expiry of a certificate, so that the server can warn before its clients are refused."""

from __future__ import annotations

from datetime import datetime


def not_after(pem: str) -> datetime:
    """The last moment at which the first certificate of ``pem`` is valid, UTC.

    Raises:
        ValueError: that is no certificate.
    """
    # Imported here because it takes 0.1 s and only servers with TLS need it.
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except ValueError as error:
        raise ValueError("no certificate in PEM form") from error
