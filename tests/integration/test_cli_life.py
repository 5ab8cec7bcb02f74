"""The life of runs from the shell, against a real agent: limits, retries, order, changes, files."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import LANHERD, WITHIN_S
from tests.support.waiting import wait_until


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder / "agent") as running:
        lanherd("pair")
        yield running


def taken(*arguments: str, code: int = 0) -> str:
    """Runs `lanherd run`; the run's id."""
    return lanherd("run", *arguments, code=code).stdout.strip()


def test_a_run_that_fails_is_tried_again_and_each_attempt_is_told(agent: AgentProcess) -> None:
    script = "echo try $LANHERD_ATTEMPT; [ $LANHERD_ATTEMPT = 3 ] || exit 75"
    options = ["--retries", "5", "--retry-codes", "75", "--backoff", "100ms", "--name", "flaky"]
    followed = lanherd("run", "-f", *options, "--", "sh", "-c", script)
    assert followed.stdout == "try 1\ntry 2\ntry 3\n"
    assert "Attempt 1: Ended with exit code 75." in followed.stderr
    ends = read("attempts", "flaky")
    assert [(end["attempt"], end["outcome"], end["exit_code"]) for end in ends] == [
        (1, "failed", 75),
        (2, "failed", 75),
        (3, "succeeded", 0),
    ]
    assert read("show", "flaky")["attempts"] == ends
    assert lanherd("logs", "flaky", "--attempt", "2").stdout == "try 2\n"
    assert "failed" in lanherd("attempts", "flaky").stdout
    # Another code than those that are named ends it at once.
    lanherd("run", "-f", *options[:-1], "once", "--", "sh", "-c", "exit 1", code=1)
    assert len(read("attempts", "once")) == 1


def test_a_second_stop_that_would_put_the_kill_off_says_when_it_is(agent: AgentProcess) -> None:
    deaf = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
    run = taken("--name", "deaf", "--", "sh", "-c", deaf)
    wait_until(lambda: lanherd("logs", run).stdout == "deaf\n")
    lanherd("stop", run, "--grace", "5m")
    told = lanherd("stop", run, "--grace", "1h").stderr
    assert "It is killed at " in told and "no stop puts that off" in told
    assert "killed at" not in lanherd("stop", run, "--grace", "4m").stderr
    assert "killed at" not in lanherd("stop", run, "--now").stderr
    lanherd("wait", run, code=1)


def test_outputs_of_an_earlier_attempt(agent: AgentProcess, folder: Path) -> None:
    script = 'echo $LANHERD_ATTEMPT > "$LANHERD_OUTPUTS/it"; [ $LANHERD_ATTEMPT = 2 ]'
    lanherd(
        "run", "-f", "--retries", "1", "--backoff", "0", "--name", "x", "--", "sh", "-c", script
    )
    assert read("outputs", "x", "--attempt", "1")["attempt"] == 1
    target = folder / "one"
    lanherd("fetch", "x", "it", "--attempt", "1", "-o", str(target))
    assert target.read_text() == "1\n"


def test_a_time_limit_and_the_runs_own_way_to_stop(agent: AgentProcess) -> None:
    late = lanherd(
        "run", "-f", "--time-limit", "500ms", "--name", "late", "--", "sleep", "60", code=1
    )
    assert "ran out of its time" in late.stderr
    assert read("show", "late")["outcome"] == "timed_out"
    assert lanherd("runs", "--state", "timed_out").stdout.count("late") == 1
    script = "trap 'echo caught; exit 5' USR1; echo up; while :; do sleep 0.05; done"
    run = taken("--stop-signal", "SIGUSR1", "--grace", "30s", "--", "sh", "-c", script)
    with subprocess.Popen([*LANHERD, "logs", "-f", run], stdout=subprocess.PIPE) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == b"up\n"
        assert "stopping" in lanherd("stop", run).stderr
        # The shell may say that its sleep got the signal too: all of the run's tree does.
        assert following.communicate(timeout=WITHIN_S)[0].endswith(b"caught\n")
    lanherd("wait", run, code=1)
    assert read("show", run)["outcome"] == "cancelled"


def test_stopping_several_at_once_says_of_each_what_happened(agent: AgentProcess) -> None:
    stubborn = "trap '' TERM INT; echo up; while :; do sleep 0.05; done"
    one, two = (taken("--grace", "10m", "--", "sh", "-c", stubborn) for _ in range(2))
    done = lanherd("stop", "--now", one, "nobody", two, code=1)
    assert done.stderr.count(": stopping.") == 2
    assert "Run nobody: failed." in done.stderr
    ended = lanherd("wait", one, two, code=1)
    assert ended.stdout.count("cancelled") == 2
    told = json.loads(lanherd("wait", one, two, "--json", code=1).stdout)
    assert [view["signal"] for view in told] == [9, 9]
    # Twice is once: it has ended.
    assert "cancelled" in lanherd("stop", one).stderr
    both = json.loads(lanherd("stop", one, "nobody", "--json", code=1).stdout)
    assert (both[0]["run"], both[1]["run"], both[1]["asked"]) == (one, None, "nobody")


