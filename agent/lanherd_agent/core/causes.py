"""Why a command failed, from the end of its log and how it ended.

Many lines of a log look like a cause. What was caught and tried again is none; what a process says
of others that have failed is less than what those say themselves; and of several processes the
first that failed took the others with it. So the lines that fit a rule, and the last line of each
Python traceback, are put into the order of the log; the last few of them, with nothing ordinary in
between, are one end; and of these the first of the best kind is the cause. A launcher of several
processes may print what it likes before its own last word, so then all of them are looked at.

It is linear in the tail: rules look only at lines that hold one of their words, and only at the
last few of those. Code that a traceback quotes is no such line: it speaks of what could be raised.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.core.cause_lines import Lines
from lanherd_agent.core.cause_rules import PACKAGES, Kind, Rule
from lanherd_agent.core.cause_shown import FRAME, FRAMES_MAX, own_frame, shown
from lanherd_agent.core.cause_table import RULES
from lanherd_protocol.values import Reason

TAIL_BYTES_MAX = 64 * 1024
HITS_MAX = 30
"""Lines that hold one word of a rule; those nearest to the end are looked at."""
GAP_MAX = 3
"""Ordinary lines between two that belong to the same end."""
AFTER_MAX = 40
"""Ordinary lines after the last word of an end, such as a summary."""
VALUE_CHARS_MAX = 120
QUOTED_MAX = 12
"""Lines of code of one frame of a traceback."""

_NOISE = re.compile(
    rb"\s|\[(?:rank|default)?\d|[EWIF]\d{4} |={3}|-{3}|wandb:|srun:|frame #|#\d|Traceback |During "
    rb"handling|The above exception|Exception (?:ignored|raised)|terminate called|Fatal Python|"
    rb"  File|\w{0,40}warning:|warnings?\.warn|warn\(|Thread 0x|Current thread|make|Extension "
    rb"modules|Aborted|Killed|Error executing job|Set the environment variable HYDRA|CUDA kernel "
    rb"errors|For debugging|Compile with|usage:|Root Cause|Failures:|compilation terminated|ERROR",
    re.IGNORECASE,
)
_CAUGHT = re.compile(
    rb"retry|trying again|try again with|fall(?:ing)? ?back|skipp(?:ed|ing)|recover|reducing batch"
    rb"|smaller batch|batch size to|continuing|ignored|ignoring|caught|reconnect|resuming|handled",
    re.IGNORECASE,
)
_WENT_ON = re.compile(
    rb"\b(?:going on|goes on|went on|carrying on|continuing|continue without|proceeding|skipping"
    rb"|falling back|running without|(?:is|are|be) disabled)\b",
    re.IGNORECASE,
)
"""Right after a failure: the program was not ended by it, whatever ended it later."""
_MENTION = re.compile(rb"\b(?:INFO|DEBUG|hint|tip|if you|to avoid|in case)\b", re.IGNORECASE)
"""Before the words of a cause: a line that only speaks of it."""
_TRACEBACK = b"traceback (most recent call last)"
_EXCEPTION = re.compile(
    rb"(?P<exception>(?:[A-Za-z_]\w{0,80}\.){0,8}[A-Za-z_]\w{0,80})(?:: (?P<what>.{0,300})|:?$)"
)
_INSTEAD = re.compile(rb"During handling of the above")
_CHAINED = re.compile(rb"The above exception was the direct cause|During handling of the above")
_ROOT = re.compile(rb"Root Cause \(first observed failure\)")
_ROOT_RANK = re.compile(rb"\s*rank\s{0,10}: (?P<rank>\d{1,5})")
_ENVIRON = re.compile(rb"os\.environ\[|environ\[['\"]")
_PRECEDENCE: dict[Kind, int] = {"root": 0, "error": 1, "symptom": 2, "wrapper": 3}

UNCAUGHT = Rule(
    code="exception",
    needles=(),
    patterns=(_EXCEPTION,),
    text="Ended by {exception}: {what}",
    plain="Ended by {exception}.",
    remedy="Look at the line of the code that the log names.",
    kind="error",
)
MISSING_VARIABLE = next(rule for rule in RULES if rule.code == "missing_variable")
_COMPILED = "Look at the end of its log, and at the compiled packages that it uses."
_SIGNALS = {
    4: Reason(
        code="illegal_instruction",
        text="It used an instruction that this machine's CPU does not have.",
        remedy="Install packages that were built for this CPU.",
    ),
    6: Reason(
        code="aborted",
        text="It ended itself after an error that it could not go on from (SIGABRT).",
        remedy=_COMPILED,
    ),
    7: Reason(
        code="bus_error",
        text="It used memory that was not there (SIGBUS).",
        remedy="Look whether a disk or /dev/shm was full, and whether a file was changed while it "
        "was read.",
    ),
    8: Reason(
        code="arithmetic",
        text="It computed what can't be computed, such as a division by 0 (SIGFPE).",
        remedy=_COMPILED,
    ),
    11: Reason(
        code="segfault",
        text="It used memory that is not its own (SIGSEGV, a segmentation fault).",
        remedy=_COMPILED,
    ),
}
OutOfMemory = Literal["", "machine", "runs", "part", "run"]
"""Whom the kernel is known to have killed for memory as a run was killed: nobody, somebody on the
machine, one of Lanherd's runs, a process of this one, this one."""
_LESS_MEMORY = "Load less at once, use fewer workers, or ask for a machine with more memory."
_KILLED_FOR_MEMORY: dict[OutOfMemory, Reason] = {
    "run": Reason(
        code="out_of_memory",
        text="The machine's memory ran out, and the kernel killed it.",
        data={"killed": "run"},
        remedy=_LESS_MEMORY,
    ),
    "part": Reason(
        code="out_of_memory",
        text="The machine's memory ran out, and the kernel killed a process of it.",
        data={"killed": "part"},
        remedy=_LESS_MEMORY,
    ),
    "runs": Reason(
        code="out_of_memory",
        text="It was killed as memory ran out: the kernel killed a process of Lanherd's runs then.",
        data={"killed": "runs"},
        remedy=_LESS_MEMORY,
    ),
    "machine": Reason(
        code="out_of_memory",
        text="It was killed, and the machine's memory ran out while it ran: perhaps the kernel "
        "killed it for that.",
        data={"killed": "machine"},
        remedy=_LESS_MEMORY,
    ),
}
_BY_CODE = {
    124: Reason(
        code="own_time_limit",
        text="It ended with exit code 124, as `timeout` does when its time is over.",
        remedy="Give it more time in its own command.",
    ),
    126: Reason(
        code="permission",
        text="Its program may not be executed (exit code 126).",
        remedy="Make it executable (`chmod +x`), or name its interpreter first.",
    ),
    127: Reason(
        code="command_not_found",
        text="A program that it wanted to execute is not there (exit code 127).",
        remedy="Install it, add it to the environment of the run, or name it with its whole path.",
    ),
}
_GPU_CODES = frozenset(rule.code for rule in RULES if rule.gpu) | {
    "aborted",
    "bus_error",
    "segfault",
}
_UNKNOWN_CODES = frozenset({"exit_code", "signal"})

