"""The command line where no agent is needed: usage, exit codes, talk and data apart."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from msgspec.structs import replace

from lanherd_client.cli import commands as commands_module
from lanherd_client.cli import completion, talk
from lanherd_client.cli.commands import cli
from lanherd_client.cli.main import main
from lanherd_client.finding import PART_CHARS_MIN
from lanherd_client.mirror import Connecting, MachineView, RunRecord
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.states import RunView
from lanherd_protocol.values import RunGroup, RunSettings, RunSpec
from tests.support.scripted_agent import MACHINE, ended, queued, run_id, running


@pytest.fixture(autouse=True)
def home_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--home` sets it for the desktop; the test's own comes back afterwards."""
    monkeypatch.setenv("LANHERD_HOME", os.environ["LANHERD_HOME"])


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == "lanherd 0.1.0 (protocol 1 to 1)\n"
    assert main(["version", "--json"]) == 0
    told = capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "lanherd 0.1.0 (protocol 1 to 1)\n"
    assert json.loads(told) == {
        "version": "0.1.0",
        "protocol": {"min": 1, "max": 1},
    }


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "..." not in shown.partition("Commands:")[2]
    assert "_LANHERD_COMPLETE=bash_source" in shown
    for name in cli.list_commands(click.Context(cli)):
        assert f"\n  {name} " in shown
        assert main([name, "-h"]) == 0


