"""Packages made on the spot, so that environments can be built without any index."""

import base64
import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def requirement(name: str, path: Path) -> str:
    return f"{name}==1.0 --hash=sha256:{sha256(path)}\n"


def make_wheel(folder: Path, name: str) -> Path:
    """A wheel of one module that holds a word."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": f"word = {name!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{info}/RECORD,,"]
    with zipfile.ZipFile(path, "w") as wheel:
        for place, text in files.items():
            digest = hashlib.sha256(text.encode()).digest()
            said = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            record.append(f"{place},sha256={said},{len(text)}")
            wheel.writestr(place, text)
        wheel.writestr(f"{info}/RECORD", "\n".join(record) + "\n")
    return path


BACKEND = """
import os, subprocess
from pathlib import Path

HOLD, STORY = Path({hold!r}), Path({story!r})

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    if HOLD.exists():
        escaped = subprocess.Popen(["sleep", "600"], start_new_session=True)
        STORY.write_text(f"{{os.getpid()}} {{escaped.pid}}")
        HOLD.read_text()
        escaped.kill()
    import zipfile
    with zipfile.ZipFile(Path(wheel_directory) / "slow-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("slow.py", "word = 'slow'")
        wheel.writestr("slow-1.0.dist-info/METADATA",
                       "Metadata-Version: 2.1\\nName: slow\\nVersion: 1.0\\n")
        wheel.writestr("slow-1.0.dist-info/WHEEL",
                       "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("slow-1.0.dist-info/RECORD", "")
    return "slow-1.0-py3-none-any.whl"
"""


def make_slow_sdist(folder: Path, hold: Path, story: Path) -> Path:
    """A source distribution whose build never ends while the pipe `hold` exists.

    It writes its own process, and one of its children that has left its session, into the pipe
    `story`. Both pipes are made here.
    """
    os.mkfifo(hold)
    os.mkfifo(story)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "slow-1.0.tar.gz"
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
        'backend-path = ["."]\n[project]\nname = "slow"\nversion = "1.0"\n',
        "backend.py": BACKEND.format(hold=str(hold), story=str(story)),
        "PKG-INFO": "Metadata-Version: 2.2\nName: slow\nVersion: 1.0\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"slow-1.0/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path
