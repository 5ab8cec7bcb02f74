"""Why a run waits for its place on the machine: the sentences beside those of `reasons.py`, which
tell of GPUs without room. `data` holds each number and name of the sentence.
"""

from collections.abc import Sequence
from math import floor

from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.gpu_numbers import gpu_number
from lanherd_agent.core.machine_state import Pause
from lanherd_agent.core.quotas import Name
from lanherd_agent.core.reasons import (
    GIB,
    disk_size,
    gb,
    gpu_exclusive,
    gpu_undeclared,
    gpu_vram,
    plural,
)
from lanherd_agent.core.slots import others_bytes, unlisted_bytes
from lanherd_agent.core.spans import about, coarse_s
from lanherd_agent.core.vram_words import gb_below, gb_or_less
from lanherd_agent.core.wants import Want
from lanherd_agent.core.who_holds import hold, with_process
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.values import Reason

UNLISTED_MAX = GIB
"""What the driver or a display may hold of a GPU for good; more is a process that can't be seen."""

# --- The whole machine ---------------------------------------------------------------------------


def paused(pause: Pause) -> Reason:
    return Reason(
        code="paused",
        text=f"No run starts on this machine now: {_paused_by(pause)}.",
        data={"by": pause.by, "note": pause.note, "since": pause.since},
        remedy="Resume the machine's line, and it waits its turn again.",
    )


def paused_tag(tag: str, pause: Pause) -> Reason:
    return Reason(
        code="paused_tag",
        text=f"No run with the tag {tag} starts here now: {_paused_by(pause)}.",
        data={"tag": tag, "by": pause.by, "note": pause.note, "since": pause.since},
        remedy="Resume the tag, or take it off the run.",
    )


def _paused_by(pause: Pause) -> str:
    said = f" ({pause.note})" if pause.note else ""
    return f"{pause.by} paused it{said}" if pause.by else f"it is paused{said}"


def out_of_hours(minutes: int, now: float, hours: Sequence[str] = ()) -> Reason:
    """`hours` are those of the owner's rules, as they are written there."""
    which = f" ({'; '.join(hours)})" if hours else ""
    return Reason(
        code="out_of_hours",
        text=f"Runs start here only at the hours that the machine's owner set{which}; "
        f"the next begin in {about(minutes * 60)}.",
        data={
            "hours": "; ".join(hours),
            "opens_at": now + minutes * 60,
            "opens_about_s": coarse_s(minutes * 60),
        },
    )


def power(drawn_w: float, most_w: float) -> Reason:
    return Reason(
        code="power",
        text=f"The GPUs draw {drawn_w:.0f} W; no run starts above {most_w:.0f} W.",
        data={"power_w": round(drawn_w), "power_w_max": most_w},
    )


# --- The owner's shares --------------------------------------------------------------------------


def share_full(name: Name, held: int, most: int, needs: int) -> Reason:
    """They may hold more than their most: the rules, or the tags of a live run, were changed."""
    kind, who = name
    gpus = plural(held, "GPU", "GPUs")
    data: dict[str, str | int | float] = {"kind": kind, "name": who, "gpus": held}
    data |= {"gpus_max": most, "needs_gpus": needs}
    if held > most:
        hold = f"{gpus}, more than the {most} that they may have here now"
        data["gpus_over"] = held - most
    elif held == most:
        hold = f"{gpus}, the most that they may have here"
    else:
        hold = f"{held} of the {most} GPUs that they may have here"
    return Reason(
        code="share_full",
        text=f"Runs of {_share(name)} hold {hold}; it needs {needs}.",
        data=data,
        remedy="It starts once others of them have ended.",
    )


def behind_share(name: Name) -> Reason:
    kind, who = name
    return Reason(
        code="behind_share",
        text=f"A run of {_share(name)} that is ahead of it waits for the GPUs that they may have "
        "here.",
        data={"kind": kind, "name": who},
    )


def _share(name: Name) -> str:
    kind, who = name
    return who if kind == "user" else f"the tag {who}"


def kept_free(empty: int, keep_free: int, owed: int) -> Reason:
    kept = []
    if keep_free:
        kept.append(f"{keep_free} stay{'s' if keep_free == 1 else ''} free of runs")
    if owed:
        kept.append(f"{owed} {'is' if owed == 1 else 'are'} kept for other users or tags")
    return Reason(
        code="kept_free",
        text=f"{plural(empty, 'GPU has', 'GPUs have')} no run, but by the machine's rules "
        f"{' and '.join(kept)}.",
        data={"gpus": empty, "keep_free": keep_free, "owed": owed},
    )


