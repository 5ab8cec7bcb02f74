"""The rules file of a machine: taken whole, watched, kept out when broken, and put."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from lanherd_agent.home import AgentHome
from lanherd_agent.machine_rules import (
    BROKEN,
    FILE,
    GPU_MISSING,
    LAST_GOOD,
    NOT_COPIED,
    RulesKeeper,
)
from lanherd_agent.problems import Problems
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.rules_check import RULES_BYTES_MAX
from lanherd_protocol.rules_messages import PutRules
from lanherd_protocol.values import Reason

pytestmark = pytest.mark.asyncio
kept_out = pytest.mark.expects_logs("is kept out", reason="the file is broken")


class Bench:
    """A keeper, its file, and what it told."""

    def __init__(self, root: Path, tasks: TaskOwner) -> None:
        self.file = root / FILE
        self.copy = root / LAST_GOOD
        self.problems = Problems()
        self.told: list[MachineRules] = []
        self.gpus = {0: "GPU-a", 1: "GPU-b"}
        self.recorded = 0
        self.tasks = tasks
        self.keeper = RulesKeeper(
            AgentHome(root), self.problems, self.told.append, lambda: self.gpus
        )

    async def opened(self) -> "Bench":
        self.keeper.open(self.tasks)
        await self.settled()
        return self

    async def settled(self) -> None:
        await self.tasks.wait()

    async def write(self, text: str) -> None:
        self.file.write_text(text)
        self.keeper.look()
        await self.settled()

    async def put(self, text: str, expected_hash: str | None = None) -> None:
        async def record() -> None:
            self.recorded += 1

        await self.keeper.put(PutRules(text=text, expected_hash=expected_hash), record)
        await self.settled()

    def problem(self, code: str) -> Reason | None:
        return next((reason for reason in self.problems.all() if reason.code == code), None)


@asynccontextmanager
async def bench(root: Path) -> AsyncIterator[Bench]:
    async with TaskOwner("test") as tasks:
        yield Bench(root, tasks)


async def test_without_a_file_every_rule_is_its_default(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        assert b.told == [MachineRules()]
        state = b.keeper.state()
        assert (state.text, state.findings, state.last_good) == ("", (), None)
        b.keeper.look()
        b.keeper.look()
        assert b.told == [MachineRules()]


async def test_a_good_file_is_taken_copied_and_watched(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("keep_free = 1\n")
    async with bench(tmp_path) as b:
        await b.opened()
        assert b.told == [MachineRules(keep_free=1)]
        assert b.copy.read_text() == "keep_free = 1\n"
        b.keeper.look()
        await b.write("# the same\nkeep_free = 1\n")
        assert len(b.told) == 1
        assert b.copy.read_text() == "# the same\nkeep_free = 1\n"
        since = b.keeper.state().in_force_since
        await b.write("backfill = false\n")
        assert b.told[1:] == [MachineRules(backfill=False)]
        assert b.keeper.rules == MachineRules(backfill=False)
        assert b.keeper.state().in_force_since >= since


@kept_out
async def test_a_broken_file_is_kept_out_and_told_until_it_is_mended(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        await b.write("keep_free = 1\n")
        await b.write("keep_free = 1\nstrateggy = 'pack'\nx = 1\n")
        assert b.keeper.rules == MachineRules(keep_free=1)
        problem = b.problem(BROKEN)
        assert problem is not None
        assert problem.text == (
            "The rules file is kept out. Line 2: There is no rule strateggy. "
            "1 more are wrong with it. The last good rules hold."
        )
        assert problem.remedy == "Did you mean strategy?"
        assert problem.data["line"] == 2
        state = b.keeper.state()
        assert state.last_good == "keep_free = 1\n" == b.copy.read_text()
        assert [finding.line for finding in state.findings] == [2, 3]
        await b.write("keep_free = 1\n")
        assert b.problem(BROKEN) is None
        assert b.keeper.state().findings == ()
        assert b.told == [MachineRules(), MachineRules(keep_free=1)]


@kept_out
async def test_the_last_good_one_holds_over_a_restart(tmp_path: Path) -> None:
    (tmp_path / LAST_GOOD).write_text("keep_free = 1\n")
    (tmp_path / FILE).write_text("keep_free = \n")
    async with bench(tmp_path) as b:
        await b.opened()
        assert b.told == [MachineRules(keep_free=1)]
        await b.put("keep_free = 1\n", sha256(b"keep_free = \n").hexdigest())
        assert b.problem(BROKEN) is None
        assert b.file.read_text() == "keep_free = 1\n"


@kept_out
@pytest.mark.expects_logs("is left alone", reason="the copy is damaged")
async def test_a_damaged_copy_is_no_rules(tmp_path: Path) -> None:
    (tmp_path / LAST_GOOD).write_bytes(b"\xff")
    (tmp_path / FILE).write_text("keep_free = \n")
    async with bench(tmp_path) as b:
        await b.opened()
        assert b.told == [MachineRules()]
        problem = b.problem(BROKEN)
        assert problem is not None
        assert "No rules were ever good" in problem.text


async def test_a_file_that_is_gone_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        await b.write("keep_free = 1\n")
        b.file.unlink()
        b.keeper.look()
        assert b.keeper.rules.keep_free == 1
        await b.write("keep_free = 1\n")
        b.file.unlink()
        b.keeper.look()
        b.keeper.look()
        assert b.keeper.rules == MachineRules()
        assert b.keeper.state().text == ""


@kept_out
@pytest.mark.parametrize("kind", ["bytes", "large", "large bytes", "pipe", "folder", "loop"])
async def test_what_can_not_be_read_is_said(tmp_path: Path, kind: str) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        match kind:
            case "bytes":
                b.file.write_bytes(b"# a\nkeep_free = 1 # \xff")
            case "large":
                b.file.write_bytes(b"#" * (RULES_BYTES_MAX + 9))
            case "large bytes":
                b.file.write_bytes(b"#" * RULES_BYTES_MAX + "é".encode())
            case "pipe":
                os.mkfifo(b.file)
            case "folder":
                b.file.mkdir()
            case _:
                b.file.symlink_to(b.file)
        b.keeper.look()
        [finding] = b.keeper.state().findings
        assert finding.code == "unreadable"
        assert finding.line == (2 if kind == "bytes" else 1)
        problem = b.problem(BROKEN)
        assert problem is not None
        assert problem.remedy
        assert b.keeper.rules == MachineRules()


async def test_rules_are_put_by_whoever_saw_the_newest(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        nothing = b.keeper.state().text_hash
        await b.put("keep_free = 1\n", nothing)
        assert b.keeper.rules.keep_free == 1
        assert b.recorded == 1
        # The answer was lost, and it is asked again.
        await b.put("keep_free = 1\n", nothing)
        assert b.recorded == 2
        with pytest.raises(LanherdError) as caught:
            await b.put("keep_free = 0\n", nothing)
        assert caught.value.code is ErrorCode.CONFLICT
        # Edited by hand, and not looked at since.
        b.file.write_text("backfill = false\n")
        with pytest.raises(LanherdError) as caught:
            await b.put("keep_free = 0\n", sha256(b"keep_free = 1\n").hexdigest())
        assert caught.value.code is ErrorCode.CONFLICT
        await b.put("keep_free = 0\n")
        assert b.file.read_text() == "keep_free = 0\n"
        assert b.recorded == 3


async def test_two_puts_at_once_are_one_and_a_conflict(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        nothing = b.keeper.state().text_hash
        done = await asyncio.gather(
            b.put("keep_free = 1\n", nothing), b.put("ageing_s = 5\n", nothing),
            return_exceptions=True,
        )  # fmt: skip
        [refused] = [problem for problem in done if problem is not None]
        assert isinstance(refused, LanherdError)
        assert refused.code is ErrorCode.CONFLICT


async def test_wrong_rules_are_not_put(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        with pytest.raises(LanherdError) as caught:
            await b.put("gpus = [0, 7]\nkeep_free = 0\n")
        assert caught.value.code is ErrorCode.INVALID_REQUEST
        assert "Line 1: This machine has no GPU 7." in str(caught.value)
        assert not b.file.exists()
        assert b.recorded == 0


async def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "kept" / "attic.toml"
    real.parent.mkdir()
    real.write_text("keep_free = 1\n")
    (tmp_path / FILE).symlink_to(real)
    async with bench(tmp_path) as b:
        await b.opened()
        assert b.keeper.rules.keep_free == 1
        await b.put("keep_free = 0\n")
        assert b.file.is_symlink()
        assert real.read_text() == "keep_free = 0\n"


@kept_out
async def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        b.copy.mkdir()
        await b.write("keep_free = 1\n")
        assert b.keeper.rules.keep_free == 1
        problem = b.problem(NOT_COPIED)
        assert problem is not None
        b.copy.rmdir()
        await b.write("keep_free = 1 # again\n")
        assert b.problem(NOT_COPIED) is None
        b.file.unlink()
        b.file.mkdir()
        with pytest.raises(LanherdError) as caught:
            await b.put("keep_free = 0\n")
        assert caught.value.code is ErrorCode.STORE_FAILED
        assert b.keeper.rules.keep_free == 1


async def test_a_gpu_that_is_lost_is_told_and_its_rule_kept(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.gpus = {}
        (tmp_path / FILE).write_text("gpus = [0, 'GPU-b']\n")
        await b.opened()
        b.keeper.look()
        assert b.problem(GPU_MISSING) is None
        b.gpus = {0: "GPU-a"}
        b.keeper.look()
        problem = b.problem(GPU_MISSING)
        assert problem is not None
        assert "GPU GPU-b, which the machine doesn't have now" in problem.text
        await b.write("gpus = [0, 'GPU-b']\nbackfill = false\n")
        assert not b.keeper.rules.backfill
        b.gpus = {0: "GPU-a", 1: "GPU-b"}
        b.keeper.look()
        assert b.problem(GPU_MISSING) is None


@kept_out
async def test_a_broken_file_after_none_brings_the_last_good_one_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.opened()
        await b.write("keep_free = 1\n")
        b.file.unlink()
        b.keeper.look()
        b.keeper.look()
        assert b.keeper.rules == MachineRules()
        # As it would be after a restart.
        await b.write("keep_free = \n")
        assert b.keeper.rules == MachineRules(keep_free=1)
        assert b.told[-1] == MachineRules(keep_free=1)
