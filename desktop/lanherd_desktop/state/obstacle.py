"""Why no machine can take a run, as far as a request tells: said while it is being written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lanherd_client.mirror import MachineView
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.values import GpuFacts, GpuRequest


@dataclass(frozen=True, slots=True)
class Obstacle:
    """`machine` is the name of the chosen one, empty where any would do. `gpus` are the most that
    one machine has, `largest_bytes` the VRAM of the largest GPU of all."""

    kind: Literal["nobody", "silent", "impossible"]
    machine: str = ""
    gpus: int = 0
    largest_bytes: int = 0


def obstacle(
    request: GpuRequest, machines: Sequence[MachineView], chosen: DeviceId | None
) -> Obstacle | None:
    """What keeps the request from ever starting; None when a machine could take it."""
    wanted = [view for view in machines if chosen in (None, view.machine)]
    name = wanted[0].name if chosen is not None and wanted else ""
    online = [view for view in wanted if view.online]
    if not online:
        return Obstacle("silent", name) if name else Obstacle("nobody")
    if any(_could_fit(view, request) for view in online):
        return None
    known = [_gpus(view) for view in online]
    return Obstacle(
        "impossible",
        name,
        gpus=max(map(len, known)),
        largest_bytes=max((gpu.vram_bytes for gpus in known for gpu in gpus), default=0),
    )


def _gpus(view: MachineView) -> tuple[GpuFacts, ...]:
    return view.facts.gpus if view.facts is not None else ()


def _could_fit(view: MachineView, request: GpuRequest) -> bool:
    # Slices and constraints are looked at when it is asked where it would go.
    if request.mig:
        return True
    # Of a machine that has said nothing of its GPUs yet, anything may be hoped.
    suited = sum(gpu.vram_bytes >= request.vram_bytes for gpu in _gpus(view))
    return view.facts is None or suited >= request.count
