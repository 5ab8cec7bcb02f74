"""How the commands say states, times and sizes to people."""

from collections.abc import Sequence
from datetime import datetime
from shlex import quote

from lanherd_client.cli.shapes import reason_of, started_at
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import Connecting, MachineView, Online, Refused, Unreachable
from lanherd_protocol.machine_messages import PauseView
from lanherd_protocol.states import Ended, Outcome, Preparing, Queued, RunState, RunView, state_name
from lanherd_protocol.values import GpuRequest, HostRequest, Reason

_PHRASES: dict[Outcome, str] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
    "timed_out": "ran out of its time",
    "lost": "was lost",
}
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def state_word(state: RunState) -> str:
    """The state as the window's chips say it: an ended run by its outcome."""
    match state:
        case Ended():
            return state.outcome.replace("_", " ")
        case Queued():
            return "waiting"
        case _:
            return state_name(state)


def outcome_phrase(outcome: Outcome) -> str:
    """The end of a sentence that begins with 'The run'."""
    return _PHRASES[outcome]


def reason_text(state: RunState) -> str:
    """Why it waits or failed; nothing for what is well."""
    reason = reason_of(state)
    if reason is None or (isinstance(state, Ended) and state.outcome == "succeeded"):
        return ""
    return reason.text


def duration(seconds: float) -> str:
    """A duration in its two largest units, such as '3 m 20 s'."""
    whole = max(int(seconds), 0)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} m {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} m"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def run_time(view: RunView, now: float) -> str:
    """How long it has run, or ran; empty when it never did."""
    began = started_at(view.state)
    if began is None:
        return ""
    return duration((view.state.at if isinstance(view.state, Ended) else now) - began)


def gpu_request(request: GpuRequest) -> str:
    """What was asked for, such as '2 × 20.0 GB, exclusive'."""
    from lanherd_client.sizes import format_size

    if request.count == 0:
        return "none"
    vram = f" × {format_size(request.vram_bytes)}" if request.vram_bytes else ""
    return f"{request.count}{vram}{', exclusive' if request.exclusive else ''}"


def preparing(state: Preparing) -> str:
    """What is being done before it can start, such as 'building the environment'."""
    doing = "building" if state.step == "environment" else "checking"
    return f"{doing} the {state.step}"


def waiting_for(state: Queued | Preparing) -> str:
    """Why a run has not started, as a sentence."""
    if isinstance(state, Queued):
        return state.reason.text
    return f"The machine is {preparing(state)}."


def moment(at: float) -> str:
    """A time of day on a date, in this machine's zone."""
    try:
        return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    except (ValueError, OverflowError, OSError):
        return "never"


_ALL_FREE = " with all of its free VRAM"


def gpus_asked(request: GpuRequest) -> str:
    """The same as a phrase of its own, such as '2 GPUs with 20.0 GB each, exclusive'."""
    from lanherd_client.sizes import format_size

    if request.count == 0:
        return "no GPUs"
    several = max(request.count, request.count_max) > 1
    number = f"{request.count} to {request.count_max}" if request.count_max else f"{request.count}"
    kind = f"{request.mig} slice" if request.mig else "GPU"
    whole = "" if request.exclusive else " with all their free VRAM" if several else _ALL_FREE
    vram = f" with {format_size(request.vram_bytes)}" if request.vram_bytes else whole
    each = " each" if request.vram_bytes and several else ""
    wishes = (
        "exclusive" if request.exclusive else "shared" if request.shared else "",
        "linked" if request.linked else "",
        f"where {request.where}" if request.where else "",
        {"rule": "", "wait": "not beside others", "share": "beside others"}[request.beside],
    )
    return ", ".join(
        (f"{number} {kind}{'s' if several else ''}{vram}{each}", *filter(None, wishes))
    )


def host_asked(request: HostRequest) -> str:
    """What is promised of the machine, such as '4 CPU cores, 32.0 GB of memory'."""
    from lanherd_client.sizes import format_size

    cores = f"{request.cpu_cores:g} CPU core{'' if request.cpu_cores == 1 else 's'}"
    return ", ".join(
        text
        for wanted, text in (
            (request.cpu_cores, cores),
            (request.memory_bytes, f"{format_size(request.memory_bytes)} of memory"),
            (request.disk_bytes, f"{format_size(request.disk_bytes)} of disk"),
        )
        if wanted
    )


def link_word(machine: MachineView) -> str:
    """The link in one word."""
    match machine.link:
        case Online():
            return "online"
        case Connecting():
            return "connecting"
        case Unreachable():
            return "unreachable"
        case Refused():
            return "refused"


def paused(pause: PauseView) -> str:
    """What starts nothing there, who said so, since when, and what that one noted."""
    what = f"runs with the tag {plain(pause.tag)} are" if pause.tag else "the line is"
    by = f" by {plain(pause.by)}" if pause.by else ""
    note = f": {plain(pause.note)}" if pause.note else ""
    return f"{what} paused{by} since {moment(pause.since)}{note}"


def resume_line(pause: PauseView) -> str:
    """What ends the pause, without the program's name."""
    return f"queue resume{' --tag ' + plain(quote(pause.tag)) if pause.tag else ''}"


def machine_note(machine: MachineView, pauses: Sequence[PauseView]) -> str:
    """As `link_problem`; a pause of the whole line comes first."""
    whole = [_sentence(paused(pause)) for pause in pauses if not pause.tag]
    of_tags = [_sentence(paused(pause)) for pause in pauses if pause.tag]
    return link_problem(machine, whole, of_tags)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def link_problem(
    machine: MachineView, before: Sequence[str] = (), after: Sequence[str] = ()
) -> str:
    """Why it isn't online, or else what is wrong with it: the first, and how many there are. Of
    what else there is to say some comes before that, and some after."""
    match machine.link:
        case Unreachable(failure=failure) | Refused(failure=failure):
            return failure.title
        case _:
            problems = machine.problems
            texts = [driver_problem(machine, problems), *(problem.text for problem in problems)]
            every = [*filter(None, (*before, *texts, closed_gpus(machine), *after))]
            more = f"And {len(every) - 1} more: see 'lanherd status'." if len(every) > 1 else ""
            return " ".join(filter(None, (*every[:1], more)))


def driver_problem(machine: MachineView, told: Sequence[Reason]) -> str:
    """Why there are no GPUs, where that isn't among what is `told` of the machine."""
    problem = machine.facts.gpu_problem if machine.facts is not None else None
    return "" if not problem or any(problem in one.text for one in told) else problem


def closed_gpus(machine: MachineView) -> str:
    """How many GPUs take no run, if any."""
    gpus = machine.telemetry.gpus if machine.telemetry is not None else ()
    closed = sum(gpu.cordon is not None for gpu in gpus)
    return f"{closed} of {len(gpus)} GPUs closed: see 'lanherd gpus'." if closed else ""


def signal_name(number: int) -> str:
    """A signal's name with its number, such as 'SIGKILL (9)'."""
    import signal

    try:
        return f"{signal.Signals(number).name} ({number})"
    except ValueError:
        return str(number)
