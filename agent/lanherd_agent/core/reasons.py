"""Every sentence that a run is given: why it waits, how it ended. Codes and data beside the text.

`data` holds each number and name of the sentence, so that another language can say the same.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from lanherd_agent.core.events import LostCause
from lanherd_agent.core.stage_words import Unrun, stage_end
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.states import Outcome
from lanherd_protocol.values import Dependency, Reason

GIB = 1024**3
SHELL_ADDS = 128
"""A shell's exit code is this and the number of the signal that ended its program."""
Shape = tuple[int, int, bool]
"""GPU count, VRAM on each in bytes, exclusive."""

_SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU",
    25: "SIGXFSZ", 31: "SIGSYS",
}  # fmt: skip
_LOOK = "Look at the end of its log."
_FAULT = "Look at the end of its log, and at the compiled packages that it uses."
_ASKED = (
    "A person, a service of the machine or one of its own programs asked it to end. Run it once "
    "more if nobody meant to."
)
_INTERRUPTED = (
    "It was interrupted, as by Ctrl+C or a terminal that was closed. Run it once more if nobody "
    "meant to."
)
_SIGNAL_REMEDIES = {
    1: _INTERRUPTED, 2: _INTERRUPTED, 3: _INTERRUPTED, 15: _ASKED,
    4: _FAULT, 6: _FAULT, 7: _FAULT, 8: _FAULT, 11: _FAULT,
    9: "Look at the end of its log; SIGKILL often means that memory ran out.",
    13: "It wrote to a program or a connection that was gone. Look at the end of its log for "
    "which.",
    14: "A timer that it had set itself went off. Look at the end of its log.",
    24: "It used as much CPU time as a limit of its user lets it. Raise the limit (`ulimit -t`), "
    "or let it do less.",
    25: "It wrote a larger file than a limit of its user lets it. Raise the limit (`ulimit -f`), "
    "or write several files.",
    31: "It made a system call that it may not make. Look at the end of its log.",
}  # fmt: skip
"""What to do about a signal that Lanherd did not send."""


def gb(size_bytes: int) -> str:
    """A VRAM size as people say it of GPUs: in units of 1024³ bytes, one decimal at most."""
    text = f"{size_bytes / GIB:.1f}"
    return text.removesuffix(".0")


def disk_size(size_bytes: int) -> str:
    """A size on a disk, with its unit: what is below a tenth of a GB is not told as none."""
    for unit, unit_bytes in (("TB", GIB << 10), ("GB", GIB), ("MB", GIB >> 10), ("KB", 1 << 10)):
        if size_bytes >= unit_bytes:
            return f"{round(size_bytes / unit_bytes, 1):g} {unit}"
    return f"{size_bytes} bytes"


def duration(seconds: float) -> str:
    """A span of time as people say it, in its largest unit."""
    for unit, size_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size_s:
            return f"{round(seconds / size_s, 1):g} {unit}"
    return f"{round(seconds, 1):g} s"


def plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


# --- Waiting -------------------------------------------------------------------------------------

IN_LINE = Reason(code="in_line", text="Waits its turn behind other runs.")
READY = Reason(code="ready", text="Ready to start.")
UNPREPARED = Reason(
    code="unprepared", text="Its snapshot and environment are made ready after those ahead of it."
)
NO_READINGS = Reason(code="no_readings", text="The GPUs of this machine have not been read yet.")


def in_line(ahead: int) -> Reason:
    text = f"Waits its turn behind {plural(ahead, 'other run', 'other runs')}."
    return Reason(code="in_line", text=text, data={"ahead": ahead})


def unprepared(ahead: int) -> Reason:
    others = plural(ahead, "other run", "other runs")
    text = f"Its snapshot and environment are made ready after those of {others}."
    return Reason(code="unprepared", text=text, data={"ahead": ahead})


def runs_at_once(live: int) -> Reason:
    text = f"{plural(live, 'run is', 'runs are')} live, the most that this machine takes at once."
    return Reason(code="runs_at_once", text=text, data={"live": live})


def gpu_unavailable(index: int, problem: str) -> Reason:
    return Reason(
        code="gpu_unavailable",
        text=f"GPU {index} can't be used now: {problem}",
        data={"gpu": index, "problem": problem},
        remedy="It is used again as soon as it can be read.",
    )


def gpu_missing(shape: Shape, suited: int) -> Reason:
    count, vram_bytes, _ = shape
    each = f" with {gb(vram_bytes)} GB" if vram_bytes else ""
    return Reason(
        code="gpu_missing",
        text=f"Needs {plural(count, 'GPU', 'GPUs')}{each}; the machine has {suited} now.",
        data={"needs_gpus": count, "needs_bytes": vram_bytes, "gpus": suited},
    )


def gpu_busy(index: int, holders: int, foreign_bytes: int) -> Reason:
    """For an exclusive request, at the GPU that is nearest to being free."""
    uses = []
    if holders:
        uses.append(plural(holders, "run", "runs"))
    if foreign_bytes:
        uses.append(f"others, who hold {gb(foreign_bytes)} GB")
    return Reason(
        code="gpu_busy",
        text=f"Needs a GPU for itself; GPU {index} is used by {' and '.join(uses)}.",
        data={"gpu": index, "runs": holders, "foreign_bytes": foreign_bytes},
    )


