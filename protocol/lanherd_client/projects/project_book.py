"""The projects that this controller has pushed or added, so that they can be listed.

HOME/projects.json holds them, the one that was used last at the end. It is a memory aid: where it
can't be read or written nothing else suffers, and a folder that is gone is listed as gone.
"""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lanherd_client.files import write_private
from lanherd_client.home import controller_home, ensure_home
from lanherd_protocol.errors import LanherdError

PROJECTS_MAX = 500
NOTED_EVERY_S = 3600.0
"""A project that is pushed again and again is written down again after so long."""


class KnownProject(Struct, frozen=True, kw_only=True):
    """A project's folder, as it was when it was used last (seconds since 1970)."""

    folder: str
    name: str
    id: str = ""
    used_at: float


_decoder = msgspec.json.Decoder(list[KnownProject])


@dataclass(frozen=True, slots=True)
class ProjectBook:
    """The list of one controller's home. Its methods block, briefly."""

    path: Path

    @classmethod
    def of(cls, home: Path | None = None) -> "ProjectBook":
        return cls(controller_home(home) / "projects.json")

    def projects(self) -> list[KnownProject]:
        """All of them, the one that was used last first."""
        return sorted(self._load(), key=lambda project: -project.used_at)

    def note(self, folder: Path, name: str, identifier: str = "", now: float | None = None) -> None:
        """The project in this folder is used. A folder that was moved is known by its id."""
        used_at = time.time() if now is None else now
        this = KnownProject(folder=str(folder), name=name, id=identifier, used_at=used_at)
        known = self._load()
        for other in known:
            is_this = replace(other, used_at=0.0) == replace(this, used_at=0.0)
            if is_this and abs(used_at - other.used_at) < NOTED_EVERY_S:
                return
        kept = [other for other in known if not _is_same(other, this)]
        self._save([*kept, this][-PROJECTS_MAX:])

    def _load(self) -> list[KnownProject]:
        try:
            return _decoder.decode(self.path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return []

    def _save(self, projects: list[KnownProject]) -> None:
        # A home that is full or may not be written to is told by what needs it.
        with contextlib.suppress(OSError, LanherdError, UnicodeEncodeError):
            ensure_home(self.path.parent)
            write_private(self.path, msgspec.json.encode(projects))


def _is_same(one: KnownProject, other: KnownProject) -> bool:
    """Whether the folder is the same, or was moved here: a copy beside it is another one."""
    if one.folder == other.folder:
        return True
    return bool(one.id) and one.id == other.id and not Path(one.folder).is_dir()
