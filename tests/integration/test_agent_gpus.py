"""A real agent and the NVML code in its child, against the fake library: hung and lost drivers,
and whose the processes are."""

import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

from lanherd_agent.gpu.probe_process import HUNG
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Running
from lanherd_protocol.values import GpuProcess
from tests.support.agent_process import AgentProcess
from tests.support.doors import new_run_id, submit, through_socket, wait_run
from tests.support.fake_nvml import GIB, GPU_IS_LOST, FakeGpu, FakeNvml, fake_gpus
from tests.support.nvml_agent import (
    agent,
    library,
    live,
    machine,
    sample_when,
    samples,
    stop_at_once,
)

__all__ = ["agent", "library", "machine"]

CALL_S_MAX = 1.0
"""Far below the deadline of a hung driver, and room for a busy machine; `./dev bench sampling` is
where the added milliseconds are measured."""
UNKNOWN_S_MAX = 10.0
WAITS = ("sh", "-c", 'mkfifo "$LANHERD_OUTPUTS/go"; read go < "$LANHERD_OUTPUTS/go"')


@asynccontextmanager
async def live_run(peer: Peer, agent: AgentProcess) -> AsyncIterator[tuple[RunId, int]]:
    """A run on one GPU and its pid; stopped at the end."""
    run, state = await live(peer, *WAITS)
    try:
        yield run, state.pid
    finally:
        await stop_at_once(peer, run)
        await wait_run(peer, run)


async def test_a_driver_that_hangs_makes_gpus_unknown_and_no_call_waits_for_it(
    agent: AgentProcess, machine: FakeNvml
) -> None:
    async with through_socket(agent) as peer, through_socket(agent) as caller:
        machine.become(fake_gpus(2), hang=["*"])
        began = time.monotonic()
        slowest_s, is_unknown = 0.0, False
        feed = samples(peer)
        while not is_unknown:
            called = time.monotonic()
            await caller.call(methods.MACHINE_SNAPSHOT, m.Empty())
            await caller.call(methods.RUNS_LIST, m.ListRuns())
            slowest_s = max(slowest_s, time.monotonic() - called)
            sample = await anext(feed)
            is_unknown = all(gpu.problem is not None for gpu in sample.gpus)
        status = await caller.call(methods.AGENT_STATUS, m.Empty())
        took_s = time.monotonic() - began
        await feed.aclose()
        # A run without GPUs is placed and run while the driver hangs.
        await wait_run(caller, await submit(caller, "true"))
        machine.become(fake_gpus(2))
        well = await sample_when(peer, lambda sample: sample.gpus[0].problem is None)
    for problems in (sample.problems, status.problems):
        assert [problem.code for problem in problems] == ["cordon_unreadable"]
        assert HUNG in problems[0].text
    assert well.problems == ()
    assert slowest_s < CALL_S_MAX
    assert took_s < UNKNOWN_S_MAX


async def test_a_gpu_that_is_lost_under_a_live_run_stays_listed_with_its_lease(
    agent: AgentProcess, machine: FakeNvml
) -> None:
    async with through_socket(agent) as peer, live_run(peer, agent) as (run, _):
        view = (await peer.call(methods.RUNS_GET, m.GetRun(run=run))).view
        assert isinstance(view.state, Running)
        (share,) = view.state.lease.gpus
        gpus = list(fake_gpus(2))
        gpus[share.index] = replace(gpus[share.index], code=GPU_IS_LOST)
        machine.become(gpus)
        sample = await sample_when(
            peer, lambda sample: sample.gpus[share.index].problem is not None
        )
        facts = (await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())).facts
    assert [gpu.index for gpu in facts.gpus] == [0, 1]
    lost, other = sample.gpus[share.index], sample.gpus[1 - share.index]
    assert (lost.problem or "").startswith("The GPU is lost")
    assert lost.vram_leased_bytes == 4 * GIB
    assert other.problem is None


async def test_processes_are_told_apart(agent: AgentProcess, machine: FakeNvml) -> None:
    async with through_socket(agent) as peer:
        ended = await submit(peer, "true")
        await wait_run(peer, ended)
        async with live_run(peer, agent) as (run, pid):
            unknown = new_run_id()
            with waiting(None) as stranger, waiting(ended) as left, waiting(unknown) as other:
                held = dict.fromkeys((pid, stranger, left, other), GIB)
                machine.become([busy(held), fake_gpus(2)[1]])
                sample = await sample_when(peer, lambda sample: len(sample.gpus[0].processes) > 3)
    told = {process.pid: process for process in sample.gpus[0].processes}
    assert whose(told[pid]) == (run, False)
    assert whose(told[left]) == (ended, True)
    assert whose(told[stranger]) == whose(told[other]) == (None, False)
    assert (told[stranger].command or "").startswith("sleep")
    assert sample.gpus[0].vram_ours_bytes == GIB


def whose(process: GpuProcess) -> tuple[RunId | None, bool]:
    return process.run, process.orphan


def busy(held: dict[int, int]) -> FakeGpu:
    return replace(fake_gpus(1)[0], compute=held, used=sum(held.values()) + GIB)


@contextmanager
def waiting(run: RunId | None) -> Iterator[int]:
    """A process beside the agent, which was perhaps started for this run."""
    named = {} if run is None else {"LANHERD_RUN_ID": run}
    with subprocess.Popen(["sleep", "600"], env={**os.environ, **named}) as process:
        yield process.pid
        process.kill()