def gpu_exclusive(index: int) -> Reason:
    return Reason(
        code="gpu_exclusive",
        text=f"GPU {index} is held by a run that has it for itself.",
        data={"gpu": index},
    )


def gpu_vram(
    index: int, free_bytes: int, total_bytes: int, needs_bytes: int, foreign_bytes: int
) -> Reason:
    others = ""
    if foreign_bytes:
        others = f"; {gb(foreign_bytes)} GB is not held by runs of Lanherd"
    return Reason(
        code="gpu_vram",
        text=f"GPU {index}: {gb(free_bytes)} of {gb(total_bytes)} GB free, "
        f"needs {gb(needs_bytes)}{others}.",
        data={
            "gpu": index,
            "free_bytes": free_bytes,
            "total_bytes": total_bytes,
            "needs_bytes": needs_bytes,
            "foreign_bytes": foreign_bytes,
        },
    )


def gpu_undeclared(index: int, free_bytes: int, total_bytes: int, holders: int) -> Reason:
    used = f", used by {plural(holders, 'run', 'runs')}" if holders else ""
    return Reason(
        code="gpu_undeclared",
        text=f"It declares no VRAM and so needs a GPU without other runs, mostly free; "
        f"GPU {index}: {gb(free_bytes)} of {gb(total_bytes)} GB free{used}.",
        data={
            "gpu": index,
            "free_bytes": free_bytes,
            "total_bytes": total_bytes,
            "runs": holders,
        },
        remedy="Declare how much VRAM it needs, so that it can share a GPU.",
    )


def too_few_free(free_gpus: int, needs_gpus: int, nearest: Reason) -> Reason:
    """For several GPUs: how many are free, and what is nearest to being the next."""
    return Reason(
        code="too_few_gpus",
        text=f"{free_gpus} of the {needs_gpus} GPUs that it needs are free. {nearest.text}",
        data={
            **nearest.data,
            "free_gpus": free_gpus,
            "needs_gpus": needs_gpus,
            "nearest": nearest.code,
        },
        remedy=nearest.remedy,
    )


HELD = Reason(
    code="held", text="It is held back.", remedy="Release it, and it waits its turn again."
)
_KINDS = {"after": "to be started", "after_ok": "to succeed", "after_any": "to end"}
_OUTCOMES: dict[Outcome, str] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
    "timed_out": "reached its time limit",
    "lost": "was lost",
}


def waits_for(dependencies: Sequence[Dependency]) -> Reason:
    """For a run whose turn comes after other runs; `dependencies` are those still open."""
    first = dependencies[0]
    text = f"Waits for run {short_id(first.run)} {_KINDS[first.kind]}"
    if len(dependencies) > 1:
        text += f", and for {plural(len(dependencies) - 1, 'other run', 'other runs')}"
    return Reason(
        code="waits_for",
        text=f"{text}.",
        data={"run": first.run, "kind": first.kind, "runs": len(dependencies)},
    )


def backoff(attempt: int, attempts_max: int, outcome: Outcome, at: float) -> Reason:
    """Before attempt number `attempt`, which may not begin before `at`."""
    return Reason(
        code="backoff",
        text=f"Waits a while before attempt {attempt} of {attempts_max}, "
        f"since the last one {_OUTCOMES[outcome]}.",
        data={"attempt": attempt, "attempts_max": attempts_max, "outcome": outcome, "at": at},
    )


LOW_DISK = "low_disk"


def low_disk(free_bytes: int, low_bytes: int) -> Reason:
    return Reason(
        code=LOW_DISK,
        text=f"The machine's disk has {disk_size(free_bytes)} free; "
        f"no run is started below {disk_size(low_bytes)}.",
        data={"free_bytes": free_bytes, "low_bytes": low_bytes},
        remedy="Remove files of old runs or others; runs start again once there is room.",
    )


# --- Ended ---------------------------------------------------------------------------------------

SUCCEEDED = Reason(code="succeeded", text="Ended with exit code 0.", data={"exit_code": 0})
CANCELLED_WAITING = Reason(code="cancelled", text="Cancelled before it was started.")
CANCELLED_BETWEEN = Reason(
    code="cancelled_between", text="Cancelled before its next attempt was started."
)
STOPPED = Reason(code="stopped", text="Stopped as asked.")
STOP_ASKED = Reason(code="stop_asked", text="It was asked to stop, and is over.")
"""Where it is not known that a signal reached it."""


def exit_code(code: int) -> Reason:
    text = f"Ended with exit code {code}."
    data: dict[str, str | int | float] = {"exit_code": code}
    if code - SHELL_ADDS in _SIGNALS:
        data["of_signal"] = signal = code - SHELL_ADDS
        text += f" A shell tells so that signal {signal} ({_SIGNALS[signal]}) ended its program."
    return Reason(code="exit_code", text=text, data=data, remedy=_LOOK)


