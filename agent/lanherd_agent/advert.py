"""Says on this machine that an agent runs: one small file that controllers of this user read.

Like all of discovery it is a hint: it names an address, and the pinned key decides. The file is
written by rename, and removed when the agent ends; a reader checks the pid, since a killed agent
leaves its file behind.
"""

import os
from pathlib import Path

import msgspec
from msgspec import Struct
from platformdirs import user_runtime_path

from lanherd_protocol.ids import DeviceId


class Advert(Struct, frozen=True, kw_only=True):
    """What the file says, as JSON."""

    machine: DeviceId
    name: str
    version: str
    addresses: tuple[str, ...]
    port: int
    socket: str
    pid: int
    simulated: bool


def adverts_directory() -> Path:
    """`agents` below LANHERD_RUNTIME_DIR or the user's runtime directory."""
    override = os.environ.get("LANHERD_RUNTIME_DIR")
    base = Path(override) if override else user_runtime_path("lanherd", appauthor=False)
    return base / "lanherd" / "agents" if override else base / "agents"


def publish(advert: Advert) -> Path:
    """Write the advert; returns its path."""
    directory = adverts_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{advert.machine}.json"
    fresh = path.with_suffix(f".{advert.pid}.new")
    fresh.write_bytes(msgspec.json.encode(advert))
    fresh.replace(path)
    return path


def withdraw(path: Path, pid: int) -> None:
    """Remove our advert, unless another agent has replaced it meanwhile."""
    try:
        current = msgspec.json.decode(path.read_bytes(), type=Advert)
    except FileNotFoundError:
        return
    if current.pid == pid:
        path.unlink(missing_ok=True)
