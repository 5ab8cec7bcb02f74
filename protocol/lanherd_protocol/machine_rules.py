"""The rules by which a machine's owner lets Lanherd use it: values only.

The agent keeps them as a TOML file; `rules_messages.py` carries that file, and these.
"""

from typing import Literal

from msgspec import Struct

Strategy = Literal["pack", "spread", "coolest", "most_free"]
"""Which GPU of those with room: the fullest, the one with the fewest runs, the coldest, or the one
with the most free VRAM."""


class ShareRule(Struct, frozen=True, kw_only=True):
    """GPUs that are kept for the runs of one user or tag, and the most that they may hold."""

    gpus_min: int = 0
    gpus_max: int | None = None


class MachineRules(Struct, frozen=True, kw_only=True):
    """All rules of one machine; every default is what holds where the file says nothing."""

    gpus: tuple[int | str, ...] | None = None
    """Indices or UUIDs of the GPUs that Lanherd may use; None: all."""
    keep_free: int = 0
    """GPUs that are left without any run of Lanherd's."""
    strategy: Strategy = "pack"
    exclusive_by_default: bool = False
    vram_share_max: float = 1.0
    """No run is added to a GPU if promises would then be above this share of its VRAM."""
    beside_others: Literal["wait", "share"] = "share"
    """What a run does beside processes that Lanherd did not start, unless it says so itself."""
    quiet_s: float = 10.0
    """How long such processes must be gone before their GPU counts as free of them."""
    temperature_c_max: float | None = None
    """A GPU that is hotter takes no new run until it is 3 degrees below this."""
    power_w_max: float | None = None
    """No run is started while all GPUs together draw more."""
    runs_at_once_max: int = 64
    users: dict[str, ShareRule] = {}
    tags: dict[str, ShareRule] = {}
    hours: tuple[str, ...] = ()
    """Local times at which runs may start (`18:00-08:00`, `sat 00:00-24:00`); none: always."""
    over_use: Literal["warn", "stop"] = "warn"
    """What becomes of a run that holds more VRAM than it was promised."""
    failures_max: int = 3
    """Runs that failed in a row on one GPU only, after which it is cordoned; 0: never."""
    failures_backoff_s: float = 600.0
    """A GPU takes no new run for this long after the second failure in a row."""
    backfill: bool = True
    ageing_s: float = 600.0
    """So long a wait counts as much as one step of priority."""
    fair_share: bool = True
    fair_share_half_life_s: float = 86_400.0
    """After this long, GPU time that a user has had counts half."""
