"""One machine as its card shows it, from what its mirror knows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import Connecting, GpuPoint, MachineView, Online, Refused, Unreachable
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.filters import Query, bytes_above, parse_query
from lanherd_desktop.state.gpu_gauge import GpuGaugeData
from lanherd_desktop.state.problems import machine_problems, paused_problems
from lanherd_desktop.state.room import Histories
from lanherd_desktop.state.runs import chip_kind, run_reason, run_times, run_title
from lanherd_desktop.state.silence import silent_since
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.machine_messages import PauseView
from lanherd_protocol.states import RunView
from lanherd_protocol.values import GpuFacts, GpuReading, Reason

LinkKind = Literal["connecting", "online", "unreachable", "refused"]
LINES_MAX = 5
QUERY_KEYS = frozenset({"free", "state", "gpu"})


@dataclass(frozen=True, slots=True)
class GpuGroup:
    """Equal GPUs of a machine: '4 × RTX 4090 · 24 GB'."""

    count: int
    name: str
    vram_bytes: int


@dataclass(frozen=True, slots=True)
class CardLine:
    """A run, or a process that isn't ours, on the card."""

    kind: ChipKind
    text: str
    run: RunId | None = None
    reason: Reason | None = None
    started_at: float | None = None
    vram_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class MachineCard:
    """What the card shows; `picture_at` is the time of its last sample."""

    machine: DeviceId
    name: str
    link: LinkKind
    failure: Failure | None
    since: float
    simulated: bool
    known: bool
    groups: tuple[GpuGroup, ...]
    driver_version: str | None
    load_1m: float | None
    cpu_count: int
    gpu_problem: str
    gauges: tuple[GpuGaugeData, ...]
    lines: tuple[CardLine, ...]
    lines_more: int
    picture_at: float | None
    silent_since: float | None = None
    problems: tuple[Reason, ...] = ()
    paused: tuple[Reason, ...] = ()
    closed: tuple[tuple[str, Reason], ...] = ()
    """The GPUs and MIG instances that take no run, by their numbers, and why."""

    @property
    def frame(self) -> tuple[object, ...]:
        """All of it that changes how high the card is, or what its search finds."""
        sick = tuple(gauge.sick for gauge in self.gauges)
        return (
            self.name, self.link, self.failure, self.simulated, self.known, self.groups,
            self.driver_version, self.gpu_problem, sick, self.lines, self.lines_more,
            self.problems, self.paused, self.closed,
        )  # fmt: skip

    def seconds(self, line: CardLine, now: float) -> float | None:
        """How long a line's run has run; None when it hasn't started or isn't a run."""
        if line.started_at is None:
            return None
        until = now if self.silent_since is None else self.silent_since
        return max(0.0, until - line.started_at)


@dataclass(frozen=True, slots=True)
class Totals:
    """The line of numbers that answers 'how much is free?', over the machines that are online."""

    gpus: int = 0
    gpus_free: int = 0
    vram_used_bytes: int = 0
    vram_total_bytes: int = 0
    running: int = 0
    waiting: int = 0


def machine_card(
    view: MachineView,
    histories: Histories,
    runs: Sequence[RunView],
    pauses: Sequence[PauseView] = (),
) -> MachineCard:
    """The card of a machine; `runs` are those that have not ended, in the order of the room."""
    facts = view.facts
    link, failure = _link(view)
    readings = view.telemetry.gpus if view.telemetry is not None else ()
    gauges: tuple[GpuGaugeData, ...] = ()
    if facts is not None:
        by_uuid = {reading.uuid: reading for reading in readings}
        gauges = tuple(
            gauge(gpu, by_uuid.get(gpu.uuid), histories.get(gpu.uuid, ())) for gpu in facts.gpus
        )
    lines, lines_more = _lines(runs, readings)
    return MachineCard(
        machine=view.machine,
        name=view.name,
        link=link,
        failure=failure,
        since=view.link.since,
        simulated=view.simulated,
        known=facts is not None,
        groups=gpu_groups(facts.gpus) if facts is not None else (),
        driver_version=facts.driver_version if facts is not None else None,
        load_1m=view.telemetry.host.load_1m if view.telemetry is not None else None,
        cpu_count=facts.cpu_count if facts is not None else 0,
        gpu_problem=(facts.gpu_problem or "") if facts is not None else "",
        gauges=gauges,
        lines=lines,
        lines_more=lines_more,
        picture_at=view.telemetry.at if view.telemetry is not None else None,
        silent_since=silent_since(view),
        problems=machine_problems(view),
        paused=paused_problems(pauses),
        closed=_closed(facts.gpus, readings) if facts is not None else (),
    )


