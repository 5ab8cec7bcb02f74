"""Why a run waits: one sentence with its evidence, in words and as data."""

from typing import Any

import pytest
from msgspec.structs import replace

from lanherd_agent.core import machine_reasons, place_reasons, reasons
from lanherd_agent.core.events import ForeignProcess, GpuCapacity, HostCapacity, RunUse
from lanherd_agent.core.explaining import resting
from lanherd_agent.core.machine_state import Cordon, Failures, MachineState
from lanherd_agent.core.spans import about, coarse_s
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.values import HostRequest, LeasedGpu, Reason
from tests.simulation.making import GB, NOW, gpu, run_id
from tests.unit.core.scenes import instances, like, live, machine_of, scene, share, told, want, why

COMMAND = "/usr/bin/python train.py"
PYTHON = ForeignProcess(pid=4242, vram_bytes=12 * GB, user="bob", command=COMMAND)
DESKTOP = ForeignProcess(pid=7, vram_bytes=None)


def test_the_process_of_others_is_named() -> None:
    runs = [live(0, share(0, 20), ends_s=2400)]
    others = like(gpu(1, foreign_gb=13), foreign=(DESKTOP, PYTHON))
    first, second = told([gpu(0), others], want(18), want(18), runs=runs)
    assert first.text == (
        "GPU 1: 11 of 24 GB free, needs 18; bob's python (pid 4242, not ours) holds 12 GB, "
        "13 GB with 1 other. First in line; expected in about 40 min."
    )
    assert first.data == {
        "gpu": 1,
        "free_bytes": 11 * GB,
        "total_bytes": 24 * GB,
        "needs_bytes": 18 * GB,
        "foreign_bytes": 13 * GB,
        "pid": 4242,
        "user": "bob",
        "command": COMMAND,
        "process_bytes": 12 * GB,
        "processes": 2,
        "first": 1,
        "expected_at": NOW + 2400,
        "expected_about_s": 2400,
    }
    assert second.text.endswith("13 GB with 1 other.")


def test_of_a_process_only_what_is_known_is_told() -> None:
    others = like(gpu(0, foreign_gb=13), foreign=(DESKTOP,))
    reason = why([others], want(4, beside="wait"))
    assert reason.text == (
        "It waits until others are gone from GPU 0; another's process (pid 7, not ours) holds "
        "13 GB. First in line; nobody knows when others leave."
    )
    assert (reason.data["user"], reason.data["process_bytes"]) == ("", 0) and reason.remedy


def test_nobody_is_blamed_for_what_no_process_holds() -> None:
    left = ForeignProcess(pid=8, vram_bytes=GB)
    reason = why([like(gpu(0, foreign_gb=3), foreign=(left,))], want(24))
    assert reason.text.startswith(
        "GPU 0: 21 of 24 GB free, needs 24; another's process (pid 8, not ours) holds 1 GB, "
        "and 2 GB no process that can be seen."
    )
    runs = [live(0, share(0, 4))]
    reason = why([gpu(0, foreign_gb=0.5)], want(4, exclusive=True), runs=runs)
    assert reason.text.startswith("Needs a GPU for itself; GPU 0 is used by 1 run. First in line")
    assert (reason.data["runs"], reason.data["foreign_bytes"]) == (1, 0)


def test_our_runs_that_hold_a_gpu_are_named_and_the_numbers_add_up() -> None:
    other = ForeignProcess(pid=777, vram_bytes=2 * GB, user="eve", command="python x.py")
    uses = (RunUse(run=run_id(1001), vram_bytes=6 * GB),)
    used = like(gpu(0, 40, foreign_gb=2.4, ours_gb=6), foreign=(other,), uses=uses)
    runs = [live(0, share(0, 25)), live(1, share(0, 5)), live(2, share(0, 1))]
    reason = why([used], want(18), runs=runs)
    assert reason.text == (
        "GPU 0: 5.6 of 40 GB free, needs 18; runs 000003e8 (25 GB) and 2 more hold 32 GB; "
        "eve's python (pid 777, not ours) holds 2 GB, and 0.4 GB no process that can be seen. "
        "First in line; nobody knows when: 3 runs in its way have no time limit."
    )
    told = {name: reason.data[name] for name in ("run", "largest_bytes", "runs", "ours_bytes")}
    assert told == {
        "run": run_id(1000),
        "largest_bytes": 25 * GB,
        "runs": 3,
        "ours_bytes": 32 * GB,
    }
    alone = why([like(gpu(0), ours_bytes=20 * GB)], want(18), runs=[live(0, share(0, 4))])
    assert alone.text.startswith("GPU 0: 4 of 24 GB free, needs 18; run 000003e8 holds 20 GB.")