# --- One GPU -------------------------------------------------------------------------------------


def cordoned(gpu: GpuCapacity, why: Reason) -> Reason:
    """`why` is what closed it; its code is in `data` as `cordon`, and its data as `cordon_…`."""
    own = {f"cordon_{name}": value for name, value in why.data.items()}
    return Reason(
        code="gpu_cordoned",
        text=f"GPU {gpu.index} takes no run until somebody releases it: {why.text}",
        data={**own, "gpu": gpu.index, "why": why.text, "cordon": why.code},
        remedy="Release the GPU once it is well.",
    )


def not_allowed(index: int) -> Reason:
    return Reason(
        code="gpu_not_allowed",
        text=f"The machine's rules don't let runs use GPU {index}.",
        data={"gpu": index},
    )


def backing_off(index: int, failures: int, at: float, now: float) -> Reason:
    return Reason(
        code="gpu_backoff",
        text=f"{failures} runs in a row failed on GPU {index}; "
        f"it takes none for {about(at - now)}.",
        data={"gpu": index, "runs": failures, "at": at, "about_s": coarse_s(at - now)},
    )


def too_hot(gpu: GpuCapacity, most_c: float) -> Reason:
    degrees = gpu.temperature_c
    known = "was" if degrees is None else f"has {degrees:.0f} °C; it was"
    return Reason(
        code="gpu_hot",
        text=f"GPU {gpu.index} {known} above {most_c:.0f} °C and has to cool down first.",
        data={
            "gpu": gpu.index,
            "temperature_c": round(most_c if degrees is None else degrees),
            "temperature_c_max": most_c,
        },
    )


def used_by_others(gpu: GpuCapacity) -> Reason:
    """For a run that wants no others beside it."""
    reason = Reason(
        code="gpu_others",
        text=f"It waits until others are gone from GPU {gpu.index}; {hold(gpu)}.",
        data={"gpu": gpu.index, "foreign_bytes": others_bytes(gpu)},
        remedy="Let it share GPUs with others, if it can.",
    )
    return with_process(reason, gpu)


def waits_for_quiet(index: int, at: float, now: float) -> Reason:
    return Reason(
        code="gpu_quiet",
        text=f"Others have left GPU {index} a moment ago; it counts as free of them in "
        f"{about(at - now)}, if none come back.",
        data={"gpu": index, "at": at, "about_s": coarse_s(at - now)},
    )


class Ours(Struct, frozen=True, kw_only=True):
    """Our runs on a GPU, and what each holds, the largest first; and all of them together.

    What a run holds is what it was promised or was measured to hold, whichever is more.
    """

    runs: tuple[tuple[RunId, int], ...] = ()
    all_bytes: int = 0


NONE_OF_OURS = Ours()


def vram(
    gpu: GpuCapacity,
    free_bytes: int,
    needs_bytes: int,
    ours: Ours = NONE_OF_OURS,
    driver_bytes: int = 0,
) -> Reason:
    """As `gpu_vram`, with who holds the rest: what is free and what they hold is all of it.
    `driver_bytes` of it are the driver's own, as far as that is known."""
    reason = gpu_vram(gpu.index, free_bytes, gpu.total_bytes, needs_bytes, gpu.foreign_bytes)
    others = [hold(gpu, driver_bytes)] if gpu.foreign_bytes else []
    free = f"GPU {gpu.index}: {gb_below(free_bytes, needs_bytes)} of {gb(gpu.total_bytes)} GB free"
    needs = f"{free}, needs {gb(needs_bytes)}"
    said = "; ".join([needs, *_have(ours, ("holds", "hold")), *others])
    reason = _with_ours(with_process(replace(reason, text=f"{said}."), gpu), ours)
    unlisted = unlisted_bytes(gpu)
    most_bytes = gpu.total_bytes - unlisted - (gpu.reserved_bytes or 0)
    if needs_bytes <= most_bytes or unlisted > UNLISTED_MAX:
        return reason
    # Whoever else goes, there will hardly be room for it.
    data = {**reason.data, "most_bytes": most_bytes}
    if driver_bytes:
        data["driver_bytes"] = driver_bytes
    return replace(reason, data=data, remedy=f"Ask for {gb_or_less(most_bytes)}.")


