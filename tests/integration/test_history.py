"""A machine's past readings, from a real agent's sampler to a person's terminal."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lanherd_client.cli.commands import cli
from lanherd_protocol.errors import NotFoundError
from tests.support.agent_process import agent_process
from tests.support.waiting import wait_until


@pytest.fixture
def home() -> Path:
    return Path(os.environ["HOME"]) / "agent"


def lanherd(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def past(*arguments: str) -> Any:
    found = lanherd("history", *arguments, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def samples(of: Any) -> int:
    return len([mean for mean in of["metrics"]["vram_used_bytes"]["means"] if mean is not None])


def test_the_past_is_shown_and_outlives_the_agent(home: Path) -> None:
    with agent_process(home, gpus=2):
        lanherd("pair")
        wait_until(lambda: samples(past("--last", "1min", "--gpu", "0")[0]) >= 1)
        first, second, host = past("--last", "1min")
        assert (first["gpu"], second["gpu"], host["gpu"]) == (0, 1, None)
        assert first["simulated"] is True
        assert host["metrics"]["memory_used_bytes"]["peaks"][-1] > 0
        shown = lanherd("history", "--last", "10min")
        assert shown.exit_code == 0
        assert "GPU 0 (simulated)" in shown.stdout
        assert "vram used" in shown.stdout
        begun = first["starts"][0]
    with agent_process(home, gpus=2):
        again = past("--last", "6h", "--gpu", "0")[0]
        assert again["step_s"] > 1
        assert again["starts"][0] <= begun
    assert (home / "history" / "host.ring").stat().st_size < 1_000_000


def test_what_is_not_there_is_said(home: Path) -> None:
    with agent_process(home, gpus=1):
        lanherd("pair")
        missing = lanherd("history", "--gpu", "7")
        assert isinstance(missing.exception, NotFoundError)
        assert "There is no GPU 7" in str(missing.exception)
        assert lanherd("history", "--last", "soon").exit_code == 2
