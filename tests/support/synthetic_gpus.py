"""The GPUs of a synthetic room: their facts, and a reading of each."""

from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import GpuFacts, GpuLink, GpuProcess, GpuReading, Reason

GIB = 1 << 30
XID_79 = Reason(
    code="cordon_xid",
    text="The driver reported Xid 79 for it: it fell off the bus.",
    data={"xid": 79, "what": "it fell off the bus"},
    remedy="Reset the GPU or restart the machine, and look at its power and seat. "
    "Release it once it is mended: `lanherd uncordon MACHINE GPU`.",
)
CLOSED_BY_ADA = Reason(
    code="cordon_person",
    text="ada closed it: new fan comes on Monday",
    data={"by": "ada", "why": "new fan comes on Monday"},
    remedy="Release it once it is mended: `lanherd uncordon MACHINE GPU`.",
)


def gpu_id(machine: str, index: int) -> GpuUuid:
    return GpuUuid(f"GPU-{machine}-{index}")


class Card:
    """One GPU of a machine: used VRAM in GiB (ours, not ours), utilisation, heat, power."""

    def __init__(
        self,
        ours: float,
        foreign: float,
        percent: float,
        heat: float,
        power: float,
        sick: str = "",
        cordon: Reason | None = None,
        orphan: RunId | None = None,
    ) -> None:
        self.ours = int(ours * GIB)
        self.foreign = int(foreign * GIB)
        self.percent = percent
        self.heat = heat
        self.power = power
        self.sick = sick
        self.cordon = cordon
        self.orphan = orphan

    def processes(self) -> tuple[GpuProcess, ...]:
        if self.orphan is not None:
            left = GpuProcess(
                pid=31_337, vram_bytes=self.foreign, user="ada", command="python train.py",
                run=self.orphan, orphan=True,
            )  # fmt: skip
            return (left,)
        if not self.foreign:
            return ()
        return (GpuProcess(pid=4242, vram_bytes=self.foreign, user="mallory", command="jupyter"),)


def facts_of(name: str, index: int, model: str, vram_gib: int, simulated: bool) -> GpuFacts:
    return GpuFacts(
        index=index,
        uuid=gpu_id(name, index),
        name=model,
        vram_bytes=vram_gib * GIB,
        simulated=simulated,
        pci_address=f"0000:{index + 1:02X}:00.0",
        compute_capability=(8, 9),
        power_limit_w=450.0,
        power_limit_max_w=600.0,
        persistence=True,
        numa_node=0,
    )


def links_of(count: int) -> tuple[GpuLink, ...]:
    return tuple(
        GpuLink(first=0, second=other, kind="nvlink", nvlinks=4)
        if other == 1
        else GpuLink(first=0, second=other, kind="host_bridge")
        for other in range(1, count)
    )


def reading_of(name: str, index: int, card: Card) -> GpuReading:
    sick = bool(card.sick)
    return GpuReading(
        uuid=gpu_id(name, index),
        utilisation_percent=None if sick else card.percent,
        vram_used_bytes=None if sick else card.ours + card.foreign,
        temperature_c=card.heat,
        power_w=card.power,
        processes=card.processes(),
        problem=card.sick or None,
        vram_ours_bytes=card.ours,
        vram_leased_bytes=card.ours,
        power_limit_w=450.0,
        memory_utilisation_percent=None if sick else round(card.percent * 0.6),
        sm_clock_mhz=None if sick else 2_520,
        memory_clock_mhz=None if sick else 10_501,
        fan_percent=None if sick else card.heat / 2 + 20,
        ecc_errors=None,
        xid=79 if card.cordon is XID_79 else None,
        cordon=card.cordon,
    )
