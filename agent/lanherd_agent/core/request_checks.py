"""What a run asks of the machine: whether it makes sense at all, field by field, and whether this
machine can ever give it."""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from lanherd_agent.core.events import GpuCapacity, HostCapacity
from lanherd_agent.core.fields import invalid
from lanherd_agent.core.gpu_numbers import gpu_number
from lanherd_agent.core.reasons import disk_size, gb, plural
from lanherd_agent.core.scene import Matching
from lanherd_agent.core.vram_words import gb_or_less, vram_size
from lanherd_protocol import limits
from lanherd_protocol.constraints import parse
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import GpuRequest, HostRequest

CORES_MAX = 65_536
BYTES_MAX = 1 << 60
PROFILE_CHARS_MAX = 64
_USUAL_GPUS = GpuRequest()
_USUAL_HOST = HostRequest()
_ELSEWHERE = "Ask for less, or choose another machine."
_RULES = "Ask for less, choose another machine, or ask the owner of this one."


class Capacity(Struct, frozen=True, kw_only=True):
    """What a machine has, and what its owner lets the runs of a user have of it."""

    gpus: Sequence[GpuCapacity]
    matching: Matching
    host: HostCapacity = HostCapacity()
    rules: MachineRules = MachineRules()
    owner: str = ""
    driver_bytes: Mapping[GpuUuid, int] = {}
    """What the driver itself keeps of a GPU, where that is known."""


# --- What makes no sense -------------------------------------------------------------------------


def check_requests(gpus: GpuRequest, host: HostRequest) -> None:
    """Raises INVALID_REQUEST, which names the field and what to do."""
    if host != _USUAL_HOST:
        _check_host(host)
    if gpus == _USUAL_GPUS:
        return
    most = limits.GPUS_PER_RUN_MAX
    if not 0 <= gpus.count <= most:
        raise invalid(
            f"A run can't ask for {plural(gpus.count, 'GPU', 'GPUs')}.",
            f"Ask for 0 to {most} GPUs.",
            field="gpus.count",
            gpus=gpus.count,
            gpus_max=most,
        )
    if not 0 <= gpus.vram_bytes <= BYTES_MAX:
        raise invalid(
            f"A run can't ask for {gpus.vram_bytes} bytes of VRAM.",
            "Give 0 or more, and no more than a GPU can have.",
            field="gpus.vram_bytes",
            asked=str(gpus.vram_bytes),
        )
    if gpus.count_max and not max(1, gpus.count) <= gpus.count_max <= most:
        raise invalid(
            f"A run can't ask for {gpus.count} to {gpus.count_max} GPUs.",
            f"Give at least the first number, and at most {most}.",
            field="gpus.count_max",
            gpus=gpus.count,
            gpus_to=gpus.count_max,
            gpus_max=most,
        )
    if gpus.count == 0:
        raise invalid(
            "The run asks for VRAM or for kinds of GPUs, but for no GPU.",
            "Ask for at least one GPU.",
            field="gpus.count",
        )
    _check_kind(gpus)


def _check_kind(gpus: GpuRequest) -> None:
    if gpus.exclusive and gpus.shared:
        raise invalid(
            "The run asks for GPUs of its own and for shared ones.",
            "Ask for one of the two, or for neither.",
            field="gpus.shared",
        )
    if len(gpus.mig) > PROFILE_CHARS_MAX or gpus.mig != gpus.mig.strip():
        raise invalid(
            f"{gpus.mig[:PROFILE_CHARS_MAX]!r} is no profile of MIG instances.",
            "Give one as nvidia-smi tells it, such as 1g.10gb.",
            field="gpus.mig",
            profile=gpus.mig[:PROFILE_CHARS_MAX],
        )
    if gpus.linked and gpus.mig:
        raise invalid(
            f"The run asks for MIG instances of {gpus.mig} that are linked; instances have no "
            "links to each other.",
            "Ask for whole GPUs, or leave 'linked' out.",
            field="gpus.linked",
            profile=gpus.mig,
        )
    if gpus.where:
        parse(gpus.where)


def _check_host(host: HostRequest) -> None:
    if not (math.isfinite(host.cpu_cores) and 0 <= host.cpu_cores <= CORES_MAX):
        raise invalid(
            f"A run can't be promised {host.cpu_cores:g} CPU cores.",
            "Give 0 or more; parts of one, such as 0.5, will do.",
            field="host.cpu_cores",
            cores=f"{host.cpu_cores:g}",
        )
    for field, size_bytes in (
        ("host.memory_bytes", host.memory_bytes),
        ("host.disk_bytes", host.disk_bytes),
    ):
        if not 0 <= size_bytes <= BYTES_MAX:
            raise invalid(
                f"A run can't be promised {size_bytes} bytes.",
                "Give 0 or more, and no more than a machine can have.",
                field=field,
                asked=str(size_bytes),
            )


# --- What this machine can never give ------------------------------------------------------------