Stream = Literal["out", "err"]


class Tail(Struct, frozen=True):
    """The last bytes of one log of an attempt, the first of them at `offset` of it."""

    content: bytes
    offset: int = 0
    stream: Stream = "out"


class Failed(Struct, frozen=True, kw_only=True):
    """How a command ended: by itself with `code`, or by `signal`. `out_of_memory`: whom the kernel
    is known to have killed for memory then."""

    code: int | None = None
    signal: int | None = None
    out_of_memory: OutOfMemory = ""


class Finding(NamedTuple):
    """A line that fits a rule. `first` is where what belongs to it begins."""

    number: int
    rule: Rule
    match: re.Match[bytes]
    first: int
    values: dict[str, str]


def cause_of(failed: Failed, tails: Sequence[Tail]) -> Reason | None:
    """The cause, if the logs or the signal show one. Of several logs the first that does."""
    signal, whom = _signal(failed), failed.out_of_memory
    if signal == 9 and whom:
        return _with_exit(_KILLED_FOR_MEMORY["run" if whom == "part" else whom], failed)
    for tail in tails:
        found = _in_log(failed, tail)
        if found is not None:
            if whom == "part" and found.code == "worker_killed":
                # The log can but guess at what is known here.
                part = _KILLED_FOR_MEMORY[whom]
                found = replace(part, data={**found.data, **part.data})
            return _with_exit(found, failed)
    if whom == "part":
        return _with_exit(_KILLED_FOR_MEMORY[whom], failed)
    if signal in _SIGNALS:
        return _with_exit(_SIGNALS[signal], failed)
    return _with_exit(_BY_CODE[failed.code], failed) if failed.code in _BY_CODE else None


def may_be_of_gpu(code: str) -> bool:
    """Whether a run that failed for this reason may have failed for a fault of its GPU: also what
    nobody knows the reason of."""
    return shows_gpu(code) or code in _UNKNOWN_CODES


