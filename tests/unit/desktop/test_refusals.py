"""What machines refuse, in the language of the window: made by the agent's own checks."""

import re
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QApplication

from lanherd_agent.core import admission, fields, request_checks
from lanherd_agent.core.events import GpuCapacity, HostCapacity
from lanherd_agent.core.retention import check_rules
from lanherd_agent.core.rules import Rules
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.views.words import REFUSALS, failure_texts
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import (
    Dependency,
    GpuRequest,
    HostRequest,
    LockedEnvironment,
    RetentionRule,
    RetentionRules,
    RetryRule,
    RunGroup,
    RunSettings,
    RunSpec,
)
from tests.support.synthetic_room import GIB, gpu_id, run_id

NAMES = {"GPU", "GPUs", "VRAM", "MIG", "CPU", "GB", "TB", "bytes", "nvidia", "smi", "NUMA", "ID"}
NAMES |= {"sm", "vram", "nice", "root", "UUID", "and", "KB", "MB", "SIGKILL"}
SPEC = RunSpec(name="扫描", command=("true",))
MANY = "长" * 10_000


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


def checked(spec: RunSpec = SPEC, **settings: object) -> Callable[[], object]:
    new = NewRun(run=run_id(1), spec=spec, settings=replace(RunSettings(), **settings))
    return lambda: admission.check_runs([new], None, Rules())


def kept(*rules: RetentionRule, disk: int | None = None, **more: int) -> Callable[[], object]:
    reachable = more.pop("reachable", None)
    given = replace(RetentionRules(rules=rules), **more)
    return lambda: check_rules(given, disk, reachable)


def asked(host: HostRequest | None = None, **gpus: object) -> Callable[[], object]:
    request = replace(GpuRequest(), **gpus)
    return lambda: request_checks.check_requests(request, host or HostRequest())


def possible(
    gpus: GpuRequest | None = None,
    host: HostRequest | None = None,
    rules: MachineRules | None = None,
    driver: int = 0,
) -> Callable[[], object]:
    card = GpuCapacity(index=0, uuid=gpu_id("kepler", 0), total_bytes=24 * GIB)
    capacity = request_checks.Capacity(
        gpus=(card,),
        matching=Nothing(),
        host=HostCapacity(cpu_cores=8, memory_bytes=8 * GIB, disk_bytes=8 * GIB),
        rules=rules or MachineRules(),
        owner="阿达",
        driver_bytes={card.uuid: driver} if driver else {},
    )
    spec = replace(SPEC, gpus=gpus or GpuRequest(), host=host or HostRequest())
    new = NewRun(run=run_id(1), spec=spec, settings=RunSettings(tags=("快",)))
    return lambda: request_checks.check_possible(new, capacity)


class Nothing:
    """No GPU matches anything."""

    def matches(self, where: str) -> frozenset[str]:
        return frozenset()

    def why_not(self, where: str, gpus: object) -> str:
        return ""


