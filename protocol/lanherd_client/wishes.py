"""What a run asks of GPUs and of the machine, in the words of a script: texts in, requests out."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from lanherd_client.order_checks import size_of
from lanherd_protocol.constraints import parse
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.limits import GPUS_PER_RUN_MAX
from lanherd_protocol.values import BesideOthers, GpuRequest, HostRequest

GpuCount = int | str
"""A number of GPUs, or from..to as a text such as '1..4': at least one, and up to four if so many
are free."""

BESIDE_OTHERS: tuple[BesideOthers, ...] = get_args(BesideOthers)
_RANGE = re.compile(r"\s*(\d{1,6})\s*(?:\.\.\s*(\d{1,6})\s*)?", re.ASCII)
_PROFILE = re.compile(r"(\d+c\.)?\d+g\.\d+gb(\+\w+(\.\w+)*)*", re.ASCII)
_OF_GPUS = ("where", "linked", "mig", "shared", "beside_others")


def gpu_request(
    gpus: GpuCount, vram: int | str, exclusive: bool, options: Mapping[str, Any]
) -> GpuRequest:
    """The GPUs that a run asks for. Raises `MisuseError`."""
    count, count_max = gpu_range(gpus)
    vram_bytes = size_of(vram, "vram")
    _check_together(count, max(count, count_max), exclusive, options)
    where = options.get("where", "")
    return GpuRequest(
        count=count,
        vram_bytes=vram_bytes,
        exclusive=exclusive,
        count_max=count_max,
        # Read here already: a slip is told where it was written, before anything is sent.
        where=str(parse(where)) if where else "",
        linked=options.get("linked", False),
        mig=_profile(options.get("mig", "")),
        shared=options.get("shared", False),
        beside=_beside(options.get("beside_others", "rule")),
    )


def host_request(options: Mapping[str, Any]) -> HostRequest:
    """What a run asks of the machine beside its GPUs. Raises `MisuseError`."""
    cpus = options.get("cpus", 0)
    if isinstance(cpus, bool) or not isinstance(cpus, int | float) or not 0 <= cpus < 1e6:
        raise _misused(
            "CPU cores are a number, of which a part may be asked for.",
            f"They were given as {cpus!r}.",
            "Write a number, such as cpus=4 or cpus=0.5.",
            refusal="argument_cores",
            given=repr(cpus),
        )
    return HostRequest(
        cpu_cores=float(cpus),
        memory_bytes=size_of(options.get("memory", 0), "memory"),
        disk_bytes=size_of(options.get("disk", 0), "disk"),
    )


def gpu_range(gpus: GpuCount) -> tuple[int, int]:
    """The least and the most (0: no more than that) of '2' or '1..4'. Raises `MisuseError`."""
    if isinstance(gpus, int) and not isinstance(gpus, bool):
        return _count(gpus, gpus), 0
    found = _RANGE.fullmatch(gpus) if isinstance(gpus, str) else None
    if found is None:
        raise _misused(
            "The number of GPUs is a whole number, or from..to.",
            f"It was given as {gpus!r}.",
            "Write a number, such as gpus=1, or gpus='1..4'.",
            refusal="gpu_range",
            given=repr(gpus),
        )
    count = _count(int(found[1]), gpus)
    if found[2] is None:
        return count, 0
    count_max = _count(int(found[2]), gpus)
    if not 1 <= count <= count_max:
        raise _misused(
            "A number of GPUs goes from the least to the most, and begins at 1.",
            f"It was given as {gpus!r}.",
            "Write the smaller number first, such as 1..4.",
            refusal="gpu_range_order",
            given=str(gpus),
        )
    return count, 0 if count_max == count else count_max


def _count(number: int, said: GpuCount) -> int:
    if not 0 <= number <= GPUS_PER_RUN_MAX:
        raise _misused(
            f"A run can ask for 0 to {GPUS_PER_RUN_MAX} GPUs.",
            f"It was given as {said!r}.",
            "Write a number, such as gpus=1, or gpus='1..4'.",
            refusal="gpu_count",
            given=str(said),
            gpus_max=GPUS_PER_RUN_MAX,
        )
    return number


def _check_together(count: int, most: int, exclusive: bool, options: Mapping[str, Any]) -> None:
    said = [word for word in _OF_GPUS if options.get(word) not in (None, "", False, "rule")]
    if said and not count:
        raise _misused(
            "Something is asked of GPUs, and no GPU is asked for.",
            f"Said: {', '.join(said)}.",
            "Say how many GPUs it needs, or leave that out.",
            refusal="wishes_of_no_gpu",
            options=", ".join(said),
        )
    if exclusive and options.get("shared"):
        raise _misused(
            "A GPU is either shared or exclusive.",
            "Both were said.",
            "Leave one of them out.",
            refusal="shared_and_exclusive",
        )
    if options.get("linked") and most < 2:
        raise _misused(
            "Only several GPUs can be linked.",
            "One GPU is asked for.",
            "Ask for more GPUs, or leave 'linked' out.",
            refusal="one_gpu_linked",
        )


def _profile(mig: str) -> str:
    profile = mig.strip().lower()
    if profile and not _PROFILE.fullmatch(profile):
        raise _misused(
            "A MIG slice is named as NVIDIA names it.",
            f"It was given as {mig!r}.",
            "Write a profile, such as 1g.10gb; 'nvidia-smi mig -lgip' lists a machine's.",
            refusal="no_profile",
            given=mig,
        )
    return profile


def _beside(said: str) -> BesideOthers:
    for known in BESIDE_OTHERS:
        if known == said:
            return known
    raise _misused(
        "Beside other people's processes a run waits, or shares what is left.",
        f"It was given as {said!r}.",
        f"Write one of {', '.join(BESIDE_OTHERS)}.",
        refusal="beside_word",
        given=said,
        words=", ".join(BESIDE_OTHERS),
    )


def _misused(title: str, why: str, remedy: str, *, refusal: str, **data: str | int) -> LanherdError:
    return error(ErrorCode.INVALID_REQUEST, title, why, remedy, refusal=refusal, **data)
