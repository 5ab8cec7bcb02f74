"""What the parent makes of a child that talks nonsense; the real child is in tests/integration."""

import asyncio
from pathlib import Path

import pytest

from lanherd_agent.gpu.probe import ProbeFacts
from lanherd_agent.gpu.probe_process import (
    GARBLED,
    NOT_LISTED,
    NvmlProbe,
    ProbeTiming,
    align,
    merge_facts,
)
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuFacts, GpuReading


def gpu(index: int, name: str = "A GPU") -> GpuFacts:
    return GpuFacts(index=index, uuid=GpuUuid(f"GPU-{index}"), name=name, vram_bytes=1)


def facts_of(*gpus: GpuFacts) -> ProbeFacts:
    return ProbeFacts(source="nvml", gpus=gpus)


def test_missed_gpus_keep_their_place_and_found_ones_are_renewed() -> None:
    merged = merge_facts(facts_of(gpu(0), gpu(1), gpu(2)), facts_of(gpu(0), gpu(2, "Renewed")))
    assert [found.index for found in merged.gpus] == [0, 1, 2]
    assert merged.gpus[2].name == "Renewed"


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
