"""Agents of this machine: the adverts that they leave in the runtime folder.

The folder is read once a second: a handful of small files in memory, cheaper than it is to watch.
An advert of an agent that was killed stays behind; its process is gone, so it is not reported.
"""

import asyncio
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from lanherd_client.discovery import Report, Sighting
from lanherd_client.home import advert_dir
from lanherd_protocol.ids import DeviceId, is_sha256

POLL_S = 1.0
ADVERT_BYTES_MAX = 64 * 1024
ADVERTS_MAX = 1024


class _Advert(Struct, kw_only=True):
    machine: DeviceId
    name: str
    version: str
    addresses: tuple[str, ...]
    port: int
    pid: int
    socket: str | None = None
    simulated: bool = False


class LocalSource:
    """Reads the adverts in `directory`; the runtime folder's own where none is named."""

    name = "local"

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    async def watch(self, report: Report) -> None:
        last: tuple[Sighting, ...] | None = None
        while True:
            seen = self.look()
            if seen != last:
                report(seen)
                last = seen
            await asyncio.sleep(POLL_S)

    def look(self) -> tuple[Sighting, ...]:
        """What is advertised now by living agents of this user or of the system."""
        try:
            directory = self._directory or advert_dir()
            if directory.stat().st_uid not in (os.getuid(), 0):
                return ()
            paths = sorted(directory.glob("*.json"))[:ADVERTS_MAX]
        except OSError:
            # No agent has run here yet, or the folder isn't ours: nobody can be believed.
            return ()
        return tuple(seen for path in paths if (seen := _read(path)) is not None)


def _read(path: Path) -> Sighting | None:
    try:
        with path.open("rb") as file:
            advert = msgspec.json.decode(file.read(ADVERT_BYTES_MAX), type=_Advert)
    except (OSError, msgspec.DecodeError):
        # Removed meanwhile, or nothing that an agent wrote: not a sighting.
        return None
    if not is_sha256(advert.machine) or not 0 < advert.port < 65536 or not _alive(advert.pid):
        return None
    return Sighting(
        machine=advert.machine,
        name=advert.name,
        version=advert.version,
        addresses=advert.addresses,
        port=advert.port,
        source=LocalSource.name,
        socket=advert.socket,
        simulated=advert.simulated,
    )


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
