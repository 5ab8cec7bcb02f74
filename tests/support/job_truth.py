"""What the fake jobs wrote down of themselves, and whether a log is what they printed."""

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.fake_job import COUNTS, STREAMS

NUMBER_DIGITS = 10
CHECK_DIGITS = 8


@dataclass(frozen=True)
class Printed:
    """Bytes of one stream that surely were written, and that may have been."""

    done: int = 0
    meant: int = 0


@dataclass(frozen=True)
class JobTruth:
    """All that is known of one attempt from the job itself. Empty if it never began."""

    starts: tuple[float, ...] = ()
    pids: tuple[int, ...] = ()
    told: tuple[int, ...] = ()
    """Signals that it took notice of."""
    code: int | None = None
    signal: int | None = None
    ended_at: float | None = None
    """When it was about to end as `code` or `signal` say; None if it was killed before."""
    printed: dict[str, Printed] = field(default_factory=dict)


def processes_of(folder: Path) -> list[int]:
    """Processes of jobs whose FAKE_JOB_TRUTH is `folder`, and what they left behind."""
    mark = str(folder).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            words = (process / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended meanwhile, or is another user's
        if b"FAKE_JOB_TRUTH=" + mark in environment or mark in words[-2:]:
            found.append(int(process.name))
    return found


def read_truth(folder: Path, run: str, attempt: int) -> JobTruth:
    name = f"{run}-{attempt}"
    lines = folder / f"{name}.jsonl"
    if not lines.exists():
        return JobTruth()
    events = [json.loads(text) for text in lines.read_text().splitlines()]
    started = [event for event in events if event["event"] == "started"]
    ending = next((event for event in events if event["event"] == "ending"), None)
    path = folder / f"{name}.counts"
    data = path.read_bytes() if path.exists() else b""
    # Short if the job was killed before it printed anything.
    counts = COUNTS.unpack(data.ljust(COUNTS.size, b"\0"))
    return JobTruth(
        starts=tuple(event["at"] for event in started),
        pids=tuple(event["pid"] for event in started),
        told=tuple(event["signal"] for event in events if event["event"] == "told"),
        code=ending and ending["code"],
        signal=ending and ending["signal"],
        ended_at=ending and ending["at"],
        printed={
            stream: Printed(meant=counts[2 * place], done=counts[2 * place + 1])
            for place, stream in enumerate(STREAMS)
        },
    )


@dataclass
class LogCheck:
    """What is wrong with a log, in bytes, against what its job printed."""

    lost: int = 0
    doubled: int = 0
    strange: int = 0
    """Bytes of torn lines, and of lines that this attempt can't have printed."""
    words: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.lost or self.doubled or self.strange)


def check_log(data: bytes, key: str, printed: dict[str, Printed]) -> LogCheck:
    """Hold a merged log, or one of a split, against the job's own counts of `printed` streams."""
    check = LogCheck()
    seen = dict.fromkeys(printed, (0, 0))
    *lines, rest = data.split(b"\n")
    if rest:
        check.strange += len(rest)
        check.words.append(f"a torn last line: {rest[:60]!r}")
    for text in lines:
        found = parse_line(text, key)
        if found is None or found[0] not in seen:
            check.strange += len(text) + 1
            check.words.append(f"no line of this attempt: {text[:60]!r}")
            continue
        stream, number = found
        expected, size = seen[stream]
        if number < expected:
            check.doubled += len(text) + 1
            check.words.append(f"line {stream} {number} came again, after {expected - 1}")
            continue
        if number > expected:
            check.lost += (number - expected) * (len(text) + 1)
            check.words.append(f"lines {stream} {expected} to {number - 1} are missing")
        seen[stream] = number + 1, size + len(text) + 1
    for stream, (_, size) in seen.items():
        if size < printed[stream].done:
            check.lost += printed[stream].done - size
            check.words.append(f"{stream}: {size} bytes, {printed[stream].done} were printed")
        if size > printed[stream].meant:
            check.doubled += size - printed[stream].meant
            check.words.append(f"{stream}: {size} bytes, {printed[stream].meant} were meant")
    return check


def parse_line(text: bytes, key: str) -> tuple[str, int] | None:
    """Stream and number of a line that is whole and this attempt's; None otherwise."""
    body, _, check = text.rpartition(b" ")
    stream, _, rest = body.partition(b" ")
    number = rest[:NUMBER_DIGITS]
    if len(check) != CHECK_DIGITS or not number.isdigit():
        return None
    if check != b"%08x" % zlib.crc32(body, zlib.crc32(key.encode())):
        return None
    return stream.decode(), int(number)
