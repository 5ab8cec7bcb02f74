"""The options of `lanherd run`: what they make of a run, and where a secret comes from."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from lanherd_client.cli import secret_values
from lanherd_client.cli.env_options import environment_options
from lanherd_client.cli.run_options import check_retries, options_of, run_options
from lanherd_client.orders import RunOptions
from lanherd_protocol.errors import ConflictError
from lanherd_protocol.limits import SECRET_BYTES_MAX, SECRETS_PER_RUN_MAX


def said(*arguments: str) -> dict[str, Any]:
    """What click makes of the arguments."""
    taken: dict[str, Any] = {}

    @click.command()
    @run_options
    @environment_options
    def command(**options: Any) -> None:
        taken.update(options)

    command.main(list(arguments), standalone_mode=False)
    return taken


_OPTIONS_OF_A_RUN = [
    one
    for one in run_options(click.command()(lambda: None)).params
    if isinstance(one, click.Option)
]


def refused(*arguments: str) -> str:
    with pytest.raises(click.UsageError) as caught:
        check_retries(said(*arguments))
    return caught.value.format_message()


def test_nothing_said_is_nothing_asked() -> None:
    assert options_of(said()) == {"niceness": 0, "priority": 0}


def test_all_that_may_be_said() -> None:
    arguments = (
        *("--time-limit", "2h30m", "--stop-signal", "sigint", "--grace", "0"),
        *("--retries", "3", "--retry-on", "lost", "--retry-on", "failed"),
        *("--retry-codes", "1, 75", "--retry-signals", "segv,9", "--backoff", "1m"),
        *("--after", "a", "--after-ok", "b", "--after-ok", "c", "--after-any", "d"),
        *("--priority", "-5", "--hold", "--tag", "x", "--tag", "y", "--note", "n", "--pin"),
        *("--chdir", "src", "--nice", "5", "--pre", "make 'a b'", "--post", "rm -r x"),
        *("--split-log", "--log-cap", "2GB"),
        *("--where", "vram>=20gb and name ~ a100", "--linked", "--mig", "1g.10gb", "--shared"),
        *("--wait-for-others", "--cpus", "4", "--memory", "32GB", "--disk", "100GB"),
        *("--packages", "numpy six>=1", "--extra", "cuda", "--group", "dev", "--python", "3.12"),
        "--wheels-only",
    )
    expected: RunOptions = {
        "time_limit": 9000.0,
        "stop_signal": "INT",
        "grace": 0.0,
        "retries": 3,
        "retry_on": ("lost", "failed"),
        "retry_codes": (1, 75),
        "retry_signals": (11, 9),
        "backoff": 60.0,
        "after": ("a",),
        "after_ok": ("b", "c"),
        "after_any": ("d",),
        "priority": -5,
        "hold": True,
        "tags": ("x", "y"),
        "notes": "n",
        "pinned": True,
        "directory": "src",
        "niceness": 5,
        "pre_command": ("make", "a b"),
        "post_command": ("rm", "-r", "x"),
        "split_log": True,
        "log_cap": "2147483648B",
        "where": 'vram >= 20GB and name ~ "a100"',
        "linked": True,
        "mig": "1g.10gb",
        "shared": True,
        "beside_others": "wait",
        "cpus": 4.0,
        "memory": "34359738368B",
        "disk": "107374182400B",
        "packages": ("numpy", "six>=1"),
        "extra": ("cuda",),
        "group": ("dev",),
        "python": "3.12",
        "wheels_only": True,
    }
    assert options_of(said(*arguments)) == expected
    # Each name of the two faces can be said on the command line; a whole rule is for scripts.
    assert RunOptions.__annotations__.keys() - expected.keys() == {"retry", "secrets"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--time-limit", "soon"], "is not a duration"),
        (["--stop-signal", "STOP"], "none of TERM, INT"),
        (["--retries", "-1"], "from 0 to 99"),
        (["--retry-codes", "1,many"], "no list of numbers"),
        (["--retry-codes", "0"], "go from 1 to 255"),
        (["--retry-codes", ""], "it is empty"),
        (["--retry-signals", "BOOM"], "is no signal"),
        (["--retry-signals", "999"], "is no signal"),
        (["--retry-signals", ""], "it is empty."),
        (["--backoff", "3s"], "--backoff needs --retries N: how often"),
        (["--retry-on", "lost", "--backoff", "3s"], "--retry-on and --backoff need --retries"),
        (["--pre", "'open"], "can't be split"),
        (["--post", " "], "it is empty"),
        (["--log-cap", "lots"], "is not a size"),
        (["--priority", "101"], "from -100 to 100"),
        (["--chdir", ""], "it is empty"),
        (["--nice", "-1"], "from 0 to 19"),
    ],
)
def test_slips_are_usage(arguments: list[str], words: str) -> None:
    assert words in refused(*arguments)


# --- secrets -------------------------------------------------------------------------------------


def secrets(*values: str) -> Any:
    return options_of(said(*(word for value in values for word in ("--secret", value))))["secrets"]


def test_a_secret_comes_from_the_environment_a_file_or_standard_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "key").write_text("line 1\nline 2\r\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("piped\n"))
    assert secrets("TOKEN", f"KEY=@{tmp_path}/key", "PIPED=-") == {
        "TOKEN": "hunter2",
        "KEY": "line 1\nline 2",
        "PIPED": "piped",
    }
    # Of several lines it is said that the end of the last is left away, and how to keep it.
    assert capsys.readouterr().err.count("last line end of KEY") == 1
    (tmp_path / "key").write_text("line 1\nline 2\n\n")
    assert secrets(f"KEY=@{tmp_path}/key") == {"KEY": "line 1\nline 2\n"}
    assert "is empty" in refused("--secret", "EMPTY")
    assert "can be read once" in refused("--secret", "A=-", "--secret", "B=-")


def test_the_help_says_what_is_left_away_of_a_secret() -> None:
    (option,) = (one for one in _OPTIONS_OF_A_RUN if "--secret" in one.opts)
    assert "line end" in str(option.help)


def test_a_secret_is_asked_for_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    main_side, terminal = os.openpty()
    try:
        with os.fdopen(terminal) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            asked: list[tuple[str, dict[str, object]]] = []

            def prompt(text: str, **how: object) -> str:
                asked.append((text, how))
                return "typed"

            monkeypatch.setattr(click, "prompt", prompt)
            assert secrets("NEVER_SET") == {"NEVER_SET": "typed"}
    finally:
        os.close(main_side)
    assert asked[0][0].startswith("Value of NEVER_SET")
    assert asked[0][1]["hide_input"] is True


def test_a_value_on_the_command_line_is_never_used() -> None:
    for value in ("TOKEN=hunter2", "TOKEN=", "TOKEN=@"):
        why = refused("--secret", value)
        assert "was written on the command line" in why
        assert "process list" in why
        assert "--secret TOKEN=@FILE" in why
        assert "hunter2" not in why


def test_a_secret_that_can_not_be_had_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert "no environment variable has that name" in refused("--secret", "NEVER_SET")
    with pytest.raises(ConflictError, match="A can't be read from"):
        secrets(f"A=@{tmp_path}/none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "is no UTF-8 text" in refused("--secret", f"A=@{tmp_path}/binary")
    (tmp_path / "large").write_bytes(b"x" * (SECRET_BYTES_MAX + 1))
    assert "has more than 64 KB" in refused("--secret", f"A=@{tmp_path}/large")
    assert "is no name" in refused("--secret", "1A")
    monkeypatch.setenv("A", "b")
    assert "was given twice" in refused("--secret", "A", "--secret", "A")
    many = [f"S{number}" for number in range(SECRETS_PER_RUN_MAX + 1)]
    for name in many:
        monkeypatch.setenv(name, "x")
    assert "64 secrets at most" in refused(*(word for name in many for word in ("--secret", name)))


def test_completion_reads_no_secret() -> None:
    context = click.Context(click.Command("run"), resilient_parsing=True)
    assert secret_values.read_secrets(context, click.Option(["--secret"]), ("A=-",)) == {}


def test_a_secret_that_is_no_text_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", os.fsdecode(b"hunter\xff2"))
    words = refused("--secret", "TOKEN")
    assert "the value of TOKEN is no UTF-8 text" in words
    assert "hunter" not in words


def test_what_others_leave_is_waited_for_or_taken_and_not_both() -> None:
    assert options_of(said("--beside-others"))["beside_others"] == "share"
    with pytest.raises(click.UsageError, match="one of --wait-for-others and --beside-others"):
        options_of(said("--wait-for-others", "--beside-others"))
