"""What is said of one GPU: each reading in its place, also where the driver can't tell it."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication

from lanherd_client.gpu_numbers import gpu_number
from lanherd_desktop.state import numbers
from lanherd_protocol.values import GpuFacts, GpuLink, GpuReading, LinkKind

Row = tuple[str, str]


def gpu_rows(gpu: GpuFacts, reading: GpuReading) -> tuple[Row, ...]:
    """Names and values, in a fixed order; an en dash is 'the driver can't tell'."""
    used = reading.vram_used_bytes
    ours = reading.vram_ours_bytes
    foreign = None if used is None else max(0, used - ours)
    free = None if used is None else max(0, gpu.vram_bytes - used)
    return (
        (
            QCoreApplication.translate("GpuTexts", "Utilisation"),
            numbers.percent(reading.utilisation_percent),
        ),
        (
            QCoreApplication.translate("GpuTexts", "Memory busy"),
            numbers.percent(reading.memory_utilisation_percent),
        ),
        (
            QCoreApplication.translate("GpuTexts", "VRAM of ours"),
            numbers.vram(None if used is None else ours),
        ),
        (QCoreApplication.translate("GpuTexts", "VRAM not ours"), numbers.vram(foreign)),
        (QCoreApplication.translate("GpuTexts", "VRAM free"), numbers.vram(free)),
        (
            QCoreApplication.translate("GpuTexts", "VRAM promised"),
            numbers.vram(reading.vram_leased_bytes),
        ),
        (QCoreApplication.translate("GpuTexts", "Temperature"), _celsius(reading.temperature_c)),
        (QCoreApplication.translate("GpuTexts", "Fan"), numbers.percent(reading.fan_percent)),
        (QCoreApplication.translate("GpuTexts", "Power"), _power(gpu, reading)),
        (QCoreApplication.translate("GpuTexts", "ECC errors"), numbers.count(reading.ecc_errors)),
        (QCoreApplication.translate("GpuTexts", "Clock"), _megahertz(reading.sm_clock_mhz)),
        (
            QCoreApplication.translate("GpuTexts", "Memory clock"),
            _megahertz(reading.memory_clock_mhz),
        ),
        (QCoreApplication.translate("GpuTexts", "Last Xid"), _xid(reading)),
        (QCoreApplication.translate("GpuTexts", "Capability"), _capability(gpu)),
        (QCoreApplication.translate("GpuTexts", "PCI address"), gpu.pci_address or numbers.UNKNOWN),
        (QCoreApplication.translate("GpuTexts", "NUMA node"), numbers.count(gpu.numa_node)),
    )


def _celsius(value: float | None) -> str:
    return numbers.UNKNOWN if value is None else f"{value:.0f} °C"


def _megahertz(value: int | None) -> str:
    return numbers.UNKNOWN if value is None else f"{value} MHz"


def _xid(reading: GpuReading) -> str:
    if reading.xid is not None:
        return str(reading.xid)
    return QCoreApplication.translate("GpuTexts", "none")


def _capability(gpu: GpuFacts) -> str:
    known = gpu.compute_capability
    return numbers.UNKNOWN if known is None else f"{known[0]}.{known[1]}"


def _power(gpu: GpuFacts, reading: GpuReading) -> str:
    limit = reading.power_limit_w or gpu.power_limit_w
    if limit is None:
        return numbers.watts(reading.power_w)
    text = QCoreApplication.translate("GpuTexts", "{drawn} of {limit}")
    drawn = numbers.UNKNOWN if reading.power_w is None else f"{reading.power_w:.0f}"
    return text.format(drawn=drawn, limit=numbers.watts(limit))


def links_text(index: int, links: Sequence[GpuLink]) -> str:
    """'GPU 1: NVLink × 4 · GPU 2: through the CPU'; empty for the only GPU."""
    parts = []
    for link in links:
        if index not in (link.first, link.second):
            continue
        other = link.second if link.first == index else link.first
        count = f" × {link.nvlinks}" if link.nvlinks else ""
        parts.append(f"GPU {other}: {_link_text(link.kind)}{count}")
    return " · ".join(parts)


def _link_text(kind: LinkKind) -> str:
    texts: dict[LinkKind, str] = {
        "nvlink": "NVLink",
        "same_board": QCoreApplication.translate("GpuTexts", "on the same board"),
        "pcie_switch": QCoreApplication.translate("GpuTexts", "one PCIe switch"),
        "pcie_switches": QCoreApplication.translate("GpuTexts", "PCIe switches"),
        "host_bridge": QCoreApplication.translate("GpuTexts", "PCIe host bridge"),
        "numa_node": QCoreApplication.translate("GpuTexts", "within a NUMA node"),
        "system": QCoreApplication.translate("GpuTexts", "between NUMA nodes"),
    }
    return texts[kind]


def slices_text(gpu: GpuFacts, reading: GpuReading) -> str:
    """A line for each MIG instance: its number, profile, and how much of it is used."""
    used = {one.uuid: one.vram_used_bytes for one in reading.instances}
    return "\n".join(
        f"{gpu_number(gpu.index, one.index)} · {one.profile} · "
        f"{numbers.vram_of(used.get(one.uuid), one.vram_bytes)}"
        for one in gpu.instances
    )
