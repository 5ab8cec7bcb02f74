"""A run's outputs as a tree, from the flat listing that the machine sends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from lanherd_protocol.values import EntryKind, OutputEntry

PreviewKind = Literal["image", "table", "text", "none"]

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"})
_TABLES = frozenset({".csv", ".tsv"})
_TEXTS = frozenset(
    {".txt", ".log", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".md", ".rst"}
    | {".py", ".sh", ".c", ".h", ".cpp", ".cu", ".js", ".ts", ".html", ".css", ".xml", ".tex"}
)


@dataclass(slots=True)
class OutputNode:
    """A file or a directory; children by name, directories first."""

    name: str
    path: str
    kind: EntryKind
    size_bytes: int
    modified_at: float
    parent: "OutputNode | None" = None
    children: list["OutputNode"] = field(default_factory=list)

    @property
    def row(self) -> int:
        return self.parent.children.index(self) if self.parent is not None else 0

    @property
    def is_directory(self) -> bool:
        return self.kind == "directory"


def build_tree(entries: Sequence[OutputEntry]) -> OutputNode:
    """The root of the tree. Directories that aren't listed themselves are made."""
    root = OutputNode("", "", "directory", 0, 0.0)
    by_path = {"": root}
    for entry in sorted(entries, key=lambda e: e.path):
        if entry.kind == "directory":
            node = _directory(entry.path, by_path)
            node.modified_at = entry.modified_at
            continue
        folder, _, name = entry.path.rpartition("/")
        parent = _directory(folder, by_path)
        parent.children.append(
            OutputNode(name, entry.path, entry.kind, entry.size_bytes, entry.modified_at, parent)
        )
    for node in by_path.values():
        node.children.sort(key=lambda child: (not child.is_directory, child.name.casefold()))
    _add_sizes(root)
    return root


def _directory(path: str, by_path: dict[str, OutputNode]) -> OutputNode:
    known = by_path.get(path)
    if known is not None:
        return known
    folder, _, name = path.rpartition("/")
    parent = _directory(folder, by_path)
    node = OutputNode(name, path, "directory", 0, 0.0, parent)
    parent.children.append(node)
    by_path[path] = node
    return node


def _add_sizes(node: OutputNode) -> int:
    if node.is_directory:
        node.size_bytes = sum(_add_sizes(child) for child in node.children)
    return node.size_bytes


def preview_kind(path: str) -> PreviewKind:
    """How a file can be shown, by its name alone."""
    name = path.rpartition("/")[2].casefold()
    suffix = f".{name.rpartition('.')[2]}" if "." in name else ""
    if suffix in _IMAGES:
        return "image"
    if suffix in _TABLES:
        return "table"
    return "text" if suffix in _TEXTS or not suffix else "none"


def files(root: OutputNode) -> list[OutputNode]:
    """All files of the tree, in its order."""
    found: list[OutputNode] = []
    for child in root.children:
        found.extend(files(child) if child.is_directory else [child])
    return found
