"""What of a project folder stays at home.

Four layers; what a later one says wins over an earlier one:

1. what is usual: names and suffixes that are never part of a program (virtual environments,
   caches), and checkpoints above a size;
2. each folder's `.gitignore`, and
3. behind it the folder's `.lanherdignore`; those of inner folders come behind those of outer ones;
4. `ignore` of the project's own `.lanherd/project.toml`, from the root of the project.

The syntax is git's: `!` takes back in, and a pattern with a slash at its start or inside is
meant from the folder of its file. So is its rule that nothing can be taken back in from a folder
that is left out. What git itself ignores elsewhere (`.git/info/exclude`, the user's own file) has
no say: it is of no use to others who open the project.
"""

import hashlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from lanherd_client.projects.problems import IGNORE_FILE, refused_by_system, unreadable
from lanherd_client.projects.rule_filter import RuleFilter
from lanherd_client.projects.small_files import read_file_start
from lanherd_client.sizes import MB
from lanherd_protocol.errors import LanherdError

if TYPE_CHECKING:
    import pathspec

PROJECT_FILE = ".lanherd/project.toml"
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
ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
"""A folder that holds one of these is a virtual environment, whatever its name."""
CHECKPOINT_SUFFIXES = (
    ".bin",
    ".ckpt",
    ".h5",
    ".npz",
    ".onnx",
    ".pt",
    ".pth",
    ".safetensors",
)
CHECKPOINT_BYTES_MAX = 32 * MB
"""Files with those suffixes are weights and data above this; below it they may be test data."""
GIT_FILE = ".gitignore"
_RULE_FILES = (GIT_FILE, IGNORE_FILE)
RULE_FILE_BYTES_MAX = 1024 * 1024
_KEY_BYTES = 16


class Rule(Struct, frozen=True, array_like=True):
    """A rule that leaves something out: the line of a rule file, or one of those that are usual.

    `source` is the rule file's path in the project, empty for what is usual; `line` counts from 1,
    in the project file the items of its list. One with `over_bytes` is about files above that size.
    """

    text: str
    source: str = ""
    line: int = 0
    over_bytes: int = 0

    def leaves_out(self, size_bytes: int) -> bool:
        """Whether it is about a file of this size."""
        return not self.over_bytes or size_bytes > self.over_bytes


_USUAL_BY_NAME = {name: Rule(name) for name in LEFT_OUT_BY_DEFAULT | NEVER_SENT}
_USUAL_BY_SUFFIX = tuple((suffix, Rule(f"*{suffix}")) for suffix in SUFFIXES_LEFT_OUT)
_CHECKPOINTS = {
    suffix: Rule(f"*{suffix}", over_bytes=CHECKPOINT_BYTES_MAX) for suffix in CHECKPOINT_SUFFIXES
}
_ENVIRONMENT = Rule("a virtual environment")