def packed(
    gpu: GpuCapacity, left_bytes: int, needs_bytes: int, share: float, promised: Ours
) -> Reason:
    """The owner lets only a share of a GPU be promised to runs beside each other."""
    reason = gpu_vram(gpu.index, left_bytes, gpu.total_bytes, needs_bytes, gpu.foreign_bytes)
    left = (
        f"GPU {gpu.index}: {gb(left_bytes)} of {gb(gpu.total_bytes)} GB may still be promised, "
        f"since the owner lets {share:.4g}% of it be packed"
    )
    had = _have(promised, ("was promised", "were promised"))
    said = "; ".join([left, f"needs {gb(needs_bytes)}", *had])
    reason = replace(
        reason, text=f"{said}.", data={**reason.data, "packed_percent": float(f"{share:.4g}")}
    )
    return _with_ours(with_process(reason, gpu), promised)


def undeclared(gpu: GpuCapacity, free_bytes: int, ours: Ours) -> Reason:
    """As `gpu_undeclared`, with who holds the rest."""
    reason = gpu_undeclared(gpu.index, free_bytes, gpu.total_bytes, len(ours.runs))
    others = [hold(gpu)] if gpu.foreign_bytes else []
    said = "; ".join(
        [
            "It declares no VRAM and so needs a GPU without other runs, mostly free",
            f"GPU {gpu.index}: {gb(free_bytes)} of {gb(gpu.total_bytes)} GB free",
            *_have(ours, ("holds", "hold")),
            *others,
        ]
    )
    return _with_ours(with_process(replace(reason, text=f"{said}."), gpu), ours)


def held_alone(index: int, run: RunId) -> Reason:
    reason = gpu_exclusive(index)
    text = f"GPU {index} is held by run {short_id(run)}, which has it for itself."
    return replace(reason, text=text, data={**reason.data, "run": run})


def of_instance(reason: Reason, gpu: GpuCapacity) -> Reason:
    """The reason, and which of a GPU's MIG instances it is about: `3:0`."""
    if gpu.instance is None:
        return reason
    number = gpu_number(gpu.index, gpu.instance)
    text = reason.text.replace(f"GPU {gpu.index}", f"GPU {number}", 1)
    data = {**reason.data, "gpu": number, "instance": gpu.instance}
    return replace(reason, text=text, data=data)


def _have(ours: Ours, verbs: tuple[str, str]) -> list[str]:
    if not ours.runs:
        return []
    run, largest = ours.runs[0]
    more = len(ours.runs) - 1
    if not more:
        return [f"run {short_id(run)} {verbs[0]} {gb(ours.all_bytes)} GB"]
    return [
        f"runs {short_id(run)} ({gb(largest)} GB) and {more} more {verbs[1]} "
        f"{gb(ours.all_bytes)} GB"
    ]


def _with_ours(reason: Reason, ours: Ours) -> Reason:
    if not ours.runs:
        return reason
    run, largest = ours.runs[0]
    more: dict[str, str | int | float] = {
        "run": run,
        "largest_bytes": largest,
        "runs": len(ours.runs),
        "ours_bytes": ours.all_bytes,
    }
    return replace(reason, data={**reason.data, **more})


# --- What the machine has ------------------------------------------------------------------------


def no_match(where: str, matching: int, needs: int, why: str) -> Reason:
    said = f": {why}" if why else ""
    match = f"{plural(matching, 'GPU matches', 'GPUs match')}" if matching else "No GPU matches"
    return Reason(
        code="no_match",
        text=f"{match} {where!r}, and it needs {needs}{said}.",
        data={"where": where, "gpus": matching, "needs_gpus": needs, "why": why},
    )


def no_instance(profile: str, instances: int, needs: int, vram_bytes: int = 0) -> Reason:
    """`instances` are those that it could use, with so much VRAM each."""
    each = f" with {gb(vram_bytes)} GB" if vram_bytes else ""
    return Reason(
        code="no_instance",
        text=f"Needs {plural(needs, 'MIG instance', 'MIG instances')} of {profile}{each}; "
        f"the machine has {instances or 'none'} now.",
        data={
            "profile": profile,
            "gpus": instances,
            "needs_gpus": needs,
            "needs_bytes": vram_bytes,
        },
    )


