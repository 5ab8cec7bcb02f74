"""What machines refuse and name, in the language of the window: made by the agent's own checks."""

import ast
import errno
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QApplication

import lanherd_agent
import lanherd_client
import lanherd_protocol
from lanherd_agent import machine_rules, secrets
from lanherd_agent.api import attempts, log_problems, submits
from lanherd_agent.core import admission
from lanherd_agent.core.rules import Rules
from lanherd_agent.envs import problems as env_problems
from lanherd_agent.envs.lock import stand_in_project
from lanherd_agent.execution import failures
from lanherd_agent.gpu.script import ScriptFile
from lanherd_agent.history.keeper import HistoryKeeper
from lanherd_agent.home import AgentHome
from lanherd_agent.problems import Problems
from lanherd_agent.runs.log_search import SearchProblem
from lanherd_agent.runs.rundir import Flaw, RunDirError
from lanherd_agent.shell.inbox import shutting_down
from lanherd_agent.shell.paging import unknown_run
from lanherd_agent.snapshots.problems import disk_problem
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_client import (
    choosing,
    environment_calls,
    environment_choosing,
    environment_orders,
    order_checks,
    orders,
    push_calls,
    submitting,
    wishes,
)
from lanherd_client.projects import delivery, environment_files, fanout, ignore, scan
from lanherd_client.projects import problems as problem_of_projects
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.views.words import REFUSALS
from lanherd_protocol import constraints, rules_check
from lanherd_protocol import manifest as manifests
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import BlobHash, RunId, SnapshotId
from lanherd_protocol.limits import HASHES_PER_CALL_MAX
from lanherd_protocol.log_messages import SearchLog
from lanherd_protocol.manifest import MANIFEST_BYTES_MAX
from lanherd_protocol.messages import NewRun, SubmitRuns
from lanherd_protocol.rules_messages import PutRules
from lanherd_protocol.states import Running
from lanherd_protocol.values import Dependency, ManifestEntry, RetryRule, RunSettings, RunSpec
from tests.simulation.making import after, new
from tests.support.synthetic_room import first_runs, run_id
from tests.unit.core.machine import Machine
from tests.unit.desktop.refusing import NAMES, Ask, in_chinese, said
from tests.unit.snapshots.samples import chunks, file, manifest_of, named, put_snapshot

SPEC = RunSpec(name="扫描", command=("true",))
RUN = run_id(1)


@pytest.fixture(autouse=True)
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


# --- Submits --------------------------------------------------------------------------------------


def checked(spec: RunSpec = SPEC, run: str = RUN, **settings: object) -> Ask:
    one = NewRun(run=RunId(run), spec=spec, settings=replace(RunSettings(), **settings))
    return lambda: admission.check_runs([one], None, Rules())


def retried(**rule: object) -> Ask:
    return checked(replace(SPEC, retry=replace(RetryRule(attempts_max=2), **rule)))


def waiting(*runs: str) -> Ask:
    others = tuple(Dependency(run=RunId(run), kind="after") for run in runs)
    return checked(replace(SPEC, dependencies=others))


def begun(directory: str) -> Ask:
    return checked(replace(SPEC, directory=directory))


def twice() -> object:
    one = NewRun(run=RUN, spec=SPEC)
    return admission.check_runs([one, one], None, Rules())


def with_secrets(*names: str, run: str = RUN, **values: str) -> Ask:
    one = NewRun(run=RunId(run), spec=replace(SPEC, secrets=names), secrets=values)
    return lambda: secrets.secrets_of([one])


def submitted(*runs: NewRun) -> Ask:
    return lambda: submits.check_submit(SubmitRuns(runs=runs))


