"""The NVML probe as tests drive it: asked until the readings are as wanted."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from lanherd_agent.gpu.probe_process import NvmlProbe, ProbeTiming
from lanherd_protocol.values import GpuReading
from tests.support.fake_nvml import FakeNvml

BRISK = ProbeTiming(deadline_s=0.6, start_deadline_s=20.0, backoff_s=0.05, look_again_s=0.05)
CALM = ProbeTiming(deadline_s=20.0)


@asynccontextmanager
async def probe_of(
    fake: FakeNvml,
    timing: ProbeTiming = CALM,
    *,
    python: str = sys.executable,
    kept: Path | None = None,
) -> AsyncIterator[NvmlProbe]:
    probe = NvmlProbe(python=python, environment=fake.environment, timing=timing, kept=kept)
    try:
        yield probe
    finally:
        await probe.close()


async def readings_until(
    probe: NvmlProbe, good: Callable[[tuple[GpuReading, ...]], bool]
) -> tuple[GpuReading, ...]:
    """Asks as a sampler does, until the readings are as wanted."""
    async with asyncio.timeout(20):
        while not good(readings := await probe.read()):
            await turn()
    return readings


def turn() -> Awaitable[None]:
    """Lets the loop handle what arrives, for one short sampling interval."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.02, done.set_result, None)
    return done


def is_well(readings: tuple[GpuReading, ...]) -> bool:
    return len(readings) > 0 and all(reading.problem is None for reading in readings)


async def readings_until_ready(probe: NvmlProbe) -> None:
    await probe.facts()
    await readings_until(probe, is_well)


@contextmanager
def child_of(probe: NvmlProbe) -> Iterator[int]:
    pid = probe.pid
    assert pid is not None
    yield pid
