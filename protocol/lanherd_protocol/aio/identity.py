"""A device's key pair and the certificate that carries its public half.

The certificate is signed by its own key and says nothing but the device's id: who a device is, is
decided by that id alone, so it is valid for as long as X.509 can say. Both files are on disk under
another name before `key.pem` gets its own, so that a crash leaves none of them or what can be
finished; one that is there without the other was lost, and no new identity takes its place unasked.
"""

import fcntl
import os
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lanherd_protocol.aio.certificate import device_of_certificate
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId

CERTIFICATE_NAME = "cert.pem"
KEY_NAME = "key.pem"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this installation is. The private key stays in its file, for OpenSSL to read."""

    directory: Path
    device: DeviceId
    certificate_pem: str

    @property
    def certificate_path(self) -> Path:
        return self.directory / CERTIFICATE_NAME

    @property
    def key_path(self) -> Path:
        return self.directory / KEY_NAME


def load_or_create_identity(directory: Path) -> Identity:
    """The identity kept in `directory`; made there the first time, with the key readable by us
    alone. Raises HOME_UNUSABLE when it can't be read, can't be made, or others can read the key.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(directory):
            if not (directory / KEY_NAME).exists():
                if (directory / CERTIFICATE_NAME).exists():
                    raise _keyless(directory)
                _create(directory)
            _finish(directory)
        return _load(directory)
    except OSError as problem:
        raise _unusable(
            directory,
            f"{problem.strerror or problem}: {problem.filename or directory}.",
            "Check that the folder exists, is yours and has room.",
        ) from problem


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """The desktop and the CLI may both be started for the first time at once."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _load(directory: Path) -> Identity:
    key_path = directory / KEY_NAME
    certificate_path = directory / CERTIFICATE_NAME
    mode = stat.S_IMODE(key_path.stat().st_mode)
    if mode & 0o077:
        raise _unusable(
            directory,
            f"Others can read or change the private key {key_path} (mode {mode:04o}), "
            "so it may not be a secret any more.",
            f"If nobody took it, run: chmod 600 {key_path}. "
            "Otherwise remove the folder and pair again.",
        )
    if not certificate_path.exists():
        raise _broken(directory, f"{certificate_path} is missing.")
    try:
        certificate_pem = certificate_path.read_text(encoding="ascii")
        device = device_of_certificate(certificate_pem)
        # OpenSSL compares the two, and would ask a terminal for a password where it needs one.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(certificate_path, key_path, password=lambda: b"")
    except (ssl.SSLError, UnicodeDecodeError, LanherdError) as problem:
        raise _broken(directory, "Key and certificate can't be read or don't match.") from problem
    return Identity(directory, device, certificate_pem)


def _create(directory: Path) -> None:
    key_pem, certificate_pem = _make_pair()
    _write(_part(directory / CERTIFICATE_NAME), certificate_pem, 0o644)
    _write(_part(directory / KEY_NAME), key_pem, 0o600)
    _part(directory / KEY_NAME).rename(directory / KEY_NAME)


def _finish(directory: Path) -> None:
    """Name the certificate of a key that has its name already."""
    path = directory / CERTIFICATE_NAME
    if not path.exists() and _part(path).exists():
        _part(path).rename(path)


def _part(path: Path) -> Path:
    return path.with_suffix(".part")


def _write(part: Path, content: bytes, mode: int) -> None:
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _make_pair() -> tuple[bytes, bytes]:
    # Here and not above: an agent that has its identity never pays for this import.
    import datetime
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    key_info = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    device = hashlib.sha256(key_info).hexdigest()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A machine whose clock is years off still gets in; the end is RFC 5280's 'never'.
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return key_pem, certificate.public_bytes(serialization.Encoding.PEM)


def _broken(directory: Path, message: str) -> LanherdError:
    return _unusable(
        directory,
        message,
        f"Restore {directory} from a backup, or remove it and pair this device again.",
    )


def _keyless(directory: Path) -> LanherdError:
    certificate = directory / CERTIFICATE_NAME
    return _unusable(
        directory,
        f"{directory / KEY_NAME} is missing, and its certificate {certificate} is there.",
        f"Restore the key from a backup; or, for a new identity, remove {certificate} too and pair "
        "again.",
    )


def _unusable(directory: Path, message: str, remedy: str) -> LanherdError:
    return error(
        ErrorCode.HOME_UNUSABLE,
        "This device's key can't be used.",
        message,
        remedy,
        directory=str(directory),
    )
