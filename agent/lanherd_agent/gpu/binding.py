"""The environment variables that tie an attempt to the GPUs of its lease.

UUIDs rather than indices: CUDA's own numbering depends on its device order and on what is visible,
a UUID doesn't. A run without GPUs is shown none, so that it can't take one that nobody promised it.

A MIG instance has a UUID of its own, which stands for it in both variables. CUDA lets one process
see one instance only: of several it takes the first that is named, and a command that is to use all
of them starts a process for each, with one UUID of the list.
"""

from lanherd_protocol.values import Lease, LeasedGpu


def binding_variables(lease: Lease) -> dict[str, str]:
    """What a command of this lease finds in its environment."""
    visible = ",".join(gpu.uuid for gpu in lease.gpus)
    return {
        # With it CUDA counts as nvidia-smi does, also where a command sets its own devices.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": visible,
        # To the NVIDIA container runtime an empty value means 'not set'; `void` means no GPU.
        "NVIDIA_VISIBLE_DEVICES": visible or "void",
    }


def number_of(gpu: LeasedGpu) -> str:
    """Its number as a person reads it, and as nvidia-smi counts: `0`, or `0:1` for the MIG
    instance 1 of GPU 0."""
    return str(gpu.index) if gpu.instance is None else f"{gpu.index}:{gpu.instance}"
