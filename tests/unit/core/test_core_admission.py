"""What is refused at submit, and with which words."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from lanherd_agent.core.admission import check_runs
from lanherd_agent.core.events import GpuCapacity, HostCapacity, ReadingsTaken
from lanherd_agent.core.matching import Matching
from lanherd_agent.core.request_checks import Capacity, check_requests
from lanherd_agent.core.rules import Rules
from lanherd_protocol import limits
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import RunId, SnapshotId
from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import (
    Dependency,
    GpuRequest,
    HostRequest,
    LogRule,
    RetryRule,
    RunGroup,
    RunSettings,
    RunSpec,
    StopRule,
)
from tests.simulation.making import (
    GB,
    LOCKED,
    PLAIN,
    PROJECT,
    after,
    gpu,
    gpu_spec,
    new,
    run_id,
    tried,
)
from tests.unit.core.scenes import instances

NAN, INF, TOO_LONG = float("nan"), float("inf"), limits.TIME_LIMIT_S_MAX * 1.01


def capacity(gpus: Sequence[GpuCapacity], **more: Any) -> Capacity:
    matching = Matching()
    matching.see(ReadingsTaken(gpus=tuple(gpus), host=more.get("host", HostCapacity())))
    return Capacity(gpus=gpus, matching=matching, owner="ann", **more)


def refusal(*runs: NewRun, gpus: Sequence[GpuCapacity] | None = None, **more: Any) -> LanherdError:
    with pytest.raises(LanherdError) as refused:
        check_runs(runs, None if gpus is None else capacity(gpus, **more), Rules())
    return refused.value


def test_every_field_may_be_at_its_bounds() -> None:
    spec = RunSpec(
        command=("true",),
        time_limit_s=limits.TIME_LIMIT_S_MAX,
        stop=StopRule(signal="KILL", grace_s=0),
        retry=RetryRule(
            attempts_max=limits.ATTEMPTS_PER_RUN_MAX,
            on=("failed", "lost", "timed_out"),
            exit_codes=(1, 255),
            signals=(1, 64),
            backoff_s=limits.BACKOFF_S_MAX,
            backoff_s_max=limits.BACKOFF_S_MAX,
            backoff_factor=limits.BACKOFF_FACTOR_MAX,
            jitter=1,
        ),
        dependencies=(Dependency(run=run_id(9)),),
        directory="/" + "a" * (limits.PATH_BYTES_MAX - 1),
        niceness=limits.NICENESS_MAX,
        pre_command=("true",),
        post_command=("true",),
        log=LogRule(split=True, bytes_max=limits.LOG_CAP_BYTES_MIN),
        secrets=("_A1", "TOKEN"),
        restart_of=run_id(8),
        group=RunGroup(name="n" * limits.RUN_NAME_CHARS_MAX, key="k" * limits.GROUP_KEY_CHARS_MAX),
    )
    settings = RunSettings(
        priority=-limits.PRIORITY_MAX,
        held=True,
        tags=tuple(f"tag {n}" for n in range(limits.TAGS_PER_RUN_MAX)),
        notes="\n" * limits.NOTES_CHARS_MAX,
        pinned=True,
    )
    check_runs([new(1, spec, settings)], None, Rules())
    check_runs([new(1, replace(PLAIN, directory="src/deep"))], None, Rules())
    check_runs([new(1, replace(PLAIN, log=LogRule(split=True)))], None, Rules())


def test_what_can_be_taken() -> None:
    variables = {"A": "1", "B": ""}
    check_runs(
        [
            new(1, PROJECT),
            new(2, gpu_spec(24, count=2)),
            new(3, RunSpec(command=("true",), variables=variables)),
            new(4, gpu_spec()),
        ],
        capacity([gpu(0), gpu(1)]),
        Rules(),
    )
    check_runs([new(1, gpu_spec(999))], None, Rules())


@pytest.mark.parametrize(
    "broken",
    [
        RunSpec(command=()),
        RunSpec(command=("",)),
        RunSpec(command=("a\0b",)),
        RunSpec(command=("a",) * (limits.COMMAND_ARGUMENTS_MAX + 1)),
        RunSpec(command=("a" * limits.COMMAND_BYTES_MAX,)),
        RunSpec(command=("true",), name="n" * (limits.RUN_NAME_CHARS_MAX + 1)),
        RunSpec(command=("true",), group=RunGroup(name="")),
        RunSpec(command=("true",), group=RunGroup(name="a\nb")),
        RunSpec(command=("true",), group=RunGroup(name="n" * (limits.RUN_NAME_CHARS_MAX + 1))),
        RunSpec(
            command=("true",), group=RunGroup(name="n", key="k" * (limits.GROUP_KEY_CHARS_MAX + 1))
        ),
        RunSpec(command=("true",), variables={"": "x"}),
        RunSpec(command=("true",), variables={"A=B": "x"}),
        RunSpec(command=("true",), variables={"A": "\0"}),
        RunSpec(command=("true",), variables={"A\0": ""}),
        RunSpec(command=("true",), variables={"A": "x" * limits.COMMAND_BYTES_MAX}),
        RunSpec(
            command=("true",),
            variables={f"A{n}": "" for n in range(limits.RUN_ENV_VARIABLES_MAX + 1)},
        ),
        RunSpec(command=("true",), snapshot=SnapshotId("../..")),
        RunSpec(command=("true",), environment=LOCKED),
        RunSpec(command=("true",), gpus=GpuRequest(count=-1)),
        RunSpec(command=("true",), gpus=GpuRequest(count=limits.GPUS_PER_RUN_MAX + 1)),
        RunSpec(command=("true",), gpus=GpuRequest(count=1, vram_bytes=-1)),
        RunSpec(command=("true",), gpus=GpuRequest(vram_bytes=1)),
        RunSpec(command=("true",), gpus=GpuRequest(exclusive=True)),
        *(
            RunSpec(command=("true",), gpus=GpuRequest(**wanted))
            for wanted in (
                {"count": 1, "vram_bytes": 1 << 61}, {"count": 2, "count_max": 1},
                {"count": 1, "count_max": -1}, {"count": 1, "count_max": 65}, {"count_max": 2},
                {"linked": True}, {"mig": "1g.10gb"}, {"beside": "wait"}, {"where": "sm >= 80"},
                {"count": 1, "exclusive": True, "shared": True}, {"count": 1, "mig": " 1g"},
                {"count": 1, "mig": "1" * 65}, {"count": 1, "where": "vrm > 1GB"},
            )
        ),
        *(
            replace(PLAIN, host=HostRequest(**wanted))
            for wanted in (
                {"cpu_cores": -1.0}, {"cpu_cores": NAN}, {"cpu_cores": INF}, {"cpu_cores": 1e6},
                {"memory_bytes": -1}, {"memory_bytes": 1 << 61}, {"disk_bytes": -1},
            )
        ),
        *(replace(PLAIN, time_limit_s=limit_s) for limit_s in (0, -1, NAN, INF, TOO_LONG)),
        *(replace(PLAIN, niceness=niceness) for niceness in (-1, 20)),
        *(replace(PLAIN, stop=StopRule(grace_s=grace_s)) for grace_s in (-1, NAN, INF, 1e9)),
        *(replace(PLAIN, restart_of=RunId(run)) for run in ("", "x")),
        replace(PLAIN, pre_command=("",)),
        replace(PLAIN, post_command=("a\0",)),
        *(
            replace(PLAIN, directory=path)
            for path in ("..", "a/../b", "a//b", "a/", "./a", "a\\b", "/a\0", "/" + "a" * 4096)
        ),
        *(
            replace(PLAIN, log=LogRule(bytes_max=most))
            for most in (0, -1, limits.LOG_CAP_BYTES_MIN - 1, limits.LOG_CAP_BYTES_MAX + 1)
        ),
        *(
            replace(PLAIN, secrets=names)
            for names in (
                ("",), ("1A",), ("A-B",), ("A/B",), ("Ä",), ("A\n",), ("A", "A"),
                ("A" * 256,), tuple(f"A{n}" for n in range(limits.SECRETS_PER_RUN_MAX + 1)),
            )
        ),
        *(
            tried(**rule)
            for rule in (
                {"attempts_max": 0}, {"attempts_max": limits.ATTEMPTS_PER_RUN_MAX + 1},
                {"on": ("lost", "lost")}, {"exit_codes": (0,)}, {"exit_codes": (256,)},
                {"exit_codes": (1, 1)}, {"signals": (0,)}, {"signals": (65,)},
                {"backoff_s": -1}, {"backoff_s": NAN}, {"backoff_s": INF},
                {"backoff_s_max": -1}, {"backoff_s_max": NAN}, {"backoff_factor": 0.5},
                {"backoff_factor": NAN}, {"backoff_factor": 11}, {"jitter": -0.1},
                {"jitter": 1.1}, {"jitter": NAN},
            )
        ),
        after(2),
        after(1, 1),
        replace(PLAIN, dependencies=(Dependency(run=RunId("x")),)),
        after(*range(3, 4 + limits.DEPENDENCIES_PER_RUN_MAX)),
    ],
)  # fmt: skip
def test_a_spec_that_makes_no_sense_is_refused(broken: RunSpec) -> None:
    failure = refusal(new(1), new(2, broken)).failure
    assert failure.code is ErrorCode.INVALID_REQUEST
    assert failure.title and failure.remedy


@pytest.mark.parametrize(
    ("broken", "title", "remedy"),
    [
        (
            replace(PLAIN, time_limit_s=1e9),
            "A time limit of 11574.1 d can't be kept.",
            "Give more than 0 s and at most 3650 d, or no limit.",
        ),
        (
            replace(PLAIN, time_limit_s=NAN),
            "A time limit of nan s can't be kept.",
            "Give more than 0 s and at most 3650 d, or no limit.",
        ),
        (
            replace(PLAIN, stop=StopRule(grace_s=8_640_000)),
            "A grace of 100 d can't be given.",
            "Give 0 s to 1 d.",
        ),
        (
            tried(2, backoff_s=99 * 86_400),
            "The pause before another attempt can't be 99 d.",
            "Give 0 s to 30 d.",
        ),
        (
            replace(PLAIN, log=LogRule(bytes_max=1024)),
            "A log can't be capped at 1024 bytes.",
            "Give 1 MB to",
        ),
    ],
)
def test_spans_and_sizes_are_told_as_people_say_them(
    broken: RunSpec, title: str, remedy: str
) -> None:
    failure = refusal(new(1, broken)).failure
    assert failure.title == title
    assert failure.remedy.startswith(remedy)


def test_a_submit_as_a_whole() -> None:
    assert "takes 1 to" in str(refusal())
    assert "the same run twice" in str(refusal(new(1), new(1)))
    assert "no run id" in str(refusal(NewRun(run=RunId("x"), spec=RunSpec(command=("true",)))))


def test_a_request_larger_than_the_machine_says_what_it_has() -> None:
    failure = refusal(new(1, gpu_spec(40)), gpus=[gpu(0), gpu(1), gpu(2, 12)]).failure
    assert failure.code is ErrorCode.IMPOSSIBLE_REQUEST
    assert failure.message == (
        "It asks for 1 GPU with 40 GB; the machine has 2 GPUs of 24 GB and 1 GPU of 12 GB."
    )
    assert failure.title == "This request can never be met here."
    assert failure.data["run"] == run_id(1)
    nothing = refusal(new(1, gpu_spec(count=2)), gpus=[]).failure
    assert nothing.message == "It asks for 2 GPUs; the machine has no GPU."


# --- What this machine can never give ------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"count": -1}, "A run can't ask for -1 GPUs."),
        ({"count": 1000}, "A run can't ask for 1000 GPUs."),
        ({"count": 1, "vram_bytes": -5}, "A run can't ask for -5 bytes of VRAM."),
    ],
)
def test_what_makes_no_sense_is_named_by_itself(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(LanherdError) as refused:
        check_requests(GpuRequest(**wanted), HostRequest())
    assert refused.value.failure.title == message and refused.value.failure.remedy


HOST = HostCapacity(cpu_cores=16, memory_bytes=64 * GB, disk_bytes=100 * GB)
GPUS = [
    gpu(0),
    gpu(1, 12),
    *instances(2, ("1g.10gb", 10), ("1g.10gb", 10)),
]


def asking(**wanted: Any) -> NewRun:
    return new(1, RunSpec(command=("true",), gpus=GpuRequest(**wanted)))


def needing(**wanted: Any) -> NewRun:
    return new(1, replace(PLAIN, host=HostRequest(**wanted)))


@pytest.mark.parametrize(
    ("run", "rules", "message"),
    [
        (asking(count=3), MachineRules(), "3 GPUs; the machine has 1 GPU of 24 GB and 1 GPU of 12"),
        (asking(count=3), MachineRules(), "of 12 GB and 1 GPU in MIG instances."),
        (
            asking(count=1, mig="1g.10gb", vram_bytes=12 * GB),
            MachineRules(),
            "1 MIG instance of 1g.10gb with 12 GB; the machine has 2 of them, with 10 GB each.",
        ),
        (asking(count=3, mig="1g.10gb"), MachineRules(), "3 MIG instances of 1g.10gb; the machine"),
        (asking(count=1, mig="7g.80gb"), MachineRules(), "1 MIG instance of 7g.80gb; the machine"),
        (
            asking(count=2, where="vram > 20GB"),
            MachineRules(),
            "2 GPUs that match 'vram > 20GB'; 1 of the machine's 2 whole GPUs does: vram is 12 GB",
        ),
        (
            asking(count=1, where="not vram > 1GB"),
            MachineRules(),
            "that matches 'not vram > 1GB'; none",
        ),
        (asking(count=2), MachineRules(gpus=(0,)), "rules of the machine let runs have 1 of that"),
        (asking(count=2), MachineRules(keep_free=2), "let runs have 1 of that kind"),
        (asking(count=1), MachineRules(keep_free=5), "let runs have 0 of that kind"),
        (asking(count=1, mig="1g.10gb"), MachineRules(gpus=("GPU-1",)), "let runs have 0 of that"),
        (
            asking(count=2),
            MachineRules(users={"ann": ShareRule(gpus_max=1), "bob": ShareRule(gpus_max=0)}),
            "2 GPUs; runs of ann may have 1 here",
        ),
        (needing(cpu_cores=17), MachineRules(), "17 CPU cores; the machine has 16"),
        (needing(memory_bytes=65 * GB), MachineRules(), "65 GB of memory; the machine has 64 GB"),
        (needing(disk_bytes=101 * GB), MachineRules(), "101 GB of disk space; the machine has 100"),
    ],
)
def test_what_the_machine_can_never_give(run: NewRun, rules: MachineRules, message: str) -> None:
    failure = refusal(run, gpus=GPUS, host=HOST, rules=rules).failure
    assert failure.code is ErrorCode.IMPOSSIBLE_REQUEST
    assert message in failure.message and failure.remedy


def test_a_tag_may_have_no_more_than_its_share() -> None:
    rules = MachineRules(tags={"paper": ShareRule(gpus_max=0), "free": ShareRule()})
    tagged = new(1, gpu_spec(1), RunSettings(tags=("free", "paper")))
    failure = refusal(tagged, gpus=GPUS, rules=rules).failure
    assert "runs of the tag paper may have 0 here" in failure.message


def test_what_is_not_known_may_be_asked_for() -> None:
    runs = [needing(cpu_cores=999, memory_bytes=1 << 50, disk_bytes=1 << 50)]
    check_runs(runs, capacity(GPUS), Rules())
    wanted = [asking(count=2, count_max=9, where="vram >= 12GB"), asking(count=2, mig="1g.10gb")]
    for one in wanted:
        check_runs([one], capacity(GPUS, host=HOST), Rules())


def test_models_that_do_not_match_are_named_compactly() -> None:
    gpus = [
        replace(gpu(0), name="A100", compute_capability=(8, 0)),
        replace(gpu(1), name="A100", compute_capability=(8, 0)),
        replace(gpu(2), name="RTX 3090", compute_capability=(8, 6)),
    ]
    failure = refusal(asking(count=1, where="sm >= 90"), gpus=gpus).failure
    assert failure.message == (
        "It asks for 1 GPU that matches 'sm >= 90'; none of the machine's 3 GPUs does: sm is 80, "
        "needs >= 90 (2 × A100); sm is 86, needs >= 90 (RTX 3090)."
    )
    known = {name: failure.data[name] for name in ("where", "gpus", "gpus_of_kind", "asks_gpus")}
    assert known == {"where": "sm >= 90", "gpus": 0, "gpus_of_kind": 3, "asks_gpus": 1}
    five = [gpu(index) for index in range(5)]
    failure = refusal(asking(count=1, where="index = 9"), gpus=five).failure
    assert failure.message.endswith("index is 2, needs = 9; and 2 more.")


def test_of_those_that_match_too_few_may_be_large_enough() -> None:
    gpus = [gpu(0), gpu(1, 12), gpu(2, 40)]
    wanted = asking(count=2, vram_bytes=20 * GB, where="vram < 30GB")
    failure = refusal(wanted, gpus=gpus).failure
    assert failure.message == (
        "It asks for 2 GPUs with 20 GB each that match 'vram < 30GB'; 2 of the machine's 3 GPUs "
        "do, and 1 of them has as much VRAM."
    )
    assert failure.data["gpus_large_enough"] == 1


def test_what_the_driver_keeps_is_not_to_be_had() -> None:
    gpus = [gpu(0, 40, foreign_gb=0.4), gpu(1, 24, foreign_gb=0.4)]
    kept = {one.uuid: one.foreign_bytes for one in gpus}
    asked = [asking(count=1, vram_bytes=40 * GB)]
    check_runs(asked, capacity(gpus), Rules())
    failure = refusal(*asked, gpus=gpus, driver_bytes=kept).failure
    assert failure.message == (
        "It asks for 1 GPU with 40 GB; of GPU 0, which has 40 GB, the driver itself keeps 0.4 GB."
    )
    assert failure.remedy == "Ask for 39.6 GB or less, or choose another machine."
    assert (failure.data["driver_bytes"], failure.data["most_bytes"]) == (
        kept[gpus[0].uuid],
        40 * GB - kept[gpus[0].uuid],
    )
    two = asking(count=2, vram_bytes=24 * GB)
    assert "of GPU 1, which has 24 GB" in refusal(two, gpus=gpus, driver_bytes=kept).failure.message
    fits = [asking(count=1, vram_bytes=39 * GB), asking(count=2, vram_bytes=23 * GB)]
    for one in fits:
        check_runs([one], capacity(gpus, driver_bytes=kept), Rules())


def test_instances_have_no_links() -> None:
    with pytest.raises(LanherdError) as refused:
        check_requests(GpuRequest(count=2, mig="1g.10gb", linked=True), HostRequest())
    failure = refused.value.failure
    assert (failure.code, failure.data["field"]) == (ErrorCode.INVALID_REQUEST, "gpus.linked")
    assert "no links" in failure.title and failure.data["profile"] == "1g.10gb"


@pytest.mark.parametrize(
    ("refused", "names"),
    [
        (asking(count=-1), {"gpus": -1, "gpus_max": limits.GPUS_PER_RUN_MAX}),
        (asking(count=1, vram_bytes=-5), {"asked": "-5"}),
        (asking(count=3, count_max=2), {"gpus": 3, "gpus_to": 2}),
        (asking(count=1, mig=" x"), {"profile": " x"}),
        (needing(cpu_cores=-1.5), {"cores": "-1.5"}),
        (needing(memory_bytes=-7), {"asked": "-7"}),
        (new(1, replace(PLAIN, name="n" * 999)), {"chars": 999, "field": "name"}),
        (new(1, replace(PLAIN, group=RunGroup(name=""))), {"field": "group.name"}),
        (
            new(1, replace(PLAIN, group=RunGroup(name="g", key="k" * 9999))),
            {"chars": 9999, "chars_max": limits.GROUP_KEY_CHARS_MAX},
        ),
        (new(1, replace(PLAIN, snapshot=SnapshotId("x"))), {"field": "snapshot"}),
        (new(1, replace(PLAIN, environment=LOCKED)), {"field": "environment"}),
        (NewRun(run=RunId("x"), spec=PLAIN), {"refusal": "bad_run_id", "id": "x"}),
        (needing(cpu_cores=17), {"asks_cores": 17, "has_cores": 16}),
        (needing(memory_bytes=65 * GB), {"asks_bytes": 65 * GB, "has_bytes": 64 * GB}),
        (asking(count=3), {"needs_gpus": 3, "gpus": 2, "gpus_in_instances": 1}),
        (asking(count=3), {"kinds": "1 × 24 GB, 1 × 12 GB"}),
        (asking(count=1, mig="7g.80gb"), {"profile": "7g.80gb", "gpus": 0}),
    ],
)
def test_a_refusal_carries_what_it_says_as_data(refused: NewRun, names: dict[str, Any]) -> None:
    data = refusal(refused, gpus=GPUS, host=HOST).failure.data
    assert {name: data.get(name) for name in names} == names


def test_the_run_that_is_named_twice_is_told() -> None:
    failure = refusal(new(2), new(1), new(1)).failure
    assert failure.data["run"] == run_id(1) and run_id(1) in failure.title