def test_the_owners_rule_of_what_is_packed_is_named() -> None:
    rules = MachineRules(vram_share_max=0.5)
    used = gpu(0, 40, foreign_gb=0.4)
    reason = why([used], want(15), runs=[live(0, share(0, 15))], rules=rules)
    assert reason.text == (
        "GPU 0: 5 of 40 GB may still be promised, since the owner lets 50% of it be packed; "
        "needs 15; run 000003e8 was promised 15 GB. First in line; nobody knows when: "
        "run 000003e8 in its way has no time limit."
    )
    assert (reason.code, reason.data["packed_percent"]) == ("gpu_vram", 50.0)
    two = [live(0, share(0, 9)), live(1, share(0, 9))]
    assert "runs 000003e8 (9 GB) and 1 more were promised 18 GB" in (
        why([used], want(15), runs=two, rules=rules).text
    )
    full = why([used], want(18), runs=[live(0, share(0, 15))], rules=MachineRules())
    assert full.code == "ready"


def test_what_a_run_left_behind_is_called_so() -> None:
    left = ForeignProcess(pid=777, vram_bytes=2 * GB, orphan_of=run_id(5))
    reason = why([like(gpu(0, foreign_gb=2), foreign=(left,))], want(4, exclusive=True))
    assert "; what run 00000005 left behind (pid 777) holds 2 GB." in reason.text
    assert reason.remedy.startswith("End what was left behind: 'kill 777'.")
    assert reason.data["orphan_of"] == run_id(5)


def test_a_process_that_is_gone_is_told_as_in_the_list_of_gpus() -> None:
    gone = ForeignProcess(pid=777, vram_bytes=2 * GB, gone=True)
    held = like(gpu(0, foreign_gb=2), foreign=(gone,))
    reason = why([held], want(23))
    assert "; a process that is gone (pid 777) still holds 2 GB." in reason.text
    let_go = "The driver lets go of the VRAM by itself, or with a reset of the GPU."
    assert (reason.remedy, reason.data["gone"]) == (let_go, 1)
    assert why([held], want(4, exclusive=True)).remedy == (
        f"{let_go} Let it share GPUs with others, if it can."
    )


def test_a_cordon_hands_on_what_closed_the_gpu() -> None:
    xid = Cordon(reason=machine_reasons.xid(79, "it fell off the bus"), since=NOW)
    reason = why([gpu(0)], want(4), machine=MachineState(cordons={gpu(0).uuid: xid}))
    assert (reason.code, reason.data["why"]) == ("gpu_cordoned", xid.reason.text)
    own = {name: value for name, value in reason.data.items() if name.startswith("cordon")}
    assert own == {"cordon": "cordon_xid", "cordon_xid": 79, "cordon_what": "it fell off the bus"}


def test_an_instance_is_told_by_its_number_and_its_own_cordon() -> None:
    some = list(instances(3, ("1g.10gb", 10), ("1g.10gb", 10)))
    by = [Cordon(reason=machine_reasons.by_person(who, ""), since=NOW) for who in ("ann", "bob")]
    both = dict(zip((one.uuid for one in some), by, strict=True))
    needs = want(4, 2, mig="1g.10gb")
    reason = why(some, needs, machine=MachineState(cordons=both))
    assert reason.text == "GPU 3:0 takes no run until somebody releases it: ann closed it."
    second = MachineState(cordons={some[1].uuid: by[1]})
    assert why(some, needs, machine=second).text.endswith("releases it: bob closed it.")
    whole = MachineState(cordons={gpu(3).uuid: by[0]})
    assert why([gpu(3), *some], needs, machine=whole).text.startswith("GPU 3 takes no run")
    lost = [like(one, problem="Lost.") for one in some]
    assert why(lost, needs).text == "GPU 3:0 can't be used now: Lost."
    excluded = MachineRules(gpus=(some[0].uuid,))
    assert why(some, needs, rules=excluded).text.endswith("let runs use GPU 3:1.")