def shows_gpu(code: str) -> bool:
    """Whether the reason itself is of the kind that a fault of a GPU shows in."""
    return code in _GPU_CODES


# --- The end of a log ----------------------------------------------------------------------------


def _in_log(failed: Failed, tail: Tail) -> Reason | None:
    cut = max(0, len(tail.content) - TAIL_BYTES_MAX)
    lines = Lines(tail.content[cut:], tail.offset + cut)
    findings = _unhandled(lines, sorted([*_fitting(lines, failed)], key=lambda found: found.number))
    end = _end_of(lines, findings)
    if not end:
        return None
    cause = min(end, key=lambda found: (_PRECEDENCE[found.rule.kind], found.number))
    if _signal(failed) in _SIGNALS and cause.rule.kind == "error":
        return None
    same = (found for found in end if found.rule is cause.rule)
    fullest = next((found for found in same if _filled(found.rule.text, _values(found))), cause)
    return _told(lines, fullest, tail.stream)


def _fitting(lines: Lines, failed: Failed) -> Iterator[Finding]:
    taken: set[int] = set()
    for rule in RULES:
        if rule.exit_code is not None and rule.exit_code != failed.code:
            continue
        for number in _holding(lines, rule.needles):
            known = number in taken or _is_quoted(lines, number)
            match = None if known else _match(rule, lines.line(number))
            if match is not None:
                taken.add(number)
                yield Finding(number, rule, match, number, {})
    yield from _uncaught(lines, taken)


def _match(rule: Rule, line: bytes) -> re.Match[bytes] | None:
    for pattern in rule.patterns:
        match = pattern.search(line)
        if match is not None:
            return None if _MENTION.search(line, 0, match.start()) else match
    return None


def _is_quoted(lines: Lines, number: int) -> bool:
    """Whether the line is a frame of a traceback, or code of one."""
    for back in range(number, max(number - QUOTED_MAX, -1), -1):
        line = lines.line(back)
        if not line[:1].isspace():
            return False
        if FRAME.match(line):
            return True
    return False


def _holding(lines: Lines, needles: tuple[bytes, ...]) -> list[int]:
    """The last lines that hold one of the words, in no order."""
    found: dict[int, None] = {}
    for needle in needles:
        position = len(lines.lower)
        for _ in range(HITS_MAX):
            position = lines.lower.rfind(needle, 0, position)
            number = lines.at(position) if position >= 0 else None
            if number is None:
                break
            found[number] = None
            position = lines.start(number)
    return list(found)


def _uncaught(lines: Lines, taken: set[int]) -> Iterator[Finding]:
    """The last line of each traceback that fits no rule, but for the earlier ones of a chain."""
    for begin in _holding(lines, (_TRACEBACK,)):
        last = begin + 1
        while last < len(lines) and lines.line(last)[:1].isspace():
            last += 1
        if last >= len(lines):
            continue
        match = _EXCEPTION.match(lines.line(last))
        if match is None or _is_chained(lines, last):
            continue
        first = max(begin, last - FRAMES_MAX)
        missing = _missing_variable(lines, max(begin, last - 8), last, match)
        if missing is not None:
            yield missing
        elif last not in taken:
            yield Finding(last, UNCAUGHT, match, first, _frame(lines, last))


def _is_chained(lines: Lines, last: int) -> bool:
    after = range(last + 1, min(last + 3, len(lines)))
    return any(_CHAINED.match(lines.line(number)) for number in after)


def _missing_variable(
    lines: Lines, first: int, last: int, match: re.Match[bytes]
) -> Finding | None:
    """A KeyError of os.environ; its own frame is in os.py, the one before names the variable."""
    if match["exception"] != b"KeyError":
        return None
    frames = [lines.line(number) for number in range(first, last)]
    if not any(_ENVIRON.search(frame) for frame in frames):
        return None
    name = _text(match["what"] or b"").strip("'\"")
    return Finding(last, MISSING_VARIABLE, match, first, {"name": name})


def _frame(lines: Lines, last: int) -> dict[str, str]:
    """Which file and line of the user's own code it was raised in, or below."""
    number = own_frame(lines, last)
    frame = None if number is None else FRAME.match(lines.line(number))
    if frame is None:
        return {}
    return {"file": _text(frame["file"]), "line": _text(frame["line"])}


# --- Which of them -------------------------------------------------------------------------------


