from pathlib import Path

import msgspec
import pytest

from lanherd_agent.gpu.choose import open_probe
from lanherd_agent.gpu.probe import AttemptHold
from lanherd_agent.gpu.probe_process import NvmlProbe
from lanherd_agent.gpu.script import GIB
from lanherd_agent.gpu.scripted import HUNG, ScriptedProbe, simulated_uuid
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import GpuReading, LeasedGpu

START = 1_700_000_000.0


class Machine:
    """Simulated GPUs with a clock and attempts that the test moves."""

    def __init__(self, count: int, script: Path | None = None) -> None:
        self.now = START
        self.holds: list[AttemptHold] = []
        self.probe = ScriptedProbe(
            count, holds=lambda: self.holds, clock=lambda: self.now, script=script
        )

    def hold(self, index: int, gib: int, alive_since: float | None) -> None:
        share = LeasedGpu(index=index, uuid=simulated_uuid(index), vram_bytes=gib * GIB)
        self.holds.append(
            AttemptHold(
                run=RunId("r"), attempt=1, gpus=(share,), root_pid=77, alive_since=alive_since
            )
        )

    async def after(self, seconds: float) -> tuple[GpuReading, ...]:
        """Samples once a second until then."""
        readings = await self.probe.read()
        for _ in range(int(seconds)):
            self.now += 1.0
            readings = await self.probe.read()
        return readings


async def test_facts_are_stable_and_labelled() -> None:
    facts = await Machine(3).probe.facts()
    again = await Machine(3).probe.facts()
    assert facts == again
    assert facts.source == "simulated"
    assert [gpu.index for gpu in facts.gpus] == [0, 1, 2]
    assert all(gpu.simulated and gpu.uuid.startswith("SIM-") for gpu in facts.gpus)
    assert len({gpu.uuid for gpu in facts.gpus}) == 3


async def test_the_same_story_gives_the_same_readings() -> None:
    def story() -> Machine:
        machine = Machine(2)
        machine.hold(1, 8, START + 3)
        return machine

    assert await story().after(30) == await story().after(30)


async def test_a_live_attempt_loads_its_gpu_and_no_other() -> None:
    machine = Machine(2)
    idle = await machine.after(0)
    machine.hold(1, 10, START)
    early = await machine.after(2)
    late = await machine.after(60)
    assert idle[1].utilisation_percent == 0.0
    assert (late[1].utilisation_percent or 0) > 70
    assert early[0].utilisation_percent == late[0].utilisation_percent == 0.0
    ours = [reading[1].processes[0].vram_bytes or 0 for reading in (early, late)]
    assert 0 < ours[0] < ours[1] == int(0.9 * 10 * GIB)
    assert (late[1].vram_used_bytes or 0) > ours[1]
    assert late[1].processes[0].pid == 77
    assert (late[1].power_w or 0) > 200 > 40 > (late[0].power_w or 0)


async def test_temperature_follows_slowly_both_ways() -> None:
    machine = Machine(1)
    machine.hold(0, 4, START)
    degrees = [(await machine.after(seconds))[0].temperature_c or 0.0 for seconds in (2, 10, 200)]
    machine.holds.clear()
    cooling = [(await machine.after(seconds))[0].temperature_c or 0.0 for seconds in (2, 20, 300)]
    assert 33 <= degrees[0] < degrees[1] < degrees[2] < 80
    assert degrees[2] > cooling[0] > cooling[1] > cooling[2]
    assert cooling[2] == 34.0


async def test_a_lease_without_a_process_takes_nothing_yet() -> None:
    machine = Machine(1)
    machine.hold(0, 4, None)
    (reading,) = await machine.after(5)
    assert reading.processes == ()
    assert reading.utilisation_percent == 0.0


async def test_an_attempt_that_declared_nothing_takes_something() -> None:
    machine = Machine(1)
    machine.hold(0, 0, START)
    (reading,) = await machine.after(20)
    assert reading.processes[0].vram_bytes == 3 * GIB


async def test_two_attempts_do_not_load_a_gpu_beyond_its_limits() -> None:
    machine = Machine(1)
    machine.hold(0, 20, START)
    machine.hold(0, 20, START)
    (reading,) = await machine.after(30)
    assert reading.utilisation_percent == 100.0
    assert reading.vram_used_bytes == 24 * GIB


