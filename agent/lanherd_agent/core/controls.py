"""What people close and open again of a machine: GPUs, the line, the runs with a tag."""

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core import machine_reasons as reasons
from lanherd_agent.core.books import Books
from lanherd_agent.core.commands import Commands, body_hash
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.fields import check_settings
from lanherd_agent.core.gpu_numbers import gpu_number
from lanherd_agent.core.health import forget_failures
from lanherd_agent.core.machine_state import Cordon, MachineState, Pause
from lanherd_agent.core.step import Command, Step
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.machine_messages import CordonGpu, PauseQueue, ResumeQueue, UncordonGpu
from lanherd_protocol.values import RunSettings


class Controls:
    """Takes or refuses such requests, in the core's books."""

    def __init__(self, books: Books, commands: Commands) -> None:
        self._books = books
        self._commands = commands

    def on_request(self, event: e.MachineRequested, now: float, step: Step) -> None:
        request = event.request
        if self._commands.find(request) is not None:
            return
        match request:
            case CordonGpu():
                machine = self._cordoned(request, event.by, now)
            case UncordonGpu():
                machine = self._uncordoned(request)
            case PauseQueue():
                machine = _paused(self._books.machine, request, event.by, now)
            case ResumeQueue():
                machine = _resumed(self._books.machine, request)
            case _:
                assert_never(request)
        if machine != self._books.machine:
            self._books.machine = machine
            self._books.line_moved = self._books.news_at_head = True
        step.command = Command(request.command, RunId(""), 0.0, now, body_hash(request))
        self._commands.remember(step.command)

    def _cordoned(self, request: CordonGpu, by: str, now: float) -> MachineState:
        _check_words(request.why)
        machine = self._books.machine
        reason = reasons.by_person(by, request.why)
        cordon = Cordon(reason=reason, since=now, by=by)
        closed = dict.fromkeys(self._named(request.gpu), cordon)
        return replace(machine, cordons={**machine.cordons, **closed})

    def _uncordoned(self, request: UncordonGpu) -> MachineState:
        gpus = self._named(request.gpu)
        machine = forget_failures(self._books.machine, gpus)
        left = {gpu: cordon for gpu, cordon in machine.cordons.items() if gpu not in gpus}
        return replace(machine, cordons=left)

    def _named(self, name: str) -> Sequence[GpuUuid]:
        """Raises NOT_FOUND. One that is cordoned is known by its UUID even while it is away."""
        readings = self._books.readings or ()
        found = [gpu.uuid for gpu in readings if name in _names_of(gpu)]
        if not found and name in self._books.machine.cordons:
            found = [GpuUuid(name)]
        if not found:
            there = ", ".join(_names_of(gpu)[-1] for gpu in readings) or "none"
            raise error(
                ErrorCode.NOT_FOUND,
                f"This machine has no GPU {name[:64]!r}.",
                f"The numbers of those it has: {there}.",
                "Name one by its number, as `lanherd gpus` lists it, or by its UUID.",
                gpu=name[:64],
            )
        return found


def _names_of(gpu: GpuCapacity) -> tuple[str, ...]:
    own = str(gpu_number(gpu.index, gpu.instance))
    return tuple(dict.fromkeys((gpu.uuid, str(gpu.index), own)))


def _paused(machine: MachineState, request: PauseQueue, by: str, now: float) -> MachineState:
    """What is paused already stays so since then."""
    _check_words(request.note, request.tag)
    pause = Pause(since=now, by=by, note=request.note)
    if not request.tag:
        return machine if machine.pause is not None else replace(machine, pause=pause)
    return replace(machine, paused_tags={request.tag: pause, **machine.paused_tags})


def _resumed(machine: MachineState, request: ResumeQueue) -> MachineState:
    if not request.tag:
        return replace(machine, pause=None)
    left = {tag: pause for tag, pause in machine.paused_tags.items() if tag != request.tag}
    return replace(machine, paused_tags=left)


def _check_words(words: str, tag: str = "") -> None:
    """They are held to what holds for a run's notes and tags."""
    check_settings(RunSettings(notes=words, tags=(tag,) if tag else ()))
