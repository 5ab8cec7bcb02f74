"""All that a decision about the line looks at: the same scene, the same decision."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from lanherd_agent.core.events import GpuCapacity, HostCapacity
from lanherd_agent.core.ledger import Holder, Ledger
from lanherd_agent.core.machine_state import MachineState
from lanherd_agent.core.queue import Queue
from lanherd_agent.core.rules import Rules
from lanherd_protocol.hours import Hours
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.values import GpuLink, Lease


class Matching(Protocol):
    """Which GPUs match a constraint."""

    def matches(self, where: str) -> Collection[GpuUuid]: ...

    def why_not(self, where: str, gpus: Sequence[GpuUuid]) -> str: ...


class Live(Struct, frozen=True, kw_only=True):
    """A run that holds a lease. `ends_at`: it is over by then, by its time limit; None: unknown."""

    holder: Holder
    lease: Lease
    owner: str = ""
    tags: tuple[str, ...] = ()
    ends_at: float | None = None
    since: float = 0.0


class Scene(Struct, frozen=True, kw_only=True):
    """`gpus` None: they have not been read yet. `live` is asked only where it matters."""

    now: float
    queue: Queue
    ledger: Ledger
    gpus: Sequence[GpuCapacity] | None
    matching: Matching
    rules: Rules = Rules()
    owner_rules: MachineRules = MachineRules()
    machine: MachineState = MachineState()
    host: HostCapacity = HostCapacity()
    links: Sequence[GpuLink] = ()
    hours: Sequence[Hours] = ()
    local_minute: int | None = None
    live: Callable[[], Sequence[Live]] = tuple
    quiet_from: Mapping[GpuUuid, float] = {}
    """When processes of others were last seen on a GPU."""
    crowded_until: Mapping[GpuUuid, float] = {}
    """The same, of those that take more than a display."""
    hot: Collection[GpuUuid] = ()
    """GPUs that were too hot, and have not cooled down far enough yet."""
    driver_bytes: Mapping[GpuUuid, int] = {}
    """What the driver itself keeps of a GPU, where that is known."""
    gpu_problem: str | None = None
    """Why they have not been read, where that is known."""

    @property
    def runs_at_once_max(self) -> int:
        return min(self.rules.runs_at_once_max, self.owner_rules.runs_at_once_max)
