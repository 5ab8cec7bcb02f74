"""What is closed of the machine, and the line: to look at, and to change for operators."""

from collections.abc import Callable

from lanherd_agent.api.access import audit, shown_to
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.fitting import encoded_size, first_that_fit
from lanherd_agent.core.events import MachineRequested
from lanherd_agent.core.machine_state import MachineState, Pause
from lanherd_agent.core.step import MachineRequest
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_messages import (
    CordonGpu,
    CordonView,
    ListQueue,
    MachineControls,
    PauseQueue,
    PauseView,
    QueueListed,
    ResumeQueue,
    UncordonGpu,
)
from lanherd_protocol.messages import Empty
from lanherd_protocol.methods import (
    MACHINE_CONTROLS,
    MACHINE_CORDON,
    MACHINE_UNCORDON,
    QUEUE_LIST,
    QUEUE_PAUSE,
    QUEUE_RESUME,
)
from lanherd_protocol.values import GpuFacts

Numbers = dict[GpuUuid, tuple[int, int | None]]


class ControlsApi:
    def __init__(self, shell: Shell, gpus: Callable[[], tuple[GpuFacts, ...]]) -> None:
        self._shell = shell
        self._gpus = gpus

    def routes(self, routes: Routes) -> None:
        routes.call(MACHINE_CONTROLS, self._on_controls)
        routes.call(MACHINE_CORDON, self._on_cordon)
        routes.call(MACHINE_UNCORDON, self._on_uncordon)
        routes.call(QUEUE_PAUSE, self._on_pause)
        routes.call(QUEUE_RESUME, self._on_resume)
        routes.call(QUEUE_LIST, self._on_list)

    async def _on_controls(self, call: IncomingCall, request: Empty) -> MachineControls:
        return controls_of(self._shell.machine, numbers_of(self._gpus()))

    async def _on_cordon(self, call: IncomingCall, request: CordonGpu) -> MachineControls:
        return await self._change(call, request, request.gpu)

    async def _on_uncordon(self, call: IncomingCall, request: UncordonGpu) -> MachineControls:
        return await self._change(call, request, request.gpu)

    async def _on_pause(self, call: IncomingCall, request: PauseQueue) -> MachineControls:
        return await self._change(call, request, request.tag)

    async def _on_resume(self, call: IncomingCall, request: ResumeQueue) -> MachineControls:
        return await self._change(call, request, request.tag)

    async def _change(
        self, call: IncomingCall, request: MachineRequest, target: str
    ) -> MachineControls:
        event = MachineRequested(by=call.caller.user, request=request)
        await self._shell.request(event, audit(call, target[:64]))
        return controls_of(self._shell.machine, numbers_of(self._gpus()))

    async def _on_list(self, call: IncomingCall, request: ListQueue) -> QueueListed:
        line = self._shell.line(max(0, request.limit))
        runs = tuple(shown_to(call.caller, view) for view in line)
        return QueueListed(
            runs=first_that_fit(runs, encoded_size),
            total=self._shell.queued_runs,
            pauses=_pauses(self._shell.machine),
        )


def numbers_of(gpus: tuple[GpuFacts, ...]) -> Numbers:
    """The number of each GPU, and of each MIG instance among those of its GPU."""
    found: Numbers = {gpu.uuid: (gpu.index, None) for gpu in gpus}
    for gpu in gpus:
        found.update((one.uuid, (gpu.index, one.index)) for one in gpu.instances)
    return found


def controls_of(machine: MachineState, numbers: Numbers) -> MachineControls:
    cordons = []
    for gpu, cordon in machine.cordons.items():
        index, instance = numbers.get(gpu, (None, None))
        cordons.append(
            CordonView(
                gpu=gpu,
                reason=cordon.reason,
                since=cordon.since,
                index=index,
                instance=instance,
                by=cordon.by,
                heals=cordon.heals,
            )
        )
    return MachineControls(cordons=tuple(cordons), pauses=_pauses(machine))


def _pauses(machine: MachineState) -> tuple[PauseView, ...]:
    tags = (_pause(pause, tag) for tag, pause in machine.paused_tags.items())
    whole = () if machine.pause is None else (_pause(machine.pause),)
    return (*whole, *tags)


def _pause(pause: Pause, tag: str = "") -> PauseView:
    return PauseView(since=pause.since, tag=tag, by=pause.by, note=pause.note)
