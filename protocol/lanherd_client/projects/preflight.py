"""What a push would send, before it does: how much, what is largest, what looks like a mistake and
which rule would leave that out, and what stays at home by which rule.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from pathlib import Path

from lanherd_client.projects.ignore import read_rule_file
from lanherd_client.projects.problems import IGNORE_FILE, refused_by_system, unreadable
from lanherd_client.projects.scan import LeftOutEntry, Scan
from lanherd_client.projects.small_files import replace_file
from lanherd_client.sizes import GB, MB
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.values import ManifestEntry

LARGEST_SHOWN = 10
SUSPICIOUS_FILE_BYTES = 100 * MB
"""A source file is never that large; data is better kept on the machine once."""
SUSPICIOUS_FOLDER_BYTES = 1 * GB
SUSPICIOUS_FOLDER_FILES = 10_000
"""What a folder holds in all, inner folders too, but for those that are suspicious themselves."""
USUAL_OUTPUT_FOLDERS = frozenset(
    {"checkpoints", "lightning_logs", "mlruns", "outputs", "runs", "tensorboard", "wandb"}
)
"""Names that training tools give to what they write."""
OUTPUT_FOLDER_BYTES = 10 * MB


@dataclass(frozen=True, slots=True)
class Sized:
    """A file, or a folder with all that is in it and would be sent."""

    path: str
    files: int
    bytes_total: int
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that is probably not meant to be sent; `why` is a sentence for a person, `rule` the
    line for `.lanherdignore` that leaves it out."""

    what: Sized
    why: str
    rule: str


class Preflight:
    """A look at a scan. `files` and `bytes_total` are those of the whole project, `missing` the
    blobs that the machine lacks: all, as long as nobody asked it."""

    def __init__(self, scanned: Scan, missing: Collection[BlobHash] | None = None) -> None:
        self._scan = scanned
        self.files = scanned.files
        self.bytes_total = scanned.bytes_total
        self._missing = missing

    @cached_property
    def sent_bytes(self) -> int:
        """The bytes of the blobs that the machine lacks, before they are compressed."""
        sources = self._scan.sources
        missing = sources if self._missing is None else self._missing
        return sum(sources[blob].length for blob in missing)

    @cached_property
    def largest_files(self) -> tuple[Sized, ...]:
        """The largest first."""
        entries = nsmallest(
            LARGEST_SHOWN, self._file_entries, key=lambda entry: (-entry.size_bytes, entry.path)
        )
        return tuple(map(_sized, entries))

    @cached_property
    def largest_folders(self) -> tuple[Sized, ...]:
        """The largest first; an inner folder is told beside the outer one."""
        return tuple(
            nsmallest(
                LARGEST_SHOWN, self._folders.values(), key=lambda one: (-one.bytes_total, one.path)
            )
        )

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """What looks like a mistake, the largest first."""
        files = [
            _sized(entry)
            for entry in self._file_entries
            if entry.size_bytes > SUSPICIOUS_FILE_BYTES
        ]
        why = f"It is a file above {SUSPICIOUS_FILE_BYTES // MB} MB."
        found = [Suspect(file, why, rule_for(file.path, is_folder=False)) for file in files]
        found += _suspicious_folders(self._folders, files)
        return tuple(sorted(found, key=lambda one: (-one.what.bytes_total, one.what.path)))

    @cached_property
    def left_out(self) -> tuple[LeftOutEntry, ...]:
        """What stays at home, and by which rule."""
        return tuple(self._scan.left_out_entries())

    @cached_property
    def _file_entries(self) -> list[ManifestEntry]:
        entries = self._scan.manifest.entries
        return [entry for entry in entries if entry.kind in ("file", "executable")]

    @cached_property
    def _folders(self) -> dict[str, Sized]:
        # First of each folder alone: most files share theirs with many others.
        own: dict[str, list[int]] = {}
        for entry in self._file_entries:
            _count(own, entry.path, 1, entry.size_bytes)
        counts: dict[str, list[int]] = {}
        for path, count in own.items():
            inner = f"{path}/"
            while inner := inner.rpartition("/")[0]:
                _count(counts, f"{inner}/", *count)
        return {
            path: Sized(path, files, bytes_total, is_folder=True)
            for path, (files, bytes_total) in counts.items()
        }


