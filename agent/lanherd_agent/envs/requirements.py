"""Requirements files, as far as a lock needs them understood: entries, hashes, includes, indexes.

uv reads them for everything else. `pip compile` doesn't compare its answer with the hashes of its
question, so that is done here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_HASH = re.compile(r"\s--hash[= ]\s*(\S+)")
_COMMIT = re.compile(r"@\s*git\+\S+@[0-9a-f]{40}\b")
_INCLUDE = re.compile(r"(?:-r|-c|--requirements?|--constraints?)[= ]?\s*(\S+)")
_INDEX = re.compile(
    r"(--no-index|(?:-i|-f|--index-url|--extra-index-url|--find-links)(?:[= ]\s*|(?<=-[if]))\S+)"
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


class NotTextError(ValueError):
    """A requirements file that is no UTF-8."""


class OtherHashError(ValueError):
    """What was found for `name` has none of the hashes that were asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Entry:
    """One requirement: its normalised name, its words without the hashes, and these."""

    name: str
    text: str
    hashes: tuple[str, ...] = ()

    @property
    def is_fixed(self) -> bool:
        """Whether its bytes can't change: it has a hash, or is a commit."""
        return bool(self.hashes) or _COMMIT.search(self.text) is not None


def decoded(content: bytes) -> str:
    """Raises NotTextError."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as refused:
        raise NotTextError(str(refused)) from refused


def entries(text: str) -> tuple[Entry, ...]:
    """The requirements of a file in their order; its options are left out."""
    found = []
    for line in _lines(text):
        name = _NAME.match(line)
        if name is not None:
            bare = _HASH.sub("", line).strip()
            hashes = tuple(hash_.strip("'\"") for hash_ in _HASH.findall(line))
            found.append(Entry(normalised(name[0]), bare, hashes))
    return tuple(found)


def includes(text: str) -> tuple[str, ...]:
    """The files that a file takes in, as requirements or as constraints."""
    found = (_INCLUDE.fullmatch(line) for line in _lines(text))
    return tuple(match[1] for match in found if match is not None)


def index_lines(text: str) -> tuple[str, ...]:
    """The lines of a file that say where packages come from."""
    return tuple(line for line in _lines(text) if _INDEX.fullmatch(line))


def wheel_folders(lines: Iterable[str]) -> tuple[str, ...]:
    """The folders and pages of wheels among the lines that say where packages come from."""
    return tuple(
        re.sub(r"^(?:-f|--find-links)[= ]?\s*", "", line)
        for line in lines
        if line.startswith(("-f", "--find-links"))
    )


def project_index_lines(tool_uv: object) -> tuple[str, ...]:
    """The same of a pyproject.toml's table tool.uv, as lines of a requirements file."""
    if not isinstance(tool_uv, dict):
        return ()
    lines = []
    if tool_uv.get("no-index") is True:
        lines.append("--no-index")
    for key in ("index-url", "extra-index-url", "find-links"):
        lines += [f"--{key} {url}" for url in _urls(tool_uv.get(key))]
    tables = tool_uv.get("index")
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict) and isinstance(table.get("url"), str):
            option = "--index-url" if table.get("default") is True else "--extra-index-url"
            lines.append(f"{option} {table['url']}")
    return tuple(line for line in lines if _INDEX.fullmatch(line))


def keep_hashes(found: Iterable[Entry], asked: Iterable[Entry]) -> tuple[Entry, ...]:
    """`found` with no other hashes than those that were asked for. Raises OtherHashError."""
    wanted: dict[str, set[str]] = {}
    for entry in asked:
        if entry.hashes:
            wanted.setdefault(entry.name, set()).update(entry.hashes)
    return tuple(_kept(entry, wanted.get(entry.name)) for entry in found)


def rendered(options: Iterable[str], found: Iterable[Entry]) -> bytes:
    """A requirements file with nothing in it that the same answer wouldn't have again."""
    lines = list(options)
    for entry in sorted(found, key=lambda entry: (entry.name, entry.text)):
        lines.append(
            " \\\n    ".join([entry.text, *(f"--hash={one}" for one in sorted(entry.hashes))])
        )
    return "".join(f"{line}\n" for line in lines).encode()


def without_credentials(text: str) -> str:
    return _CREDENTIALS.sub("", text)


def normalised(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _kept(entry: Entry, wanted: set[str] | None) -> Entry:
    if wanted is None:
        return entry
    # An answer out of a folder of wheels may come without hashes: then these are to be met.
    hashes = tuple(sorted(wanted.intersection(entry.hashes) if entry.hashes else wanted))
    if not hashes:
        raise OtherHashError(entry.name)
    return replace(entry, hashes=hashes)


def _urls(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [url for url in value if isinstance(url, str)] if isinstance(value, list) else []


def _lines(text: str) -> Iterator[str]:
    joined = re.sub(r"\\\r?\n", " ", text)
    for line in joined.splitlines():
        bare = "" if line.lstrip().startswith("#") else re.sub(r"\s#.*", "", line)
        if bare.strip():
            yield bare.strip()
