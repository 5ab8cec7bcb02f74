from pathlib import Path

import msgspec
import pytest

from lanherd_agent.gpu.choose import open_probe
from lanherd_agent.gpu.probe import AttemptHold
from lanherd_agent.gpu.probe_process import NvmlProbe
from lanherd_agent.gpu.scripted import GIB, ScriptedProbe, simulated_uuid
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
