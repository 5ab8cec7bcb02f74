"""The owner's rules: what stays free, who may have how much, when, and on which GPUs."""

from typing import Any

import pytest

from lanherd_agent.core.events import ForeignProcess, GpuCapacity
from lanherd_agent.core.explaining import resting
from lanherd_agent.core.machine_state import Cordon, Failures, MachineState, Pause
from lanherd_agent.core.placement import looks_again_at
from lanherd_agent.core.wants import want_of
from lanherd_protocol.hours import parse_hours
from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.values import GpuRequest, Reason, RunSpec
from tests.simulation.making import GB, NOW, gpu, run_id
from tests.unit.core.scenes import (
    CPU,
    instances,
    like,
    live,
    machine_of,
    placed,
    scene,
    share,
    want,
    why,
)

BROKEN = Cordon(reason=Reason(code="xid", text="Xid 79."), since=NOW)


# --- Which GPUs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [(1,), ("GPU-1",)])
def test_only_gpus_that_the_owner_lets_be_used(allowed: tuple[int | str, ...]) -> None:
    rules = MachineRules(gpus=allowed)
    assert placed(machine_of(3), want(4), rules=rules) == {1: [1]}
    assert why(machine_of(3), want(4, 2), rules=rules).code == "gpu_not_allowed"


def test_a_cordoned_gpu_takes_no_run() -> None:
    machine = MachineState(cordons={gpu(0).uuid: BROKEN})
    assert placed(machine_of(2), want(4), machine=machine) == {1: [1]}
    reason = why(machine_of(2), want(4, 2), machine=machine)
    assert (reason.code, reason.data["why"]) == ("gpu_cordoned", "Xid 79.")
    sliced = [gpu(0), *instances(0, ("1g.10gb", 10))]
    assert placed(sliced, want(4, mig="1g.10gb"), machine=machine) == {}
    assert why(sliced, want(4, mig="1g.10gb"), machine=machine).code == "gpu_cordoned"


def test_a_gpu_takes_none_for_a_while_after_several_failures() -> None:
    failed = Failures(runs=(run_id(1), run_id(2)), last_at=NOW - 100)
    machine = MachineState(failures={gpu(0).uuid: failed})
    assert placed([gpu(0)], want(4), machine=machine) == {}
    reason = why([gpu(0)], want(4), machine=machine)
    assert (reason.code, reason.data["at"], reason.data["runs"]) == ("gpu_backoff", NOW + 500, 2)
    assert "for about 8 min" in reason.text
    assert looks_again_at(scene([gpu(0)], want(4), machine=machine)) == NOW + 500
    assert placed([gpu(0)], want(4), machine=machine, now=NOW + 500) == {1: [0]}
    assert placed([gpu(0)], want(4), machine=machine, now=NOW - 1000) == {1: [0]}
    once = MachineState(failures={gpu(0).uuid: Failures(runs=(run_id(1),), last_at=NOW)})
    assert placed([gpu(0)], want(4), machine=once) == {1: [0]}


def test_a_hot_gpu_takes_no_run() -> None:
    rules = MachineRules(temperature_c_max=80.0)
    warm = [like(gpu(0), temperature_c=78.4)]
    assert placed(warm, want(4), rules=rules, hot={gpu(0).uuid}) == {}
    reason = why(warm, want(4), rules=rules, hot={gpu(0).uuid})
    assert reason.code == "gpu_hot" and "has 78 °C; it was above 80 °C" in reason.text
    unknown = why([gpu(0)], want(4), rules=rules, hot={gpu(0).uuid})
    assert "GPU 0 was above 80 °C" in unknown.text
    assert reason.data == {"gpu": 0, "temperature_c": 78, "temperature_c_max": 80.0, "first": 1}


# --- Beside others -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "beside", "shares"),
    [
        ("share", "rule", True), ("share", "wait", False),
        ("wait", "rule", False), ("wait", "share", True),
    ],
)  # fmt: skip
def test_a_run_shares_with_others_or_waits_for_them(rule: Any, beside: Any, shares: bool) -> None:
    rules = MachineRules(beside_others=rule)
    used = [gpu(0, foreign_gb=2)]
    wanted = want(4, beside=beside, rules=rules)
    assert placed(used, wanted, rules=rules) == ({1: [0]} if shares else {})