RULE = RetentionRule(runs_max=5)
REFUSED = {
    "niceness": checked(replace(SPEC, niceness=99)),
    "priority": checked(priority=10**9),
    "notes": checked(notes=MANY),
    "tags": checked(tags=("a",) * 2),
    "name": checked(replace(SPEC, name=MANY)),
    "snapshot": checked(replace(SPEC, snapshot="x")),
    "environment": checked(
        replace(SPEC, environment=LockedEnvironment(lock_path="uv.lock", lock_hash="0" * 64))
    ),
    "group.name": checked(replace(SPEC, group=RunGroup(name=""))),
    "group.key": checked(replace(SPEC, group=RunGroup(name="a", key=MANY))),
    "time limit": checked(replace(SPEC, time_limit_s=-1.0)),
    "attempts": checked(replace(SPEC, retry=RetryRule(attempts_max=0))),
    "backoff": checked(replace(SPEC, retry=RetryRule(attempts_max=2, backoff_s=-1.0))),
    "backoff most": checked(replace(SPEC, retry=RetryRule(attempts_max=2, backoff_s_max=-1.0))),
    "factor": checked(replace(SPEC, retry=RetryRule(attempts_max=2, backoff_factor=0.5))),
    "dependencies": checked(
        replace(
            SPEC,
            dependencies=tuple(Dependency(run=run_id(n), kind="after") for n in range(2, 900)),
        )
    ),
    "log": checked(replace(SPEC, log=replace(SPEC.log, bytes_max=1))),
    "secrets": checked(replace(SPEC, secrets=("A", "A"))),
    "runs": lambda: admission.check_runs([], None, Rules()),
    "grace": lambda: fields.check_grace(-1.0, Rules()),
    "gpus": asked(count=-1),
    "no gpu": asked(count=0, vram_bytes=GIB),
    "vram": asked(count=1, vram_bytes=-1),
    "gpus to": asked(count=3, count_max=2),
    "both": asked(count=1, exclusive=True, shared=True),
    "profile": asked(count=1, mig=" 1g"),
    "linked": asked(count=1, mig="1g.5gb", linked=True),
    "constraint": asked(count=1, where="vram >="),
    "cores": asked(HostRequest(cpu_cores=-1.0)),
    "memory": asked(HostRequest(memory_bytes=-1)),
    "disk": asked(HostRequest(disk_bytes=-1)),
    "too many rules": kept(*(RetentionRule(project=f"p{n}", runs_max=1) for n in range(2_000))),
    "two rules": kept(replace(RULE, project="项目"), replace(RULE, project="项目")),
    "two rules for all": kept(RULE, RULE),
    "no bound": kept(RetentionRule()),
    "zero": kept(RetentionRule(runs_max=0)),
    "below zero": kept(RetentionRule(runs_max=-1)),
    "space": kept(low_disk_bytes=-1),
    "below low": kept(low_disk_bytes=2 * GIB, free_bytes_min=GIB),
    "above disk": kept(disk=GIB, low_disk_bytes=2 * GIB),
    "out of reach": kept(low_disk_bytes=GIB, free_bytes_min=9 * GIB, reachable=2 * GIB),
    "has cores": possible(host=HostRequest(cpu_cores=9.0)),
    "has memory": possible(host=HostRequest(memory_bytes=9 * GIB)),
    "has disk": possible(host=HostRequest(disk_bytes=9 * GIB)),
    "has gpus": possible(GpuRequest(count=2, vram_bytes=GIB)),
    "driver": possible(GpuRequest(count=1, vram_bytes=24 * GIB), driver=GIB),
    "where": possible(GpuRequest(count=1, where="sm >= 90")),
    "rules": possible(GpuRequest(count=1), rules=MachineRules(keep_free=1)),
    "user": possible(
        GpuRequest(count=1), rules=MachineRules(users={"阿达": ShareRule(gpus_max=0)})
    ),
    "tag": possible(GpuRequest(count=1), rules=MachineRules(tags={"快": ShareRule(gpus_max=0)})),
}


def refused(ask: Callable[[], object]) -> Failure:
    with pytest.raises(LanherdError) as caught:
        ask()
    return caught.value.failure


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("ask", REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_is_chinese_and_says_its_values(ask: Callable[[], object]) -> None:
    failure = refused(ask)
    texts = failure_texts(failure)
    assert all(texts), "what happened, why, and what next"
    whole = "".join(texts)
    words = set(re.findall(r"(?<![A-Za-z0-9])[A-Za-z]{2,}", whole)) - NAMES
    assert not words and "{" not in whole, whole


@pytest.mark.usefixtures("chinese")
def test_the_values_are_in_their_places() -> None:
    _, why, what_next = failure_texts(refused(REFUSED["below low"]))
    assert why.startswith("应保持 1 GB 空闲，但低于 2 GB 时不启动运行")
    _, why, what_next = failure_texts(refused(REFUSED["driver"]))
    assert "GPU 0 共有 24 GB" in why and what_next.startswith("请请求 23 GB 或更少")
    assert "项目 项目 有两条规则" in failure_texts(refused(REFUSED["two rules"]))[1]
    assert "针对所有运行" in failure_texts(refused(REFUSED["two rules for all"]))[1]


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: str(one.told))
def test_every_refusal_is_found_by_its_values(refusal: object) -> None:
    assert hasattr(refusal, "whys")
    named = {name for why in refusal.whys for name in re.findall(r"\{(\w+)\}", why)}
    named |= set(re.findall(r"\{(\w+)\}", refusal.what_next))
    data = {
        **dict.fromkeys(named, 7),
        **{f"{name}_bytes": 7 for name in named},
        **{key: value or 7 for key, value in refusal.told.items()},
    }
    data.update({name: "七" for name in ("run", "other", "kind") if name in data})
    failure = Failure(code=refusal.code, title="No.", data={**data, **{
        key: value for key, value in refusal.told.items() if value
    }})  # fmt: skip
    title, why, what_next = failure_texts(failure)
    assert title and why and what_next and "No." not in why


def test_english_stays_the_machine_s_own(qapp: QApplication) -> None:
    failure = refused(REFUSED["zero"])
    assert failure_texts(failure) == (failure.title, failure.message, failure.remedy)