LONG = "长" * 3_000_000
SUBMITS: dict[str, tuple[Ask, str]] = {
    "no command": (checked(replace(SPEC, command=())), "运行没有命令。"),
    "no pre command": (checked(replace(SPEC, pre_command=("",))), "运行没有前置命令。"),
    "long command": (checked(replace(SPEC, command=(LONG,))), "命令太长：最多"),
    "nul": (checked(replace(SPEC, post_command=("a\0",))), "后置命令有一个参数"),
    "variables": (
        checked(replace(SPEC, variables={f"A{n}": "" for n in range(9_999)})),
        "变量太多",
    ),
    "variable": (checked(replace(SPEC, variables={"7=": ""})), "无法设置环境变量“7=”"),
    "no variable": (checked(replace(SPEC, variables={"": ""})), "无法设置环境变量“”"),
    "restart of": (checked(replace(SPEC, restart_of=RunId("7"))), "“7”不是运行 ID"),
    "run id": (checked(run="7"), "“7”不是运行 ID"),
    "twice": (twice, "两次出现运行"),
    "tag": (checked(tags=("a ",)), "“a ”不能用作标签"),
    "outcomes": (retried(on=("failed", "failed")), "同一种结果"),
    "exit codes": (retried(exit_codes=(999,)), "不存在的退出码"),
    "signals": (retried(signals=(9, 9)), "不存在的信号"),
    "jitter": (retried(jitter=7.0), "不能按 7.0 分散"),
    "two dependencies": (waiting(run_id(2), run_id(2)), "同一个运行等待了两次"),
    "itself": (waiting(RUN), "在等待它自己"),
    "dependency": (waiting("7"), "“7”不是运行 ID"),
    "dots": (begun("../7"), "“../7”开始：它含有名称 '..'。"),
    "slashes": (begun("7//7"), "它含有空名称"),
    "backslash": (begun("7\\7"), "它含有反斜杠。"),
    "nul in a path": (begun("7\0"), "它含有空字符"),
    "long path": (begun("7/" * 3_000 + "7"), "字节。"),
    "long name": (begun("7" * 300), "字节的名称。"),
    "deep": (begun("/".join("7" * 900)), "层文件夹。"),
    "other path": (begun("/\0"), "它不是机器上的路径。"),
    "surrogate": (begun("\ud800"), "不是有效的 Unicode"),
    "secret": (checked(replace(SPEC, secrets=("7-",))), "“7-”不能用作机密值的名称"),
    "secret of a file": (with_secrets("7-"), "“7-”不能用作机密值的名称"),
    "many secrets": (with_secrets(*(f"A{n}" for n in range(999))), "运行有 999 个机密值"),
    "unlike secrets": (with_secrets("_A"), "与名称对不上"),
    "secrets of no run": (with_secrets("_", run="7", _=""), "“7”不是运行 ID"),
    "no runs": (submitted(), "1 到"),
    "many runs": (submitted(*[NewRun(run=RUN, spec=SPEC)] * 10_001), "10001"),
    "large run": (
        submitted(NewRun(run=RUN, spec=replace(SPEC, variables={"A": LONG}))),
        "描述太大",
    ),
    "large submit": (
        lambda: submits.check_answer(
            SubmitRuns(runs=(NewRun(run=RUN, spec=replace(SPEC, variables={"A": LONG})),) * 2)
        ),
        "提交的内容太大",
    ),
}


@pytest.mark.parametrize(("ask", "words"), SUBMITS.values(), ids=SUBMITS.keys())
def test_what_is_wrong_with_a_submit_is_said(ask: Ask, words: str) -> None:
    assert words in said(ask)


async def test_a_submit_that_is_not_whole_is_said() -> None:
    async def part() -> AsyncIterator[bytes]:
        yield b"7"

    with pytest.raises(LanherdError) as caught:
        await submits.read_submit(part(), 2 << 20)
    assert "应有 2 MB" in in_chinese(caught.value.failure)


# --- Commands -------------------------------------------------------------------------------------


def ended(**settings: object) -> Machine:
    machine = Machine()
    machine.submit(new(1), new(2, after(1)), new(3, after(2)))
    machine.exited(1)
    machine.change(1, **settings)
    return machine


def without_files() -> Machine:
    machine = ended()
    machine.remove_files(1, command=2)
    return machine


def started() -> Machine:
    machine = Machine()
    machine.submit(new(1))
    return machine


def waits() -> Machine:
    machine = Machine()
    machine.submit(new(1), new(2, after(1)))
    return machine


COMMANDS: dict[str, tuple[Ask, str]] = {
    "over": (lambda: ended().change(1, 9, held=True), "已结束：没有可以暂缓的了"),
    "started": (lambda: started().change(1, 9, held=True), "已经启动"),
    "loses files": (lambda: without_files().change(1, 9, pinned=True), "的文件正在被删除"),
    "not over": (lambda: started().remove_files(1, 9), "还没有结束"),
    "pinned": (lambda: ended(pinned=True).remove_files(1, 9), "已固定"),
    "no run": (lambda: started().stop(7), "没有运行"),
    "none waits": (lambda: waits().change(2, 9, before=run_id(99)), "没有等待中的运行"),
    "not in line": (lambda: started().change(1, 9, before=new(1).run), "不再等待"),
    "taken": (lambda: started().submit(new(1, after(2))), "已经以别的内容提交过"),
    "restarted": (lambda: waits().restart(1, 2), "已经以别的内容提交过"),
}


