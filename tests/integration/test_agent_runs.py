"""The whole life of a run on a real agent: limits, stops, stages, retries, order, dependencies."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.errors import ErrorCode
from lanherd_protocol.limits import TIME_LIMIT_S_MAX
from lanherd_protocol.states import Ended, Queued, Running
from lanherd_protocol.values import (
    Dependency,
    GpuRequest,
    LogRule,
    RetryRule,
    RunSettings,
    StopRule,
)
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import (
    new_run,
    new_run_id,
    read_output,
    submit,
    through_socket,
    wait_run,
)
from tests.support.run_calls import (
    FOREVER,
    change,
    changes,
    command_id,
    ended,
    log_of,
    refused,
    said,
    sh,
    stop,
    wait_reason,
)

# --- Limits and stops ----------------------------------------------------------------------------


async def test_a_time_limit(peer: Peer) -> None:
    run = await sh(
        peer,
        f"trap 'echo told; exit 3' INT; echo up; {FOREVER}",
        time_limit_s=1.5,
        stop=StopRule(signal="INT", grace_s=5.0),
    )
    view = await wait_run(peer, run, Running)
    assert isinstance(view.state, Running)
    assert view.state.limit_at is not None
    # From when the agent heard of its start, which the news of that can't precede.
    assert view.state.since - 0.001 <= view.state.limit_at - 1.5 <= time.time()
    end = await ended(peer, run)
    assert end.outcome == "timed_out"
    assert end.at - (end.started_at or 0.0) < 15.0
    assert await log_of(peer, run) == "up\ntold\n"


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf"), TIME_LIMIT_S_MAX * 2])
async def test_an_impossible_time_limit(peer: Peer, limit: float) -> None:
    async with refused(ErrorCode.INVALID_REQUEST):
        await sh(peer, "true", time_limit_s=limit)


async def test_stops(peer: Peer) -> None:
    polite = await sh(
        peer, f"trap 'echo usr1; exit 0' USR1; echo up; {FOREVER}", stop=StopRule(signal="USR1")
    )
    asked = await sh(peer, f"trap 'echo int; exit 0' INT; echo up; {FOREVER}")
    deaf = await sh(peer, f"trap '' TERM; echo up; {FOREVER}")
    for run in (polite, asked, deaf):
        await said(peer, run, b"up")
    await stop(peer, polite)
    await stop(peer, asked, signal="INT")
    await stop(peer, deaf, grace_s=0.2)
    for run, word in ((polite, "usr1"), (asked, "int")):
        end = await ended(peer, run)
        assert end.outcome == "cancelled"
        # The shell's children are told too, and some shells say what became of them.
        assert word in (await log_of(peer, run)).split("\n")
    end = await ended(peer, deaf)
    assert (end.outcome, end.signal) == ("cancelled", signal.SIGKILL)


async def test_a_stop_sent_twice_has_one_answer(peer: Peer) -> None:
    run = await sh(peer, f"echo up; {FOREVER}")
    await said(peer, run, b"up")
    request = m.StopRun(command=command_id(), run=run, grace_s=5.0)
    first = await peer.call(methods.RUNS_STOP, request)
    assert await peer.call(methods.RUNS_STOP, request) == first
    await ended(peer, run)
    assert await peer.call(methods.RUNS_STOP, request) == first
    async with refused(ErrorCode.CONFLICT):
        await peer.call(methods.RUNS_STOP, replace(request, grace_s=6.0))
    # Another stop of a run that is over changes nothing.
    view = await stop(peer, run)
    assert isinstance(view.state, Ended)


async def test_a_run_that_nobody_knows(peer: Peer) -> None:
    nobody = new_run_id()
    restart = m.RestartRun(run=nobody, new_run=new_run_id())
    remove = m.RemoveRunFiles(command=command_id(), run=nobody)
    for ask in (
        stop(peer, nobody),
        change(peer, nobody, held=True),
        peer.call(methods.RUNS_RESTART, restart),
        peer.call(methods.RUNS_REMOVE_FILES, remove),
        peer.call(methods.RUNS_GET, m.GetRun(run=nobody)),
    ):
        async with refused(ErrorCode.NOT_FOUND):
            await ask


# --- What surrounds the command ------------------------------------------------------------------


async def test_a_stage_whose_program_is_not_there(peer: Peer) -> None:
    run = await sh(peer, "echo never", pre_command=("no-such-pre",), post_command=("no-such-post",))
    end = await ended(peer, run)
    assert (end.outcome, end.exit_code, end.reason.code) == ("failed", 127, "pre_failed")
    assert "there is no command 'no-such-pre' on the machine" in end.reason.text
    assert "there is no command 'no-such-post' on the machine" in end.reason.text


async def test_before_and_after_the_command(peer: Peer) -> None:
    run = await sh(
        peer,
        "echo command; exit 4",
        pre_command=("sh", "-c", "echo pre"),
        post_command=("sh", "-c", 'echo "post $LANHERD_EXIT_CODE"'),
    )
    end = await ended(peer, run)
    assert (end.outcome, end.exit_code) == ("failed", 4)
    assert await log_of(peer, run) == "pre\ncommand\npost 4\n"

    run = await sh(
        peer, "echo never", pre_command=("sh", "-c", "exit 9"), post_command=("echo", "post")
    )
    end = await ended(peer, run)
    assert (end.outcome, end.exit_code, end.reason.code) == ("failed", 9, "pre_failed")
    assert await log_of(peer, run) == "post\n"

    run = await sh(peer, "echo command", post_command=("false",))
    end = await ended(peer, run)
    assert (end.outcome, end.exit_code) == ("succeeded", 0)
    assert end.reason.data["post_failed"]


async def test_where_and_as_what_it_runs(agent: AgentProcess, peer: Peer) -> None:
    folder = Path(os.environ["HOME"]) / "data"
    folder.mkdir()
    script = "pwd; nice; env"
    run = await sh(
        peer, script, directory=str(folder), niceness=7, name="night", variables={"SEED": "42"}
    )
    assert (await ended(peer, run)).outcome == "succeeded"
    where, nice, *lines = (await log_of(peer, run)).splitlines()
    variables = dict(line.partition("=")[::2] for line in lines)
    assert (where, nice) == (str(folder), "7")
    assert variables["SEED"] == "42"
    assert variables["LANHERD_RUN_ID"] == run
    assert variables["LANHERD_RUN_NAME"] == "night"
    assert variables["LANHERD_ATTEMPT"] == "1"
    assert variables["LANHERD_MACHINE"] == agent.name
    assert float(variables["LANHERD_SUBMITTED_AT"]) > 0
    assert variables["LANHERD_OUTPUTS"] == str(agent.home / "runs" / run / "1" / "outputs")

    run = await sh(peer, "true", directory="nowhere")
    end = await ended(peer, run)
    assert (end.outcome, end.reason.code) == ("failed", "not_found")
    assert "nowhere" in end.reason.text
    for wrong in ("../x", "a//b"):
        async with refused(ErrorCode.INVALID_REQUEST):
            await sh(peer, "true", directory=wrong)
    async with refused(ErrorCode.INVALID_REQUEST):
        await sh(peer, "true", niceness=-1)


# --- Retries -------------------------------------------------------------------------------------


async def test_another_attempt_goes_on_from_what_the_last_one_left(peer: Peer) -> None:
    script = """
        if [ "$LANHERD_ATTEMPT" = 1 ]; then
            echo 17 > "$LANHERD_OUTPUTS/checkpoint"; echo first; exit 75
        fi
        echo "from $(cat "$LANHERD_EARLIER_OUTPUTS/checkpoint")"
        [ "$LANHERD_ATTEMPT" = 3 ] || exit 75
    """
    run = await sh(peer, script, retry=RetryRule(attempts_max=3, exit_codes=(75,), backoff_s=0.0))
    view = await wait_run(peer, run)
    assert isinstance(view.state, Ended)
    assert (view.state.outcome, view.attempt) == ("succeeded", 3)
    assert [(end.attempt, end.outcome, end.exit_code) for end in view.earlier] == [
        (1, "failed", 75),
        (2, "failed", 75),
    ]
    assert await log_of(peer, run, attempt=1) == "first\n"
    assert await log_of(peer, run, attempt=2) == "from 17\n"
    assert await read_output(peer, run, "checkpoint", attempt=1) == b"17\n"
    listed = await peer.call(methods.OUTPUTS_LIST, m.ListOutputs(run=run, attempt=1))
    assert [entry.path for entry in listed.entries] == ["checkpoint"]
    async with refused(ErrorCode.NOT_FOUND):
        await log_of(peer, run, attempt=4)


async def test_what_is_not_tried_again(peer: Peer) -> None:
    rule = RetryRule(attempts_max=5, exit_codes=(75,), backoff_s=0.0)
    other = await sh(peer, "exit 1", retry=rule)
    assert (await ended(peer, other)).exit_code == 1
    never = await submit(peer, "no-such-program", retry=RetryRule(attempts_max=5, backoff_s=0.0))
    end = await ended(peer, never)
    assert end.reason.code == "command_not_found"
    stopped = await sh(peer, f"echo up; {FOREVER}", retry=RetryRule(attempts_max=5, backoff_s=0.0))
    await said(peer, stopped, b"up")
    await stop(peer, stopped)
    view = await wait_run(peer, stopped)
    assert isinstance(view.state, Ended)
    assert (view.state.outcome, view.attempt) == ("cancelled", 1)


async def test_a_stop_while_another_attempt_is_waited_for(peer: Peer) -> None:
    script = 'echo 1 > "$LANHERD_OUTPUTS/it"; exit 1'
    run = await sh(peer, script, retry=RetryRule(attempts_max=2, backoff_s=3600.0))
    view = await wait_reason(peer, run, "backoff")
    assert isinstance(view.state, Queued)
    assert view.state.not_before is not None
    assert view.attempt == 2
    listed = await peer.call(methods.OUTPUTS_LIST, m.ListOutputs(run=run))
    assert (listed.attempt, [entry.path for entry in listed.entries]) == (1, ["it"])
    assert await read_output(peer, run, "it") == b"1\n"
    await stop(peer, run)
    view = await wait_run(peer, run)
    assert isinstance(view.state, Ended)
    assert view.state.outcome == "cancelled"
    assert len(view.earlier) == 1
    assert await read_output(peer, run, "it") == b"1\n"


# --- Order, hold, dependencies -------------------------------------------------------------------


async def test_held_until_released(peer: Peer) -> None:
    new = replace(new_run("true"), settings=RunSettings(held=True, tags=("a",)))
    await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
    assert (await ended(peer, await sh(peer, "true"))).outcome == "succeeded"
    view = (await peer.call(methods.RUNS_GET, m.GetRun(run=new.run))).view
    assert isinstance(view.state, Queued)
    assert view.state.reason.code == "held"
    view = await change(peer, new.run, held=False, priority=5, notes="go", tags=("b", "c"))
    assert view.settings == RunSettings(priority=5, tags=("b", "c"), notes="go")
    assert (await ended(peer, new.run)).outcome == "succeeded"
    # Pinning and notes are for ended runs too; what is over can't be held.
    view = await change(peer, new.run, pinned=True, notes="good")
    assert view.settings.pinned
    async with refused(ErrorCode.CONFLICT):
        await change(peer, new.run, held=True)


async def test_the_higher_priority_goes_first() -> None:
    """Also when it is given later, to one at the end of the line."""
    folder = Path(os.environ["HOME"])
    with agent_process(folder / "agent", gpus=1) as agent:
        async with through_socket(agent) as peer:
            whole = GpuRequest(count=1, exclusive=True)
            first = await sh(peer, f"echo up; {FOREVER}", gpus=whole)
            await said(peer, first, b"up")
            note = f'echo "$LANHERD_RUN_NAME" >> "{folder}/order"'
            low, usual, high = [
                await sh(peer, note, gpus=whole, name=name) for name in ("low", "usual", "high")
            ]
            await change(peer, low, priority=-5)
            await change(peer, high, priority=100)
            for impossible in (101, -101):
                async with refused(ErrorCode.INVALID_REQUEST):
                    await change(peer, usual, priority=impossible)
            await stop(peer, first)
            for run in (low, usual, high):
                await ended(peer, run)
    assert (folder / "order").read_text().split() == ["high", "usual", "low"]


async def test_settings_are_written_beside_the_run(agent: AgentProcess, peer: Peer) -> None:
    run = await sh(peer, f"echo up; {FOREVER}")
    await said(peer, run, b"up")
    request = m.ChangeRun(command=command_id(), run=run, notes="first")
    first = await peer.call(methods.RUNS_CHANGE, request)
    await change(peer, run, notes="second")
    assert await peer.call(methods.RUNS_CHANGE, request) == first
    path = agent.home / "runs" / run / "settings.json"
    async for _ in changes(peer, run):
        if path.exists() and json.loads(path.read_bytes())["notes"] == "second":
            break
        await change(peer, run, tags=(str(new_run_id())[-8:],))
    await stop(peer, run)
    await ended(peer, run)


async def test_one_after_the_other(peer: Peer) -> None:
    first = new_run("sh", "-c", f"trap 'exit 0' INT; echo up; {FOREVER}")
    second = new_run("true", dependencies=(Dependency(run=first.run),))
    third = new_run("true", dependencies=(Dependency(run=first.run, kind="after"),))
    fails = new_run("false", dependencies=(Dependency(run=second.run, kind="after_any"),))
    never = new_run("true", dependencies=(Dependency(run=fails.run),))
    nor_this = new_run("true", dependencies=(Dependency(run=never.run),))
    runs = (nor_this, never, fails, third, second, first)
    await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=runs))
    assert (await ended(peer, third.run)).outcome == "succeeded"
    view = (await peer.call(methods.RUNS_GET, m.GetRun(run=second.run))).view
    assert isinstance(view.state, Queued)
    assert first.run[-8:] in view.state.reason.text
    await said(peer, first.run, b"up")
    # It ends by itself: a run that was stopped has not succeeded.
    spec = json.loads(
        (Path(os.environ["HOME"]) / "agent/runs" / first.run / "1/start.json").read_bytes()
    )
    os.kill(spec["pid"], signal.SIGINT)
    assert (await ended(peer, second.run)).outcome == "succeeded"
    assert (await ended(peer, fails.run)).outcome == "failed"
    for run in (never.run, nor_this.run):
        end = await ended(peer, run)
        assert (end.outcome, end.reason.code) == ("cancelled", "dependency_failed")


async def test_dependencies_that_can_not_be(peer: Peer) -> None:
    async with refused(ErrorCode.NOT_FOUND):
        await sh(peer, "true", dependencies=(Dependency(run=new_run_id()),))
    one, two = new_run_id(), new_run_id()
    circle = tuple(
        replace(new_run("true", dependencies=(Dependency(run=on),)), run=run)
        for run, on in ((one, two), (two, one))
    )
    async with refused(ErrorCode.INVALID_REQUEST) as told:
        await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=circle))
    assert one[-8:] in str(told[0])
    itself = replace(circle[0], run=two)
    async with refused(ErrorCode.INVALID_REQUEST):
        await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(itself,)))


async def test_restarted_as_a_new_run(peer: Peer) -> None:
    run = await sh(peer, "echo again", name="n")
    await ended(peer, run)
    await change(peer, run, tags=("t",), pinned=True, priority=3)
    request = m.RestartRun(run=run, new_run=new_run_id())
    first = (await peer.call(methods.RUNS_RESTART, request)).view
    assert (first.seq, first.run, first.spec.restart_of) == (0, request.new_run, run)
    assert first.settings == RunSettings(priority=3, tags=("t",))
    assert (await ended(peer, request.new_run)).outcome == "succeeded"
    assert (await peer.call(methods.RUNS_RESTART, request)).view == first
    assert await log_of(peer, request.new_run) == "again\n"


# --- What has the place of a run's files ---------------------------------------------------------


async def test_a_link_in_the_place_of_its_directory_is_refused_and_left_alone(
    agent: AgentProcess, peer: Peer, tmp_path: Path
) -> None:
    new = replace(new_run("true"), settings=RunSettings(held=True))
    await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
    place = agent.home / "runs" / new.run
    place.symlink_to(tmp_path)
    await change(peer, new.run, held=False)
    end = await ended(peer, new.run)
    assert (end.outcome, end.started_at) == ("failed", None)
    assert "not a plain file" in end.reason.text
    assert place.is_symlink()
    assert not os.listdir(tmp_path)


async def test_a_link_in_the_place_of_a_start_is_told_by_its_name_and_in_the_status(
    agent: AgentProcess, peer: Peer
) -> None:
    new = replace(new_run("true"), settings=RunSettings(held=True))
    await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
    place = agent.home / "runs" / new.run / "1" / "start.json"
    place.parent.mkdir(parents=True)
    place.symlink_to("/etc/passwd")
    await change(peer, new.run, held=False)
    end = await ended(peer, new.run)
    assert (end.outcome, end.reason.code) == ("lost", "lost_untrusted")
    assert "start.json is not a plain file (it is a link)" in end.reason.text
    status = await peer.call(methods.AGENT_STATUS, m.Empty())
    (problem,) = [p for p in status.problems if p.code == "run_directory_untrusted"]
    assert problem.data["run"] == new.run
    assert place.is_symlink()


async def test_the_files_of_a_live_run_that_somebody_removed_are_told_as_gone(
    agent: AgentProcess, peer: Peer
) -> None:
    run = await sh(peer, f"echo up; {FOREVER}")
    await said(peer, run, b"up")
    # A busy agent may hear of the start after the first line, and no log is no loss before that.
    await wait_run(peer, run, Running)
    shutil.rmtree(agent.home / "runs" / run)
    async with refused(ErrorCode.NOT_FOUND) as told:
        await log_of(peer, run)
    assert "removed by hand" in told[0].failure.message
    await stop(peer, run)
    assert (await ended(peer, run)).outcome == "cancelled"


async def test_why_it_failed_is_told_with_the_lines_that_show_it(peer: Peer) -> None:
    module = "import lanherd_has_no_such_module"
    run = await submit(peer, sys.executable, "-c", module)
    reason = (await ended(peer, run)).reason
    assert reason.code == "missing_module" and "lanherd_has_no_such_module" in reason.text
    offset, lines = reason.data["offset"], reason.data["lines"]
    assert isinstance(offset, int) and isinstance(lines, str)
    log = await log_of(peer, run)
    assert log.encode()[offset:].decode().startswith(lines.splitlines()[0])
    split = await sh(peer, "echo out; nosuchcommand", log=LogRule(split=True))
    reason = (await ended(peer, split)).reason
    assert (reason.code, reason.data["stream"]) == ("command_not_found", "err")
    plain = await sh(peer, "echo all is well; exit 3")
    end = await ended(peer, plain)
    assert (end.reason.code, end.exit_code) == ("exit_code", 3)
