"""The environment variables that tie an attempt to the GPUs of its lease.

UUIDs rather than indices: CUDA's own numbering depends on its device order and on what is visible,
a UUID doesn't. A run without GPUs is shown none, so that it can't take one that nobody promised it.
"""

from lanherd_protocol.values import Lease


def binding_variables(lease: Lease) -> dict[str, str]:
    """What a command of this lease finds in its environment."""
    visible = ",".join(gpu.uuid for gpu in lease.gpus)
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": visible,
        # To the NVIDIA container runtime an empty value means 'not set'; `void` means no GPU.
        "NVIDIA_VISIBLE_DEVICES": visible or "void",
    }