def test_an_instance_rests_by_its_own_failures() -> None:
    some = list(instances(3, ("1g.10gb", 10), ("1g.10gb", 10)))
    failed = Failures(runs=(run_id(1), run_id(2)), last_at=NOW - 100)
    longer = Failures(runs=(run_id(1), run_id(2), run_id(3)), last_at=NOW)
    one = MachineState(failures={some[0].uuid: failed, some[1].uuid: longer})
    told = resting(scene(some, want(4, mig="1g.10gb"), machine=one))
    assert [reason.data["gpu"] for reason in told.values()] == ["3:0", "3:1"]
    assert [reason.data["runs"] for reason in told.values()] == [2, 3]
    whole = MachineState(failures={gpu(3).uuid: failed})
    told = resting(scene([gpu(3), *some], want(4, mig="1g.10gb"), machine=whole))
    assert [reason.data["gpu"] for reason in told.values()] == [3, 3]


def test_a_kept_instance_is_told_by_its_number() -> None:
    some = list(instances(3, ("1g.10gb", 10), ("1g.10gb", 10)))
    runs = [live(0, like_share(some[0], 10))]
    reason = why(some, want(8, 2, mig="1g.10gb"), want(4, mig="1g.10gb"), runs=runs)
    assert reason.text.startswith("GPU 3:1 has room, but is kept for")


def test_how_long_a_gpu_is_watched_is_told() -> None:
    left = {gpu(0).uuid: NOW - 258}
    rules = MachineRules(quiet_s=300.0)
    reason = why([gpu(0)], want(4, exclusive=True), crowded_until=left, rules=rules)
    assert reason.text == (
        "Others have left GPU 0 a moment ago; it counts as free of them in about 40 s, "
        "if none come back. First in line."
    )
    assert (reason.data["at"], reason.data["about_s"]) == (NOW + 42, 40)


def test_only_runs_that_hold_what_it_lacks_are_in_its_way() -> None:
    """Neither those on a GPU that has room beside them, nor those on one that waits for others."""
    alone, beside = live(0, share(0, 24, exclusive=True)), live(1, share(1, 2))
    reason = why(machine_of(2), want(4, 2), runs=[alone, beside])
    assert reason.data["no_limit_runs"] == 1
    assert reason.data["no_limit_run"] == alone.holder[0]
    bob = like(gpu(0, foreign_gb=20), foreign=(PYTHON,))
    left, rules = {gpu(1).uuid: NOW - 20}, MachineRules(quiet_s=60)
    runs = [live(0, share(1, 18))]
    reason = why([bob, gpu(1)], want(2, beside="wait"), runs=runs, quiet_from=left, rules=rules)
    assert (reason.code, reason.data["gpu"]) == ("gpu_quiet", 1)
    assert "no_limit_run" not in reason.data and "nobody knows" not in reason.text


def test_when_the_first_starts_is_told_or_why_nobody_knows() -> None:
    def first(**more: Any) -> Reason:
        return why([gpu(0)], want(20), **more)

    limited = first(runs=[live(0, share(0, 20), ends_s=310)])
    assert limited.text.endswith("First in line; expected in about 5 min.")
    endless = first(runs=[live(0, share(0, 12)), live(1, share(0, 12), ends_s=60)])
    assert endless.text.endswith(
        "First in line; nobody knows when: run 000003e8 in its way has no time limit."
    )
    assert (endless.data["no_limit_run"], endless.data["no_limit_runs"]) == (run_id(1000), 1)
    others = why([gpu(0, foreign_gb=20)], want(20))
    assert others.text.endswith("First in line; nobody knows when others leave.")
    assert others.data["waits_for_others"] == 1
    elsewhere = why([gpu(0, foreign_gb=0.5)], want(24))
    assert elsewhere.text.endswith("First in line.")
    in_turn = MachineRules(backfill=False)
    unread = first(runs=[live(0, share(0, 20), ends_s=60)], rules=in_turn)
    assert unread.text.endswith("First in line.")


