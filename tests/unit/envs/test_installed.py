import base64
import hashlib
from pathlib import Path

import pytest

from lanherd_agent.envs.installed import packages, verify

CONTENT = {"tiny.py": b"word = 'tiny'\n", "tiny/data.bin": bytes(range(256))}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    install(tmp_path / "venv", "Tiny_Thing", "1.0", CONTENT)
    return tmp_path / "venv"


def site(venv: Path) -> Path:
    return venv / "lib" / "python3.11" / "site-packages"


def install(venv: Path, name: str, version: str, content: dict[str, bytes]) -> None:
    lines = []
    for path, data in content.items():
        place = site(venv) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}")
    info = site(venv) / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: of the readme\n"
    )
    lines += [f"{info.name}/RECORD,,", f"{info.name}/odd,md7=x,no", ""]
    (info / "RECORD").write_text("\n".join(lines))


def test_packages_are_listed_by_their_metadata(venv: Path) -> None:
    install(venv, "alpha", "2.0", {"alpha.py": b"x"})
    (site(venv) / "alpha-2.0.dist-info" / "METADATA").unlink()
    (site(venv) / "stray.dist-info").write_text("no folder")
    found = [(one.name, one.version, one.size_bytes) for one in packages(venv)]
    assert found == [("alpha", "2.0", 1), ("Tiny_Thing", "1.0", 14 + 256)]


def test_what_is_whole_is_whole(venv: Path) -> None:
    verified = verify(venv)
    # A hash of an unknown kind is compared with nothing.
    assert verified.files == 3
    assert verified.damage == ()
    assert verified.packages == verified.named == ()


def test_damage_is_found_and_named(venv: Path) -> None:
    (site(venv) / "tiny.py").write_text("word = 'evil'\n")
    (site(venv) / "tiny" / "data.bin").unlink()
    install(venv, "gone", "1", {"gone.py": b""})
    (site(venv) / "gone-1.dist-info" / "RECORD").unlink()
    verified = verify(venv)
    assert [one.path for one in verified.damage] == [
        "lib/python3.11/site-packages/tiny.py",
        "lib/python3.11/site-packages/tiny/data.bin",
    ]
    assert verified.packages == ("gone", "tiny-thing")
    assert verified.named[-1] == "gone: RECORD"
