"""Runs, a machine and its readings, as the scripted agent tells of them."""

from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.states import Ended, Outcome, Queued, Running
from lanherd_protocol.values import (
    GpuFacts,
    GpuReading,
    Lease,
    MachineFacts,
    Reason,
    Telemetry,
)

MACHINE = DeviceId("a" * 64)
GPU = GpuUuid("GPU-0")
GIB = 1 << 30
WAITS = Reason(code="no_room", text="No GPU has 2 GB free.")
DONE = Reason(code="exited", text="It exited with 0.")


def run_id(number: int) -> RunId:
    """A run's id; a greater number is a newer run."""
    return RunId(f"0192f0c1-{number >> 12:04x}-7{number & 0xFFF:03x}-8000-{number:012x}")


def queued() -> Queued:
    return Queued(since=1.0, reason=WAITS)


def running() -> Running:
    return Running(since=2.0, pid=77, lease=Lease())


def ended(outcome: Outcome = "succeeded", started_at: float | None = 2.0) -> Ended:
    return Ended(
        at=3.0,
        outcome=outcome,
        reason=DONE,
        started_at=started_at,
        exit_code=0 if outcome == "succeeded" else 1,
    )


def facts(machine: DeviceId = MACHINE, name: str = "box", gpus: int = 1) -> MachineFacts:
    return MachineFacts(
        machine=machine,
        name=name,
        version="0.1.0",
        os="Linux",
        cpu_count=8,
        memory_bytes=64 * GIB,
        disk_bytes=1000 * GIB,
        gpu_source="simulated",
        gpus=tuple(
            GpuFacts(index=i, uuid=GpuUuid(f"GPU-{i}"), name="Sim", vram_bytes=24 * GIB)
            for i in range(gpus)
        ),
    )


def telemetry(at: float, used_bytes: int = 0, gpus: int = 1) -> Telemetry:
    return Telemetry(
        at=at,
        gpus=tuple(
            GpuReading(
                uuid=GpuUuid(f"GPU-{i}"), utilisation_percent=50.0, vram_used_bytes=used_bytes
            )
            for i in range(gpus)
        ),
    )
