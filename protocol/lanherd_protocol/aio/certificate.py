"""A device's id from its certificate, without `cryptography`, which costs an idle agent 9 MB.

Only the path to the SubjectPublicKeyInfo is walked (RFC 5280, 4.1): Certificate → TBSCertificate →
past version, serial number, signature, issuer, validity and subject. Everything else about the
certificate is OpenSSL's to judge, and it has done so before this is asked.
"""

import hashlib
import ssl

from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId

_SEQUENCE = 0x30
_VERSION = 0xA0
_FIELDS_BEFORE_KEY = 5
_LENGTH_BYTES_MAX = 4


def device_of_certificate(certificate_pem: str) -> DeviceId:
    """The id of the device whose certificate this is, in PEM.

    Raises INVALID_REQUEST when the text isn't one certificate.
    """
    try:
        der = ssl.PEM_cert_to_DER_cert(certificate_pem)
    except ValueError as problem:
        raise _not_a_certificate() from problem
    return device_of_der(der)


def device_of_der(der: bytes) -> DeviceId:
    """SHA-256 of the certificate's SubjectPublicKeyInfo. Raises INVALID_REQUEST."""
    try:
        key_info = _key_info(memoryview(der))
    except IndexError as problem:
        raise _not_a_certificate() from problem
    return DeviceId(hashlib.sha256(key_info).hexdigest())


def _key_info(der: memoryview) -> memoryview:
    position, end = _enter(der, 0)
    if end != len(der):
        raise IndexError("trailing bytes")
    position, _ = _enter(der, position)
    if der[position] == _VERSION:
        position = _element(der, position)[1]
    for _ in range(_FIELDS_BEFORE_KEY):
        position = _element(der, position)[1]
    _, end = _enter(der, position)
    return der[position:end]


def _enter(der: memoryview, position: int) -> tuple[int, int]:
    if der[position] != _SEQUENCE:
        raise IndexError("not a sequence")
    return _element(der, position)


def _element(der: memoryview, position: int) -> tuple[int, int]:
    """Where the content of the element at `position` begins, and where it ends."""
    length = der[position + 1]
    start = position + 2
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= _LENGTH_BYTES_MAX:
            raise IndexError("a length that DER doesn't have")
        length = int.from_bytes(der[start : start + count], "big")
        start += count
    end = start + length
    if end > len(der):
        raise IndexError("cut off")
    return start, end


def _not_a_certificate() -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        "That isn't a device's certificate.",
        "One X.509 certificate in PEM was expected.",
        "Take cert.pem from the identity folder of the other side.",
    )
