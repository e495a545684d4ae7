"""Until when a certificate is valid: the one thing of it that the server has to know before its clients complain.

The standard library reads certificates only of peers, and the library that makes ours is not installed where the
control is; so the few bytes in question are read here.
"""

from __future__ import annotations

import ssl
from datetime import datetime, timezone

_SEQUENCE, _CONTEXT_0 = 0x30, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_END = "-----END CERTIFICATE-----"


def not_after(pem: str) -> datetime:
    """The last moment at which the first certificate of ``pem`` is valid, UTC.

    Raises:
        ValueError: that is no certificate.
    """
    head, end, _ = pem.partition(_END)
    start = head.find("-----BEGIN CERTIFICATE-----")
    if start < 0 or not end:
        raise ValueError("no certificate in PEM form")
    der = ssl.PEM_cert_to_DER_cert(head[start:] + end)
    try:
        _, certificate, _ = _element(der)
        _, signed, _ = _element(certificate)
        kind, _, rest = _element(signed)
        # A version may come first; then serial number, algorithm, issuer, and the two times.
        for _ in range(3 if kind == _CONTEXT_0 else 2):
            _, _, rest = _element(rest)
        kind, times, _ = _element(rest)
        if kind != _SEQUENCE:
            raise ValueError("no validity where it should be")
        _, _, rest = _element(times)
        return _time(*_element(rest)[:2])
    except IndexError:
        raise ValueError("the certificate is cut off") from None


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """The first DER element: its tag, its content, and what follows it."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if len(der) < start + length:
        raise IndexError
    return tag, der[start : start + length], der[start + length :]


def _time(kind: int, text: bytes) -> datetime:
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(kind)
    if form is None:
        raise ValueError("no time where one should be")
    found = datetime.strptime(text.decode("ascii"), form).replace(tzinfo=timezone.utc)
    # RFC 5280: two digits from 50 on are of the last century. strptime draws the line at 69.
    return found.replace(year=found.year - 100) if kind == _UTC_TIME and found.year >= 2050 else found