def test_what_the_machine_lacks_beside_gpus() -> None:
    host = HostCapacity(cpu_cores=8, memory_bytes=64 * GB, disk_free_bytes=100 * GB)
    held = live(0, host=HostRequest(cpu_cores=6.5, memory_bytes=60 * GB, disk_bytes=60 * GB))

    def lacking(count: int = 0, **needs: Any) -> Reason:
        wanted = want(1, count, host=HostRequest(**needs)) if count else want(
            count=0, host=HostRequest(**needs)
        )  # fmt: skip
        return why([gpu(0)], wanted, runs=[held], host=host)

    reason = lacking(cpu_cores=4.0)
    assert reason.text == (
        "1.5 of the machine's CPU cores are not promised; needs 4. First in line; nobody knows "
        "when: run 000003e8 in its way has no time limit."
    )
    assert (reason.data["free"], reason.data["needs"]) == (1.5, 4.0)
    held_all = live(0, host=HostRequest(cpu_cores=8.0))
    some = live(0, host=HostRequest(cpu_cores=7.004))
    for left, promised in (("0", held_all), ("0.99", some)):
        reason = why((), want(count=0, host=HostRequest(cpu_cores=1.0)), runs=[promised], host=host)
        assert reason.text.startswith(
            f"{left} of the machine's CPU cores are not promised; needs 1."
        )
        assert reason.data["free"] == float(left)
    reason = lacking(1, memory_bytes=5 * GB)
    assert reason.text.startswith("4 GB of the machine's memory is not promised; needs 5 GB.")
    reason = lacking(disk_bytes=50 * GB)
    assert reason.text.startswith("40 GB of the machine's disk is not promised; needs 50 GB.")
    assert reason.data == {
        "free_bytes": 40 * GB,
        "needs_bytes": 50 * GB,
        "first": 1,
        "no_limit_run": run_id(1000),
        "no_limit_runs": 1,
    }
    assert "First" not in lacking(cpu_cores=9.0).text
    assert "First" not in lacking(memory_bytes=65 * GB).text


def test_gpus_that_do_not_match_or_are_not_there() -> None:
    gpus = [like(gpu(0), name="RTX 3090"), like(gpu(1), name="A100")]
    reason = why(gpus, want(4, 2, where="name ~ A100"))
    assert reason.text == (
        '1 GPU matches \'name ~ A100\', and it needs 2: name is "RTX 3090", needs ~ "A100".'
    )
    assert (reason.code, reason.data["gpus"]) == ("no_match", 1)
    assert why(gpus, want(4, 3, where="not name ~ C")).text.endswith("and it needs 3.")
    sliced = list(instances(0, ("1g.10gb", 10)))
    reason = why(sliced, want(4, 2, mig="1g.10gb"))
    assert reason.text == "Needs 2 MIG instances of 1g.10gb with 4 GB; the machine has 1 now."
    reason = why(sliced, want(12, mig="1g.10gb"))
    assert reason.text == "Needs 1 MIG instance of 1g.10gb with 12 GB; the machine has none now."
    assert (reason.data["gpus"], reason.data["needs_bytes"]) == (0, 12 * GB)
    runs = [live(0, like_share(sliced[0], 8))]
    full = why(sliced, want(4, mig="1g.10gb"), runs=runs)
    assert full.text.startswith("GPU 0:0: 2 of 10 GB free, needs 4; run 000003e8 holds 8")
    assert (full.data["gpu"], full.data["instance"]) == ("0:0", 0)


def test_only_gpus_that_it_could_use_are_told_to_be_closed() -> None:
    lost = [gpu(0, problem="Lost."), gpu(1, 40, problem="Gone.")]
    reason = why(lost, want(4, where="index = 1"))
    assert (reason.code, reason.data["gpu"]) == ("gpu_unavailable", 1)
    assert why(lost, want(30)).data["gpu"] == 1
    mended = [lost[0], gpu(1, 40)]
    assert why(mended, want(4, 2, where="index = 1")).code == "no_match"
    assert why(mended, want(30, 2)).code == "gpu_missing"
    rules = MachineRules(gpus=(1,))
    assert why(lost, want(4), rules=rules).data["gpu"] == 1
    sliced = [gpu(0, problem="Lost."), *instances(1, ("1g.10gb", 10))]
    assert why(sliced, want(4, 2, mig="1g.10gb")).code == "no_instance"


