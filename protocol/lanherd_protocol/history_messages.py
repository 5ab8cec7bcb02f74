"""The bodies of the calls about a machine's past readings. Append-only, as `messages.py` is."""

from typing import Literal

from msgspec import Struct

from lanherd_protocol.ids import GpuUuid

GpuMetric = Literal[
    "utilisation_percent", "vram_used_bytes", "vram_ours_bytes", "temperature_c", "power_w"
]
HostMetric = Literal[
    "cpu_percent",
    "load_1m",
    "memory_used_bytes",
    "disk_free_bytes",
    "network_received_bytes_s",
    "network_sent_bytes_s",
]

GPU_METRICS: tuple[GpuMetric, ...] = (
    "utilisation_percent",
    "vram_used_bytes",
    "vram_ours_bytes",
    "temperature_c",
    "power_w",
)
HOST_METRICS: tuple[HostMetric, ...] = (
    "cpu_percent",
    "load_1m",
    "memory_used_bytes",
    "disk_free_bytes",
    "network_received_bytes_s",
    "network_sent_bytes_s",
)


class ReadHistory(Struct, frozen=True, kw_only=True):
    """The past of one GPU, or of the host (`gpu` None), from `since` on, up to `until` or now.

    At most `points_max` points come back; where more were kept, neighbours are taken together.
    """

    since: float
    until: float | None = None
    gpu: GpuUuid | None = None
    points_max: int = 600


class HistoryLine(Struct, frozen=True, kw_only=True):
    """One metric: its mean and its highest value in each step; None where it was not known."""

    metric: str
    means: tuple[float | None, ...] = ()
    peaks: tuple[float | None, ...] = ()


class History(Struct, frozen=True, kw_only=True):
    """`starts` says when each point's step of `step_s` began; a step without a sample has none.

    Values are single precision: about seven digits.
    """

    step_s: float
    starts: tuple[float, ...] = ()
    lines: tuple[HistoryLine, ...] = ()
