"""`lanherd snapshots`, against a real agent."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanherd_client import blocking
from lanherd_client.snapshot_calls import VerifyProgress
from lanherd_protocol.errors import LanherdError
from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import call_text


@pytest.fixture
def agent() -> Iterator[AgentProcess]:
    with agent_process(Path(os.environ["HOME"]) / "agent") as running:
        yield running
        assert "Traceback" not in running.log, running.log


def pushed(name: str, text: str = "print('hello')\n") -> str:
    """The snapshot of a project, by a run of it that has ended."""
    folder = Path(os.environ["HOME"]) / name
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(text)
    run = lanherd("run", "--project", str(folder), "--", "true").stdout.strip()
    lanherd("wait", run)
    snapshot = read("show", run)["snapshot"]
    assert isinstance(snapshot, str)
    return snapshot


def blobs_of(agent: AgentProcess) -> list[Path]:
    found = (agent.home / "blobs").glob("??/*")
    return [path for path in found if re.fullmatch("[0-9a-f]{62}", path.name)]


def test_before_anything_was_pushed(agent: AgentProcess) -> None:
    assert "No machine is paired yet." in lanherd("snapshots", "list").stderr
    assert read("snapshots", "list") == []
    lanherd("pair")
    told = lanherd("snapshots", "list").stderr
    assert "You have pushed nothing to box" in told and "'lanherd push'" in told
    assert "no project gone to box" in lanherd("snapshots", "list", "--project", "gone").stderr
    assert read("snapshots", "list") == []
    assert "there is nothing of yours to read" in lanherd("snapshots", "verify").stderr
    assert "there is nothing to remove" in lanherd("snapshots", "collect").stderr
    told = lanherd("snapshots", "show", "abcd", code=5).stderr
    assert "No snapshot of yours begins with 'abcd'" in told and "lanherd snapshots list" in told
    lanherd("snapshots", "show", "", code=2)
    lanherd("snapshots", "remove", code=2)


def test_what_was_pushed_is_listed_shown_kept_and_removed(agent: AgentProcess) -> None:
    lanherd("pair")
    first, second = pushed("one"), pushed("two", "print(2)\n")
    shown = lanherd("snapshots", "list")
    assert first[:12] in shown.stdout and "one" in shown.stdout and "two" in shown.stdout
    assert "On box your projects take" in shown.stderr and "2 parts" in shown.stderr
    assert [one["snapshot"] for one in read("snapshots", "list")] == [second, first]
    (only,) = read("snapshots", "list", "--project", "one")
    assert (only["snapshot"], only["files"], only["runs"], only["pinned"]) == (first, 1, 0, False)
    assert only["machine_name"] == "box" and only["bytes_total"] == 15
    text = lanherd("snapshots", "show", first[:6]).stdout
    assert first in text and "by no run that waits or is live" in text
    told = lanherd("snapshots", "pin", first[:6], "--note", "for the paper").stderr
    assert f"{first[:12]} is pinned on box." in told
    assert "pinned: for the paper" in lanherd("snapshots", "list").stdout
    told = lanherd("snapshots", "remove", first[:8], second[:8], code=1).stderr
    assert f"{first[:12]} on box stays." in told and "for the paper" in told
    assert "Unpin it first." in told
    assert f"{second[:12]} is removed on box." in told
    (left,) = read("snapshots", "list")
    assert left["snapshot"] == first and left["pin_note"] == "for the paper"
    (unpinned,) = read("snapshots", "unpin", first[:8])
    assert not unpinned["pinned"]
    assert [one["snapshot"] for one in read("snapshots", "remove", first[:8])] == [first]
    assert read("snapshots", "list") == []


def test_what_a_run_needs_is_not_removed(agent: AgentProcess) -> None:
    lanherd("pair")
    snapshot = pushed("one")
    folder = Path(os.environ["HOME"]) / "one"
    run = lanherd("run", "--hold", "--project", str(folder), "--", "true").stdout.strip()
    assert "1 run needs it" in lanherd("snapshots", "show", snapshot[:6]).stdout
    told = lanherd("snapshots", "remove", snapshot[:6], code=1).stderr
    assert "The snapshot is needed." in told and "stop them first" in told
    assert read("snapshots", "collect", "--age", "0")["snapshots"] == 0
    lanherd("stop", run)
    dry = read("snapshots", "collect", "--age", "0", "--dry-run")
    assert (dry["snapshots"], dry["dry_run"]) == (1, True)
    assert "1 snapshots" in lanherd("snapshots", "collect", "--age", "0").stderr
    assert read("snapshots", "list") == []


def test_damage_is_found_and_mended_by_the_next_push(agent: AgentProcess) -> None:
    lanherd("pair")
    snapshot = pushed("one")
    assert "All are what they were when they were pushed." in lanherd("snapshots", "verify").stderr
    (blob,) = blobs_of(agent)
    blob.write_bytes(b"bit rot")
    told = lanherd("snapshots", "verify", snapshot[:6], code=1).stderr
    assert "1 were damaged, and are removed." in told
    assert f"{snapshot[:12]} needs them, and is gone." in told and "Push these projects" in told
    assert read("snapshots", "list") == []
    assert pushed("one") == snapshot
    (verified,) = json.loads(call_text("snapshots", "verify", "--json").stdout)
    assert (verified["blobs"], verified["damaged_blobs"]) == (1, 0)


def test_the_shell_offers_what_was_listed_last(
    agent: AgentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanherd("pair")
    snapshot = pushed("one")
    lanherd("snapshots", "list")
    monkeypatch.setenv("_LANHERD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"lanherd snapshots show {snapshot[:3]}")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert snapshot[:12] in call_text().stdout


def test_the_same_from_a_script(agent: AgentProcess) -> None:
    lanherd("pair")
    snapshot = pushed("one")
    told: list[VerifyProgress] = []
    home = Path(os.environ["LANHERD_HOME"]) if "LANHERD_HOME" in os.environ else None
    with blocking.open(home) as fleet:
        (view,) = fleet.snapshots("box")
        assert view.snapshot == snapshot
        assert fleet.list_snapshots("box", limit=1).blobs == 1
        assert fleet.pin_snapshot("box", view.snapshot, "kept").pin_note == "kept"
        with pytest.raises(LanherdError):
            fleet.remove_snapshot("box", view.snapshot)
        fleet.pin_snapshot("box", view.snapshot, pinned=False)
        assert fleet.verify_snapshots("box", view.snapshot, told.append).blobs == 1
        assert told[-1].blobs == told[-1].blobs_total == 1
        assert fleet.collect_snapshots("box", 86_400.0, dry_run=True).snapshots == 0
        fleet.remove_snapshot("box", view.snapshot)
        assert list(fleet.snapshots("box")) == []
