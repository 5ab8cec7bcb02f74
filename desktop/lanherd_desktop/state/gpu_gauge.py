"""What one GPU's gauge shows."""

from dataclasses import dataclass
from typing import Final

HISTORY_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class GpuGaugeData:
    """None is 'the machine can't tell', and is shown as a dash, never as 0.

    `history` is utilisation in percent, one value a second, oldest first.
    `sick` is empty, or one sentence on what happened and what to do.
    """

    index: int
    name: str = ""
    utilisation_percent: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    vram_ours_bytes: int | None = None
    vram_foreign_bytes: int | None = None
    vram_total_bytes: int | None = None
    history: tuple[float | None, ...] = ()
    sick: str = ""

    @property
    def vram_used_bytes(self) -> int | None:
        if self.vram_ours_bytes is None and self.vram_foreign_bytes is None:
            return None
        return (self.vram_ours_bytes or 0) + (self.vram_foreign_bytes or 0)

    def vram_fractions(self) -> tuple[float, float]:
        """(ours, foreign) of the whole card, each 0..1, together never above 1."""
        total = self.vram_total_bytes
        if not total:
            return (0.0, 0.0)
        ours = min(1.0, max(0.0, (self.vram_ours_bytes or 0) / total))
        foreign = min(1.0 - ours, max(0.0, (self.vram_foreign_bytes or 0) / total))
        return (ours, foreign)
