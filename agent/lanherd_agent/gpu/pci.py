"""What the PCI bus knows of NVIDIA GPUs, with or without a driver."""

import os

NVIDIA_PCI_VENDOR = "0x10de"
DISPLAY_CLASSES = ("0x0300", "0x0302")
"""PCI classes of GPUs: VGA controller and 3D controller (pci.ids)."""


def has_nvidia_gpu(devices: str = "/sys/bus/pci/devices") -> bool:
    """Whether an NVIDIA GPU sits on the PCI bus, with or without a driver."""
    try:
        names = os.listdir(devices)
    except FileNotFoundError:
        return False
    for name in names:
        if _first_line(f"{devices}/{name}/vendor") != NVIDIA_PCI_VENDOR:
            continue
        if _first_line(f"{devices}/{name}/class").startswith(DISPLAY_CLASSES):
            return True
    return False


def _first_line(path: str) -> str:
    # A device can leave the bus between the listing and the reading.
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except FileNotFoundError:
        return ""