def _closed(
    gpus: Sequence[GpuFacts], readings: Sequence[GpuReading]
) -> tuple[tuple[str, Reason], ...]:
    """Of a GPU that is closed whole its instances are not named too."""
    reasons = {part.uuid: part.cordon for gpu in readings for part in (gpu, *gpu.instances)}
    found: list[tuple[str, Reason]] = []
    for gpu in gpus:
        whole = reasons.get(gpu.uuid)
        if whole is not None:
            found.append((gpu_number(gpu.index, None), whole))
            continue
        for one in gpu.instances:
            reason = reasons.get(one.uuid)
            if reason is not None:
                found.append((gpu_number(gpu.index, one.index), reason))
    return tuple(found)


def _link(view: MachineView) -> tuple[LinkKind, Failure | None]:
    match view.link:
        case Online():
            return "online", None
        case Connecting():
            return "connecting", None
        case Unreachable(failure=failure):
            return "unreachable", failure
        case Refused(failure=failure):
            return "refused", failure
        case _ as unreachable:
            assert_never(unreachable)


def gpu_groups(gpus: Sequence[GpuFacts]) -> tuple[GpuGroup, ...]:
    """Equal GPUs counted together, in the order of their first index."""
    counted = Counter((gpu.name, gpu.vram_bytes) for gpu in gpus)
    return tuple(GpuGroup(count, name, vram) for (name, vram), count in counted.items())


def gauge(facts: GpuFacts, reading: GpuReading | None, history: Sequence[GpuPoint]) -> GpuGaugeData:
    """One GPU's gauge; without a reading every value is unknown."""
    if reading is None:
        return GpuGaugeData(index=facts.index, name=facts.name, vram_total_bytes=facts.vram_bytes)
    used = reading.vram_used_bytes
    ours = None if used is None else min(used, reading.vram_ours_bytes)
    return GpuGaugeData(
        index=facts.index,
        name=facts.name,
        utilisation_percent=reading.utilisation_percent,
        temperature_c=reading.temperature_c,
        power_w=reading.power_w,
        vram_ours_bytes=ours,
        vram_foreign_bytes=None if used is None or ours is None else used - ours,
        vram_total_bytes=facts.vram_bytes,
        history=tuple(point.utilisation_percent for point in history)[-60:],
        sick=reading.problem or "",
    )


def _lines(
    runs: Sequence[RunView], readings: Sequence[GpuReading]
) -> tuple[tuple[CardLine, ...], int]:
    """Those that have room, and how many more there are."""
    lines = [
        CardLine(
            kind=chip_kind(view),
            text=run_title(view),
            run=view.run,
            reason=run_reason(view),
            started_at=run_times(view)[0],
        )
        for view in runs[:LINES_MAX]
    ]
    others = [
        process
        for reading in readings
        for process in reading.processes
        if process.run is None or process.orphan
    ]
    lines.extend(
        CardLine(
            kind=ChipKind.ORPHAN if process.orphan else ChipKind.NOT_OURS,
            text=f"{process.command or '–'} (pid {process.pid})",
            vram_bytes=process.vram_bytes,
        )
        for process in others[: LINES_MAX - len(lines)]
    )
    return tuple(lines), len(runs) + len(others) - len(lines)


def totals(views: Sequence[MachineView]) -> Totals:
    """Numbers over the machines that are online. A GPU is free when nobody holds or uses it."""
    gpus = free = used = total = running = waiting = 0
    for view in views:
        if not view.online or view.facts is None:
            continue
        running += view.runs_live
        waiting += view.runs_waiting
        readings = {r.uuid: r for r in view.telemetry.gpus} if view.telemetry is not None else {}
        for facts in view.facts.gpus:
            reading = readings.get(facts.uuid)
            gpus += 1
            total += facts.vram_bytes
            if reading is None or reading.problem is not None:
                continue
            used += reading.vram_used_bytes or 0
            held = reading.vram_leased_bytes > 0 or reading.processes
            if not held and reading.cordon is None:
                free += 1
    return Totals(gpus, free, used, total, running, waiting)


def machine_query(line: str) -> Query:
    """The filter line of the machines page."""
    return parse_query(line, QUERY_KEYS)


def machine_accepted(card: MachineCard, query: Query) -> bool:
    """Whether the filter line lets the card through. What isn't known is not free."""
    gpus = " ".join(group.name for group in card.groups)
    free = query.terms.get("free", ())
    if not query.accepts(
        f"{card.name} {gpus}", {"state": card.link, "gpu": gpus, "free": " ".join(free)}
    ):
        return False
    return all(_has_free(card, term) for term in free)


def _has_free(card: MachineCard, term: str) -> bool:
    wanted = bytes_above(term)
    if wanted is None:
        return True
    return card.link == "online" and any(
        gpu.vram_total_bytes - gpu.vram_used_bytes >= wanted
        for gpu in card.gauges
        if gpu.vram_total_bytes is not None and gpu.vram_used_bytes is not None and not gpu.sick
    )