@pytest.mark.parametrize(("ask", "words"), COMMANDS.values(), ids=COMMANDS.keys())
def test_why_a_run_can_not_be_changed_is_said(ask: Ask, words: str) -> None:
    assert words in said(ask)


# --- Logs, outputs and history --------------------------------------------------------------------


def searched(pattern: str = "7", matches_max: int = 1) -> Ask:
    request = SearchLog(run=RUN, pattern=pattern, matches_max=matches_max)
    return lambda: log_problems.check_search(request)


def attempt(home: Path, number: int) -> object:
    live = next(view for view in first_runs().values() if isinstance(view.state, Running))
    return attempts.attempt_dir(AgentHome(home), live, number)


PATHS: dict[str, tuple[Callable[[Path], object], str]] = {
    "attempt": (lambda home: attempt(home, 7), "没有第 7 次尝试"),
    "files gone": (lambda home: attempt(home, 1), "的文件没有了"),
    "range": (lambda _: attempts.check_range(-7, None), "在 -7 处有内容"),
    "length": (lambda _: attempts.check_range(0, -7), "在 0 处有 -7 字节"),
    "no history": (lambda home: HistoryKeeper(home).read(None, 0, None, 7), "这台机器的历史"),
    "matches": (lambda _: searched(matches_max=0)(), "不能请求 0 处匹配"),
    "line end": (lambda _: searched("7\n")(), "换行"),
    "script": (lambda home: ScriptFile(home / "7", 1).current(), "脚本无法使用"),
}


@pytest.mark.parametrize(("ask", "words"), PATHS.values(), ids=PATHS.keys())
def test_what_can_not_be_read_is_said(
    ask: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    NAMES.update(re.findall(r"[A-Za-z]{2,}", f"{tmp_path} Errno No such file or directory"))
    assert words in said(lambda: ask(tmp_path))


LOCK = b'version = 1\n[[package]]\nname = "7"\nsource = %s\n'
MADE: dict[str, tuple[LanherdError, str]] = {
    "slow": (log_problems.search_error(SearchProblem("slow")), "处理器时间"),
    "memory": (log_problems.search_error(SearchProblem("memory")), "最多 512 MB"),
    "stalled": (log_problems.search_error(SearchProblem("stalled")), "没有被取走"),
    "unreadable": (log_problems.search_error(SearchProblem("unreadable", "七")), "日志：七。"),
    "stderr": (log_problems.no_stderr(), "stderr"),
    "stopping": (shutting_down(), "正在停止"),
    "unknown": (unknown_run(RUN), "没有运行"),
    "no project": (env_problems.no_project(), "没有项目"),
    "no secrets": (failures.no_secrets(), "机密值"),
    "no room": (disk_problem(OSError(errno.ENOSPC, "满"), "read the snapshot"), "无法读取快照"),
    "not done": (disk_problem(OSError(errno.EIO, "坏"), "store the snapshot"), "快照：坏。"),
}


@pytest.mark.parametrize(("made", "words"), MADE.values(), ids=MADE.keys())
def test_what_went_wrong_there_is_said(made: LanherdError, words: str) -> None:
    assert words in in_chinese(made.failure)


@pytest.mark.expects_logs("a search of a log failed", reason="the search is lost")
def test_a_search_that_was_lost_is_said() -> None:
    made = log_problems.search_error(SearchProblem("died", "七"))
    assert "进程已丢失：七。" in in_chinese(made.failure)


def test_a_log_that_was_replaced_is_said() -> None:
    problem = RunDirError(Path("/7"), Flaw.NOT_PLAIN, "七")
    assert "/7 不是普通文件（七）" in in_chinese(log_problems.unreadable(problem).failure)


# --- Projects and rules ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (b"=", "它不是有效的 TOML"),
        (b"package = 7", "软件包不是列表"),
        (LOCK % b'{ editable = "src" }', "软件包 7 来自项目的文件夹 src"),
        (b"", "其中没有项目"),
    ],
)
def test_why_a_lock_makes_no_environment_is_said(lock: bytes, words: str) -> None:
    assert words in said(lambda: stand_in_project(lock))


