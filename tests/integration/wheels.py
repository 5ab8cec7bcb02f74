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


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    needs: tuple[str, ...] = (),
    word: str = "",
    filler: bytes = b"",
) -> Path:
    """A wheel of one module that holds a word, of a file `<name>.bin` where `filler` is given."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"word = {(word or name)!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {one}\n" for one in needs),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = [f"{info}/RECORD,,"]
    with zipfile.ZipFile(path, "w") as wheel:
        for place, text in files.items():
            digest = hashlib.sha256(text.encode()).digest()
            said = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            record.append(f"{place},sha256={said},{len(text)}")
            wheel.writestr(place, text)
        if filler:
            wheel.writestr(f"{name}.bin", filler)
            record.append(f"{name}.bin,,{len(filler)}")
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


TALE = """
from pathlib import Path

TALE, NAME = Path({tale!r}), {name!r}

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with TALE.open("a") as tale:
        tale.write(NAME + "\\n")
    import zipfile
    info = NAME + "-1.0.dist-info"
    with zipfile.ZipFile(Path(wheel_directory) / (NAME + "-1.0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr(NAME + ".py", "word = " + repr(NAME))
        wheel.writestr(info + "/METADATA",
                       "Metadata-Version: 2.1\\nName: " + NAME + "\\nVersion: 1.0\\n")
        wheel.writestr(info + "/WHEEL",
                       "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return NAME + "-1.0-py3-none-any.whl"
"""


def make_sdist(folder: Path, name: str, tale: Path) -> Path:
    """A source distribution whose build writes the package's name into the file `tale`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0.tar.gz"
    _write_sdist(path, name, TALE.format(tale=str(tale), name=name))
    return path


def make_slow_sdist(folder: Path, hold: Path, story: Path) -> Path:
    """A source distribution whose build never ends while the pipe `hold` exists.

    It writes its own process, and one of its children that has left its session, into the pipe
    `story`. Both pipes are made here.
    """
    os.mkfifo(hold)
    os.mkfifo(story)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "slow-1.0.tar.gz"
    _write_sdist(path, "slow", BACKEND.format(hold=str(hold), story=str(story)))
    return path


def _write_sdist(path: Path, name: str, backend: str) -> None:
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
        f'backend-path = ["."]\n[project]\nname = "{name}"\nversion = "1.0"\n',
        "backend.py": backend,
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for place, text in files.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{place}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
