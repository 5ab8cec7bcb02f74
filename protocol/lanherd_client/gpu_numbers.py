"""How people write a GPU: by nvidia-smi's number, and a MIG instance by its number behind that."""

from collections.abc import Iterable

from lanherd_protocol.values import LeasedGpu


def gpu_number(index: int, instance: int | None = None) -> str:
    """'3', or '3:0' for the MIG instance 0 of GPU 3: `lanherd cordon` takes it, and a run's
    variable LANHERD_GPUS has it."""
    return f"{index}" if instance is None else f"{index}:{instance}"


def leased_numbers(gpus: Iterable[LeasedGpu]) -> str:
    """All GPUs of a lease, such as '0,3:0,3:1'."""
    return ",".join(gpu_number(gpu.index, gpu.instance) for gpu in gpus)
