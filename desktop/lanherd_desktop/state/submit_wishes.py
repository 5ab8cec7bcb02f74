"""What a new run wishes of its GPUs and of the machine beside them, and what is wrong with it."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from lanherd_client.sizes import format_size, parse_size
from lanherd_protocol.constraints import parse
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.limits import GPUS_PER_RUN_MAX
from lanherd_protocol.values import BesideOthers, HostRequest, RunSpec

WishField = Literal["gpus_max", "where", "mig", "share", "cpus", "memory", "disk"]
WishCode = Literal["fewer", "no_gpu", "constraint", "profile", "alone", "cpus", "size"]
CPUS_MAX: Final = 4096.0
_PROFILE: Final = re.compile(r"(\d+c\.)?\d+g\.\d+gb(\+\w+(\.\w+)*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class WishesForm:
    """The fields as they stand. `gpus_max` 0: as many as are asked for at least."""

    gpus_max: int = 0
    where: str = ""
    linked: bool = False
    mig: str = ""
    shared: bool = False
    beside: BesideOthers = "rule"
    cpus: str = ""
    memory: str = ""
    disk: str = ""


@dataclass(frozen=True, slots=True)
class WishProblem:
    """What is wrong with one wish; of a constraint also why it can't be read."""

    field: WishField
    code: WishCode
    failure: Failure | None = None

    @property
    def column(self) -> int:
        """Where it is wrong, counted from 1; 0 if that isn't said."""
        return 0 if self.failure is None else int(self.failure.data.get("column", 0))


@dataclass(frozen=True, slots=True)
class Wishes:
    """Wishes that can be sent."""

    gpus_max: int = 0
    where: str = ""
    linked: bool = False
    mig: str = ""
    shared: bool = False
    beside: BesideOthers = "rule"
    host: HostRequest = field(default_factory=HostRequest)


def check_wishes(form: WishesForm, gpus: int, exclusive: bool) -> Wishes | tuple[WishProblem, ...]:
    """Beside a request for that many GPUs; or every problem."""
    problems: list[WishProblem] = []
    if form.gpus_max and not gpus <= form.gpus_max <= GPUS_PER_RUN_MAX:
        problems.append(WishProblem("gpus_max", "fewer"))
    problems.extend(_where_problems(form.where))
    mig = form.mig.strip().lower()
    if mig and not _PROFILE.fullmatch(mig):
        problems.append(WishProblem("mig", "profile"))
    if form.shared and exclusive:
        problems.append(WishProblem("share", "alone"))
    of_gpus = form.gpus_max or form.where.strip() or form.linked or mig or form.shared
    if not gpus and of_gpus:
        problems.append(WishProblem("where" if form.where.strip() else "gpus_max", "no_gpu"))
    cpus = _cores(form.cpus, problems)
    memory = _size("memory", form.memory, problems)
    disk = _size("disk", form.disk, problems)
    if problems:
        return tuple(problems)
    return Wishes(
        gpus_max=form.gpus_max if form.gpus_max > gpus else 0,
        where=form.where.strip(),
        linked=form.linked,
        mig=mig,
        shared=form.shared,
        beside=form.beside,
        host=HostRequest(cpu_cores=cpus, memory_bytes=memory, disk_bytes=disk),
    )


def _where_problems(text: str) -> tuple[WishProblem, ...]:
    if not text.strip():
        return ()
    try:
        parse(text)
    except LanherdError as problem:
        return (WishProblem("where", "constraint", problem.failure),)
    return ()


def _cores(text: str, problems: list[WishProblem]) -> float:
    if not text.strip():
        return 0.0
    try:
        cores = float(text)
    except ValueError:
        cores = -1.0
    if not 0 <= cores <= CPUS_MAX:
        problems.append(WishProblem("cpus", "cpus"))
    return cores


def _size(where: Literal["memory", "disk"], text: str, problems: list[WishProblem]) -> int:
    if not text.strip():
        return 0
    try:
        return parse_size(text)
    except ValueError:
        problems.append(WishProblem(where, "size"))
        return 0


def wishes_of_run(spec: RunSpec) -> WishesForm:
    """Wishes that ask for the same again."""
    gpus, host = spec.gpus, spec.host
    return WishesForm(
        gpus_max=gpus.count_max,
        where=gpus.where,
        linked=gpus.linked,
        mig=gpus.mig,
        shared=gpus.shared,
        beside=gpus.beside,
        cpus=f"{host.cpu_cores:g}" if host.cpu_cores else "",
        memory=format_size(host.memory_bytes) if host.memory_bytes else "",
        disk=format_size(host.disk_bytes) if host.disk_bytes else "",
    )