def like_share(one: GpuCapacity, vram_gb: float) -> LeasedGpu:
    return replace(share(0, vram_gb), uuid=one.uuid, instance=one.instance)


def test_a_set_that_is_not_free_is_told_by_what_is_nearest() -> None:
    runs = [live(0, share(0, 20), ends_s=60), live(1, share(1, 12))]
    reason = why(machine_of(3), want(16, 3, linked=True), runs=runs)
    assert reason.text.startswith("1 of the 3 GPUs that it needs are free. GPU 1: 12 of 24 GB free")
    assert reason.data["nearest"] == "gpu_vram"


def test_a_linked_run_is_expected_when_its_gpus_are_free() -> None:
    runs = [live(0, share(0, 20), ends_s=60), live(1, share(1, 12), ends_s=9000)]
    reason = why(machine_of(3), want(16, 2, linked=True), want(1), runs=runs)
    assert reason.code == "ready"
    first = told(machine_of(3), want(16, 2, linked=True), runs=runs)[0]
    assert first.data["expected_at"] == NOW + 60


@pytest.mark.parametrize(
    ("seconds", "coarse"),
    [
        (0, 1), (1, 1), (7.4, 7), (9.6, 10), (12, 10), (43, 40), (61, 60), (89, 90),
        (91, 120), (310, 300), (599, 600), (601, 600), (3610, 3600), (4800, 5400), (36_001, 36_000),
    ],
)  # fmt: skip
def test_what_is_to_come_is_told_in_coarse_steps(seconds: float, coarse: int) -> None:
    assert coarse_s(seconds) == coarse


def test_spans_are_said_as_people_say_them() -> None:
    spans = [about(seconds) for seconds in (1, 3, 12, 43, 60, 80, 100, 310, 5400)]
    assert spans == [
        "about 1 s", "about 3 s", "about 10 s", "about 40 s", "about 1 min", "about 80 s",
        "about 2 min", "about 5 min", "about 1.5 h",
    ]  # fmt: skip


def test_a_backoff_of_a_second_is_no_longer_one() -> None:
    reason = place_reasons.backing_off(1, 2, NOW + 1, NOW)
    assert reason.text == "2 runs in a row failed on GPU 1; it takes none for about 1 s."
    assert reason.data["about_s"] == 1


def test_the_last_seconds_are_no_news() -> None:
    def left(seconds: float) -> Reason:
        return place_reasons.backing_off(1, 2, NOW, NOW - seconds)

    assert not reasons.is_news(left(12), left(4), 1)
    assert reasons.is_news(left(24), left(14), 1)
    assert reasons.is_news(left(4), left(24), 1)


def test_numbers_that_tremble_are_no_news() -> None:
    step = 256 * 1024**2

    def hot(degrees: float) -> Reason:
        return place_reasons.too_hot(like(gpu(0), temperature_c=degrees), 80.0)

    assert not reasons.is_news(hot(82.0), hot(83.0), step)
    assert reasons.is_news(hot(82.0), hot(85.0), step)
    drawn = place_reasons.power(500.0, 400.0)
    assert not reasons.is_news(drawn, place_reasons.power(510.0, 400.0), step)
    first = place_reasons.with_turn(drawn, NOW + 300, NOW)
    assert not reasons.is_news(first, place_reasons.with_turn(drawn, NOW + 299, NOW), step)
    assert reasons.is_news(first, place_reasons.with_turn(drawn, NOW + 300, NOW + 70), step)
    named = reasons.gpu_unavailable(0, "Lost.")
    assert reasons.is_news(named, reasons.gpu_unavailable(0, "Gone."), step)
    assert reasons.gpu_busy(0, 0, GB).text.endswith("hold 1 GB.")
    assert reasons.gpu_vram(0, GB, GB, GB, GB).text.endswith("not held by runs of Lanherd.")
