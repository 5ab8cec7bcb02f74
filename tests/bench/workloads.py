"""Five fixed sets of 2,000 runs on which ways to place are compared.

Each is made from its own seed; `DIGESTS` holds what came out when it was fixed, so that a set can't
change unnoticed. Times are seconds from the first submit.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

RUNS = 2_000


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a set: when it comes, how long it takes, and what it asks for."""

    arrives_s: float
    takes_s: float
    limit_s: float | None
    gpus: int
    vram_gb: int
    exclusive: bool
    user: str


@dataclass(frozen=True, slots=True)
class Workload:
    """A set. `tight`: work divided by capacity can nearly be reached, so that it judges."""

    name: str
    gpus_gb: tuple[int, ...]
    jobs: tuple[Job, ...]
    tight: bool
    about: str


def all_workloads() -> Iterator[Workload]:
    """All five. Raises if one is not what was fixed."""
    for name, make in _MAKERS.items():
        workload = make(random.Random(f"lanherd placement {name}"), name)
        found = digest(workload)
        if found != DIGESTS[name]:
            raise ValueError(f"the workload {name} has changed: {found}")
        yield workload


def digest(workload: Workload) -> str:
    text = repr((workload.gpus_gb, workload.jobs))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _limit(chance: random.Random, takes_s: float) -> float | None:
    """People round up, and some say nothing."""
    if chance.random() < 0.1:
        return None
    return round(takes_s * chance.uniform(1.05, 2.0) + 30)


def _takes(chance: random.Random, median_s: float, spread: float = 1.0) -> float:
    return round(min(max(chance.lognormvariate(0, spread) * median_s, 5.0), 20 * median_s), 3)


def _job(
    chance: random.Random,
    arrives_s: float,
    takes_s: float,
    gpus: int,
    *,
    vram_gb: int = 0,
    user: str = "ada",
) -> Job:
    limit_s = _limit(chance, takes_s)
    return Job(round(arrives_s, 3), takes_s, limit_s, gpus, vram_gb, vram_gb == 0, user)


def _small(chance: random.Random, name: str) -> Workload:
    """Many little runs that share GPUs."""
    at, jobs = 0.0, []
    for _ in range(RUNS):
        at += chance.expovariate(1 / 9)
        jobs.append(_job(chance, at, _takes(chance, 600), 1, vram_gb=chance.choice((2, 3, 4, 6))))
    return Workload(name, (24,) * 8, tuple(jobs), True, "shared GPUs, 2 to 6 GB each")


def _mixed(chance: random.Random, name: str) -> Workload:
    """GPUs of three sizes, and runs that fit only some of them."""
    at, jobs = 0.0, []
    sizes = (4, 8, 10, 16, 20, 30, 40, 60, 76)
    for _ in range(RUNS):
        at += chance.expovariate(1 / 45)
        vram_gb = chance.choices(sizes, (20, 20, 15, 12, 10, 8, 6, 5, 4))[0]
        jobs.append(_job(chance, at, _takes(chance, 900), 1, vram_gb=vram_gb))
    gpus_gb = (24, 24, 24, 24, 48, 48, 80, 80)
    return Workload(name, gpus_gb, tuple(jobs), False, "mixed GPUs, 4 to 76 GB each")


def _whole(chance: random.Random, name: str) -> Workload:
    """Whole GPUs, from one to all of them."""
    at, jobs = 0.0, []
    for _ in range(RUNS):
        at += chance.expovariate(1 / 210)
        count = chance.choices((1, 2, 4, 8), (60, 20, 15, 5))[0]
        jobs.append(_job(chance, at, _takes(chance, 600, 1.2), count))
    return Workload(name, (80,) * 8, tuple(jobs), True, "1 to 8 whole GPUs")


def _bursts(chance: random.Random, name: str) -> Workload:
    """Three people who each send a hundred at once."""
    jobs = []
    for burst in range(RUNS // 100):
        user = ("ada", "grace", "mary")[burst % 3]
        at = burst * 2_400 + chance.uniform(0, 600)
        for number in range(100):
            takes_s = _takes(chance, 500, 0.7)
            vram_gb = chance.choice((0, 0, 10, 22))
            jobs.append(_job(chance, at + number / 1000, takes_s, 1, vram_gb=vram_gb, user=user))
    return Workload(name, (24,) * 8, tuple(jobs), False, "a hundred at once, three people")


def _cut(chance: random.Random, name: str) -> Workload:
    """A full plan of eight GPUs, cut into runs and shuffled: its bound is its best."""
    pieces: list[tuple[float, int]] = [(200_000.0, 8)]
    while len(pieces) < RUNS:
        pieces.sort(key=lambda piece: piece[0] * piece[1])
        takes_s, count = pieces.pop()
        if count > 1 and (takes_s < 600 or chance.random() < 0.5):
            left = chance.randint(1, count - 1)
            pieces += [(takes_s, left), (takes_s, count - left)]
        else:
            share = chance.uniform(0.3, 0.7)
            pieces += [(takes_s * share, count), (takes_s * (1 - share), count)]
    chance.shuffle(pieces)
    jobs = [_job(chance, 0.0, round(takes_s, 3), count) for takes_s, count in pieces]
    return Workload(name, (80,) * 8, tuple(jobs), True, "a full plan, cut up and shuffled")


_MAKERS: dict[str, Callable[[random.Random, str], Workload]] = {
    "small": _small,
    "mixed": _mixed,
    "whole": _whole,
    "bursts": _bursts,
    "cut": _cut,
}
DIGESTS: dict[str, str] = {
    "small": "e632fb8cc9d3da5e",
    "mixed": "2313bd004980541d",
    "whole": "915a2e31d099442c",
    "bursts": "8d6f99f631461d6f",
    "cut": "a7d25c1c979587bc",
}