async def test_why_a_project_is_not_taken_is_said(tmp_path: Path) -> None:
    store = await SnapshotStore.open(tmp_path / "7")
    _, encoded, absent = manifest_of(file("7", b"7"))
    _, other, wrong = manifest_of(ManifestEntry("7", "file", 4, (named(b"hello"),)))
    there = await put_snapshot(store, {"7": b"hello"})
    many = [named(str(number).encode()) for number in range(HASHES_PER_CALL_MAX + 1)]
    (tmp_path / "tree").mkdir()
    sent = manifests.compress(encoded)
    for asked, words in (
        (lambda: store.put_manifest("ada", absent, chunks(sent)), "项目有 1 个部分没有送到"),
        (lambda: store.put_manifest("ada", wrong, chunks(manifests.compress(other))), "而它有 5 B"),
        (
            lambda: store.put_manifest("ada", absent, chunks(bytes(MANIFEST_BYTES_MAX + 1))),
            "它们的清单超过",
        ),
        (lambda: store.put_pack("ada", chunks(b""), -7), "这个有 -7 个"),
        (lambda: store.missing("ada", many), f"这次询问了 {len(many)} 个"),
        (lambda: store.missing("ada", [BlobHash("7")]), "“7”不是文件或快照的哈希值"),
        (lambda: store.read_file(SnapshotId(there), "8", bytes_max=9), "快照中没有文件 8"),
        (
            lambda: store.read_file(SnapshotId(there), "7", bytes_max=1),
            "7 有 5 B；这样的文件最多 1 B",
        ),
    ):
        with pytest.raises(LanherdError) as caught:
            await asked()
        NAMES.update(re.findall(r"[a-f]{2,}", str(caught.value.failure.data.get("blob", ""))))
        assert words in in_chinese(caught.value.failure)
    await store.close()


@pytest.mark.expects_logs("is kept out", reason="a folder is in the place of the rules")
async def test_why_rules_are_not_written_is_said(tmp_path: Path) -> None:
    async with TaskOwner("test") as tasks:
        keeper = machine_rules.RulesKeeper(AgentHome(tmp_path), Problems(), lambda _: None, dict)
        keeper.open(tasks)
        with pytest.raises(LanherdError) as caught:
            await keeper.put(PutRules(text="", expected_hash="7"), nothing)
        assert "规则在此期间被改过" in in_chinese(caught.value.failure)
        (tmp_path / machine_rules.FILE).mkdir()
        with pytest.raises(LanherdError) as caught:
            await keeper.put(PutRules(text="keep_free = 0"), nothing)
    NAMES.update(re.findall(r"[A-Za-z]{2,}", f"{tmp_path} rules toml Is directory"))
    assert "无法把规则写入" in in_chinese(caught.value.failure)


async def nothing() -> None:
    """Nothing is recorded."""


# --- All of them ----------------------------------------------------------------------------------


def _named(tree: ast.AST) -> Iterator[str]:
    """What it gives as `refusal`: to a call, in a dict, or by way of a variable of that name."""
    for node in ast.walk(tree):
        for value in _given(node):
            for part in ast.walk(value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def _given(node: ast.AST) -> Iterator[ast.expr]:
    pairs: list[tuple[str | None, ast.expr]] = []
    if isinstance(node, ast.keyword):
        pairs = [(node.arg, node.value)]
    elif isinstance(node, ast.arguments):
        named = zip(node.kwonlyargs, node.kw_defaults, strict=True)
        pairs = [(one.arg, usual) for one, usual in named if usual is not None]
    elif isinstance(node, ast.Assign):
        pairs = [(ast.unparse(node.targets[0]), node.value)]
    elif isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        pairs = list(zip(keys, node.values, strict=True))
    yield from (value for name, value in pairs if name == "refusal")


def test_the_window_knows_every_refusal_that_has_a_name() -> None:
    parts = (lanherd_agent, lanherd_client, lanherd_protocol)
    roots = [Path(part).parent for part in (one.__file__ for one in parts) if part]
    sources = [path.read_text() for root in roots for path in root.rglob("*.py")]
    named = {name for text in sources for name in _named(ast.parse(text))}
    known = {one.told["refusal"] for one in REFUSALS if "refusal" in one.told}
    assert len(named) > 50 and not named - known
    for name in known - named:
        assert any(f'"{name}"' in text for text in sources), name


CLIENTS = (
    choosing, constraints, delivery, environment_calls, environment_choosing, environment_files,
    environment_orders, fanout, ignore, order_checks, orders, problem_of_projects, push_calls,
    rules_check, scan, submitting, wishes,
)  # fmt: skip
RAISING = {"error", "_misused", "_too_large", "too_large", "_find", "_refuse", "unreadable"}


@pytest.mark.parametrize("module", CLIENTS, ids=lambda module: module.__name__)
def test_every_refusal_of_a_client_has_a_name(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text())
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [node for node in made if ast.unparse(node.func).rpartition(".")[2] in RAISING]
    nameless = [node for node in made if not {"refusal"} & {one.arg for one in node.keywords}]
    assert not nameless, [f"line {node.lineno}: {ast.unparse(node)}" for node in nameless]