def check_possible(new: NewRun, capacity: Capacity) -> None:
    """Raises IMPOSSIBLE_REQUEST."""
    host, gpus = new.spec.host, new.spec.gpus
    if host != _USUAL_HOST:
        _check_host_possible(new, host, capacity.host)
    if gpus.count:
        _check_gpus_possible(new, gpus, capacity)
        _check_shares(new, gpus, capacity)


def _check_host_possible(new: NewRun, wanted: HostRequest, host: HostCapacity) -> None:
    """Of what isn't known, anything may be asked for."""
    if host.cpu_cores and wanted.cpu_cores > host.cpu_cores:
        said = f"{wanted.cpu_cores:g} CPU cores; the machine has {host.cpu_cores}"
        raise _impossible(
            new, said, field="host.cpu_cores", asks_cores=wanted.cpu_cores, has_cores=host.cpu_cores
        )
    for field, needs, has, what in (
        ("host.memory_bytes", wanted.memory_bytes, host.memory_bytes, "memory"),
        ("host.disk_bytes", wanted.disk_bytes, host.disk_bytes, "disk space"),
    ):
        if has and needs > has:
            said = f"{disk_size(needs)} of {what}; the machine has {disk_size(has)}"
            raise _impossible(new, said, field=field, asks_bytes=needs, has_bytes=has)


def _check_gpus_possible(new: NewRun, request: GpuRequest, capacity: Capacity) -> None:
    kind = _of_kind(request, capacity.gpus)
    suited = _large_enough(new, request, capacity, kind)
    if request.where:
        matching = capacity.matching.matches(request.where)
        suited = [gpu for gpu in suited if gpu.uuid in matching]
        if len(suited) < request.count:
            found = sum(gpu.uuid in matching for gpu in kind)
            raise _no_match(new, request, capacity, kind, found, len(suited))
    rules = capacity.rules
    allowed = rules.gpus
    if allowed is not None:
        suited = [gpu for gpu in suited if gpu.index in allowed or gpu.uuid in allowed]
    # Some stay free of runs, or are kept for runs of others, whichever they are.
    left = len(_allowed_indexes(capacity)) - rules.keep_free - _kept_for_others(new, capacity)
    left = min(left, len({gpu.index for gpu in suited}))
    least = 1 if request.mig else request.count
    if len(suited) < request.count or left < least:
        left = max(0, left)
        said = f"{_needs(request)}; the rules of the machine let runs have {left} of that kind"
        raise _impossible(new, said, remedy=_RULES, field="rules", gpus=left, request=request)


def _large_enough(
    new: NewRun, request: GpuRequest, capacity: Capacity, kind: Sequence[GpuCapacity]
) -> list[GpuCapacity]:
    """The GPUs that would hold such a run if nobody were on them, of which there are enough."""
    needs = _needs(request)
    large = [gpu for gpu in kind if gpu.total_bytes >= request.vram_bytes]
    if len(large) < request.count:
        raise _impossible(
            new,
            f"{needs}; the machine has {_instances(kind) if request.mig else _inventory(capacity)}",
            needs_gpus=request.count,
            needs_bytes=request.vram_bytes,
            profile=request.mig,
            gpus=len(kind),
            largest_bytes=max((gpu.total_bytes for gpu in kind), default=0),
            kinds=", ".join(f"{count} × {size} GB" for size, count in _sizes(kind).items()),
            gpus_in_instances=0 if request.mig else len(_sliced(capacity.gpus)),
        )
    most = {gpu.uuid: gpu.total_bytes - capacity.driver_bytes.get(gpu.uuid, 0) for gpu in large}
    suited = [gpu for gpu in large if most[gpu.uuid] >= request.vram_bytes]
    if len(suited) < request.count:
        # As much as enough of them have.
        nth = sorted(large, key=lambda gpu: -most[gpu.uuid])[request.count - 1]
        kept = capacity.driver_bytes[nth.uuid]
        number = gpu_number(nth.index, nth.instance)
        remedy = f"Ask for {gb_or_less(most[nth.uuid])}, or choose another machine."
        raise _impossible(
            new,
            f"{needs}; of GPU {number}, which has {gb(nth.total_bytes)} GB, the driver itself "
            f"keeps {vram_size(kept)}",
            remedy=remedy,
            field="gpus.vram_bytes",
            gpu=number,
            total_bytes=nth.total_bytes,
            driver_bytes=kept,
            most_bytes=most[nth.uuid],
            request=request,
        )
    return suited