def test_others_must_be_gone_for_a_while() -> None:
    seen = {gpu(0).uuid: NOW - 9.0}
    waits, alone = want(4, beside="wait"), want(4, exclusive=True)
    assert placed([gpu(0)], waits, quiet_from=seen) == {}
    reason = why([gpu(0)], waits, quiet_from=seen)
    assert (reason.code, reason.data["at"]) == ("gpu_quiet", NOW + 1)
    assert why([gpu(0)], alone, crowded_until=seen).code == "gpu_quiet"
    assert placed([gpu(0)], alone, quiet_from=seen) == {1: [0]}
    assert placed([gpu(0)], want(4), quiet_from=seen, crowded_until=seen) == {1: [0]}
    assert looks_again_at(scene([gpu(0)], waits, quiet_from=seen)) == NOW + 1
    assert looks_again_at(scene([gpu(0)], waits, crowded_until=seen)) == NOW + 1
    used = [gpu(0, foreign_gb=8)]
    assert looks_again_at(scene(used, waits, quiet_from=seen, crowded_until=seen)) is None
    assert placed([gpu(0)], waits, quiet_from=seen, now=NOW + 1) == {1: [0]}


def test_a_display_is_suffered_by_who_wants_the_gpu_alone_but_not_by_who_waits() -> None:
    held = ForeignProcess(pid=7, vram_bytes=GB // 2)
    display = [like(gpu(0, foreign_gb=0.5), foreign=(held,))]
    assert placed(display, want(4, exclusive=True)) == {1: [0]}
    assert placed(display, want(4, beside="wait")) == {}


@pytest.mark.parametrize(
    ("foreign_gb", "held_mb", "free"),
    [
        (0.42, (), True), (1.0, (), True), (1.1, (), False),
        (0.5, (4,), True), (0.5, (16,), False), (0.5, (None,), False), (1.1, (200,), False),
    ],
)  # fmt: skip
def test_who_waits_for_others_waits_for_processes_not_for_what_the_driver_takes(
    foreign_gb: float, held_mb: tuple[int | None, ...], free: bool
) -> None:
    processes = tuple(
        ForeignProcess(pid=pid, vram_bytes=None if held is None else held * 1024**2)
        for pid, held in enumerate(held_mb, 1)
    )
    used = [like(gpu(0, foreign_gb=foreign_gb), foreign=processes)]
    assert placed(used, want(4, beside="wait")) == ({1: [0]} if free else {})


# --- Shared or not -------------------------------------------------------------------------------


def test_the_owner_says_whether_gpus_are_shared() -> None:
    alone = MachineRules(exclusive_by_default=True)
    spec = RunSpec(command=("x",), gpus=GpuRequest(count=1, vram_bytes=GB))
    shared = RunSpec(command=("x",), gpus=GpuRequest(count=1, vram_bytes=GB, shared=True))
    assert want_of(spec, "", (), alone, frozenset()).exclusive
    assert not want_of(shared, "", (), alone, frozenset()).exclusive
    assert not want_of(spec, "", (), MachineRules(), frozenset()).exclusive


# --- What stays free, and who may have how much --------------------------------------------------


def test_some_gpus_stay_free() -> None:
    rules = MachineRules(keep_free=1)
    assert placed(machine_of(2), want(4), want(4), want(20), rules=rules) == {1: [0], 2: [0]}
    assert placed([gpu(0), gpu(1, problem="Lost.")], want(4), rules=rules) == {}
    reason = why(machine_of(2), want(20), want(20), rules=rules, runs=[live(0, share(0, 20))])
    assert reason.text.startswith(
        "1 GPU has no run, but by the machine's rules 1 stays free of runs."
    )
    assert reason.code == "kept_free" and reason.data["keep_free"] == 1


def test_room_beside_another_run_is_taken_where_an_empty_gpu_must_stay_so() -> None:
    rules = MachineRules(keep_free=1, strategy="most_free")
    runs = [live(0, share(0, 4)), live(1, share(1, 4))]
    found = placed(machine_of(4), want(4, 3), runs=runs, rules=rules)
    assert len({0, 1} & set(found[1])) == 2


def test_gpus_are_kept_for_users_and_tags_until_they_have_them() -> None:
    rules = MachineRules(
        users={"bob": ShareRule(gpus_min=1)}, tags={"night": ShareRule(gpus_min=1)}
    )
    gpus = machine_of(3)
    full = want(24)
    assert placed(gpus, full, full, rules=rules) == {1: [0]}
    assert placed(gpus, full, want(24, owner="bob"), rules=rules) == {1: [0], 2: [1]}
    tagged = want(24, owner="cem", tags=("night",))
    assert placed(gpus, full, tagged, full, rules=rules) == {1: [0], 2: [1]}
    runs = [live(0, share(0, 24), owner="bob", tags=("night",))]
    assert placed(gpus, full, full, full, runs=runs, rules=rules) == {1: [1], 2: [2]}
    reason = why(gpus, full, runs=[live(0, share(0, 24))], rules=rules)
    assert "2 are kept for other users or tags" in reason.text and reason.data["owed"] == 2


def test_a_user_has_at_most_its_share() -> None:
    rules = MachineRules(users={"ann": ShareRule(gpus_max=1)})
    gpus = machine_of(3)
    assert placed(gpus, want(20), want(20), want(4), rules=rules) == {1: [0]}
    assert placed(gpus, want(20), want(4), rules=rules) == {1: [0], 2: [0]}
    assert placed(gpus, want(20), want(20), want(20, owner="bob"), rules=rules) == {1: [0], 3: [1]}
    runs = [live(0, share(0, 20))]
    reason = why(gpus, want(20), runs=runs, rules=rules)
    assert reason.code == "share_full" and reason.data["gpus_max"] == 1
    assert reason.text == "Runs of ann hold 1 GPU, the most that they may have here; it needs 1."
    behind = why(gpus, want(20), want(2), runs=runs, rules=rules)
    assert (behind.code, behind.data["name"]) == ("behind_share", "ann")


def test_a_tag_has_at_most_its_share() -> None:
    rules = MachineRules(tags={"night": ShareRule(gpus_max=2)})
    night = want(20, 2, tags=("night",))
    gpus = machine_of(4)
    assert placed(gpus, night, night, want(20), rules=rules) == {1: [0, 1], 3: [2]}
    runs = [live(0, share(0, 20), share(1, 20), tags=("night",), owner="bob")]
    reason = why(gpus, night, runs=runs, rules=rules)
    assert "Runs of the tag night hold 2 GPUs, the most that they may have here" in reason.text
    fewer = why(gpus, night, runs=[live(0, share(0, 20), tags=("night",))], rules=rules)
    assert fewer.text == (
        "Runs of the tag night hold 1 of the 2 GPUs that they may have here; it needs 2."
    )
    assert why(gpus, night, want(1, tags=("night",)), runs=runs, rules=rules).text.startswith(
        "A run of the tag night that is ahead of it waits"
    )
    none = why(gpus, want(20, 3, tags=("night",)), rules=rules)
    assert none.code == "rules_forbid"
    passed = placed(gpus, want(20, 3, tags=("night",)), night, rules=rules)
    assert passed == {2: [0, 1]}


def test_a_share_that_was_made_smaller_is_told_as_such() -> None:
    rules = MachineRules(users={"ann": ShareRule(gpus_max=1)})
    runs = [live(0, share(0, 20)), live(1, share(1, 20))]
    reason = why(machine_of(3), want(20), runs=runs, rules=rules)
    assert reason.code == "share_full" and reason.data["gpus_over"] == 1
    assert reason.text == (
        "Runs of ann hold 2 GPUs, more than the 1 that they may have here now; it needs 1."
    )
    usual = why(machine_of(3), want(20), runs=runs[:1], rules=rules)
    assert "gpus_over" not in usual.data


def test_a_run_that_is_behind_the_first_may_find_its_share_full() -> None:
    rules = MachineRules(users={"bob": ShareRule(gpus_max=1)})
    runs = [live(0, share(0, 20)), live(1, share(1, 20), owner="bob")]
    gpus = machine_of(3)
    whole = want(24, 3, owner="ann")
    assert why(gpus, whole, want(20, owner="bob"), runs=runs, rules=rules).code == "share_full"


def test_of_two_bounds_both_hold() -> None:
    rules = MachineRules(
        keep_free=1, users={"ann": ShareRule(gpus_max=2)}, tags={"a": ShareRule(gpus_max=2)}
    )
    runs = [live(0, share(0, 4), owner="bob", tags=("a",)), live(1, share(1, 4), owner="bob")]
    wanted = want(4, 2, tags=("a",))
    assert placed(machine_of(4), wanted, runs=runs, rules=rules) == {1: [0, 1]}


# --- The whole machine ---------------------------------------------------------------------------


def test_nothing_starts_while_the_machine_is_paused() -> None:
    machine = MachineState(pause=Pause(since=NOW, by="eve", note="cleaning"))
    assert placed(machine_of(1), want(4), CPU, machine=machine) == {}
    reason = why(machine_of(1), want(4), CPU, machine=machine)
    assert reason.text == "No run starts on this machine now: eve paused it (cleaning)."
    machine = MachineState(pause=Pause(since=NOW))
    assert why(machine_of(1), CPU, machine=machine).text.endswith("now: it is paused.")


def test_runs_of_a_paused_tag_are_passed() -> None:
    machine = MachineState(paused_tags={"night": Pause(since=NOW, by="eve")})
    wanted = want(20, tags=("night",))
    assert placed(machine_of(1), wanted, want(20), machine=machine) == {2: [0]}
    reason = why(machine_of(1), wanted, machine=machine)
    assert (reason.code, reason.data["tag"]) == ("paused_tag", "night")


def test_runs_start_only_at_the_owners_hours() -> None:
    hours = (parse_hours("mon 18:00-20:00"),)
    at: dict[str, Any] = {"hours": hours, "local_minute": 17 * 60}
    assert placed((), CPU, **at) == {}
    assert placed((), CPU, hours=hours, local_minute=None) == {1: []}
    assert placed((), CPU, hours=hours, local_minute=18 * 60) == {1: []}
    reason = why((), CPU, **at)
    assert (reason.code, reason.data["opens_at"]) == ("out_of_hours", NOW + 3600)
    assert reason.text.endswith("the next begin in about 1 h.")
    rules = MachineRules(hours=("mon-fri 18:00-08:00", "sat 00:00-24:00"))
    reason = why((), CPU, rules=rules, **at)
    said = "mon-fri 18:00-08:00; sat 00:00-24:00"
    assert f"the machine's owner set ({said}); the next" in reason.text
    assert reason.data["hours"] == said


def drawing(*watts: float | None) -> list[GpuCapacity]:
    return [like(gpu(index), power_w=one) for index, one in enumerate(watts)]


def test_nothing_starts_while_the_gpus_draw_too_much() -> None:
    rules = MachineRules(power_w_max=500.0)
    assert placed(drawing(300, None, 250), want(4), rules=rules) == {}
    reason = why(drawing(300, None, 250), want(4), rules=rules)
    assert reason.text == "The GPUs draw 550 W; no run starts above 500 W."
    assert placed(drawing(300, 200), want(4), rules=rules) == {1: [0]}
    sliced = [like(one, power_w=300.0) for one in instances(0, ("a", 10), ("a", 10))]
    assert placed(sliced, want(4, mig="a"), rules=rules) == {1: [0]}


def test_gpus_that_rest_say_why() -> None:
    failed = Failures(runs=(run_id(1), run_id(2)), last_at=NOW - 100)
    machine = MachineState(failures={gpu(0).uuid: failed})
    there = scene([gpu(0), gpu(1)], want(4), machine=machine)
    assert {uuid: reason.code for uuid, reason in resting(there).items()} == {
        gpu(0).uuid: "gpu_backoff"
    }
