"""What machines refuse as they are, and starts that failed, in the language of the window."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from lanherd_agent.core.reasons import failure as reason_of
from lanherd_agent.core.rules import Rules
from lanherd_agent.envs import lock, problems, registry
from lanherd_agent.execution import failures
from lanherd_agent.persist import store
from lanherd_agent.runs.launcher_client import StartFailedError, StartFailure
from lanherd_agent.runs.rundir import AttemptDir
from lanherd_agent.snapshots.problems import corrupt_blob
from lanherd_client import fetching, files
from lanherd_client.projects import problems as problem_of_projects
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.views.words import reason_text
from lanherd_protocol.authority import authorise_call
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.values import LockedEnvironment
from tests.simulation.making import new, run_id
from tests.unit.core.machine import Machine
from tests.unit.desktop.refusing import NAMES, in_chinese, said


@pytest.fixture(autouse=True)
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


def test_roles_and_owners_are_said() -> None:
    NAMES.update({"runs", "stop", "nonsense", "bob", "ann"})
    low = authorise_call("runs.stop", "viewer", "tls")
    assert isinstance(low, Failure) and "角色“用户”；本设备的角色是“观察者”" in in_chinese(low)
    unknown = authorise_call("nonsense", "viewer", "tls")
    assert isinstance(unknown, Failure) and "没有 nonsense。请升级" in in_chinese(unknown)


def test_a_full_line_is_said() -> None:
    machine = Machine(Rules(queued_runs_max=1))
    machine.submit(new(1))
    assert "请等一些运行结束" in said(lambda: machine.submit(new(2), new(3), new(4)))


MADE: dict[str, tuple[LanherdError, str]] = {
    "blob": (corrupt_blob("7", "has another hash"), "已损坏并被删除：7"),
    "records": (store.store_failed("/7", "It is closed."), "/7 中的记录无法使用"),
    "full": (store.disk_full("/7"), "无法把改动写入 /7"),
    "python": (problems.no_python("7.7", "7.8"), "没有 Python 7.7；它的代理使用 Python 7.8"),
    "no index": (problems.build_failed("7", "7.lock", "dns error"), "无法连接它的软件包源"),
    "index": (
        problems.build_failed("7", "7.lock", "https://7.7/simple: dns error"),
        "无法连接软件包源 7.7",
    ),
    "index's packages": (
        problems.build_failed("7", "7.lock", "Failed to fetch"),
        "无法取得 7.lock 中的软件包",
    ),
    "source": (problems.source_forbidden("7", "7.lock", ("8",)), "8 没有适用于这台机器的 wheel"),
    "other python": (
        problems.other_python("7.lock", "3.7", "3.8"),
        "7.lock 用于 Python 3.7，选择的却是 Python 3.8",
    ),
    "another python": (
        problems.build_failed("7", "7.lock", "incompatible with the project's Python"),
        "7.lock 用于别的 Python",
    ),
    "no python": (problems.bad_python_request("7"), "“7”不是 Python：既不是版本"),
    "no environment": (problems.not_there("7"), "那台机器上没有环境 7"),
    "no name": (registry.no_such_name("7"), "没有登记名为“7”的环境"),
    "project": (
        problem_of_projects.too_large(
            Path("/7"), "It has too many files.", refusal="many_files", files_max=7
        ),
        "太大，无法发送",
    ),
    "changing": (fetching.changed_while_fetched("7"), "7 在取回时一直变化"),
}


@pytest.mark.parametrize(("made", "words"), MADE.values(), ids=MADE.keys())
def test_what_is_wrong_there_is_said(made: LanherdError, words: str) -> None:
    assert words in in_chinese(made.failure)


def test_another_lock_is_said() -> None:
    wanted = LockedEnvironment(lock_path="7.lock", lock_hash="0" * 64)
    assert "7.lock 不是运行所要的锁文件" in said(lambda: lock.check_lock(wanted, b""))


# --- Starts ---------------------------------------------------------------------------------------


def start(kind: StartFailure, number: int, program: str, home: Path) -> str:
    problem = StartFailedError(kind, number, "七", None)
    directory = AttemptDir.of(home, run_id(1), 1)
    directory.tree.mkdir(parents=True, exist_ok=True)
    (directory.tree / "7").write_text("7")
    failed = failures.start_failure(problem, directory, program)
    NAMES.update({"train", "sh"})
    text = in_chinese(failed)
    # The same stands at the run.
    assert reason_text(reason_of(failed)) in text
    return text


STARTS = [
    (StartFailure.EXEC, errno.ENOENT, "7", "没有命令 7"),
    (StartFailure.EXEC, errno.ENOENT, "./7", "解释器不在"),
    (StartFailure.EXEC, errno.EACCES, "7", "没有执行权限"),
    (StartFailure.EXEC, errno.E2BIG, "7", "的参数和变量太长"),
    (StartFailure.EXEC, errno.ENOEXEC, "7", "没有解释器行"),
    (StartFailure.EXEC, errno.EIO, "7", "无法运行命令 7：七。"),
    (StartFailure.CWD, errno.EACCES, "7", "无法进入它要从中开始的文件夹：七。"),
    (StartFailure.FORK, errno.EAGAIN, "7", "已达到代理的用户"),
    (StartFailure.FORK, errno.EIO, "7", "无法启动运行：七。"),
]


@pytest.mark.parametrize(("kind", "number", "program", "words"), STARTS)
def test_why_a_run_did_not_start_is_said(
    kind: StartFailure, number: int, program: str, words: str, tmp_path: Path
) -> None:
    assert words in start(kind, number, program, tmp_path)


def test_a_directory_that_can_not_be_made_is_said() -> None:
    failed = failures.directory_failure(OSError(errno.EIO, "七"))
    assert "无法建立运行的目录：七。" in in_chinese(failed)


# --- What a fetch meets here ----------------------------------------------------------------------


def test_where_a_file_can_not_go_is_said(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "8").write_text("8")
    words = "".join(f"{tmp_path} absent").replace("/", " ").replace("_", " ").replace("-", " ")
    NAMES.update("".join(c if c.isalpha() else " " for c in words).split())
    assert "没有文件夹" in said(lambda: fetching.target_of(tmp_path / "absent" / "7", "7", False))
    assert "它是文件夹" in said(lambda: fetching.check_free(tmp_path / "7", False))
    assert "已经存在" in said(lambda: fetching.check_free(tmp_path / "8", False))
    for number, then in ((errno.EACCES, "请指定可以写入的文件"), (errno.ENOSPC, "腾出空间")):
        assert then in said(lambda number=number: blamed(number))


def blamed(number: int) -> None:
    with files.blamed(Path("/7"), "Make room."):
        raise OSError(number, "七")