def impossible(needs: int) -> Reason:
    return Reason(
        code="rules_forbid",
        text=f"Needs {plural(needs, 'GPU', 'GPUs')}, which the machine's rules never let it have.",
        data={"needs_gpus": needs},
        remedy="Ask for less, or ask the machine's owner.",
    )


def host(what: str, left: float, want: Want) -> Reason:
    """Too few cores, too little memory or disk."""
    left = max(0.0, left)
    if what == "cpu_cores":
        # Rounded down, or it would be told that as many are left as it needs.
        cores = floor(left * 100) / 100
        return Reason(
            code="host_cpu",
            text=f"{cores:g} of the machine's CPU cores are not promised; "
            f"needs {want.host.cpu_cores:g}.",
            data={"free": cores, "needs": want.host.cpu_cores},
        )
    said = f"{disk_size(int(left))} of the machine's"
    if what == "memory_bytes":
        needs_bytes = want.host.memory_bytes
        return Reason(
            code="host_memory",
            text=f"{said} memory is not promised; needs {disk_size(needs_bytes)}.",
            data={"free_bytes": int(left), "needs_bytes": needs_bytes},
        )
    needs_bytes = want.host.disk_bytes
    return Reason(
        code="host_disk",
        text=f"{said} disk is not promised; needs {disk_size(needs_bytes)}.",
        data={"free_bytes": int(left), "needs_bytes": needs_bytes},
    )


# --- Its turn ------------------------------------------------------------------------------------


def needs_limit(ahead: RunId | None = None, *, bars: bool = False) -> Reason:
    """`ahead` would be delayed; `bars`: it waits until others leave, and nobody knows when."""
    first = _ahead(ahead)
    waits = ", and waits until others leave its GPUs" if bars else ""
    reason = Reason(
        code="needs_limit",
        text=f"There is room, but without a time limit it might delay {first}{waits}.",
        remedy="Give it a time limit: if it is over soon enough, it may start at once.",
    )
    return _with_ahead(reason, ahead)


def kept_for_first(ahead: RunId | None = None) -> Reason:
    reason = Reason(
        code="kept_for_first",
        text=f"There is room, but it would not be over before it is needed by {_ahead(ahead)}.",
        remedy="Give it a shorter time limit, or move it ahead in the line.",
    )
    return _with_ahead(reason, ahead)


def kept_for_earlier(
    index: int, free_bytes: int, ahead: RunId | None = None, *, known: bool = False
) -> Reason:
    """`known`: it is known when the run ahead starts, and this one would not be over by then."""
    limit = "Give it a shorter time limit, or m" if known else "M"
    reason = Reason(
        code="kept_for_earlier",
        text=f"GPU {index} has room, but is kept for {_ahead(ahead)}.",
        data={"gpu": index, "free_bytes": free_bytes},
        remedy=f"{limit}ove it ahead in the line, if it can't wait.",
    )
    return _with_ahead(reason, ahead)


def _ahead(run: RunId | None) -> str:
    if run is None:
        return "a run that is ahead in the line"
    return f"run {short_id(run)}, which is ahead in the line"


def _with_ahead(reason: Reason, run: RunId | None) -> Reason:
    return reason if run is None else replace(reason, data={**reason.data, "run": run})


def with_turn(
    reason: Reason,
    at: float | None,
    now: float,
    *,
    endless: Sequence[RunId] = (),
    others: bool = False,
) -> Reason:
    """The reason of the first in line, and when it is expected to start at the latest. `at` None:
    nobody knows, since runs without a time limit are in its way (`endless`), or `others`."""
    data = {**reason.data, "first": 1}
    if at is not None:
        text = f"First in line; expected in {about(at - now)}."
        data |= {"expected_at": at, "expected_about_s": coarse_s(at - now)}
    elif others:
        text = "First in line; nobody knows when others leave."
        data |= {"waits_for_others": 1}
    elif endless:
        run = f"run {short_id(endless[0])} in its way has"
        runs = run if len(endless) == 1 else f"{len(endless)} runs in its way have"
        text = f"First in line; nobody knows when: {runs} no time limit."
        data |= {"no_limit_run": endless[0], "no_limit_runs": len(endless)}
    else:
        text = "First in line."
    return replace(reason, text=f"{reason.text} {text}", data=data)
