"""What of a project folder stays at home.

Three layers, the later ones win: names that are never part of a program (virtual environments,
caches), then each folder's `.gitignore`, then its `.lanherdignore`. The syntax is git's, and so
is its rule that nothing can be taken back in from a folder that is left out.
"""

from dataclasses import dataclass
from pathlib import Path

import pathspec

from lanherd_client.projects.problems import IGNORE_FILE, unreadable

NEVER_SENT = frozenset({".git", ".hg", ".svn", ".lanherd"})
"""No rule takes these in: they are about the folder, not part of the program."""

LEFT_OUT_BY_DEFAULT = frozenset(
    {
        ".DS_Store",
        ".cache",
        ".direnv",
        ".eggs",
        ".hypothesis",
        ".idea",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        ".venv",
        ".vscode",
        "Thumbs.db",
        "__pycache__",
        "node_modules",
        "venv",
    }
)
SUFFIXES_LEFT_OUT = (".pyc", ".pyo", ".swp", "~")
_RULE_FILES = (".gitignore", IGNORE_FILE)
RULE_FILE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Layer:
    """One rule file; `prefix` is its folder, empty or ending in a slash."""

    prefix: str
    spec: pathspec.GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that hold in one folder: its own, and those of the folders above."""

    layers: tuple[_Layer, ...] = ()

    def entering(self, folder: Path, path: str, names: set[str]) -> "Rules":
        """The rules inside `folder`, which is `path` in the project and holds `names`."""
        added: list[_Layer] = []
        for name in _RULE_FILES:
            if name in names:
                prefix = f"{path}/" if path else ""
                added.append(_Layer(prefix, _read_rules(folder / name)))
        return Rules(self.layers + tuple(added)) if added else self

    def leave_out(self, path: str, name: str, *, is_folder: bool) -> bool:
        """Whether the entry stays at home."""
        if name in NEVER_SENT:
            return True
        left_out = name in LEFT_OUT_BY_DEFAULT or name.endswith(SUFFIXES_LEFT_OUT)
        text = f"{path}/" if is_folder else path
        for layer in self.layers:
            said = layer.spec.check_file(text[len(layer.prefix) :]).include
            if said is not None:
                left_out = said
        return left_out


def _read_rules(path: Path) -> pathspec.GitIgnoreSpec:
    try:
        with path.open(encoding="utf-8") as lines:
            return pathspec.GitIgnoreSpec.from_lines(lines.read(RULE_FILE_BYTES_MAX).splitlines())
    except OSError as refused:
        raise unreadable(path, f"The system says: {refused.strerror or refused}.") from refused
    except ValueError as refused:
        raise unreadable(
            path, f"Its rules make no sense: {refused}.", "Mend the rules, one to a line."
        ) from refused