@dataclass(slots=True)
class _Layer:
    """The rules of one file at `place`, `source` in the project; `prefix` is its folder there,
    empty or ending in a slash."""

    place: str
    source: str
    prefix: str
    lines: Sequence[str]
    quick: RuleFilter | None = None
    slow: "pathspec.GitIgnoreSpec | None" = None
    whole: "pathspec.GitIgnoreSpec | None" = None

    def says(self, text: str) -> tuple[bool | None, int]:
        """Whether its last rule about the path leaves that out, and the line of that rule."""
        path = text[len(self.prefix) :]
        if not self._may_say(path):
            return None, 0
        if self.whole is None:
            self.whole = _compiled(self.place, self.lines)
        found = self.whole.check_file(path)
        return found.include, (found.index or 0) + 1

    def _may_say(self, path: str) -> bool:
        """Whether it could have a rule about the path."""
        if self.quick is None:
            self.quick = RuleFilter.of(self.lines)
            if self.quick.rest:
                self.slow = _compiled(self.place, self.quick.rest)
        if self.quick.may_match(path):
            return True
        return self.slow is not None and self.slow.check_file(path).include is not None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that hold in one folder: its own, and those of the folders above.

    `key` is another one where the rules are others, so that what they said before may be used.
    """

    key: bytes
    layers: tuple[_Layer, ...] = ()
    last: tuple[_Layer, ...] = ()

    @classmethod
    def of_project(cls, folder: str, lines: Sequence[str] = ()) -> "Rules":
        """The rules above a project's root; `lines` are those of its own project file."""
        key = hashlib.sha256(_usual_key() + "\n".join(lines).encode()).digest()[:_KEY_BYTES]
        layer = _Layer(f"{folder}/{PROJECT_FILE}", PROJECT_FILE, "", lines)
        return cls(key, last=(layer,) if lines else ())

    def entering(self, folder: str, path: str, names: Container[str]) -> "Rules":
        """The rules inside `folder`, which is `path` in the project; of its rule files those are
        read that are among `names`. Raises PROJECT_UNREADABLE, here or when they are applied."""
        rules = self
        for name in _RULE_FILES:
            if name in names:
                rules = rules._with(f"{folder}/{name}", path, name)
        return rules

    def _with(self, place: str, path: str, name: str) -> "Rules":
        content = read_rule_file(place)
        if content is None:
            return self
        prefix = f"{path}/" if path else ""
        source = prefix + name
        key = hashlib.sha256(self.key + source.encode("utf-8", "surrogateescape") + b"\0" + content)
        layer = _Layer(place, source, prefix, _lines(place, content))
        return Rules(key.digest()[:_KEY_BYTES], (*self.layers, layer), self.last)

    def about(self, path: str, name: str, *, is_folder: bool) -> Rule | None:
        """The rule that leaves the entry out; None: it is sent."""
        if name in NEVER_SENT:
            return _USUAL_BY_NAME[name]
        rule = _usual(name, is_folder=is_folder)
        for layer, line in self._said(path, is_folder=is_folder):
            rule = Rule(layer.lines[line - 1].strip(), layer.source, line) if line else None
        return rule

    def about_environment(self, path: str) -> Rule | None:
        """The same for a folder that turned out to be a virtual environment."""
        rule: Rule | None = _ENVIRONMENT
        for _, line in self._said(path, is_folder=True):
            rule = _ENVIRONMENT if line else None
        return rule

    def _said(self, path: str, *, is_folder: bool) -> Iterator[tuple[_Layer, int]]:
        """Each layer that has a rule about the path; the line that leaves it out, 0 for one that
        takes it in."""
        text = f"{path}/" if is_folder else path
        for layers in (self.layers, self.last):
            for layer in layers:
                left_out, line = layer.says(text)
                if left_out is not None:
                    yield layer, line if left_out else 0


def depends_on_size(name: str) -> bool:
    """Whether a file of this name may be sent or not for its size."""
    return name.lower().endswith(CHECKPOINT_SUFFIXES)


def _usual(name: str, *, is_folder: bool) -> Rule | None:
    rule = _USUAL_BY_NAME.get(name)
    if rule is not None:
        return rule
    if name.endswith(SUFFIXES_LEFT_OUT):
        return next(rule for suffix, rule in _USUAL_BY_SUFFIX if name.endswith(suffix))
    if is_folder:
        return None
    _, dot, suffix = name.rpartition(".")
    return _CHECKPOINTS.get(dot + suffix.lower())


def _usual_key() -> bytes:
    """Another one where another version of Lanherd leaves out other things."""
    parts: list[str] = [*sorted(_USUAL_BY_NAME), *SUFFIXES_LEFT_OUT, *CHECKPOINT_SUFFIXES]
    parts += [*ENVIRONMENT_MARKS, str(CHECKPOINT_BYTES_MAX)]
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _compiled(place: str, lines: Sequence[str]) -> "pathspec.GitIgnoreSpec":
    # Imported when there are rules to apply that no scan before has applied: it takes longer than
    # a look at 1,000 files.
    import pathspec

    try:
        # The library leaves empty lines away, which would give the others other numbers.
        return pathspec.GitIgnoreSpec.from_lines([line or "#" for line in lines])
    except ValueError as refused:
        raise _no_sense(place, refused) from refused


def read_rule_file(place: str | Path) -> bytes | None:
    """The content of a rule file; None where there is none, or a folder by its name. Raises
    PROJECT_UNREADABLE."""
    try:
        content = read_file_start(place, RULE_FILE_BYTES_MAX + 1)
    except IsADirectoryError:
        return None
    except OSError as refused:
        raise refused_by_system(place, refused) from refused
    if content is not None and len(content) > RULE_FILE_BYTES_MAX:
        raise unreadable(
            place,
            f"It has more than {RULE_FILE_BYTES_MAX} bytes.",
            "Make it shorter.",
            refusal="long_rule_file",
            bytes_max=RULE_FILE_BYTES_MAX,
        )
    return content


def _lines(place: str, content: bytes) -> list[str]:
    try:
        # Only where git ends a line; a name may hold what else counts as the end of one.
        return content.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as refused:
        raise _no_sense(place, refused) from refused


def _no_sense(place: str, refused: ValueError) -> LanherdError:
    return unreadable(
        place,
        f"Its rules make no sense: {refused}.",
        "Mend the rules, one to a line.",
        refusal="odd_ignore_rules",
        problem=str(refused),
    )