@pytest.mark.parametrize("verb", cli.list_commands(click.Context(cli)))
def test_a_help_says_what_run_means_and_no_bounds_that_nobody_needs(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([verb, "--help"])
    usage, _, rest = capsys.readouterr().out.partition("\n")
    shown = " ".join(rest.split())
    assert (f"RUN is a run's id, {PART_CHARS_MIN} or more" in shown) == ("RUN" in usage)
    assert "<=" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["machines", "--nope"],
        ["run"],
        ["run", "--gpus", "2"],
        ["run", "--gpus", "-1", "--", "true"],
        ["run", "--gpus", "many", "--", "true"],
        ["run", "--vram", "2 potatoes", "--", "true"],
        ["run", "--env", "NOVALUE", "--", "true"],
        ["run", "--env", "=x", "--", "true"],
        ["run", "--env", "LANHERD_OUTPUTS=/tmp/x", "--", "true"],
        ["sweep", "--grid", "a=1", "--env", "CUDA_VISIBLE_DEVICES=3", "--", "true"],
        ["runs", "--state", "sleeping"],
        ["runs", "--limit", "0"],
        ["show"],
        ["stop", "x", "--grace", "-1"],
        ["logs", "x", "--offset", "-1"],
        ["fetch", "x"],
        ["fetch", "x", "y", "-o", ""],
        ["run", "--project", "", "--", "true"],
        ["run", "-m", "", "--", "true"],
        ["run", "--vram", "24", "--", "true"],
        ["gpus", "-m", ""],
        ["logs", "x", "--offset", "99999999999999999999"],
        ["logs", "x", "--attempt", "99999999999999999999"],
        ["pair", "box", "--socket", "/x"],
        ["pair", ""],
        ["forget", ""],
        ["forget"],
        ["run", "--secret", "TOKEN=x", "--", "true"],
        ["run", "--backoff", "5s", "--", "true"],
        ["runs", "--project", ""],
        ["stop"],
        ["stop", "x", "--tag", "t"],
        ["stop", "x", "--sweep", "s"],
        ["stop", "x", "-m", "box"],
        ["stop", "--sweep", ""],
        ["stop", "--tag", "", "--yes"],
        ["retention", "set", "--age", "0s"],
        ["retention", "plan", "--size", "0"],
        ["retention", "plan", "--runs", "0"],
        ["runs", "--all", "--limit", "5"],
        ["runs", "--name", ""],
        ["runs", "--after", ""],
        ["stop", "x", "--signal", "STOP"],
        ["stop", "x", "--now", "--grace", "1"],
        ["priority", "high", "x"],
        ["priority", "101", "x"],
        ["priority", "1"],
        ["tag", "x"],
        ["note", "text"],
        ["restart", "x", "y", "--follow"],
        ["remove-files", "x"],
        ["wait", "x", "--timeout", "soon"],
        ["outputs", "x", "--attempt", "0"],
        ["attempts"],
        ["retention", "fly"],
        ["retention", "set"],
        ["retention", "set", "--age", "old"],
        ["rules", "fly"],
        ["rules", "set", "keep_free"],
        ["rules", "set", "a b", "1"],
        ["rules", "check", "nowhere.toml"],
    ],
)
def test_usage_is_2_and_says_what_is_wrong(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Error: " in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "--", "true"], 5, "No machine is paired yet."),
        (["show", "x"], 5, "There is no run 'x'."),
        (["logs", "x"], 5, "There is no run 'x'."),
        (["stop", "x"], 5, "There is no run 'x'."),
        (["outputs", "x"], 5, "There is no run 'x'."),
        (["attempts", "x"], 5, "There is no run 'x'."),
        (["wait", "x"], 5, "There is no run 'x'."),
        (["hold", "x"], 5, "There is no run 'x'."),
        (["release", "x"], 5, "There is no run 'x'."),
        (["priority", "-5", "x"], 5, "There is no run 'x'."),
        (["tag", "x", "--add", "a"], 5, "There is no run 'x'."),
        (["note", "text", "x"], 5, "There is no run 'x'."),
        (["pin", "x"], 5, "There is no run 'x'."),
        (["unpin", "x"], 5, "There is no run 'x'."),
        (["restart", "x"], 5, "There is no run 'x'."),
        (["remove-files", "-y", "x"], 5, "There is no run 'x'."),
        (["restart", "x", "y"], 1, "There is no run 'y'."),
        (["stop", "x", "y"], 1, "There is no run 'y'."),
        (["run", "--after-ok", "x", "--", "true"], 5, "There is no run 'x'."),
        (["retention", "plan"], 5, "No machine is paired yet."),
        (["rules", "get", "keep_free"], 5, "No machine is paired yet."),
        (["fetch", "x", "y"], 5, "There is no run 'x'."),
        (["gpus", "--machine", "box"], 5, "No machine is called 'box'."),
        (["status", "--machine", "box"], 5, "No machine is called 'box'."),
        (["pair"], 5, "No unpaired agent is seen on this machine."),
        (["pair", "box"], 5, "No agent 'box' is seen on this machine."),
        (["pair", "--socket", "/no/such.sock"], 3, "No agent answers at /no/such.sock."),
        (["pair", "--socket", "/"], 3, "It is not a socket."),
        (["forget", "box"], 5, "No machine is called 'box'."),
        (["--home", "/dev/null", "machines"], 1, "It is not a folder."),
        (["show", ""], 2, "No run was named."),
    ],
)
def test_trouble_has_a_code_and_three_sentences(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert len(said.err.splitlines()) >= 2


def test_lists_are_empty_where_nothing_is_paired(capsys: pytest.CaptureFixture[str]) -> None:
    lists = (["machines"], ["gpus"], ["runs"], ["status"], ["retention", "show"], ["rules", "show"])
    for command in lists:
        assert main([*command, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == []
    for command in lists:
        assert main(command) == 0
        said = capsys.readouterr()
        assert said.out == ""
        assert "lanherd pair" in said.err


def test_home_is_where_it_is_told(tmp_path: Path) -> None:
    assert main(["--home", str(tmp_path / "mine"), "machines"]) == 0
    assert (tmp_path / "mine" / "identity").is_dir()
    assert os.environ["LANHERD_HOME"] == str(tmp_path / "mine")


def test_a_home_that_is_unusable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "machines.json").write_text("{")
    assert main(["--home", str(tmp_path), "machines"]) == 1
    assert "was kept as" in capsys.readouterr().err


def test_without_a_command_it_becomes_the_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(commands_module, "find_spec", lambda name: object())
    monkeypatch.setattr(os, "execv", lambda path, arguments: started.append(arguments))
    assert main([]) == 0
    assert started == [[sys.executable, "-m", "lanherd_desktop"]]


def test_a_desktop_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands_module, "find_spec", lambda name: None)
    assert main([]) == 5
    assert "pip install 'lanherd[desktop]'" in capsys.readouterr().err


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    assert main(["machines"]) == 130


def test_a_reader_that_leaves_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = "from lanherd_client.cli.main import main; raise SystemExit(main(['version']))"
    with os.fdopen(writer, "wb") as broken:
        done = subprocess.run(
            [sys.executable, "-c", program], check=False, stdout=broken, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("redirection", "words"),
    [(">&-", "standard output is closed"), (">/dev/full", "No space left"), (">&- 2>&-", "")],
)
def test_an_output_that_takes_nothing_is_said(redirection: str, words: str) -> None:
    program = "from lanherd_client.cli.main import main; raise SystemExit(main(['version']))"
    shell = ["sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, program]
    done = subprocess.run(shell, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == bool(words)


def test_ctrl_c_during_the_imports_is_quiet() -> None:
    program = (
        "import sys, signal\n"
        "from lanherd_client.cli.main import main\n"
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'click': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "raise SystemExit(main(['version']))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_every_error_code_has_an_exit_code() -> None:
    codes = {code: talk.exit_code(code) for code in ErrorCode}
    assert set(codes.values()) <= {1, 2, 3, 4, 5}
    assert codes[ErrorCode.UNREACHABLE] == 3
    assert codes[ErrorCode.NOT_PAIRED] == 4
    assert codes[ErrorCode.NOT_FOUND] == 5
    asked = {ErrorCode.INVALID_REQUEST, ErrorCode.IMPOSSIBLE_REQUEST, ErrorCode.TOO_LARGE}
    assert {code for code in ErrorCode if codes[code] == 2} == asked
    in_the_way = (ErrorCode.CONFLICT, ErrorCode.DISK_FULL, ErrorCode.PROJECT_UNREADABLE)
    assert {codes[code] for code in in_the_way} == {1}


def test_a_failures_text_from_a_machine_can_not_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nasty = error(ErrorCode.UNREACHABLE, "t\x1b]0;x\x07", "a\x1b[2Jb", "c\rd")
    talk.say_failure(nasty.failure)
    assert not set(capsys.readouterr().err) & set("\x1b\x07\r")


def test_lines_of_a_builder_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    talk.say_failure(error(ErrorCode.UNREACHABLE, "a\nb", "c\nd", "e").failure)
    assert capsys.readouterr().err == "lanherd: a b\n  c\n  d\n  e\n"
    talk.put_fields([("why", "a\nb")])
    assert capsys.readouterr().out == "  why  a\n       b\n"
    talk.put_table([talk.Column("WHY")], [["a\n  b"]])
    assert capsys.readouterr().out == "WHY\na b\n"


def test_commands_start_without_what_they_do_not_need() -> None:
    heavy = "asyncio ssl rich zeroconf asyncssh cryptography PySide6 platformdirs"
    program = (
        "import sys; from lanherd_client.cli.main import main; main(['version']);"
        f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- completion ----------------------------------------------------------------------------------


def remembered(home: Path) -> None:
    held, pinned = RunSettings(held=True), RunSettings(pinned=True)
    views = [
        RunView(
            run=run_id(number),
            spec=RunSpec(command=("python", "train.py"), name=name, group=RunGroup(name="lrs")),
            owner="me",
            submitted_at=1.0,
            state=state,
            seq=1,
            settings=settings,
        )
        for number, state, name, settings in (
            (0xEEE, ended(), "again", pinned),
            (0xDEF, ended(), "", RunSettings()),
            (0xCCC, running(), "goes", RunSettings()),
            (0xBBB, queued(), "again", held),
            (0xABC, queued(), "", RunSettings()),
        )
    ]
    old = RunSpec(command=("true",), group=RunGroup(name="old"))
    earlier = replace(views[1], run=run_id(0xAAA), spec=old)
    views += [views[1]] * completion.RUNS_MAX
    records = [RunRecord(MACHINE, view) for view in (*views, earlier)]
    completion.remember(home, [MachineView(MACHINE, "box", Connecting(1.0))], records)


def offered(*words: str, incomplete: str = "") -> list[str]:
    complete = ShellComplete(cli, {}, "lanherd", "_LANHERD_COMPLETE")
    return [item.value for item in complete.get_completions(list(words), incomplete)]


def test_tab_offers_what_was_seen_lately() -> None:
    assert offered("show") == []
    remembered(Path(os.environ["LANHERD_HOME"]))
    every = ["00000eee", "00000def", "00000ccc", "00000bbb", "00000abc"]
    assert [*dict.fromkeys(offered("show"))] == ["again", "goes", *every]
    assert [*dict.fromkeys(offered("logs", incomplete="0000"))] == every
    assert offered("runs", "--name") == ["again", "goes"]
    for words in (
        ["sweep", "status"],
        ["runs", "--sweep"],
        ["wait", "--sweep"],
        ["pin", "--sweep"],
    ):
        assert offered(*words) == ["lrs", "old"]
    assert offered("stop", incomplete="ff") == []
    assert offered("run", "--machine") == ["box"]
    assert "machines" in offered(incomplete="ma")


def test_tab_offers_only_runs_of_which_the_verb_can_be_done() -> None:
    remembered(Path(os.environ["LANHERD_HOME"]))
    for verb, runs in {
        ("queue", "move"): ["again", "00000bbb", "00000abc"],
        ("queue", "move", "--before"): ["again", "00000bbb", "00000abc"],
        ("stop",): ["goes", "again", "00000ccc", "00000bbb", "00000abc"],
        ("hold",): ["00000abc"],
        ("release",): ["again", "00000bbb"],
        ("unpin",): ["again", "00000eee"],
        ("remove-files",): ["00000def"],
    }.items():
        assert [*dict.fromkeys(offered(*verb))] == runs, verb
    assert "00000eee" not in offered("pin")


def test_tab_never_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (Path(os.environ["LANHERD_HOME"]) / "completion.json").write_bytes(b"\xff")
    assert offered("show") == []

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(completion, "write_private", full)
    remembered(tmp_path)
    assert list(tmp_path.iterdir()) == []
