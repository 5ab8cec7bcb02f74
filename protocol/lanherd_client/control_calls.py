"""What a person closes and opens of a machine: its GPUs, its line; and the line itself."""

from collections.abc import Callable

from lanherd_client.new_ids import new_id
from lanherd_client.session import Session
from lanherd_protocol.ids import CommandId
from lanherd_protocol.machine_messages import (
    CordonGpu,
    ListQueue,
    MachineControls,
    PauseQueue,
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


class ControlCalls:
    """The verbs of a fleet about what is closed. Changes take an operator (`NOT_ALLOWED`)."""

    _session_of: Callable[[str], Session]

    async def controls(self, machine: str) -> MachineControls:
        """The GPUs of a machine that take no run, and what is paused."""
        return await self._session_of(machine).ask(MACHINE_CONTROLS, Empty())

    async def cordon(self, machine: str, gpu: int | str, why: str = "") -> MachineControls:
        """Places no run on a GPU from now on: its number, its UUID, or `GPU:INSTANCE`. Those that
        are on it go on. Raises `NotFoundError` where the machine has no such GPU."""
        request = CordonGpu(command=CommandId(new_id()), gpu=str(gpu), why=why)
        return await self._session_of(machine).insist(MACHINE_CORDON, request)

    async def uncordon(self, machine: str, gpu: int | str) -> MachineControls:
        """Lets runs be placed on a GPU again, whoever or whatever closed it."""
        request = UncordonGpu(command=CommandId(new_id()), gpu=str(gpu))
        return await self._session_of(machine).insist(MACHINE_UNCORDON, request)

    async def pause_queue(self, machine: str, tag: str = "", note: str = "") -> MachineControls:
        """Starts no run from now on, or none with `tag`; those that are live go on."""
        request = PauseQueue(command=CommandId(new_id()), tag=tag, note=note)
        return await self._session_of(machine).insist(QUEUE_PAUSE, request)

    async def resume_queue(self, machine: str, tag: str = "") -> MachineControls:
        """Starts runs again, or those with `tag`."""
        request = ResumeQueue(command=CommandId(new_id()), tag=tag)
        return await self._session_of(machine).insist(QUEUE_RESUME, request)

    async def queue(self, machine: str, limit: int = 100) -> QueueListed:
        """The first runs that wait on a machine, in the order of their turns."""
        return await self._session_of(machine).ask(QUEUE_LIST, ListQueue(limit=limit))