def test_what_is_over_is_said_to_be(agent: AgentProcess) -> None:
    lanherd("run", "-f", "--name", "short", "--", "echo", "hi")
    assert "was over already: succeeded." in lanherd("stop", "short").stderr
    # Nothing of its log came since a time that was still to come.
    assert lanherd("logs", "short", "--since", "2100-01-01").stdout == ""
    assert lanherd("logs", "short", "--since", "1h").stdout == "hi\n"


def test_a_log_of_a_run_that_has_not_started_is_no_riddle(
    agent: AgentProcess, folder: Path
) -> None:
    taken("--hold", "--name", "it", "--", "echo", "hi")
    saved = str(folder / "saved.log")
    for options in ([], ["--tail", "3"], ["--json"], ["--grep", "x"], ["-o", saved]):
        said = lanherd("logs", "it", *options).stderr
        assert "has not started. It is held back." in said, options
        assert "lanherd logs -f" in said
    with subprocess.Popen(
        [*LANHERD, "logs", "it", "-f", "-o", saved],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stderr is not None
        assert following.stderr.readline() == "Waiting: It is held back.\n"
        lanherd("release", "it")
        assert following.communicate(timeout=WITHIN_S)[0] == f"{saved}\n"
    assert Path(saved).read_text() == "hi\n"
    assert lanherd("logs", "it").stderr == ""
    taken("--hold", "--name", "never", "--", "true")
    lanherd("stop", "never")
    for follow in ([], ["-f"]):
        assert "the run never started" in lanherd("logs", "never", *follow).stderr


def test_a_log_that_is_empty_or_gone_is_said_to_be(agent: AgentProcess, folder: Path) -> None:
    run = taken("--name", "it", "--", "sh", "-c", "echo hi; exec sleep 600")
    with subprocess.Popen([*LANHERD, "logs", "-f", run], stdout=subprocess.PIPE) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == b"hi\n"
        following.terminate()
    assert (
        "nothing at byte 99: the log has 3 bytes." in lanherd("logs", run, "--offset", "99").stderr
    )
    assert lanherd("logs", run, "--offset", "3").stderr == ""
    (folder / "agent" / "runs" / run / "1" / "log").unlink()
    saved = str(folder / "saved.log")
    for options in ([], ["--tail", "3"], ["--json"], ["--grep", "x"], ["-o", saved]):
        said = lanherd("logs", "it", *options)
        assert "The log is gone: it was removed on its machine by hand." in said.stderr
        assert "What the run writes until it ends is lost." in said.stderr
    command = [*LANHERD, "logs", "-f", run]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as following:
        assert following.stderr is not None
        assert following.stderr.readline().startswith("The log is gone: ")
        lanherd("stop", "--now", run)
        assert "gone" not in following.communicate(timeout=WITHIN_S)[1]
    lanherd("wait", run, code=1)
    assert "What was written to it is lost." in lanherd("logs", "it").stderr
    lanherd("run", "-f", "--name", "silent", "--", "true")
    assert lanherd("logs", "silent").stderr == "The log is empty: nothing was written to it.\n"


def test_runs_wait_for_each_other_and_are_held(agent: AgentProcess) -> None:
    base = taken("--hold", "--name", "base", "--", "true")
    after = taken("--after-ok", "base", "--name", "next", "--", "true")
    last = taken("--after-any", after[-8:], "--name", "last", "--", "true")
    (waiting,) = read("attempts", "next")
    assert (waiting["attempt"], waiting["state"], waiting["outcome"]) == (1, "queued", None)
    assert read("show", "next")["dependencies"] == [{"run": base, "kind": "after_ok"}]
    assert read("show", "next")["waited_for_by"] == [{"run": last, "kind": "after_any"}]
    shown = lanherd("show", "next").stdout
    assert f"the success of {base[-8:]}" in shown
    assert last[-8:] in shown
    assert {run["name"] for run in read("runs", "--state", "held")} == {"base"}
    assert "not all runs" in lanherd("wait", "last", "--timeout", "100ms", code=3).stderr.lower()
    assert "released" in lanherd("release", "base").stderr
    assert lanherd("wait", "base", "next", "last").stdout.count("succeeded") == 3
    failing = taken("--hold", "--", "false")
    hopeless = taken("--after-ok", failing, "--name", "hopeless", "--", "true")
    lanherd("release", failing)
    assert "cancelled" in lanherd("wait", hopeless, code=1).stdout
    assert failing[-8:] in lanherd("show", hopeless).stdout


def test_what_was_so_before_is_said_to_have_been(agent: AgentProcess) -> None:
    taken("--hold", "--name", "it", "--", "true")
    for verb, words in (
        ("hold", "was held already."),
        ("release", "released."),
        ("release", "was not held: "),
        ("pin", "pinned."),
        ("pin", "was pinned already."),
        ("unpin", "no longer pinned."),
        ("unpin", "was not pinned."),
    ):
        assert f"(it): {words}" in lanherd(verb, "it").stderr
    lanherd("wait", "it")
    assert "(it): was not held: succeeded." in lanherd("release", "it").stderr
    taken("--hold", "--name", "off", "--", "true")
    lanherd("stop", "off")
    assert "(off): was not held: cancelled." in lanherd("release", "off").stderr
    assert "is over." in lanherd("hold", "off", code=1).stderr


def test_priority_moves_a_run_that_waits(agent: AgentProcess) -> None:
    blocker = taken("--gpus", "2", "--exclusive", "--", "sleep", "600")
    names = ["low", "usual", "high"]
    for name in names:
        taken("--gpus", "2", "--exclusive", "--name", name, "--", "true")
    lanherd("priority", "-5", "low")
    assert "priority 7." in lanherd("priority", "7", "high").stderr
    assert read("show", "low")["priority"] == -5
    lanherd("stop", "--now", blocker)
    lanherd("wait", *names)
    began = {run["name"]: run["started_at"] for run in read("runs") if run["name"] in names}
    assert sorted(names, key=began.__getitem__) == ["high", "usual", "low"]


def test_tags_notes_and_pins(agent: AgentProcess) -> None:
    one, two = (taken("--tag", "night", "--note", "old", "--", "true") for _ in range(2))
    lanherd("wait", one, two)
    changed = lanherd("tag", one, two, "--add", "good", "--remove", "night")
    assert changed.stderr.count("tags: good.") == 2
    lanherd("tag", one, "--add", "best")
    assert {run["run"] for run in read("runs", "--tag", "good")} == {one, two}
    assert [run["run"] for run in read("runs", "--tag", "good", "--tag", "best")] == [one]
    assert read("runs", "--tag", "night") == []
    assert len(read("runs", "--mine")) == 2
    lanherd("note", "a remark", one)
    assert read("show", one)["notes"] == "a remark"
    lanherd("note", "", one)
    assert read("show", one)["notes"] == ""
    lanherd("pin", one)
    assert "Unpin it" in lanherd("remove-files", "--yes", one, code=1).stderr
    lanherd("unpin", one)
    assert "files are removed" in lanherd("remove-files", "--yes", one).stderr
    assert read("show", one)["files_removed_at"] is not None
    assert "were removed" in lanherd("logs", one, code=5).stderr


def test_a_run_is_restarted_as_a_new_one(agent: AgentProcess) -> None:
    old = taken("--name", "job", "--tag", "t", "--env", "A=b", "--", "sh", "-c", "echo $A")
    lanherd("wait", old)
    new = lanherd("restart", old).stdout.strip()
    assert new != old
    lanherd("wait", new)
    shown = read("show", new)
    assert (shown["restart_of"], shown["tags"], shown["name"]) == (old, ["t"], "job")
    # Its name means the new one, which is the one that a person has in mind by now.
    assert read("show", "job")["run"] == new
    # What can't be undone is not done by a name of two.
    asked = lanherd("remove-files", "--yes", "job", code=1).stderr
    assert f"{new[-8:]} on box (succeeded), {old[-8:]} on box (succeeded)" in asked
    assert lanherd("restart", new, "--follow").stdout == "b\n"
    assert len(json.loads(lanherd("restart", old, new, "--json").stdout)) == 2


def test_a_secret_reaches_the_command_and_nothing_else(
    agent: AgentProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2-from-the-environment")
    (folder / "key").write_text("hunter2-from-a-file\n")
    script = 'for s in TOKEN KEY; do wc -c < "$LANHERD_SECRETS/$s"; done'
    options = ["--secret", "TOKEN", "--secret", f"KEY=@{folder / 'key'}", "--name", "s"]
    followed = lanherd("run", "-f", *options, "--", "sh", "-c", script)
    assert followed.stdout.split() == ["28", "19"]
    told = [lanherd("show", "s"), lanherd("show", "s", "--json"), lanherd("runs", "--json")]
    assert not [text for done in told for text in (done.stdout, done.stderr) if "hunter2" in text]
    assert read("show", "s")["secrets"] == ["KEY", "TOKEN"]
    assert "hunter2" not in agent.log
    refused = lanherd("run", "--secret", "TOKEN=hunter2", "--", "true", code=2)
    assert "process list" in refused.stderr


def test_how_a_command_begins_and_what_comes_before_and_after(agent: AgentProcess) -> None:
    options = ["--pre", "echo 'be fore'", "--post", "echo after", "--chdir", "/", "--nice", "7"]
    followed = lanherd("run", "-f", *options, "--", "sh", "-c", "pwd; nice")
    assert followed.stdout == "be fore\n/\n7\nafter\n"
    failed = lanherd("run", "-f", "--pre", "false", "--", "echo", "never", code=1)
    assert "never" not in failed.stdout
    assert "pre command" in failed.stderr
    split = lanherd(
        "run", "-f", "--split-log", "--name", "s", "--", "sh", "-c", "echo o; echo e >&2"
    )
    assert split.stdout == "o\n"
    assert "--stream err" in split.stderr
    assert lanherd("logs", "s", "--stream", "err").stdout == "e\n"


def test_what_can_not_be_is_refused_with_the_reason(agent: AgentProcess) -> None:
    base = taken("--", "true")
    lanherd("wait", base)
    for arguments, words in (
        (["--time-limit", "0"], "time limit"),
        (["--log-cap", "1KB"], "capped"),
        (["--tag", " spaced "], "tag"),
    ):
        assert words in lanherd("run", *arguments, "--", "true", code=2).stderr
    assert lanherd("hold", base, code=1).stderr
    live = taken("--", "sleep", "600")
    assert lanherd("remove-files", "--yes", live, code=1).stderr
    lanherd("stop", "--now", live)
    assert len(read("runs")) == 2


def test_retention_is_shown_planned_set_and_applied(agent: AgentProcess) -> None:
    runs = [taken("--", "echo", str(number)) for number in range(4)]
    lanherd("wait", *runs)
    lanherd("pin", runs[0])
    assert "everything is kept" in lanherd("retention", "show").stdout
    planned = read("retention", "plan", "--runs", "1")
    gone = [removal["run"] for removal in planned["removals"]]
    assert set(gone) <= set(runs[1:])
    assert runs[0] not in gone
    assert len(gone) == 2
    assert read("retention", "plan")["removals"] == []
    # Files would go at once, and nobody can be asked here: nothing is changed.
    asked = lanherd("retention", "set", "--runs", "1", code=2).stderr
    assert "files of 2 runs" in asked
    assert all(run[-8:] in asked for run in gone)
    assert "--yes" in asked
    assert "everything is kept" in lanherd("retention", "show").stdout
    assert "the newest 1" in lanherd("retention", "set", "--runs", "1", "--yes").stdout
    rules: Any = read("retention", "show")[0]["rules"]
    assert [rule["runs_max"] for rule in rules] == [1]
    lanherd("retention", "apply")
    assert read("retention", "plan")["removals"] == []
    assert all(read("show", run)["files_removed_at"] for run in gone)
    assert "echo 0" in lanherd("show", runs[0]).stdout
    # What removes nothing needs no word, and a slip in a name is told.
    typo = lanherd("retention", "set", "--project", "nosuch", "--runs", "1").stderr
    assert "knows no run of the project nosuch" in typo
    drop = ("retention", "set", "--drop")
    assert lanherd(*drop, "--project", "nosuch").stderr == ""
    assert "no rule for project nosuch" in lanherd(*drop, "--project", "nosuch", code=5).stderr
    lanherd(*drop)
    for yes in ((), ("--yes",)):
        assert "There is none at all. " in " ".join(lanherd(*drop, *yes, code=5).stderr.split("\n"))
    assert read("retention", "show")[0]["rules"] == []


def test_at_a_terminal_it_is_asked_before_rules_remove_anything(agent: AgentProcess) -> None:
    run, newest = (taken("--", "echo", "1") for _ in range(2))
    lanherd("wait", run, newest)
    for answer, words, code in (("n", "Nothing was changed.", 1), ("y", "the newest 1", 0)):
        leader, follower = pty.openpty()
        os.write(leader, f"{answer}\n".encode())
        done = subprocess.run(
            [*LANHERD, "retention", "set", "--runs", "1"],
            stdin=follower,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        os.close(leader)
        os.close(follower)
        assert done.returncode == code
        assert f"{run[-8:]}  " in done.stderr
        assert words in done.stdout + done.stderr
