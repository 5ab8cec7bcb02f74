"""The numbers above a run's detail: how long, and how its GPUs are used."""

from dataclasses import dataclass

from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import MachineView
from lanherd_desktop.state.runs import run_row
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import RunView, is_live, lease_of


@dataclass(frozen=True, slots=True)
class GpuNumbers:
    """A GPU or MIG instance of its lease; `used_bytes` is what our own attempts hold there."""

    number: str
    asked_bytes: int
    utilisation_percent: float | None = None
    used_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """`seconds` is None while it has not started; `silent_since` as in `RunRow`."""

    seconds: float | None
    gpus: tuple[GpuNumbers, ...] = ()
    silent_since: float | None = None


def run_numbers(view: RunView, machine: MachineView | None, now: float) -> RunNumbers:
    """The numbers of a run; live ones only while it holds its lease and its machine answers."""
    row = run_row(DeviceId(""), "", view, machine)
    telemetry = machine.telemetry if machine is not None and row.silent_since is None else None
    readings = {}
    if telemetry is not None and is_live(view.state):
        readings = {part.uuid: part for gpu in telemetry.gpus for part in (gpu, *gpu.instances)}
    gpus = []
    for leased in lease_of(view.state).gpus:
        reading = readings.get(leased.uuid)
        gpus.append(
            GpuNumbers(
                number=gpu_number(leased.index, leased.instance),
                asked_bytes=leased.vram_bytes,
                utilisation_percent=reading.utilisation_percent if reading is not None else None,
                used_bytes=reading.vram_ours_bytes if reading is not None else None,
            )
        )
    return RunNumbers(row.seconds(now), tuple(gpus), row.silent_since)