def ended_by_signal(signal: int) -> Reason:
    name = _SIGNALS.get(signal, "")
    known = f" ({name})" if name else ""
    return Reason(
        code="signal",
        text=f"Ended by signal {signal}{known}, which Lanherd did not send.",
        data={"signal": signal, "name": name},
        remedy=_SIGNAL_REMEDIES.get(signal, _LOOK),
    )


def exit_unknown() -> Reason:
    return Reason(
        code="exit_unknown",
        text="It is over, but how it ended is not known.",
        remedy="Look at its log and outputs.",
    )


def pre_failed(code: int | None, signal: int | None, refused: Unrun | None = None) -> Reason:
    """Its pre command did not succeed, so the command was never begun."""
    how, data, remedy = stage_end(code, signal, refused, "did not succeed")
    return Reason(
        code="pre_failed",
        text=f"Its pre command {how}, so the command was not begun.",
        data=data,
        remedy=remedy,
    )


def timed_out(limit_s: float) -> Reason:
    return Reason(
        code="timed_out",
        text=f"Its time limit of {duration(limit_s)} was reached.",
        data={"limit_s": limit_s},
        remedy="Give it more time, or let it save its state and go on in another attempt.",
    )


def dependency_failed(run: RunId, outcome: Outcome) -> Reason:
    """It waited for a run to succeed, and that one ended otherwise."""
    return Reason(
        code="dependency_failed",
        text=f"It waited for run {short_id(run)} to succeed, but that one {_OUTCOMES[outcome]}.",
        data={"run": run, "outcome": outcome},
        remedy="Submit it anew once that run's work is done.",
    )


_LOST = {
    "reboot": "The machine was restarted while it ran.",
    "unknown": "How it ended is not known.",
    "untrusted": "Its run directory can't be trusted.",
    "gone": "Its run directory is gone.",
}


def lost(cause: LostCause, why: str) -> Reason:
    return Reason(
        code=f"lost_{cause}",
        text=why or _LOST[cause],
        data={"why": why},
        remedy="Look at what it printed and left; restart it if its work is not done.",
    )


def killed_after_grace(reason: Reason, grace_s: float) -> Reason:
    """The reason of a stop that had to be carried out by a kill."""
    text = f"{reason.text} It did not end within {duration(grace_s)}, and was killed."
    return replace(reason, text=text, data={**reason.data, "grace_s": grace_s})


def unseen(reason: Reason, lost: Reason) -> Reason:
    """Why it was to end, where nobody saw how it did."""
    return replace(
        reason, text=f"{reason.text} {lost.text}", data={**reason.data, "why": lost.text}
    )


def with_rest(
    reason: Reason,
    *,
    post_failed: bool,
    left: int,
    post_code: int | None = None,
    post_signal: int | None = None,
    post_refused: Unrun | None = None,
    disk_full: bool = False,
) -> Reason:
    """The reason, and what else there is to say of the end. `disk_full` may be why it failed: then
    a program can't write what went wrong either."""
    if not (post_failed or left or disk_full):
        return reason
    text, data, remedy = reason.text, dict(reason.data), reason.remedy
    if disk_full:
        text += " The machine's disk was full then."
        data["disk_full"] = 1
        remedy = f"Make room on the machine's disk. {remedy}".rstrip()
    if post_failed:
        post = stage_end(post_code, post_signal, post_refused, "failed")
        text += f" Its post command {post.how}."
        data |= {f"post_{name}": value for name, value in post.data.items()}
        data["post_failed"] = 1
    if left:
        text += f" {plural(left, 'process of it', 'processes of it')} could not be killed."
        data["left"] = left
    return replace(reason, text=text, data=data, remedy=remedy)


def failure(problem: Failure) -> Reason:
    text = " ".join(part for part in (problem.title, problem.message) if part)
    return Reason(code=problem.code.value, text=text, data=problem.data, remedy=problem.remedy)


# --- Whether a reason is news --------------------------------------------------------------------


_NOISE: dict[str, float] = {"_at": 60.0, "_w": 25.0, "_c": 2.0}
"""What a number may change by, by the end of its name, before anybody is told."""
SOON_S = 10
"""Of a span to come that is as short, nobody is told each second that goes by."""


def is_news(old: Reason, new: Reason, step_bytes: int) -> bool:
    """Whether the new reason says something else, beyond the noise of a sample in its numbers.

    That the GPUs have not been read yet, after a restart, is no news to a run that was told more.
    """
    if new.code == NO_READINGS.code and old.code != IN_LINE.code:
        return False
    if old.code != new.code or old.data.keys() != new.data.keys():
        return True
    return any(_differs(key, old.data[key], after, step_bytes) for key, after in new.data.items())


def _differs(
    key: str, before: str | int | float, after: str | int | float, step_bytes: int
) -> bool:
    if before == after:
        return False
    if isinstance(before, str) or isinstance(after, str):
        return True
    if key.endswith("about_s") and max(before, after) <= SOON_S:
        return False
    noise = step_bytes if key.endswith("_bytes") else _NOISE.get(key[key.rfind("_") :], 0.0)
    return not 0 < noise > abs(after - before)