def _sized(entry: ManifestEntry) -> Sized:
    return Sized(entry.path, 1, entry.size_bytes, is_folder=False)


def rule_for(path: str, *, is_folder: bool) -> str:
    """The line of `.lanherdignore` that leaves out just this path (where its name goes over two
    lines, those too that have another character there)."""
    literal = re.sub(r"([\\*?\[])", r"\\\1", path)
    # A line holds no end of a line; '?' stands for any one character.
    literal = re.sub(r"[\r\n]", "?", literal)
    # A space at the end of a line would be left away; a folder's line ends in its slash.
    if not is_folder and literal.endswith(" "):
        literal = f"{literal[:-1]}\\ "
    return f"/{literal}/" if is_folder else f"/{literal}"


def add_rule(folder: Path, rule: str) -> bool:
    """Puts a rule behind those of the project's `.lanherdignore`, which is made if there is none;
    False where it stands there as the last word already.

    Raises PROJECT_UNREADABLE, which names the file, where that can't be read or written.
    """
    place = folder / IGNORE_FILE
    if not rule.strip() or "\n" in rule or "\r" in rule:
        raise unreadable(
            place,
            f"{rule!r} is no rule: a rule is one line.",
            "Write one line, such as '/data/' or '*.ckpt'.",
            refusal="odd_rule",
            rule=rule,
        )
    before = read_rule_file(place) or b""
    lines = [line.strip() for line in before.decode("utf-8", "replace").splitlines()]
    if rule in lines and f"!{rule}" not in lines[lines.index(rule) :]:
        return False
    try:
        replace_file(place, _appended(before, rule))
    except OSError as refused:
        raise refused_by_system(place, refused) from refused
    return True


def _appended(before: bytes, rule: str) -> bytes:
    end = b"\r\n" if b"\r\n" in before else b"\n"
    gap = end if before and not before.endswith(b"\n") else b""
    return before + gap + rule.encode() + end


def _suspicious_folders(folders: dict[str, Sized], files: Iterable[Sized]) -> list[Suspect]:
    """Inner ones first: an outer one is suspicious for what it holds beside them, and beside the
    files that are suspicious themselves."""
    found: list[Suspect] = []
    known: dict[str, list[int]] = {}
    for file in files:
        _count(known, file.path, 1, file.bytes_total)
    for path in sorted(folders, key=lambda path: (-path.count("/"), path)):
        what, taken = folders[path], known.get(path, [0, 0])
        why = _why_suspicious(what, what.files - taken[0], what.bytes_total - taken[1])
        if why:
            found.append(Suspect(what, why, rule_for(path, is_folder=True)))
            taken = [what.files, what.bytes_total]
        _count(known, path, *taken)
    return found


def _count(known: dict[str, list[int]], path: str, files: int, bytes_total: int) -> None:
    """Counts something for the folder around it."""
    folder = path.rpartition("/")[0]
    count = known.get(folder)
    if count is None:
        count = known[folder] = [0, 0]
    count[0] += files
    count[1] += bytes_total


def _why_suspicious(what: Sized, files: int, bytes_total: int) -> str:
    name = what.path.rpartition("/")[2].lower()
    if name in USUAL_OUTPUT_FOLDERS and bytes_total > OUTPUT_FOLDER_BYTES:
        return "By its name it holds what earlier runs wrote."
    if bytes_total > SUSPICIOUS_FOLDER_BYTES:
        return f"It holds more than {SUSPICIOUS_FOLDER_BYTES // GB} GB."
    if files > SUSPICIOUS_FOLDER_FILES:
        return f"It holds more than {SUSPICIOUS_FOLDER_FILES} files."
    return ""
