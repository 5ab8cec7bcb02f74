"""What a run asks of the machine: whether it makes sense at all, field by field, and whether this
machine can ever give it."""

import math
from collections.abc import Sequence

from msgspec import Struct

from lanherd_agent.core.events import GpuCapacity, HostCapacity
from lanherd_agent.core.fields import invalid
from lanherd_agent.core.reasons import disk_size, gb, plural
from lanherd_agent.core.scene import Matching
from lanherd_protocol import limits
from lanherd_protocol.constraints import parse
from lanherd_protocol.errors import ErrorCode, LanherdError, error
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
        )
    if not 0 <= gpus.vram_bytes <= BYTES_MAX:
        raise invalid(
            f"A run can't ask for {gpus.vram_bytes} bytes of VRAM.",
            "Give 0 or more, and no more than a GPU can have.",
            field="gpus.vram_bytes",
        )
    if gpus.count_max and not max(1, gpus.count) <= gpus.count_max <= most:
        raise invalid(
            f"A run can't ask for {gpus.count} to {gpus.count_max} GPUs.",
            f"Give at least the first number, and at most {most}.",
            field="gpus.count_max",
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
        )
    if gpus.where:
        parse(gpus.where)


def _check_host(host: HostRequest) -> None:
    if not (math.isfinite(host.cpu_cores) and 0 <= host.cpu_cores <= CORES_MAX):
        raise invalid(
            f"A run can't be promised {host.cpu_cores:g} CPU cores.",
            "Give 0 or more; parts of one, such as 0.5, will do.",
            field="host.cpu_cores",
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
        raise _impossible(new, said, field="host.cpu_cores")
    for field, needs, has, what in (
        ("host.memory_bytes", wanted.memory_bytes, host.memory_bytes, "memory"),
        ("host.disk_bytes", wanted.disk_bytes, host.disk_bytes, "disk space"),
    ):
        if has and needs > has:
            said = f"{disk_size(needs)} of {what}; the machine has {disk_size(has)}"
            raise _impossible(new, said, field=field)


def _check_gpus_possible(new: NewRun, request: GpuRequest, capacity: Capacity) -> None:
    rules = capacity.rules
    kind = _of_kind(request, capacity.gpus)
    needs = _needs(request)
    suited = [gpu for gpu in kind if gpu.total_bytes >= request.vram_bytes]
    if len(suited) < request.count:
        has = _instances(kind) if request.mig else _inventory(capacity.gpus)
        raise _impossible(
            new,
            f"{needs}; the machine has {has}",
            needs_gpus=request.count,
            needs_bytes=request.vram_bytes,
            gpus=len(kind),
            largest_bytes=max((gpu.total_bytes for gpu in kind), default=0),
        )
    if request.where:
        matching = capacity.matching.matches(request.where)
        suited = [gpu for gpu in suited if gpu.uuid in matching]
        if len(suited) < request.count:
            why = capacity.matching.why_not(request.where, [gpu.uuid for gpu in kind])
            match = "matches" if request.count == 1 else "match"
            said = f"{needs} that {match} {request.where!r}; {len(suited)} of the machine's do"
            raise _impossible(
                new, said + (f": {why}" if why else ""), field="gpus.where", gpus=len(suited)
            )
    allowed = rules.gpus
    if allowed is not None:
        suited = [gpu for gpu in suited if gpu.index in allowed or gpu.uuid in allowed]
    # Some stay free of runs, or are kept for runs of others, whichever they are.
    left = len(_allowed_indexes(capacity)) - rules.keep_free - _kept_for_others(new, capacity)
    left = min(left, len({gpu.index for gpu in suited}))
    least = 1 if request.mig else request.count
    if len(suited) < request.count or left < least:
        said = f"{needs}; the rules of the machine let runs have {max(0, left)} of that kind"
        raise _impossible(new, said, remedy=_RULES, gpus=max(0, left), field="rules")


def _of_kind(request: GpuRequest, gpus: Sequence[GpuCapacity]) -> list[GpuCapacity]:
    if request.mig:
        return [gpu for gpu in gpus if gpu.profile == request.mig]
    sliced = {gpu.index for gpu in gpus if gpu.instance is not None}
    return [gpu for gpu in gpus if gpu.instance is None and gpu.index not in sliced]


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
                gpus_max=share.gpus_max,
            )  # fmt: skip


def _needs(request: GpuRequest) -> str:
    each = f" with {gb(request.vram_bytes)} GB" if request.vram_bytes else ""
    each += " each" if each and request.count > 1 else ""
    if request.mig:
        kinds = (f"MIG instance of {request.mig}", f"MIG instances of {request.mig}")
        return plural(request.count, *kinds) + each
    return plural(request.count, "GPU", "GPUs") + each


def _impossible(
    new: NewRun, said: str, *, remedy: str = _ELSEWHERE, **data: str | int | float
) -> LanherdError:
    subject = f"Run {new.spec.name}" if new.spec.name else "It"
    return error(
        ErrorCode.IMPOSSIBLE_REQUEST,
        "This request can never be met here.",
        f"{subject} asks for {said}.",
        remedy,
        run=new.run,
        **data,
    )


def _instances(gpus: Sequence[GpuCapacity]) -> str:
    if not gpus:
        return "none of them"
    sizes = sorted({gpu.total_bytes for gpu in gpus})
    return f"{len(gpus)} of them, with {' or '.join(map(gb, sizes))} GB"


def _inventory(gpus: Sequence[GpuCapacity]) -> str:
    """Those that are given out whole by their sizes, and how many are not."""
    sizes: dict[str, int] = {}
    for gpu in _of_kind(GpuRequest(), gpus):
        size = gb(gpu.total_bytes)
        sizes[size] = sizes.get(size, 0) + 1
    kinds = [f"{plural(count, 'GPU', 'GPUs')} of {size} GB" for size, count in sizes.items()]
    sliced = len({gpu.index for gpu in gpus if gpu.instance is not None})
    if sliced:
        kinds.append(f"{plural(sliced, 'GPU', 'GPUs')} in MIG instances")
    return " and ".join(kinds) or "no GPU"