async def test_a_script_brings_foreign_processes_that_come_and_go(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    foreign = {
        "gpu": 1, "pid": 4242, "vram_bytes": GIB, "user": "ada", "command": "python other.py",
        "from_s": 2, "until_s": 5,
    }  # fmt: skip
    script.write_bytes(msgspec.json.encode({"foreign": [foreign]}))
    machine = Machine(2, script)
    before = await machine.after(0)
    during = await machine.after(3)
    (process,) = during[1].processes
    after = await machine.after(2)
    assert before[1].processes == during[0].processes == after[1].processes == ()
    assert (process.pid, process.user, process.command) == (4242, "ada", "python other.py")
    assert (process.vram_bytes, process.run) == (GIB, None)
    assert (during[1].utilisation_percent or 0) > 40


async def test_a_script_is_read_again_and_a_bad_one_makes_gpus_unknown(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text("{}")
    machine = Machine(1, script)
    assert (await machine.after(1))[0].problem is None
    script.write_text('{"foreign": 3}')
    problem = (await machine.after(1))[0].problem
    script.unlink()
    gone = (await machine.after(1))[0].problem
    assert problem is not None
    assert "script.json" in problem
    assert gone is not None
    script.write_text('{"foreign": [{"gpu": 0, "pid": 9, "vram_bytes": 1}]}')
    assert (await machine.after(1))[0].processes[0].pid == 9


@pytest.mark.parametrize("content", [None, "not json", '{"unknown": 1}'])
def test_a_bad_script_is_refused_at_the_start(tmp_path: Path, content: str | None) -> None:
    script = tmp_path / "script.json"
    if content is not None:
        script.write_text(content)
    with pytest.raises(LanherdError, match="script of simulated GPUs can't be used"):
        Machine(1, script)


async def test_an_agent_gets_the_probe_that_it_asked_for() -> None:
    simulated = open_probe(simulate=2, holds=list)
    real = open_probe(simulate=0, holds=list)
    assert len((await simulated.facts()).gpus) == 2
    assert isinstance(real, NvmlProbe)
    await simulated.close()
    await real.close()


# --- Models, MIG, links and faults ---------------------------------------------------------------


def scripted(folder: Path, count: int, **parts: object) -> Machine:
    script = folder / "script.json"
    script.write_bytes(msgspec.json.encode(parts))
    return Machine(count, script)


MIG = {"name": "A100 40 GB", "vram_bytes": 40 * GIB, "compute_capability": [8, 0],
       "instances": [{"profile": "3g.20gb", "vram_bytes": 20 * GIB},
                     {"profile": "1g.5gb", "vram_bytes": 5 * GIB}]}  # fmt: skip


async def test_a_script_makes_other_models_with_links(tmp_path: Path) -> None:
    model = {"name": "Simulated V100", "vram_bytes": 16 * GIB, "ecc": True, "power_limit_w": 250}
    links = [{"first": 0, "second": 1, "kind": "nvlink", "nvlinks": 4}]
    machine = scripted(tmp_path, 3, gpus=[MIG, model], links=links, cuda_version="12.4")
    facts = await machine.probe.facts()
    names = [gpu.name for gpu in facts.gpus]
    assert names == ["Simulated A100 40 GB", "Simulated V100", "Simulated GPU 24 GB"]
    assert all(gpu.simulated for gpu in facts.gpus)
    assert [gpu.mig for gpu in facts.gpus] == [True, None, None]
    assert [instance.profile for instance in facts.gpus[0].instances] == ["3g.20gb", "1g.5gb"]
    assert all(instance.uuid.startswith("SIM-MIG-") for instance in facts.gpus[0].instances)
    assert (facts.links[0].kind, facts.links[0].nvlinks, facts.cuda_version) == (
        "nvlink",
        4,
        "12.4",
    )
    readings = await machine.after(1)
    assert [reading.ecc_errors for reading in readings] == [None, 0, None]
    assert readings[1].power_limit_w == 250


async def test_attempts_and_others_hold_instances(tmp_path: Path) -> None:
    foreign = {"gpu": 0, "instance": 1, "pid": 9, "vram_bytes": GIB, "container": "box"}
    machine = scripted(tmp_path, 1, gpus=[MIG], foreign=[foreign])
    share = LeasedGpu(index=0, instance=0, uuid=simulated_uuid(0, 0), vram_bytes=10 * GIB)
    machine.holds.append(
        AttemptHold(run=RunId("r"), attempt=1, gpus=(share,), root_pid=77, alive_since=START)
    )
    (reading,) = await machine.after(20)
    first, second = reading.instances
    assert [process.pid for process in first.processes] == [77]
    assert first.vram_used_bytes == 9 * GIB
    assert [(process.pid, process.container) for process in second.processes] == [(9, "box")]
    assert {process.pid for process in reading.processes} == {77, 9}
    assert (reading.vram_used_bytes or 0) > 10 * GIB


async def test_orphans_are_as_the_script_says(tmp_path: Path) -> None:
    left = {"gpu": 0, "pid": 9, "vram_bytes": GIB, "orphan": True, "run": "ended"}
    (reading,) = await scripted(tmp_path, 1, foreign=[left]).after(1)
    (process,) = reading.processes
    assert (process.run, process.orphan) == ("ended", True)


async def test_faults_come_and_go(tmp_path: Path) -> None:
    faults = [
        {"gpu": 0, "kind": "lost", "from_s": 2, "until_s": 4},
        {"gpu": 1, "kind": "xid", "value": 79, "from_s": 3},
        {"gpu": 1, "kind": "xid", "value": 31, "from_s": 1, "until_s": 2},
        {"gpu": 1, "kind": "ecc", "value": 2, "from_s": 1},
        {"gpu": 1, "kind": "hot", "value": 95, "from_s": 1, "until_s": 2},
        {"kind": "hung", "from_s": 6, "until_s": 7},
    ]
    machine = scripted(tmp_path, 2, gpus=[MIG], faults=faults)
    before = await machine.after(0)
    second = await machine.after(1)
    third = await machine.after(1)
    last = await machine.after(1)
    back = await machine.after(2)
    hung = await machine.after(1)
    after = await machine.after(1)
    assert (before[1].xid, before[1].ecc_errors, before[1].temperature_c) == (None, None, 35.0)
    assert (second[1].xid, second[1].ecc_errors, second[1].temperature_c) == (31, 2, 95.0)
    assert (third[1].xid, third[1].temperature_c) == (31, 35.0)
    assert third[0].problem is not None
    assert third[0].problem.startswith("The GPU is lost")
    assert third[0].instances[1].problem == third[0].problem
    assert third[1].problem is None
    assert last[1].xid == 79
    assert back[0].problem is None
    assert [reading.problem for reading in hung] == [HUNG, HUNG]
    assert after[0].problem is None
    assert [reading.xids for reading in (last[1], hung[1], after[1])] == [(31, 79)] * 3
    assert after[1].xids_total == 2


async def test_an_xid_of_a_changed_script_is_another_event(tmp_path: Path) -> None:
    fault = {"gpu": 0, "kind": "xid", "value": 79}
    machine = scripted(tmp_path, 1, faults=[fault])
    (first,) = await machine.after(1)
    again = {"faults": [{**fault, "from_s": 2}]}
    (tmp_path / "script.json").write_bytes(msgspec.json.encode(again))
    (second,) = await machine.after(1)
    assert (first.xids, second.xids, second.xids_total) == ((79,), (79, 79), 2)


async def test_facts_follow_the_script(tmp_path: Path) -> None:
    machine = scripted(tmp_path, 1)
    before = await machine.probe.facts()
    (tmp_path / "script.json").write_bytes(msgspec.json.encode({"gpus": [MIG]}))
    await machine.after(1)
    after = await machine.probe.facts()
    assert (before.gpus[0].mig, after.gpus[0].mig) == (None, True)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"gpus": [{}, {}, {}]}, "describes 3 GPUs, and 2 are simulated"),
        ({"faults": [{"kind": "lost", "gpu": 2}]}, "names GPU 2"),
        ({"links": [{"first": 0, "second": -1, "kind": "system"}]}, "names GPU -1"),
        ({"foreign": [{"gpu": 0, "pid": 7, "vram_bytes": 1, "instance": 0}]}, "has none"),
        (
            {"gpus": [MIG], "foreign": [{"gpu": 0, "pid": 7, "vram_bytes": 1}]},
            "process 7 names none of the 2 instances",
        ),
    ],
)
def test_a_script_that_names_what_is_not_there_is_refused(
    tmp_path: Path, parts: dict[str, object], words: str
) -> None:
    with pytest.raises(LanherdError, match=words):
        scripted(tmp_path, 2, **parts)
