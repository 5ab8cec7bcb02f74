"""What the parent makes of a child that talks nonsense; the real child is in tests/integration."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from lanherd_agent.gpu import probe_process
from lanherd_agent.gpu.probe import ProbeFacts
from lanherd_agent.gpu.probe_process import (
    GARBLED,
    NO_INSTANCE,
    NOT_ANSWERED,
    NOT_LISTED,
    NvmlProbe,
    ProbeTiming,
    align,
    merge_facts,
)
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuFacts, GpuInstance, GpuLink, GpuReading


def gpu(index: int, name: str = "A GPU") -> GpuFacts:
    return GpuFacts(index=index, uuid=GpuUuid(f"GPU-{index}"), name=name, vram_bytes=1)


def facts_of(*gpus: GpuFacts) -> ProbeFacts:
    return ProbeFacts(source="nvml", gpus=gpus)


def test_missed_gpus_keep_their_place_and_found_ones_are_renewed() -> None:
    merged = merge_facts(facts_of(gpu(0), gpu(1), gpu(2)), facts_of(gpu(0), gpu(2, "Renewed")))
    assert [found.index for found in merged.gpus] == [0, 1, 2]
    assert merged.gpus[2].name == "Renewed"


def test_gpus_keep_their_numbers_while_one_is_missed() -> None:
    # A driver that was loaded again without GPU 0 counts the rest from 0; one is new.
    fresh = GpuFacts(index=2, uuid=GpuUuid("GPU-new"), name="n", vram_bytes=1)
    links = (GpuLink(first=0, second=2, kind="system"),)
    found = facts_of(replace(gpu(1), index=0), replace(gpu(2), index=1), fresh)
    merged = merge_facts(facts_of(gpu(0), gpu(1), gpu(2)), replace(found, links=links))
    assert [(one.index, one.uuid) for one in merged.gpus] == [
        (0, "GPU-0"), (1, "GPU-1"), (2, "GPU-2"), (3, "GPU-new"),
    ]  # fmt: skip
    assert merged.links == (GpuLink(first=1, second=3, kind="system"),)


def test_gpus_are_numbered_as_the_driver_does_when_none_is_missed() -> None:
    found = facts_of(replace(gpu(1), index=0), replace(gpu(0), index=1))
    assert merge_facts(facts_of(gpu(0), gpu(1)), found) == found


def test_instances_follow_the_order_of_the_facts() -> None:
    instances = tuple(
        GpuInstance(index=place, uuid=GpuUuid(f"MIG-{place}"), profile="1g.5gb", vram_bytes=1)
        for place in (0, 1)
    )
    facts = facts_of(replace(gpu(0), mig=True, instances=instances))
    one = GpuReading(uuid=GpuUuid("MIG-1"), vram_used_bytes=7)
    (reading,) = align(facts, (GpuReading(uuid=GpuUuid("GPU-0"), instances=(one,)),))
    assert [inside.problem for inside in reading.instances] == [NO_INSTANCE, None]
    (sick,) = align(facts, (GpuReading(uuid=GpuUuid("GPU-0"), problem="lost"),))
    assert [inside.problem for inside in sick.instances] == ["lost", "lost"]
    (missed,) = align(replace(facts, problem="GPU 0 can't be used."), ())
    assert [inside.problem for inside in missed.instances] == ["GPU 0 can't be used."] * 2


async def test_no_child_is_started_while_too_many_can_not_be_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe_process, "LEAVING_MAX", 0)
    probe = NvmlProbe()
    facts = await probe.facts()
    readings = await probe.read()
    await probe.close()
    assert (facts.problem, readings, probe.pid) == (NOT_ANSWERED, (), None)


def test_readings_follow_the_order_of_the_facts() -> None:
    zero, two = GpuReading(uuid=GpuUuid("GPU-0")), GpuReading(uuid=GpuUuid("GPU-2"))
    readings = align(facts_of(gpu(0), gpu(1), gpu(2)), (two, zero))
    assert (readings[0], readings[2]) == (zero, two)
    assert readings[1].problem == NOT_LISTED


@pytest.mark.parametrize(
    "bytes_of_shell",
    [
        r"\377\377\377\377",  # a length beyond the bound
        r"\000\000\000\003abc",  # not JSON
        r"\000\000\000\002{}",  # not an answer
        r'\000\000\000\017{"ended":false}',  # an answer to nothing
    ],
)
async def test_a_child_that_talks_nonsense_is_dropped(tmp_path: Path, bytes_of_shell: str) -> None:
    python = babbling_python(tmp_path, bytes_of_shell)
    probe = NvmlProbe(python=str(python), timing=ProbeTiming(deadline_s=20.0, backoff_s=60.0))
    facts = await probe.facts()
    pid = probe.pid
    await probe.close()
    assert facts.problem == GARBLED
    assert pid is None


async def test_readings_that_are_none_drop_the_child(tmp_path: Path) -> None:
    uuid = "GPU-0"
    answer = (
        '{"ended":false,"facts":{"source":"nvml","gpus":'
        f'[{{"index":0,"uuid":"{uuid}","name":"n","vram_bytes":1}}]}}}}'
    )
    length = f"\\000\\000\\000\\{len(answer):03o}"
    python = babbling_python(tmp_path, length + answer + length + answer)
    probe = NvmlProbe(python=str(python), timing=ProbeTiming(deadline_s=20.0, backoff_s=60.0))
    facts = await probe.facts()
    (reading,) = await probe.read()
    (later,) = await probe.read()
    await probe.close()
    assert [found.uuid for found in facts.gpus] == [uuid]
    assert reading.problem == later.problem == GARBLED


async def test_two_questions_at_once_take_turns(tmp_path: Path) -> None:
    python = babbling_python(tmp_path, r"\000\000\000\003abc")
    probe = NvmlProbe(python=str(python), timing=ProbeTiming(deadline_s=20.0, backoff_s=60.0))
    facts, readings = await asyncio.gather(probe.facts(), probe.read())
    await probe.close()
    assert facts.problem == GARBLED
    assert readings == ()


def babbling_python(folder: Path, bytes_of_shell: str) -> Path:
    """A program that says these bytes to the agent and then only waits."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\nprintf '{bytes_of_shell}' >&0\nread -r nothing\n")
    path.chmod(0o755)
    return path