def _unhandled(lines: Lines, findings: list[Finding]) -> list[Finding]:
    """Without what was caught and tried again, if something else came after it; or without the
    program having ended of it at all."""
    left: list[Finding] = []
    findings = [found for found in findings if not _went_on(lines, found)]
    for found in reversed(findings):
        if not left or not (_was_caught(lines, found) or _gave_way(lines, found, left[-1])):
            left.append(found)
    return left[::-1]


def _went_on(lines: Lines, found: Finding) -> bool:
    after = range(found.number + 1, min(found.number + 3, len(lines)))
    return any(_WENT_ON.search(lines.line(number)) for number in after)


def _gave_way(lines: Lines, found: Finding, later: Finding) -> bool:
    """Whether something else was tried instead, and that failed as well."""
    after = range(found.number + 1, min(found.number + 3, len(lines)))
    return later.rule.kind == "root" and any(_INSTEAD.match(lines.line(number)) for number in after)


def _was_caught(lines: Lines, found: Finding) -> bool:
    near = range(max(0, found.first - 1), min(found.number + 4, len(lines)))
    return any(_CAUGHT.search(lines.line(number)) for number in near)


def _end_of(lines: Lines, findings: list[Finding]) -> list[Finding]:
    """Those that belong to the end, in their order; none, if too much came after the last."""
    if not findings or _ordinary(lines, findings[-1].number, len(lines)) > AFTER_MAX:
        return []
    end = [findings[-1]]
    launched = end[0].rule.kind == "wrapper"
    for found in reversed(findings[:-1]):
        launched = launched or found.rule.kind == "wrapper"
        if not launched and _ordinary(lines, found.number, end[0].first) > GAP_MAX:
            break
        end.insert(0, found)
    return _of_root_rank(lines, end)


def _of_root_rank(lines: Lines, end: list[Finding]) -> list[Finding]:
    """Only what the process printed that failed first, if its launcher says which that was."""
    for number in _holding(lines, (b"root cause (first observed failure)",)):
        for after in range(number, min(number + 8, len(lines))):
            named = _ROOT_RANK.match(lines.line(after))
            if named is not None:
                rank = int(named["rank"])
                return [found for found in end if lines.rank(found.number) == rank] or end
    return end


def _ordinary(lines: Lines, after: int, before: int) -> int:
    numbers = range(after + 1, before)
    return sum(_NOISE.match(lines.line(number)) is None for number in numbers)


# --- What is said of it --------------------------------------------------------------------------


def _told(lines: Lines, found: Finding, stream: Stream) -> Reason:
    rule, values = found.rule, _values(found)
    text = _filled(rule.text, values) or _filled(rule.plain, values) or rule.plain
    first, told = shown(lines, found.number, found.first)
    return Reason(
        code=rule.code,
        text=text,
        data={**values, "lines": told, "offset": lines.address(first), "stream": stream},
        remedy=_filled(rule.remedy, values) or rule.remedy,
    )


def _values(found: Finding) -> dict[str, str]:
    """What the line names. Patterns name the same value several times, with another ending."""
    values = dict(found.values)
    for name, value in found.match.groupdict().items():
        if value:
            values.setdefault(name.partition("_")[0], _text(value))
    if found.rule.code == "driver_too_old" and values.get("found", "").isdecimal():
        # As CUDA counts: 11040 is 11.4.
        known = int(values["found"])
        values["found"] = f"CUDA {known // 1000}.{known % 1000 // 10}"
    if found.rule.code == "missing_module":
        module = values["module"].rstrip(".")
        top = module.partition(".")[0]
        values["module"] = module
        values["package"] = PACKAGES.get(module) or PACKAGES.get(top) or top
    return values


def _filled(template: str, values: dict[str, str]) -> str:
    """Empty if a value is not known."""
    try:
        return template.format_map(values)
    except KeyError:
        return ""


def _text(value: bytes) -> str:
    text = value.decode("utf-8", "replace").strip()
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[: VALUE_CHARS_MAX - 1]}…"


def without_lines(cause: Reason) -> Reason:
    """The same for an attempt that others followed: where its lines are stays known."""
    if "lines" not in cause.data:
        return cause
    data = {name: value for name, value in cause.data.items() if name != "lines"}
    return replace(cause, data=data)


def _signal(failed: Failed) -> int | None:
    """The signal, also where a shell tells it as its own exit code."""
    if failed.code is not None and 128 < failed.code < 160:
        return failed.code - 128
    return failed.signal


def _with_exit(cause: Reason, failed: Failed) -> Reason:
    data = dict(cause.data)
    if failed.code is not None:
        data["exit_code"] = failed.code
    if failed.signal is not None:
        data["signal"] = failed.signal
    return replace(cause, data=data)
