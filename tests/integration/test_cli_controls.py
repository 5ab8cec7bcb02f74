"""`lanherd gpus`, `cordon`, `queue` and `why`, against a real agent with simulated GPUs."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.waiting import wait_until

SCRIPT = {
    "foreign": [
        {
            "gpu": 0,
            "pid": 4242,
            "vram_bytes": 13 << 30,
            "user": "eve",
            "command": "python other.py",
        },
        {"gpu": 1, "pid": 4343, "vram_bytes": 1 << 30, "orphan": True},
    ]
}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    home = Path(os.environ["HOME"]) / "agent"
    with agent_process(home, gpus=2, arguments=("--gpu-script", str(script))) as running:
        lanherd("pair")
        yield running


def held(name: str) -> str:
    """A run that waits until it is released; its id."""
    return lanherd("run", "--hold", "--name", name, "--", "true").stdout.strip()


def test_gpus_show_who_holds_them_and_what_can_be_done(agent: AgentProcess) -> None:
    shown = lanherd("gpus").stdout
    assert "HELD BY" in shown and "python other.py" in shown and "eve" in shown
    assert "not started by Lanherd" in shown and "its process is gone" in shown
    first, second = read("gpus")
    assert first["processes"][0]["pid"] == 4242 and not first["processes"][0]["orphan"]
    assert second["processes"][0]["orphan"] and second["cordon"] is None


def test_a_gpu_is_closed_and_opened(agent: AgentProcess) -> None:
    told = lanherd("cordon", "box", "1", "--why", "Its fan is loud").stderr
    assert "box: GPU 1 takes no run." in told and "Its fan is loud" in told
    wait_until(lambda: "1 of 2 GPUs closed" in lanherd("machines").stdout)
    assert "1 of 2 GPUs closed: see 'lanherd gpus'." in lanherd("status").stdout
    kept = read("cordon", "box", "0")["cordons"]
    assert [cordon["index"] for cordon in kept] == [1, 0]
    told = lanherd("uncordon", "box", "0").stderr
    assert "box: GPU 0: open again." in told and "GPU 1 takes no run" in told
    told = lanherd("uncordon", "box", "1").stderr
    assert "GPU 1: open again." in told and "no GPU is closed" in told
    assert "GPU 1 was not closed" in lanherd("uncordon", "box", "1").stderr
    assert "no GPU '7'" in lanherd("cordon", "box", "7", code=5).stderr
    lanherd("cordon", "nobody", "0", code=5)
    lanherd("cordon", "box", code=2)


def test_the_line_is_paused_listed_and_put_in_another_order(agent: AgentProcess) -> None:
    assert "No run waits." in lanherd("queue").stderr
    first, second = held("first"), held("second")
    assert [run["run"] for run in read("queue")[0]["runs"]] == [first, second]
    shown = lanherd("queue").stdout
    assert "held back" in shown and shown.index("first") < shown.index("second")
    assert "raise --limit" in lanherd("queue", "--limit", "1").stderr
    assert "comes before" in lanherd("queue", "move", "second", "--before", "first").stderr
    moved = read("queue", "move", "second", "--before", "first")
    assert [run["run"] for run in moved["runs"]] == [second, first]
    told = lanherd("queue", "pause", "--note", "Moving house").stderr
    assert "the line is paused" in told and "Moving house" in told
    assert read("queue", "pause", "--tag", "night")["pauses"][1]["tag"] == "night"
    assert "runs with the tag night are paused" in lanherd("queue").stderr
    check_pauses_are_shown()
    assert "night" in lanherd("queue", "resume").stderr
    assert "no pause of the tag nope" in lanherd("queue", "resume", "--tag", "nope").stderr
    told = lanherd("queue", "resume", "--tag", "night").stderr
    assert "started as they fit" in told and "there was no pause" not in told
    told = lanherd("queue", "move", "second", "--before", "second", code=2).stderr
    assert "A run can't come before itself." in told
    assert read("queue", "resume")["pauses"] == []
    assert read("machines")[0]["pauses"] == read("status")[0]["pauses"] == []
    assert "paused" not in lanherd("machines").stdout + lanherd("status").stdout
    lanherd("queue", "move", "second", code=2)


def check_pauses_are_shown() -> None:
    """Who paused what, since when, and the note: where people look for what a machine does."""
    whole, of_tag = read("machines")[0]["pauses"]
    assert (whole["tag"], whole["note"], of_tag["tag"]) == ("", "Moving house", "night")
    assert whole["by"] and whole["since"] > 0
    assert read("status")[0]["pauses"] == [whole, of_tag]
    said = rf"[Tt]he line is paused by {re.escape(whole['by'])} since \d{{4}}-.*: Moving house"
    noted = lanherd("machines").stdout
    assert re.search(said + r"\. And 1 more: see 'lanherd status'\.", noted), noted
    status = lanherd("status").stdout
    assert re.search(said, status) and "'lanherd queue resume' goes on" in status, status
    assert "runs with the tag night are paused by" in status
    assert "'lanherd queue resume --tag night' goes on" in status


def test_why_a_run_failed_or_waits(agent: AgentProcess) -> None:
    script = "echo begun; echo 'cat: data.csv: No such file or directory' >&2; exit 1"
    lanherd("run", "-f", "--name", "bad", "--", "sh", "-c", script, code=1)
    shown = lanherd("why", "bad").stdout
    assert "There is no file data.csv." in shown and "cat: data.csv" in shown
    assert "--offset 6" in shown
    told = read("why", "bad")["reason"]
    assert (told["code"], told["data"]["path"]) == ("file_not_found", "data.csv")
    assert told["data"]["exit_code"] == 1
    lanherd("run", "-f", "--name", "good", "--", "true")
    assert "succeeded" in lanherd("why", "good").stdout
    held("waiting")
    assert "held back" in lanherd("why", "waiting").stdout
    lanherd("why", "unknown", code=5)
