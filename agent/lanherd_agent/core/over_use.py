"""Live runs that hold more VRAM than they were promised, and what each was measured to hold at
most.

Two readings in a row must show it: a driver tells what a process holds a moment late. The rule of
the machine says what comes of it: the run is told so, or stopped. A promise is never made smaller
because less was measured.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core import machine_reasons
from lanherd_agent.core.books import Books
from lanherd_agent.core.gpu_numbers import gpu_number
from lanherd_agent.core.lost_gpus import is_of_gpu
from lanherd_agent.core.reasons import is_news
from lanherd_agent.core.run_states import Measure, Run, Running, StopWish
from lanherd_agent.core.step import Step
from lanherd_agent.core.stops import SIGNALS, Stops
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import Lease, Reason

MIB = 1024 * 1024
SLACK_SHARE = 0.05
SLACK_BYTES = 256 * MIB
"""What a process may hold above its promise: the context of CUDA, say."""
PEAK_STEP_BYTES = 256 * MIB
PEAK_STEP_SHARE = 0.05
"""A peak that is less above the last one is not told anew."""

Uses = Mapping[GpuUuid, tuple[int | str, int]]
"""By GPU: its number, and the bytes that a run holds of it."""


class OverUse:
    """Measures runs against their leases, in the core's books."""

    def __init__(self, books: Books, stops: Stops) -> None:
        self._books = books
        self._stops = stops
        self._over: set[RunId] = set()
        """Runs that the last reading showed to hold too much."""
        self._warned: set[RunId] | None = None
        """Runs that were told so; None until it was looked up, after a restart."""

    def on_readings(self, gpus: Sequence[e.GpuCapacity], now: float, step: Step) -> None:
        over: set[RunId] = set()
        found = _by_run(gpus)
        if self._warned is None:
            self._warned = set(filter(self._is_warned, self._books.runs))
        # They hold nothing any more, or are over.
        for number in self._warned - found.keys():
            self._take_back(self._books.runs.get(number), now, step)
        for number, uses in found.items():
            run = self._books.runs.get(number)
            if run is None or not isinstance(run.state, Running):
                continue
            excess = _excess(run.state.lease, uses)
            if excess is not None:
                over.add(number)
            twice = number in self._over
            if excess is not None and twice and self._books.owner_rules.over_use == "stop":
                self._stop(run, run.state, excess, now, step)
            else:
                warning = machine_reasons.over_use(*excess) if excess and twice else None
                self._tell(run, run.state, uses, warning, excess is not None, now, step)
        self._over = over
        self._warned = set(filter(self._is_warned, {*found, *self._warned}))

    def _is_warned(self, number: RunId) -> bool:
        run = self._books.runs.get(number)
        state = None if run is None else run.state
        return isinstance(state, Running) and _is_over_use(state.warning)

    def _take_back(self, run: Run | None, now: float, step: Step) -> None:
        if run is None or not isinstance(run.state, Running):
            return
        if _is_over_use(run.state.warning):
            self._books.become(run, Measure, replace(run.state, warning=None), now, step)

    def _tell(
        self,
        run: Run,
        was: Running,
        uses: Uses,
        warning: Reason | None,
        over: bool,
        now: float,
        step: Step,
    ) -> None:
        """A warning stays until a reading shows no excess; that its GPU failed weighs more."""
        if is_of_gpu(was.warning) or (warning is None and over):
            warning = was.warning
        elif warning is not None and was.warning is not None:
            news = is_news(was.warning, warning, PEAK_STEP_BYTES)
            warning = warning if news else was.warning
        peak = max(used for _, used in uses.values())
        least = was.vram_peak_bytes + max(PEAK_STEP_BYTES, was.vram_peak_bytes * PEAK_STEP_SHARE)
        if was.vram_peak_bytes and peak < least:
            peak = was.vram_peak_bytes
        state = replace(was, warning=warning, vram_peak_bytes=max(peak, was.vram_peak_bytes))
        if state != was:
            self._books.become(run, Measure, state, now, step)

    def _stop(
        self, run: Run, was: Running, excess: tuple[int | str, int, int], now: float, step: Step
    ) -> None:
        rule = run.spec.stop
        reason = machine_reasons.stopped_for_over_use(*excess)
        wish = StopWish(grace_s=rule.grace_s, reason=reason, signal=SIGNALS[rule.signal])
        was = replace(was, vram_peak_bytes=max(was.vram_peak_bytes, excess[1]))
        self._stops.begin(run, Measure, was, wish, now, step)


def _is_over_use(warning: Reason | None) -> bool:
    return warning is not None and warning.code == "over_use"


def _by_run(gpus: Sequence[e.GpuCapacity]) -> dict[RunId, dict[GpuUuid, tuple[int | str, int]]]:
    found: defaultdict[RunId, dict[GpuUuid, tuple[int | str, int]]] = defaultdict(dict)
    for gpu in gpus:
        for use in gpu.uses:
            number = gpu_number(gpu.index, gpu.instance)
            found[use.run][gpu.uuid] = number, use.vram_bytes
    return found


def _excess(lease: Lease, uses: Uses) -> tuple[int | str, int, int] | None:
    """The first GPU of which a run holds too much: its number, what it holds, what it may hold. A
    GPU that it has for itself, or whose share was not said, it may use as it likes."""
    promised = {
        gpu.uuid: None if gpu.exclusive or not gpu.vram_bytes else gpu.vram_bytes
        for gpu in lease.gpus
    }
    for uuid, (index, used) in uses.items():
        may = promised.get(uuid, 0)
        if may is not None and used > may * (1 + SLACK_SHARE) + SLACK_BYTES:
            return index, used, may
    return None
