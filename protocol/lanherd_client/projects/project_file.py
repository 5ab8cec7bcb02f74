"""What `.lanherd/project.toml` says of a project: its ignore rules so far.

A file that can't be understood stops whoever needs it: to go on without its rules would send what
was meant to stay.
"""

import tomllib
from pathlib import Path

from lanherd_client.projects.ignore import PROJECT_FILE
from lanherd_client.projects.problems import refused_by_system, unreadable


def ignore_lines(folder: Path) -> tuple[str, ...]:
    """The ignore rules of the project's own file; none where there is no such file."""
    place = folder / PROJECT_FILE
    try:
        table = tomllib.loads(place.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as refused:
        raise refused_by_system(place, refused) from refused
    except ValueError as refused:
        raise unreadable(
            place, f"It is no TOML: {refused}.", "Mend it.", refusal="no_toml", problem=str(refused)
        ) from refused
    rules = table.get("ignore", [])
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise unreadable(
            place,
            "'ignore' is no list of texts.",
            'Write it as in ignore = ["data/", "*.log"].',
            refusal="odd_ignore_list",
        )
    return tuple(rules)
