"""Says on this machine that an agent runs: one small file that controllers of this user read.

Like all of discovery it is a hint: it names an address, and the pinned key decides. The file is
written by rename, and removed when the agent ends; a reader checks the pid, since a killed agent
leaves its file behind.
"""

import errno
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct
from platformdirs import RuntimeDirWarning, user_runtime_path

from lanherd_protocol.ids import DeviceId

_LOG = logging.getLogger("lanherd.advert")


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
    """`agents` below LANHERD_RUNTIME_DIR or the user's runtime directory.

    Raises OSError when the only directory for it belongs to somebody else.
    """
    override = os.environ.get("LANHERD_RUNTIME_DIR")
    if override:
        return Path(override) / "lanherd" / "agents"
    with warnings.catch_warnings():
        # Without a login session there is no XDG_RUNTIME_DIR; its stand-in is as good to us.
        warnings.simplefilter("ignore", RuntimeDirWarning)
        return user_runtime_path("lanherd", appauthor=False) / "agents"


@contextmanager
def published(advert: Advert) -> Iterator[None]:
    """The advert, for the length of the block. Where it can't be written the agent serves without:
    whoever is paired knows its address, and its socket can be named.
    """
    path: Path | None = None
    try:
        path = _write(advert)
    except OSError as problem:
        _LOG.warning("controllers here won't see this agent, its advert isn't there: %s", problem)
    try:
        yield
    finally:
        if path is not None:
            _withdraw(path, advert.pid)


def _write(advert: Advert) -> Path:
    directory = adverts_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = directory.stat().st_uid
    if owner != os.geteuid():
        raise PermissionError(errno.EPERM, f"it belongs to user id {owner}", str(directory))
    path = directory / f"{advert.machine}.json"
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(msgspec.json.encode(advert))
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return path


def _withdraw(path: Path, pid: int) -> None:
    """Remove our advert, unless another agent has replaced it meanwhile."""
    try:
        if msgspec.json.decode(path.read_bytes(), type=Advert).pid == pid:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass  # somebody has tidied up
    except (OSError, msgspec.MsgspecError) as problem:
        _LOG.warning("the agent's advert is left behind: %s", problem)