def _no_match(
    new: NewRun,
    request: GpuRequest,
    capacity: Capacity,
    kind: Sequence[GpuCapacity],
    found: int,
    suited: int,
) -> LanherdError:
    """`found` of the kind match, and `suited` of those are large enough."""
    what = ("MIG instance", "MIG instances") if request.mig else ("GPU", "GPUs")
    if not request.mig and _sliced(capacity.gpus):
        what = ("whole GPU", "whole GPUs")
    if found < request.count:
        why = capacity.matching.why_not(request.where, [gpu.uuid for gpu in kind])
        end = f": {why}" if why else ""
    else:
        why, end = "", f", and {suited or 'none'} of them {_has(suited)} as much VRAM"
    do = "do" if found > 1 else "does"
    said = (
        f"{_needs(request)} that {'matches' if request.count == 1 else 'match'} {request.where!r}; "
        f"{found or 'none'} of the machine's {plural(len(kind), *what)} {do}{end}"
    )
    return _impossible(
        new,
        said,
        field="gpus.where",
        where=request.where,
        gpus=found,
        gpus_large_enough=suited,
        gpus_of_kind=len(kind),
        why=why,
        request=request,
    )


def _has(count: int) -> str:
    return "have" if count > 1 else "has"


def _of_kind(request: GpuRequest, gpus: Sequence[GpuCapacity]) -> list[GpuCapacity]:
    if request.mig:
        return [gpu for gpu in gpus if gpu.profile == request.mig]
    sliced = _sliced(gpus)
    return [gpu for gpu in gpus if gpu.instance is None and gpu.index not in sliced]


def _sliced(gpus: Sequence[GpuCapacity]) -> set[int]:
    """The GPUs that are given out in instances."""
    return {gpu.index for gpu in gpus if gpu.instance is not None}


def _allowed_indexes(capacity: Capacity) -> set[int]:
    allowed = capacity.rules.gpus
    return {
        gpu.index
        for gpu in capacity.gpus
        if allowed is None or gpu.index in allowed or gpu.uuid in allowed
    }


def _kept_for_others(new: NewRun, capacity: Capacity) -> int:
    rules = capacity.rules
    users = [share for user, share in rules.users.items() if user != capacity.owner]
    tags = [share for tag, share in rules.tags.items() if tag not in new.settings.tags]
    return sum(share.gpus_min for share in [*users, *tags])


def _check_shares(new: NewRun, request: GpuRequest, capacity: Capacity) -> None:
    shares: list[tuple[str, str, ShareRule]] = []
    rules = capacity.rules
    if capacity.owner in rules.users:
        shares.append(("user", capacity.owner, rules.users[capacity.owner]))
    shares += [("tag", tag, rules.tags[tag]) for tag in new.settings.tags if tag in rules.tags]
    least = 1 if request.mig else request.count
    for kind, name, share in shares:
        if share.gpus_max is not None and share.gpus_max < least:
            whose = f"the tag {name}" if kind == "tag" else name
            said = f"{_needs(request)}; runs of {whose} may have {share.gpus_max} here"
            raise _impossible(
                new, said, remedy=_RULES, field="rules", kind=kind, name=name,
                gpus_max=share.gpus_max, request=request
            )  # fmt: skip


def _needs(request: GpuRequest) -> str:
    each = f" with {gb(request.vram_bytes)} GB" if request.vram_bytes else ""
    each += " each" if each and request.count > 1 else ""
    if request.mig:
        kinds = (f"MIG instance of {request.mig}", f"MIG instances of {request.mig}")
        return plural(request.count, *kinds) + each
    return plural(request.count, "GPU", "GPUs") + each


def _impossible(
    new: NewRun,
    said: str,
    *,
    remedy: str = _ELSEWHERE,
    request: GpuRequest | None = None,
    **data: str | int | float,
) -> LanherdError:
    if request is not None:
        data["asks_gpus"] = request.count
        data["asks_bytes"] = request.vram_bytes
        data["asks_profile"] = request.mig
    subject = f"Run {new.spec.name}" if new.spec.name else "It"
    return error(
        ErrorCode.IMPOSSIBLE_REQUEST,
        "This request can never be met here.",
        f"{subject} asks for {said}.",
        remedy,
        run=new.run,
        run_name=new.spec.name,
        **data,
    )


def _instances(gpus: Sequence[GpuCapacity]) -> str:
    if not gpus:
        return "none of them"
    sizes = [f"{size} GB" for size in _sizes(gpus)]
    return f"{len(gpus)} of them, with {' or '.join(sizes)}{' each' if len(gpus) > 1 else ''}"


def _inventory(capacity: Capacity) -> str:
    """Those that are given out whole by their sizes, and how many are not."""
    sizes = _sizes(_of_kind(GpuRequest(), capacity.gpus))
    kinds = [f"{plural(count, 'GPU', 'GPUs')} of {size} GB" for size, count in sizes.items()]
    sliced = len(_sliced(capacity.gpus))
    if sliced:
        kinds.append(f"{plural(sliced, 'GPU', 'GPUs')} in MIG instances")
    return " and ".join(kinds) or "no GPU"


def _sizes(gpus: Sequence[GpuCapacity]) -> dict[str, int]:
    """How many there are of each size."""
    sizes: dict[str, int] = {}
    for gpu in gpus:
        size = gb(gpu.total_bytes)
        sizes[size] = sizes.get(size, 0) + 1
    return sizes
