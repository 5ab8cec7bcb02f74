"""The real NVML code, in its real child process, against the fake library."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lanherd_agent.gpu.probe_process import GONE, HUNG, NOT_LISTED, NvmlProbe, ProbeTiming
from lanherd_protocol.values import GpuReading
from tests.support.fake_nvml import (
    DRIVER_NOT_LOADED,
    GIB,
    GPU_IS_LOST,
    LIBRARY_NOT_FOUND,
    VERSION_MISMATCH,
    FakeGpu,
    FakeNvml,
    bare_gpu,
    build_library,
    fake_gpus,
)
from tests.support.nvml_probe import (
    BRISK,
    CALM,
    child_of,
    is_well,
    probe_of,
    readings_until,
    readings_until_ready,
    turn,
)


@pytest.fixture(scope="session")
def newest_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml") / "newest")


@pytest.fixture(scope="session")
def older_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml") / "older", "WITHOUT_NEWER_FORMS")


@pytest.fixture
def machine(newest_library: Path, tmp_path: Path) -> FakeNvml:
    fake = FakeNvml(newest_library, tmp_path / "script")
    fake.become(fake_gpus(2))
    return fake


async def test_facts_of_a_machine_with_two_gpus(machine: FakeNvml) -> None:
    async with probe_of(machine) as probe:
        facts = await probe.facts()
    assert (facts.source, facts.driver_version, facts.problem) == ("nvml", "550.54.15", None)
    first, second = facts.gpus
    assert (first.index, second.index) == (0, 1)
    assert first.uuid == fake_gpus(2)[0].uuid
    assert first.name == "NVIDIA Fake 24GB"
    assert first.vram_bytes == 24 * GIB
    assert first.pci_address == "00000000:01:00.0"
    assert first.compute_capability == (8, 6)
    assert first.power_limit_w == 300.0
    assert not first.simulated


async def test_live_changes_are_seen(machine: FakeNvml) -> None:
    one, two = fake_gpus(2)
    async with probe_of(machine) as probe:
        await probe.facts()
        before = await probe.read()
        machine.become([replace(one, util=97, used=20 * GIB, temp=79, power=299_500), two])
        after = await probe.read()
    assert before[0].utilisation_percent == 35.0
    assert (after[0].utilisation_percent, after[0].vram_used_bytes) == (97.0, 20 * GIB)
    assert (after[0].temperature_c, after[0].power_w) == (79.0, 299.5)
    assert after[1] == before[1]


async def test_processes_compute_and_draw_and_hide(machine: FakeNvml) -> None:
    one, two = fake_gpus(2)
    both = replace(
        one,
        compute={31: 5 * GIB, 17: 1 * GIB, 0: GIB, 2**32 - 1: GIB, 40: 10**15},
        graphics={17: 1 * GIB, 23: None},
    )
    machine.become([both, two])
    async with probe_of(machine) as probe:
        await probe.facts()
        readings = await probe.read()
    held = {process.pid: process.vram_bytes for process in readings[0].processes}
    assert held == {17: GIB, 23: None, 31: 5 * GIB, 40: None}
    assert readings[1].processes == ()


@pytest.mark.parametrize("age", ["newest", "older"])
async def test_a_driver_that_supports_little(
    age: str, newest_library: Path, older_library: Path, tmp_path: Path
) -> None:
    library = newest_library if age == "newest" else older_library
    fake = FakeNvml(library, tmp_path / "script")
    fake.become([bare_gpu()], cuda=None)
    async with probe_of(fake) as probe:
        facts = await probe.facts()
        (reading,) = await probe.read()
    (gpu,) = facts.gpus
    assert (gpu.name, gpu.vram_bytes) == ("NVIDIA GPU", 0)
    assert (gpu.pci_address, gpu.compute_capability, gpu.power_limit_w) == (None, None, None)
    assert facts.problem == "GPU 0 doesn't say how much VRAM it has."
    assert reading == GpuReading(uuid=gpu.uuid)


async def test_an_older_driver_without_the_newer_forms(older_library: Path, tmp_path: Path) -> None:
    fake = FakeNvml(older_library, tmp_path / "script")
    fake.become([FakeGpu(compute={12: GIB}, graphics={13: None})])
    async with probe_of(fake) as probe:
        await probe.facts()
        (reading,) = await probe.read()
    assert reading.vram_used_bytes == 2 * GIB
    assert reading.temperature_c == 51.0
    assert [process.pid for process in reading.processes] == [12, 13]


async def test_a_gpu_that_is_listed_no_more_is_not_mistaken_for_another(machine: FakeNvml) -> None:
    one, two, three = fake_gpus(3)
    three = replace(three, temp=77)
    machine.become([one, two, three])
    async with probe_of(machine, BRISK) as probe:
        await readings_until_ready(probe)
        machine.become([one, three])
        seen = [await probe.read()]
        seen.append(await readings_until(probe, lambda found: found[2].problem is None))
        facts = await probe.facts()
    assert [gpu.uuid for gpu in facts.gpus] == [one.uuid, two.uuid, three.uuid]
    assert [gpu.index for gpu in facts.gpus] == [0, 1, 2]
    for readings in seen:
        assert [reading.uuid for reading in readings] == [one.uuid, two.uuid, three.uuid]
        assert readings[1].problem is not None
    assert [reading.problem for reading in seen[1]] == [None, NOT_LISTED, None]
    assert seen[1][2].temperature_c == 77.0


async def test_one_lost_gpu_does_not_hide_the_other(machine: FakeNvml) -> None:
    one, two = fake_gpus(2)
    async with probe_of(machine) as probe:
        await probe.facts()
        machine.become([replace(one, code=GPU_IS_LOST), two])
        lost, well = await probe.read()
        pid = probe.pid
        machine.become([one, two])
        again = await probe.read()
        assert probe.pid == pid
    assert lost.problem is not None
    assert "lost" in lost.problem
    assert lost.vram_used_bytes is None
    assert well.problem is None
    assert is_well(again)


async def test_a_gpu_that_is_lost_at_the_start_comes_back(machine: FakeNvml) -> None:
    one, two = fake_gpus(2)
    machine.become([one, replace(two, code=GPU_IS_LOST)])
    async with probe_of(machine, replace_timing(look_again_s=0.05)) as probe:
        facts = await probe.facts()
        assert [gpu.uuid for gpu in facts.gpus] == [one.uuid]
        assert facts.problem is not None
        assert facts.problem.startswith("GPU 1 can't be used. The GPU is lost")
        machine.become([one, two])
        await readings_until(probe, lambda readings: len(readings) == 2)
        assert (await probe.facts()).problem is None


async def test_a_gpu_that_the_driver_forgets_is_missed(machine: FakeNvml) -> None:
    one, two = fake_gpus(2)
    async with probe_of(machine, replace_timing(backoff_s=0.05)) as probe:
        await probe.facts()
        machine.become([two], fail={"nvmlDeviceGetUtilizationRates": DRIVER_NOT_LOADED})
        ended = await probe.read()
        assert ended[0].problem is not None
        machine.become([two])
        readings = await readings_until(probe, lambda found: any(is_well((one,)) for one in found))
        facts = await probe.facts()
    assert {gpu.uuid for gpu in facts.gpus} == {one.uuid, two.uuid}
    by_uuid = {str(reading.uuid): reading.problem for reading in readings}
    assert by_uuid == {one.uuid: NOT_LISTED, two.uuid: None}


@pytest.mark.parametrize(
    ("code", "words"),
    [(DRIVER_NOT_LOADED, "not loaded"), (VERSION_MISMATCH, "Restart the machine"), (4, "access")],
)
async def test_a_driver_that_does_not_work_says_why_and_keeps_no_child(
    machine: FakeNvml, code: int, words: str
) -> None:
    machine.become(fake_gpus(2), fail={"nvmlInitWithFlags": code})
    async with probe_of(machine) as probe:
        facts = await probe.facts()
        assert probe.pid is None
        assert await probe.read() == ()
    assert (facts.source, facts.gpus) == ("none", ())
    assert facts.problem is not None
    assert words in facts.problem


async def test_an_error_without_words_of_ours_is_told_in_the_drivers(machine: FakeNvml) -> None:
    machine.become(fake_gpus(2), fail={"nvmlDeviceGetCount_v2": 999})
    async with probe_of(machine) as probe:
        facts = await probe.facts()
    assert facts.problem is not None
    assert facts.problem.startswith("The NVIDIA driver answered: ")


async def test_a_driver_without_gpus(machine: FakeNvml) -> None:
    machine.become([])
    async with probe_of(machine) as probe:
        facts = await probe.facts()
        assert probe.pid is None
    assert facts.problem == "The NVIDIA driver is loaded but sees no GPU."


async def test_no_nvidia_at_all_is_normal_and_is_looked_at_again(
    machine: FakeNvml, tmp_path: Path
) -> None:
    nowhere = FakeNvml(tmp_path / "nowhere", machine.script)
    async with probe_of(nowhere, replace_timing(look_again_s=0.05)) as probe:
        facts = await probe.facts()
        assert probe.pid is None
        assert (facts.source, facts.gpus, facts.problem) == ("none", (), None)
        (tmp_path / "nowhere").symlink_to(machine.library)
        await readings_until(probe, is_well)
        assert (await probe.facts()).source == "nvml"


@pytest.mark.parametrize(
    ("code", "words"),
    [(DRIVER_NOT_LOADED, "not loaded"), (VERSION_MISMATCH, "while the old one is still loaded")],
)
async def test_a_driver_that_is_unloaded_or_replaced_and_loaded_again(
    machine: FakeNvml, code: int, words: str
) -> None:
    async with probe_of(machine, replace_timing(backoff_s=0.05)) as probe:
        facts = await probe.facts()
        machine.become(fake_gpus(2), fail={"*": code})
        sick = await readings_until(probe, lambda readings: not is_well(readings))
        assert all(words in (reading.problem or "") for reading in sick)
        await readings_until(probe, lambda _: probe.pid is None)
        assert (await probe.facts()).gpus == facts.gpus
        machine.become(fake_gpus(2))
        await readings_until(probe, is_well)


async def test_a_second_look_for_a_lost_gpu_leaves_the_others_known(machine: FakeNvml) -> None:
    one, two = fake_gpus(2)
    async with probe_of(machine, replace_timing(look_again_s=0.05)) as probe:
        await readings_until_ready(probe)
        first = probe.pid
        machine.become([one, replace(two, code=GPU_IS_LOST)])
        seen = await probe.read()
        while probe.pid == first:
            seen = await probe.read()
            assert seen[0].problem is None
            await turn()
        later = await probe.read()
        facts = await probe.facts()
        machine.become([one, two])
        await readings_until(probe, is_well)
    assert seen[1].problem is not None
    assert later[0].problem is None
    # A fresh child can't even list it: it is kept, with the driver's reason.
    assert [gpu.uuid for gpu in facts.gpus] == [one.uuid, two.uuid]
    assert later[1].problem == facts.problem
    assert "The GPU is lost" in (facts.problem or "")


@pytest.mark.parametrize("how", ["hangs", "finds nothing", "can't start"])
async def test_a_second_look_that_fails_changes_nothing(
    machine: FakeNvml, tmp_path: Path, how: str
) -> None:
    one, two = fake_gpus(2)
    sick = [one, replace(two, code=GPU_IS_LOST)]
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    timing = replace_timing(look_again_s=0.05, start_deadline_s=0.3)
    async with probe_of(machine, timing, python=str(python)) as probe:
        await readings_until_ready(probe)
        first = probe.pid
        if how == "can't start":
            python.unlink()
        machine.become(
            sick,
            hang=["nvmlInitWithFlags"] if how == "hangs" else (),
            fail={"nvmlInitWithFlags": DRIVER_NOT_LOADED} if how == "finds nothing" else {},
        )
        for _ in range(50):
            readings = await probe.read()
            assert readings[0].problem is None
            await turn()
        assert probe.pid == first


async def test_a_library_that_vanishes_under_known_gpus_is_missed(
    machine: FakeNvml, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.symlink_to(machine.library)
    async with probe_of(FakeNvml(place, machine.script), BRISK) as probe:
        await probe.facts()
        await readings_until(probe, is_well)
        place.unlink()
        with child_of(probe) as pid:
            os.kill(pid, signal.SIGKILL)
        readings = await readings_until(
            probe, lambda found: all(reading.problem == GONE for reading in found)
        )
    assert len(readings) == 2


async def test_a_hanging_call_makes_gpus_unknown_and_the_child_is_replaced(
    machine: FakeNvml,
) -> None:
    loop = asyncio.get_running_loop()
    async with probe_of(machine, BRISK) as probe:
        await readings_until_ready(probe)
        first = probe.pid
        assert first is not None
        machine.become(fake_gpus(2), hang=["nvmlDeviceGetUtilizationRates"])
        began = loop.time()
        readings = await probe.read()
        took_s = loop.time() - began
        assert [reading.problem for reading in readings] == [HUNG, HUNG]
        assert took_s < BRISK.deadline_s + 0.5
        machine.become(fake_gpus(2))
        await readings_until(probe, is_well)
        assert probe.pid != first
        assert not is_alive(first)


async def test_a_child_that_hangs_in_its_start_delays_nothing(machine: FakeNvml) -> None:
    loop = asyncio.get_running_loop()
    machine.become(fake_gpus(2), hang=["nvmlInitWithFlags"])
    async with probe_of(machine, BRISK) as probe:
        facts = await probe.facts()
        assert facts.gpus == ()
        assert facts.problem is not None
        assert "not answered" in facts.problem
        began = loop.time()
        assert await probe.read() == ()
        assert loop.time() - began < 0.1
        machine.become(fake_gpus(2))
        await readings_until(probe, is_well)


async def test_a_start_that_hangs_for_too_long_is_given_up(machine: FakeNvml) -> None:
    machine.become(fake_gpus(2), hang=["nvmlInitWithFlags"])
    impatient = ProbeTiming(deadline_s=0.1, start_deadline_s=0.1, backoff_s=0.05)
    async with probe_of(machine, impatient) as probe:
        await probe.facts()
        first = probe.pid
        assert first is not None
        async with asyncio.timeout(20):
            while probe.pid == first:
                await probe.read()
                await turn()
            while is_alive(first):
                await turn()


async def test_a_killed_child_is_replaced(machine: FakeNvml) -> None:
    async with probe_of(machine, BRISK) as probe:
        await readings_until_ready(probe)
        with child_of(probe) as pid:
            os.kill(pid, signal.SIGKILL)
        readings = await probe.read()
        assert readings[0].problem is not None
        assert "ended unexpectedly" in readings[0].problem
        await readings_until(probe, is_well)


async def test_a_python_that_is_not_there_is_a_problem_in_words(machine: FakeNvml) -> None:
    probe = NvmlProbe(python="/nonexistent/python", environment=machine.environment)
    facts = await probe.facts()
    await probe.close()
    assert facts.problem is not None
    assert facts.problem.startswith("The process that asks the NVIDIA driver can't be started")


async def test_closing_ends_the_child(machine: FakeNvml) -> None:
    probe = NvmlProbe(environment=machine.environment, timing=CALM)
    await probe.facts()
    pid = probe.pid
    assert pid is not None
    assert is_alive(pid)
    await probe.close()
    assert not is_alive(pid)


async def test_the_child_stays_small(machine: FakeNvml) -> None:
    async with probe_of(machine) as probe:
        await probe.facts()
        await probe.read()
        with child_of(probe) as pid:
            pss_kb = pss_of(pid)
    # Compiling pynvml on its first import costs twice as much as loading it, hence the room.
    assert pss_kb < 40_000


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def replace_timing(**changes: float) -> ProbeTiming:
    return ProbeTiming(**{"deadline_s": 20.0, **changes})


def pss_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (pss_kb,) = [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
    return pss_kb


@pytest.mark.parametrize("code", [VERSION_MISMATCH, DRIVER_NOT_LOADED])
async def test_a_driver_that_is_sick_at_the_start_hides_no_gpu_that_was_there(
    machine: FakeNvml, tmp_path: Path, code: int
) -> None:
    kept = tmp_path / "gpus.json"
    async with probe_of(machine, kept=kept) as probe:
        before = await probe.facts()
    machine.become(fake_gpus(2), fail={"nvmlInitWithFlags": code})
    async with probe_of(machine, BRISK, kept=kept) as probe:
        facts = await probe.facts()
        assert (facts.gpus, facts.problem) == (before.gpus, None)
        readings = await probe.read()
        assert len(readings) == 2
        assert len({reading.problem for reading in readings}) == 1
        assert "driver" in (readings[0].problem or "")
        machine.become(fake_gpus(2))
        assert is_well(await readings_until(probe, is_well))


async def test_what_was_taken_out_before_the_start_is_forgotten(
    machine: FakeNvml, tmp_path: Path
) -> None:
    kept = tmp_path / "gpus.json"
    two = fake_gpus(2)[1]
    async with probe_of(machine, kept=kept) as probe:
        await probe.facts()
    for left in ([two], []):
        missing = {} if left else {"nvmlInitWithFlags": LIBRARY_NOT_FOUND}
        machine.become(left, fail=missing)
        async with probe_of(machine, kept=kept) as probe:
            facts = await probe.facts()
            assert [gpu.uuid for gpu in facts.gpus] == [gpu.uuid for gpu in left]
    machine.become([], fail={"nvmlInitWithFlags": VERSION_MISMATCH})
    async with probe_of(machine, kept=kept) as probe:
        facts = await probe.facts()
        assert facts.gpus == () and facts.problem is not None


async def test_one_that_cannot_be_used_at_the_start_keeps_its_number(
    machine: FakeNvml, tmp_path: Path
) -> None:
    kept = tmp_path / "gpus.json"
    one, two = fake_gpus(2)
    async with probe_of(machine, kept=kept) as probe:
        await probe.facts()
    machine.become([replace(one, code=GPU_IS_LOST), two])
    async with probe_of(machine, kept=kept) as probe:
        facts = await probe.facts()
        lost, well = await probe.read()
    assert [(gpu.index, gpu.uuid) for gpu in facts.gpus] == [(0, one.uuid), (1, two.uuid)]
    assert "lost" in (lost.problem or "") and well.problem is None


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", None])
async def test_a_file_that_cannot_be_read_or_written_is_none(
    machine: FakeNvml, tmp_path: Path, content: bytes | None
) -> None:
    kept = tmp_path / "gpus.json"
    if content is None:
        kept.mkdir()
    else:
        kept.write_bytes(content)
    async with probe_of(machine, kept=kept) as probe:
        assert len((await probe.facts()).gpus) == 2
