"""Device keys on disk, and ids from certificates."""

import datetime
import hashlib
import os
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from lanherd_protocol.aio.certificate import device_of_certificate, device_of_der
from lanherd_protocol.aio.identity import load_or_create_identity
from lanherd_protocol.errors import ErrorCode, LanherdError


def test_an_identity_is_made_once_and_stays(tmp_path):
    first = load_or_create_identity(tmp_path / "identity")
    assert load_or_create_identity(tmp_path / "identity") == first
    assert first.key_path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "identity").stat().st_mode & 0o777 == 0o700
    assert load_or_create_identity(tmp_path / "other").device != first.device


def test_two_that_start_at_once_make_one_identity(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(load_or_create_identity, [tmp_path / "identity"] * 8))
    assert len({identity.device for identity in made}) == 1


def test_what_a_crash_left_is_made_anew_or_finished(tmp_path):
    (tmp_path / "key.part").write_text("torn")
    (tmp_path / "cert.part").write_text("torn")
    made = load_or_create_identity(tmp_path)
    assert not list(tmp_path.glob("*.part"))
    made.certificate_path.rename(tmp_path / "cert.part")
    assert load_or_create_identity(tmp_path) == made


def test_a_lost_key_makes_no_new_identity(tmp_path):
    made = load_or_create_identity(tmp_path)
    made.key_path.unlink()
    said = refusal(tmp_path)
    assert f"{made.key_path} is missing" in said
    assert f"remove {made.certificate_path} too" in said
    made.certificate_path.unlink()
    assert load_or_create_identity(tmp_path).device != made.device


def refusal(directory):
    with pytest.raises(LanherdError) as caught:
        load_or_create_identity(directory)
    assert caught.value.code is ErrorCode.HOME_UNUSABLE
    return str(caught.value)


def test_a_key_that_others_can_read_is_refused(tmp_path):
    identity = load_or_create_identity(tmp_path)
    identity.key_path.chmod(0o640)
    assert f"chmod 600 {identity.key_path}" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["key.pem", "cert.pem"])
@pytest.mark.parametrize("content", [b"", b"not pem", b"\xff\xfe"])
def test_a_broken_identity_is_refused(tmp_path, name, content):
    load_or_create_identity(tmp_path)
    (tmp_path / name).write_bytes(content)
    assert "don't match" in refusal(tmp_path)


def test_a_key_of_another_certificate_is_refused(tmp_path):
    load_or_create_identity(tmp_path / "one")
    load_or_create_identity(tmp_path / "other")
    os.replace(tmp_path / "other" / "key.pem", tmp_path / "one" / "key.pem")
    assert "don't match" in refusal(tmp_path / "one")


def test_a_key_with_a_password_is_refused_without_asking_for_it(tmp_path):
    identity = load_or_create_identity(tmp_path)
    key = serialization.load_pem_private_key(identity.key_path.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    identity.key_path.write_bytes(locked)
    assert "don't match" in refusal(tmp_path)


def test_a_key_without_its_certificate_is_refused(tmp_path):
    load_or_create_identity(tmp_path).certificate_path.unlink()
    assert "is missing" in refusal(tmp_path)


def test_a_folder_that_can_not_be_used_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in refusal(tmp_path / "file")


def certificate(key, names=()):
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text) for text in names])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC))
        .sign(key, algorithm)
    )


@pytest.mark.parametrize("names", [(), ("a",), ("long" * 16, "more" * 16) * 4])
@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["p256", "ed25519", "rsa"],
)
def test_ids_are_those_of_an_independent_reader(key, names):
    made = certificate(key, names)
    key_info = made.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    der = made.public_bytes(serialization.Encoding.DER)
    assert device_of_der(der) == hashlib.sha256(key_info).hexdigest()
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    assert device_of_certificate(pem) == device_of_der(der)


def test_what_is_no_certificate_is_refused():
    der = certificate(ec.generate_private_key(ec.SECP256R1())).public_bytes(
        serialization.Encoding.DER
    )
    wrong = [der[:cut] for cut in range(len(der))]
    wrong += [der + b"\0", b"\x30\x80\0\0", b"\x30\x85\0\0\0\0\0", b"\x04\x00"]
    for text in wrong:
        with pytest.raises(LanherdError) as caught:
            device_of_der(text)
        assert caught.value.code is ErrorCode.INVALID_REQUEST
    for pem in ("", "not pem", ssl.DER_cert_to_PEM_cert(b"\x04\x00")):
        with pytest.raises(LanherdError):
            device_of_certificate(pem)


def test_an_agent_that_has_its_identity_never_imports_cryptography(tmp_path):
    load_or_create_identity(tmp_path)
    script = (
        "import sys, pathlib\n"
        "import lanherd_protocol.aio.listener\n"
        "from lanherd_protocol.aio.identity import load_or_create_identity\n"
        "load_or_create_identity(pathlib.Path(sys.argv[1]))\n"
        "sys.exit('cryptography' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-P", "-c", script, str(tmp_path)], check=True)
