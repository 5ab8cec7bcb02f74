"""What a machine keeps of its readings: over restarts, on a full disk, beside files of others."""

import asyncio
import os
from pathlib import Path

import pytest

from lanherd_agent.history import keeper as keeping
from lanherd_agent.history.keeper import HistoryKeeper
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.history_messages import History
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuReading, HostReading, Telemetry
from tests.support.waiting import wait_until_async

GPU = GpuUuid("GPU-1")
NOW = 1_700_000_000.0


def sample(at: float, used: int | None = 1024, *, cpu: float = 50.0) -> Telemetry:
    reading = GpuReading(uuid=GPU, vram_used_bytes=used, utilisation_percent=10.0)
    return Telemetry(at=at, gpus=(reading,), host=HostReading(cpu_percent=cpu))


def opened(home: Path, now: float = NOW) -> HistoryKeeper:
    return HistoryKeeper(home, clock=lambda: now)


def line(history: History, metric: str) -> tuple[float | None, ...]:
    return next(one.means for one in history.lines if one.metric == metric)


async def run_once(keeper: HistoryKeeper) -> None:
    """Let it be written, as it is when the agent ends."""
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def test_the_past_outlives_the_agent(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.take(sample(NOW - 2))
    first.take(sample(NOW - 1, None))
    await run_once(first)
    second = opened(tmp_path)
    second.take(sample(NOW, 4096))
    history = second.read(GPU, NOW - 60, None, 600)
    assert history.step_s == 1.0
    assert line(history, "vram_used_bytes") == (1024.0, None, 4096.0)
    assert line(history, "vram_ours_bytes") == (0.0, None, 0.0)
    assert line(history, "temperature_c") == (None, None, None)
    assert line(second.read(None, NOW - 60, None, 600), "cpu_percent") == (50.0, 50.0, 50.0)


async def test_it_is_written_while_the_agent_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "WRITE_EVERY_S", 0.0)
    keeper = opened(tmp_path)
    keeper.take(sample(NOW))
    task = asyncio.create_task(keeper.run())
    await wait_until_async((tmp_path / f"{GPU}.ring").exists)
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.expects_logs("can.t be written", reason="a disk that takes nothing is the subject")
async def test_a_disk_that_is_full_costs_no_past(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "history"
    keeper = opened(home)
    keeper.take(sample(NOW - 1))
    blocker = home / "host.ring"
    blocker.mkdir()
    await run_once(keeper)
    await run_once(keeper)
    assert caplog.text.count("The history can't be written") == 1
    blocker.rmdir()
    await run_once(keeper)
    assert line(opened(home).read(None, NOW - 60, None, 10), "cpu_percent") == (50.0,)


async def test_what_was_not_seen_for_a_week_is_forgotten(tmp_path: Path) -> None:
    keeper = opened(tmp_path)
    keeper.take(sample(NOW))
    await run_once(keeper)
    os.utime(tmp_path / f"{GPU}.ring", (NOW - 8 * 86_400,) * 2)
    os.utime(tmp_path / "host.ring", (NOW, NOW))
    with pytest.raises(LanherdError) as refused:
        opened(tmp_path).read(GPU, NOW - 60, None, 10)
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert not (tmp_path / f"{GPU}.ring").exists()


def test_links_and_odd_names_are_let_be(tmp_path: Path) -> None:
    (tmp_path / "host.ring").symlink_to("/etc/passwd")
    keeper = opened(tmp_path)
    keeper.take(Telemetry(at=NOW, gpus=(GpuReading(uuid=GpuUuid("../../x")),)))
    with pytest.raises(LanherdError):
        keeper.read(GpuUuid("../../x"), NOW - 60, None, 10)


def test_the_number_of_rings_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "RINGS_MAX", 3)
    keeper = opened(tmp_path)
    gpus = tuple(GpuReading(uuid=GpuUuid(f"GPU-{number}")) for number in range(5))
    keeper.take(Telemetry(at=NOW, gpus=gpus))
    keeper.read(None, NOW - 1, None, 10)
    keeper.read(GpuUuid("GPU-4"), NOW - 1, None, 10)
    with pytest.raises(LanherdError):
        keeper.read(GpuUuid("GPU-0"), NOW - 1, None, 10)
