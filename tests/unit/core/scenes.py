"""Scenes for tests of the placement: a line, a ledger, GPUs and rules, and what is decided."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from lanherd_agent.core.events import GpuCapacity, ReadingsTaken
from lanherd_agent.core.explaining import explain
from lanherd_agent.core.ledger import Ledger
from lanherd_agent.core.matching import Matching
from lanherd_agent.core.placement import decide
from lanherd_agent.core.queue import Queue
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.scene import Live, Scene
from lanherd_agent.core.wants import Want, want_of
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.values import (
    GpuRequest,
    HostRequest,
    Lease,
    LeasedGpu,
    Reason,
    RunSpec,
    StopRule,
)
from tests.simulation.making import GB, NOW, gpu, run_id

OWNER = MachineRules()


def want(
    vram_gb: float = 0,
    count: int = 1,
    exclusive: bool = False,
    *,
    limit_s: float | None = None,
    owner: str = "ann",
    tags: tuple[str, ...] = (),
    rules: MachineRules = OWNER,
    host: HostRequest | None = None,
    **gpus: Any,
) -> Want:
    """What a run wants that is over at its limit to the second."""
    spec = RunSpec(
        command=("true",),
        gpus=GpuRequest(count=count, vram_bytes=int(vram_gb * GB), exclusive=exclusive, **gpus),
        host=host or HostRequest(),
        time_limit_s=limit_s,
        stop=StopRule(grace_s=0.0),
    )
    return want_of(spec, owner, tags, rules, frozenset(tags))


CPU = want(count=0)


def share(index: int, vram_gb: float, exclusive: bool = False) -> LeasedGpu:
    return LeasedGpu(
        index=index, uuid=gpu(index).uuid, vram_bytes=int(vram_gb * GB), exclusive=exclusive
    )


def live(
    number: int,
    *gpus: LeasedGpu,
    owner: str = "ann",
    tags: tuple[str, ...] = (),
    ends_s: float | None = None,
    host: HostRequest | None = None,
) -> Live:
    """A live run that is over so many seconds from now."""
    return Live(
        holder=(run_id(1000 + number), 1),
        lease=Lease(gpus=gpus, host=host or HostRequest()),
        owner=owner,
        tags=tags,
        ends_at=None if ends_s is None else NOW + ends_s,
        since=NOW - 60,
    )


def ledger_of(*runs: Live) -> Ledger:
    ledger = Ledger()
    for run in runs:
        ledger.take(run.holder, run.lease)
    return ledger


def line(*wants: Want) -> Queue:
    queue = Queue()
    for ordinal, one in enumerate(wants, 1):
        queue.add_ready(ordinal, one)
    return queue


def scene(
    gpus: Sequence[GpuCapacity] | None,
    *wants: Want,
    runs: Sequence[Live] = (),
    rules: MachineRules = OWNER,
    **more: Any,
) -> Scene:
    matching = Matching()
    matching.see(ReadingsTaken(gpus=tuple(gpus or ()), host=more.get("host", ReadingsTaken().host)))
    return Scene(
        now=more.pop("now", NOW),
        queue=line(*wants),
        ledger=ledger_of(*runs),
        gpus=gpus,
        matching=matching,
        owner_rules=rules,
        live=lambda: list(runs),
        rules=more.pop("own", Rules()),
        **more,
    )


def placed(gpus: Sequence[GpuCapacity] | None, *wants: Want, **more: Any) -> dict[int, list[int]]:
    """Place of each run that starts → indexes of its GPUs."""
    starts = decide(scene(gpus, *wants, **more))
    return {start.place: [gpu.index for gpu in start.lease.gpus] for start in starts}


def told(gpus: Sequence[GpuCapacity] | None, *wants: Want, **more: Any) -> list[Reason]:
    return explain(scene(gpus, *wants, **more), enumerate(wants, 1))


def why(gpus: Sequence[GpuCapacity] | None, *wants: Want, **more: Any) -> Reason:
    """Why the last of these waits."""
    return told(gpus, *wants, **more)[-1]


def like(one: GpuCapacity, **changes: Any) -> GpuCapacity:
    return replace(one, **changes)


def machine_of(count: int, size_gb: float = 24) -> list[GpuCapacity]:
    return [gpu(index, size_gb) for index in range(count)]


def instances(index: int, *profiles: tuple[str, float]) -> Iterable[GpuCapacity]:
    """The MIG instances of a GPU."""
    for number, (profile, size_gb) in enumerate(profiles):
        whole = gpu(index, size_gb)
        yield replace(
            whole, uuid=type(whole.uuid)(f"MIG-{index}-{number}"), instance=number, profile=profile
        )
