"""Every value that the NVML code reads, and its absence, against the fake library."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from lanherd_agent.gpu.probe import ProbeFacts
from lanherd_agent.gpu.probe_process import ProbeTiming
from lanherd_protocol.values import GpuLink, GpuProcess, GpuReading
from tests.support.fake_nvml import (
    GIB,
    GPU_IS_LOST,
    NO_PERMISSION,
    NOT_FOUND,
    NOT_SUPPORTED,
    RESET_REQUIRED,
    FakeGpu,
    FakeInstance,
    FakeNvml,
    FakeXid,
    build_library,
    fake_gpus,
)
from tests.support.nvml_probe import (
    BRISK,
    child_of,
    is_well,
    probe_of,
    readings_until,
    readings_until_ready,
)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml") / "newest")


@pytest.fixture
def machine(library: Path, tmp_path: Path) -> FakeNvml:
    return FakeNvml(library, tmp_path / "script")


NO_LOOK = ProbeTiming(deadline_s=20.0, look_again_s=600.0)


# --- Everything that a GPU tells -----------------------------------------------------------------

OPTIONAL_FACTS = {
    "name": ("nvmlDeviceGetName", "NVIDIA GPU"),
    "pci_address": ("nvmlDeviceGetPciInfo_v3", None),
    "compute_capability": ("nvmlDeviceGetCudaComputeCapability", None),
    "power_limit_w": ("nvmlDeviceGetEnforcedPowerLimit", None),
    "power_limit_max_w": ("nvmlDeviceGetPowerManagementLimitConstraints", None),
    "persistence": ("nvmlDeviceGetPersistenceMode", None),
    "ecc": ("nvmlDeviceGetEccMode", None),
    "mig": ("nvmlDeviceGetMigMode", None),
    "numa_node": ("nvmlDeviceGetMemoryAffinity", None),
}
OPTIONAL_READINGS = {
    "utilisation_percent": "nvmlDeviceGetUtilizationRates",
    "memory_utilisation_percent": "nvmlDeviceGetUtilizationRates",
    "temperature_c": "nvmlDeviceGetTemperatureV",
    "power_w": "nvmlDeviceGetPowerUsage",
    "power_limit_w": "nvmlDeviceGetEnforcedPowerLimit",
    "sm_clock_mhz": "nvmlDeviceGetClockInfo",
    "memory_clock_mhz": "nvmlDeviceGetClockInfo",
    "fan_percent": "nvmlDeviceGetFanSpeed",
    "ecc_errors": "nvmlDeviceGetTotalEccErrors",
}
OLDER_FORM = {"nvmlDeviceGetTemperatureV": "nvmlDeviceGetTemperature"}
RICH = FakeGpu(ecc=True, ecc_errors=3, mig=False, numa=1)


def failing(function: str, code: int) -> dict[str, int]:
    return dict.fromkeys((function, OLDER_FORM.get(function, function)), code)


async def asked_once(fake: FakeNvml) -> tuple[ProbeFacts, tuple[GpuReading, ...]]:
    async with probe_of(fake) as probe:
        return await probe.facts(), await probe.read()


async def test_all_values_are_read(machine: FakeNvml) -> None:
    machine.become([RICH])
    facts, (reading,) = await asked_once(machine)
    (gpu,) = facts.gpus
    assert facts.cuda_version == "12.4"
    assert (gpu.power_limit_max_w, gpu.persistence, gpu.ecc) == (350.0, True, True)
    assert (gpu.mig, gpu.instances, gpu.numa_node) == (False, (), 1)
    assert (reading.memory_utilisation_percent, reading.power_limit_w) == (12.0, 300.0)
    assert (reading.sm_clock_mhz, reading.memory_clock_mhz) == (1695, 9501)
    assert (reading.fan_percent, reading.ecc_errors, reading.xid) == (42.0, 3, None)


@pytest.mark.parametrize("code", [NOT_SUPPORTED, NO_PERMISSION, 999])
@pytest.mark.parametrize("field", OPTIONAL_FACTS)
async def test_a_fact_that_is_refused_is_not_known(
    machine: FakeNvml, field: str, code: int
) -> None:
    function, instead = OPTIONAL_FACTS[field]
    machine.become([RICH], fail={function: code})
    facts, (reading,) = await asked_once(machine)
    assert getattr(facts.gpus[0], field) == instead
    assert (facts.problem, reading.problem) == (None, None)


@pytest.mark.parametrize("code", [NOT_SUPPORTED, NO_PERMISSION, 999])
@pytest.mark.parametrize("field", OPTIONAL_READINGS)
async def test_a_value_that_is_refused_is_not_known(
    machine: FakeNvml, field: str, code: int
) -> None:
    machine.become([RICH], fail=failing(OPTIONAL_READINGS[field], code))
    _, (reading,) = await asked_once(machine)
    assert getattr(reading, field) is None
    assert (reading.problem, reading.vram_used_bytes) == (None, 2 * GIB)


@pytest.mark.parametrize("code", [GPU_IS_LOST, RESET_REQUIRED])
@pytest.mark.parametrize("function", sorted({*OPTIONAL_READINGS.values()}))
async def test_a_gpu_that_is_sick_is_sick_whatever_was_asked(
    machine: FakeNvml, function: str, code: int
) -> None:
    one, two = RICH, fake_gpus(2)[1]
    machine.become([one, two])
    async with probe_of(machine) as probe:
        await probe.facts()
        machine.become([one, two], fail=failing(function, code))
        readings = await probe.read()
    assert all(reading.problem is not None for reading in readings)


async def test_vram_that_can_not_be_asked_makes_a_gpu_unknown(machine: FakeNvml) -> None:
    machine.become([RICH])
    async with probe_of(machine) as probe:
        await probe.facts()
        machine.become([RICH], fail={"nvmlDeviceGetMemoryInfo_v2": 999})
        (unknown,) = await probe.read()
        machine.become([RICH], fail={"nvmlDeviceGetMemoryInfo_v2": NOT_SUPPORTED,
                                     "nvmlDeviceGetMemoryInfo": NO_PERMISSION})  # fmt: skip
        (absent,) = await probe.read()
    assert unknown.problem is not None
    assert unknown.problem.startswith("The NVIDIA driver answered")
    assert (absent.problem, absent.vram_used_bytes) == (None, None)


async def test_a_driver_without_a_cuda_version(machine: FakeNvml) -> None:
    machine.become([RICH], cuda=None)
    facts, _ = await asked_once(machine)
    assert facts.cuda_version is None


# --- Links ---------------------------------------------------------------------------------------


async def test_links_between_gpus(machine: FakeNvml) -> None:
    zero, one, two = fake_gpus(3)
    near = {(0, 1): 10, (0, 2): 50, (1, 2): 50}
    # Drivers write the other end's address with a domain of four digits or of eight.
    zero = replace(zero, nvlinks=("0000:02:00.0", "0000:02:00.0", "-"))
    one = replace(one, nvlinks=("00000000:01:00.0", "-", "00000000:01:00.0"))
    machine.become([zero, one, two], near=near)
    facts, _ = await asked_once(machine)
    assert facts.links == (
        GpuLink(first=0, second=1, kind="nvlink", nvlinks=2),
        GpuLink(first=0, second=2, kind="system"),
        GpuLink(first=1, second=2, kind="system"),
    )


async def test_links_through_a_switch_and_links_that_nobody_tells(machine: FakeNvml) -> None:
    machine.become([replace(gpu, nvlinks=("switch",) * 3) for gpu in fake_gpus(2)])
    switched, _ = await asked_once(machine)
    machine.become(fake_gpus(2), fail={"nvmlDeviceGetNvLinkState": GPU_IS_LOST})
    untold, _ = await asked_once(machine)
    assert [(link.kind, link.nvlinks) for link in switched.links] == [("nvlink", 3)]
    assert untold.links == ()


async def test_a_link_that_is_not_there_hides_no_later_one(machine: FakeNvml) -> None:
    zero, one = fake_gpus(2)
    zero = replace(zero, nvlinks=("?", "-", "0000:02:00.0", "0000:02:00.0"))
    one = replace(one, nvlinks=("?", "0000:01:00.0", "?", "0000:01:00.0"))
    machine.become([zero, one])
    facts, _ = await asked_once(machine)
    assert facts.links == (GpuLink(first=0, second=1, kind="nvlink", nvlinks=2),)


# --- Processes and their VRAM --------------------------------------------------------------------


@pytest.mark.parametrize("define", ["WITH_WIDE_LISTS", "WITHOUT_NEWER_FORMS"])
async def test_no_process_is_made_up_of_records_of_another_length(
    define: str, tmp_path: Path
) -> None:
    fake = FakeNvml(build_library(tmp_path / "other", define), tmp_path / "script")
    busy = {11: GIB, 12: 2 * GIB, 13: None, 14: 3 * GIB}
    fake.become([FakeGpu(compute=busy, used=6 * GIB)])
    _, (reading,) = await asked_once(fake)
    assert {process.pid: process.vram_bytes for process in reading.processes} == busy


async def test_clients_of_mps_are_processes_too(machine: FakeNvml) -> None:
    gpu = FakeGpu(compute={11: GIB, 12: GIB}, mps={12: 3 * GIB, 13: GIB}, used=5 * GIB)
    machine.become([gpu])
    _, (reading,) = await asked_once(machine)
    told = {process.pid: process.vram_bytes for process in reading.processes}
    assert told == {11: GIB, 12: 3 * GIB, 13: GIB}


async def test_what_the_driver_keeps_is_in_use(machine: FakeNvml) -> None:
    machine.become([FakeGpu(used=2 * GIB, reserved=GIB // 2)])
    facts, (reading,) = await asked_once(machine)
    assert (facts.gpus[0].vram_bytes, reading.vram_used_bytes) == (24 * GIB, 5 * GIB // 2)
    assert reading.vram_reserved_bytes == GIB // 2
    # Some that have the newer form keep nothing apart: it is in what is used, and not known.
    machine.become([FakeGpu(used=2 * GIB, reserved=0)])
    _, (reading,) = await asked_once(machine)
    assert (reading.vram_used_bytes, reading.vram_reserved_bytes) == (2 * GIB, None)


async def test_a_driver_without_a_gpu_says_so_at_once(machine: FakeNvml) -> None:
    machine.become([], fail={"nvmlInitWithFlags": NOT_FOUND})
    facts, _ = await asked_once(machine)
    assert facts.problem == "The NVIDIA driver is loaded but sees no GPU."


# --- Xids ----------------------------------------------------------------------------------------


async def test_the_last_xid_of_each_gpu_is_told_and_outlives_the_child(machine: FakeNvml) -> None:
    old = FakeXid(number=1, gpu=0, code=13)
    machine.become(fake_gpus(2), xids=[old])
    async with probe_of(machine, BRISK) as probe:
        await readings_until_ready(probe)
        before = await probe.read()
        news = [FakeXid(number=2, gpu=1, code=31), FakeXid(number=3, gpu=1, code=79)]
        machine.become(fake_gpus(2), xids=[old, *news])
        after = await probe.read()
        with child_of(probe) as pid:
            os.kill(pid, signal.SIGKILL)
        await probe.read()
        again = await readings_until(probe, is_well)
        assert probe.pid != pid
    assert [reading.xid for reading in before] == [None, None]
    assert [reading.xid for reading in after] == [None, 79]
    assert [reading.xid for reading in again] == [None, 79]
    assert [(reading.xids, reading.xids_total) for reading in again] == [((), 0), ((31, 79), 2)]


async def test_the_same_xid_is_counted_again_by_another_child(machine: FakeNvml) -> None:
    machine.become(fake_gpus(1))
    async with probe_of(machine, BRISK) as probe:
        await readings_until_ready(probe)
        xids = [FakeXid(number=1, gpu=0, code=79)]
        machine.become(fake_gpus(1), xids=xids)
        await probe.read()
        with child_of(probe) as pid:
            os.kill(pid, signal.SIGKILL)
        silent = await probe.read()
        await readings_until(probe, is_well)
        machine.become(fake_gpus(1), xids=[*xids, FakeXid(number=2, gpu=0, code=79)])
        (reading,) = await readings_until(probe, lambda found: found[0].xids_total != 1)
    assert [each.xids_total for each in silent] == [1]
    assert (reading.xids, reading.xids_total) == ((79, 79), 2)


async def test_an_xid_of_a_whole_gpu_is_its_instances_too(machine: FakeNvml) -> None:
    machine.become([SLICED], instances={0: [TWO_G, ONE_G]})
    async with probe_of(machine) as probe:
        await probe.facts()
        xids = [FakeXid(number=1, gpu=0, code=79)]
        machine.become([SLICED], instances={0: [TWO_G, ONE_G]}, xids=xids)
        (reading,) = await probe.read()
    assert [each.xids for each in (reading, *reading.instances)] == [(79,)] * 3


@pytest.mark.parametrize(
    "function",
    [
        "nvmlEventSetCreate",
        "nvmlDeviceGetSupportedEventTypes",
        "nvmlDeviceRegisterEvents",
        "nvmlEventSetWait_v2",
    ],
)
async def test_a_driver_that_tells_no_events_is_read_all_the_same(
    machine: FakeNvml, function: str
) -> None:
    machine.become(fake_gpus(2), fail={function: NOT_SUPPORTED})
    _, readings = await asked_once(machine)
    assert is_well(readings)
    assert [reading.xid for reading in readings] == [None, None]


async def test_a_lost_gpu_keeps_no_xid_of_another_back(
    machine: FakeNvml,
) -> None:
    one, two = fake_gpus(2)
    machine.become([one, two])
    lost = replace(one, code=GPU_IS_LOST)
    async with probe_of(machine, NO_LOOK) as probe:
        await readings_until_ready(probe)
        machine.become([lost, two])
        await probe.read()
        events = (FakeXid(number=number, gpu=1, code=79) for number in range(1, 1000))
        xids: list[FakeXid] = []

        def is_told(readings: tuple[GpuReading, ...]) -> bool:
            # What came before the new set of events is told by nobody.
            xids.append(next(events))
            machine.become([lost, two], xids=xids)
            return readings[1].xid == 79

        readings = await readings_until(probe, is_told)
    assert readings[0].problem is not None


async def test_a_user_who_may_not_ask_a_sliced_gpu_still_knows_its_vram(machine: FakeNvml) -> None:
    machine.become([replace(SLICED, total=None)], instances={0: [TWO_G, ONE_G]})
    facts, (reading,) = await asked_once(machine)
    assert facts.problem is None
    assert (facts.gpus[0].vram_bytes, reading.vram_used_bytes) == (18 * GIB, GIB)


# --- MIG -----------------------------------------------------------------------------------------

SLICED = FakeGpu(mig=True, mig_max=7, util=None)
ONE_G = FakeInstance(uuid="MIG-1", gi=7, used=GIB, compute={31: GIB})
TWO_G = FakeInstance(uuid="MIG-2", gi=3, name=None, total=12 * GIB, slices="2/1", used=0)


async def test_instances_are_listed_and_read(machine: FakeNvml) -> None:
    machine.become([SLICED], instances={0: [TWO_G, ONE_G]})
    facts, (reading,) = await asked_once(machine)
    (gpu,) = facts.gpus
    assert gpu.mig is True
    assert [(each.index, each.uuid, each.profile) for each in gpu.instances] == [
        (0, "MIG-2", "1c.2g.12gb"),
        (1, "MIG-1", "1g.6gb"),
    ]
    assert [each.vram_bytes for each in gpu.instances] == [12 * GIB, 6 * GIB]
    assert [each.uuid for each in reading.instances] == ["MIG-2", "MIG-1"]
    assert [each.vram_used_bytes for each in reading.instances] == [0, GIB]
    assert (
        reading.instances[1].processes == reading.processes == (GpuProcess(pid=31, vram_bytes=GIB),)
    )
    assert reading.utilisation_percent is None


async def test_a_user_who_may_ask_instances_alone_sees_their_sum(machine: FakeNvml) -> None:
    machine.become([replace(SLICED, used=None)], instances={0: [TWO_G, ONE_G]})
    _, (reading,) = await asked_once(machine)
    assert reading.vram_used_bytes == GIB


async def test_an_instance_that_names_no_profile_has_none(machine: FakeNvml) -> None:
    machine.become([SLICED], instances={0: [replace(ONE_G, name=None, slices=None, gi=None)]})
    facts, (reading,) = await asked_once(machine)
    assert facts.gpus[0].instances[0].profile == ""
    assert reading.problem is None


async def test_an_xid_of_an_instance_is_its_gpus_too(machine: FakeNvml) -> None:
    machine.become([SLICED], instances={0: [TWO_G, ONE_G]})
    async with probe_of(machine) as probe:
        await probe.facts()
        xid = FakeXid(number=1, gpu=0, code=43, instance=7)
        machine.become([SLICED], instances={0: [TWO_G, ONE_G]}, xids=[xid])
        (reading,) = await probe.read()
    assert reading.xid == 43
    assert [each.xid for each in reading.instances] == [None, 43]


async def test_instances_that_are_made_anew_are_seen(machine: FakeNvml) -> None:
    machine.become([SLICED], instances={0: [TWO_G, ONE_G]})
    async with probe_of(machine) as probe:
        await probe.facts()
        pid = probe.pid
        # The second can't be asked any more: it was removed, which is looked at in that reading.
        machine.become([SLICED], instances={0: [TWO_G]})
        (reading,) = await probe.read()
        facts = await probe.facts()
        assert probe.pid == pid
    assert [each.uuid for each in facts.gpus[0].instances] == ["MIG-2"]
    assert [(each.uuid, each.problem) for each in reading.instances] == [("MIG-2", None)]


async def test_a_sliced_gpu_that_is_lost_takes_its_instances_along(machine: FakeNvml) -> None:
    machine.become([SLICED], instances={0: [TWO_G, ONE_G]})
    async with probe_of(machine) as probe:
        await probe.facts()
        machine.become([replace(SLICED, code=GPU_IS_LOST)], instances={0: [TWO_G, ONE_G]})
        (reading,) = await probe.read()
    assert reading.problem is not None
    assert [each.problem for each in reading.instances] == [reading.problem] * 2
