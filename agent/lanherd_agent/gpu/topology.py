"""How GPUs reach each other, from what a driver says of each pair and of each NVLink. Pure.

It is part of the probe child, which imports nothing of Lanherd's protocol: plain values with the
names of `GpuLink`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

SWITCH = "switch"
"""Where an NVLink ends that goes to an NVSwitch: from there it reaches every GPU on the switch."""

# nvmlGpuTopologyLevel_t: what two GPUs have in common on their ways to the processor.
LEVELS = {
    0: "same_board",
    10: "pcie_switch",
    20: "pcie_switches",
    30: "host_bridge",
    40: "numa_node",
    50: "system",
}


def normal_address(bus_id: str) -> str:
    """A PCI address as it is compared: drivers write its domain with four or eight digits."""
    domain, _, rest = bus_id.lower().partition(":")
    return f"{int(domain, 16):08x}:{rest}" if rest else bus_id.lower()


def nvlinks_between(first: Sequence[str], second: Sequence[str], second_address: str) -> int:
    """Active NVLinks from one GPU to the other, given where the links of each end."""
    direct = sum(end == second_address for end in first)
    return direct or min(first.count(SWITCH), second.count(SWITCH))


def links(
    addresses: Mapping[int, str],
    ends: Mapping[int, Sequence[str]],
    levels: Mapping[tuple[int, int], int],
) -> list[dict[str, Any]]:
    """One `GpuLink` for each pair of which something is known, by the indices of the GPUs.

    `addresses` are normal; `ends` says where the active NVLinks of each GPU end.
    """
    found = []
    indices = sorted(ends)
    for place, first in enumerate(indices):
        for second in indices[place + 1 :]:
            nvlinks = nvlinks_between(ends[first], ends[second], addresses.get(second, ""))
            kind = "nvlink" if nvlinks else LEVELS.get(levels.get((first, second), -1))
            if kind is not None:
                found.append({"first": first, "second": second, "kind": kind, "nvlinks": nvlinks})
    return found
