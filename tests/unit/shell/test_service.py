"""What the service manager is told."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanherd_agent.service import Service


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(Path(os.environ["HOME"]) / "notify"))
        heard.settimeout(10)
        yield heard


def environment(manager: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(manager.getsockname()), **more}


async def test_it_is_told_of_begin_and_end(manager: socket.socket) -> None:
    service = Service(environment(manager))
    service.ready()
    assert manager.recv(100) == b"READY=1"
    service.stopping()
    assert manager.recv(100) == b"STOPPING=1"
    await asyncio.wait_for(service.feed_watchdog(), 10)  # Nobody watches.


def test_an_abstract_address_is_one_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        name = f"lanherd-test-{os.getpid()}"
        heard.bind(f"\0{name}")
        heard.settimeout(10)
        Service({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert heard.recv(100) == b"READY=1"


async def test_the_watchdog_is_fed_twice_in_its_interval(manager: socket.socket) -> None:
    told = environment(manager, WATCHDOG_USEC="40000", WATCHDOG_PID=str(os.getpid()))
    feeding = asyncio.ensure_future(Service(told).feed_watchdog())
    heard = [await asyncio.to_thread(manager.recv, 100) for _ in range(3)]
    feeding.cancel()
    assert heard == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
async def test_nobody_watches(manager: socket.socket, variables: dict[str, str]) -> None:
    await asyncio.wait_for(Service(environment(manager, **variables)).feed_watchdog(), 10)


async def test_outside_a_service_nothing_is_said() -> None:
    service = Service({"WATCHDOG_USEC": "1000"})
    service.ready()
    await asyncio.wait_for(service.feed_watchdog(), 10)


@pytest.mark.expects_logs("could not be told READY=1", reason="nobody listens there")
def test_a_manager_that_is_gone_is_no_obstacle(tmp_path: Path) -> None:
    Service({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
