"""What a person closes and opens again of a machine: its GPUs, its line, the runs with a tag.

Every change carries a command id: sent again, it is not done a second time. Part of the wire:
`tests/compat/wire.txt` lists what is here, and only additions are allowed.
"""

from msgspec import Struct

from lanherd_protocol.ids import CommandId, GpuUuid
from lanherd_protocol.states import RunView
from lanherd_protocol.values import Reason


class CordonGpu(Struct, frozen=True, kw_only=True):
    """Place no run on a GPU from now on; those that are on it go on. `gpu` is its number, its
    UUID, or of a MIG instance `GPU:INSTANCE`; a number means all instances of that GPU."""

    command: CommandId
    gpu: str
    why: str = ""


class UncordonGpu(Struct, frozen=True, kw_only=True):
    """Let runs be placed on a GPU again. Its failures in a row are forgotten."""

    command: CommandId
    gpu: str


class PauseQueue(Struct, frozen=True, kw_only=True):
    """Start no run from now on, or none with `tag`; those that are live go on."""

    command: CommandId
    tag: str = ""
    note: str = ""


class ResumeQueue(Struct, frozen=True, kw_only=True):
    """Start runs again, or those with `tag`."""

    command: CommandId
    tag: str = ""


class CordonView(Struct, frozen=True, kw_only=True):
    """A GPU that takes no run. `by` is who closed it; it is empty where the agent did, for a fault,
    and a good reading opens it again if it `heals`. `index` is None while it is not to be seen."""

    gpu: GpuUuid
    reason: Reason
    since: float
    index: int | None = None
    instance: int | None = None
    by: str = ""
    heals: bool = False


class PauseView(Struct, frozen=True, kw_only=True):
    """No run starts, or none with `tag`."""

    since: float
    tag: str = ""
    by: str = ""
    note: str = ""


class MachineControls(Struct, frozen=True, kw_only=True):
    """All that is closed of a machine now."""

    cordons: tuple[CordonView, ...] = ()
    pauses: tuple[PauseView, ...] = ()


class ListQueue(Struct, frozen=True, kw_only=True):
    limit: int = 100


class QueueListed(Struct, frozen=True, kw_only=True):
    """The first runs that wait, in the order in which their turns come, as far as it is known now;
    the reason of each says what it waits for. `total` counts all that wait."""

    runs: tuple[RunView, ...] = ()
    total: int = 0
    pauses: tuple[PauseView, ...] = ()
