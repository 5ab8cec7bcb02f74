"""A project: a folder on the user's disk, its name, and the environment that its lock describes."""

from dataclasses import dataclass
from pathlib import Path

from lanherd_client.projects.environment_files import (
    NOTHING_FOUND,
    FolderEnvironment,
    read_environment,
)
from lanherd_client.projects.problems import refused_by_system, unreadable
from lanherd_client.projects.project_file import ProjectFile, read_project_file
from lanherd_protocol.values import EnvironmentSpec


@dataclass(frozen=True, slots=True)
class Project:
    """A folder as a project.

    `environment` is what its files describe for its runs, `described` that with all that was
    found; `notes` are sentences for the person about it, such as a requirements file without
    hashes. `said` is what the project says of itself, None where nobody has added it yet: its
    name is then that of its folder.
    """

    folder: Path
    name: str
    environment: EnvironmentSpec
    notes: tuple[str, ...] = ()
    described: FolderEnvironment = NOTHING_FOUND
    said: ProjectFile | None = None

    @classmethod
    def open(cls, folder: Path) -> "Project":
        """Looks at the folder's lock files and its project file; reads those alone. Blocks briefly.

        Raises PROJECT_UNREADABLE, which names the path.
        """
        try:
            resolved = folder.expanduser().resolve()
            if not resolved.is_dir():
                there = resolved.exists()
                raise unreadable(
                    folder,
                    "It is a file." if there else "There is no such folder.",
                    "Choose the folder that holds the program.",
                    refusal="project_is_file" if there else "no_such_folder",
                )
            described = _find_environment(resolved)
        except (OSError, RuntimeError) as refused:
            if isinstance(refused, OSError):
                raise refused_by_system(refused.filename or folder, refused) from refused
            raise unreadable(
                folder, f"{refused}.", refusal="system_refused", problem=str(refused)
            ) from refused
        said = read_project_file(resolved)
        name = resolved.name or "/" if said is None else said.name
        return cls(resolved, name, described.found, described.notes, described, said)


def _find_environment(folder: Path) -> FolderEnvironment:
    return read_environment(folder)
