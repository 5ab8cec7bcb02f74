"""A machine's rules from the shell, against a real agent."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanherd_protocol.rules_check import KEYS
from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder / "agent") as running:
        lanherd("pair")
        yield running


def editor(folder: Path, monkeypatch: pytest.MonkeyPatch, *steps: str) -> Path:
    """An $EDITOR that runs one step at each call, with the file as $1; it keeps what it saw."""
    seen = folder / "seen"
    seen.mkdir()
    script = folder / "editor"
    cases = "\n".join(f"{number}) {step};;" for number, step in enumerate(steps))
    script.write_text(
        f'#!/bin/sh\nn=$(ls {seen} | wc -l)\ncp "$1" {seen}/$n\ncase $n in\n{cases}\nesac\n'
        # click takes a file of the same second for one that nobody saved.
        'touch -d "+$((n + 2)) seconds" "$1"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    monkeypatch.setenv("EDITOR", str(script))
    return seen


def put(folder: Path, text: str) -> None:
    file = folder / "put.toml"
    file.write_text(text)
    lanherd("rules", "put", str(file))


def test_an_editor_that_mends_nothing_is_not_opened_for_ever(
    agent: AgentProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = 'echo "keep_fre = 1" > "$1"'
    seen = editor(folder, monkeypatch, wrong, wrong)
    edited = lanherd("rules", "edit", code=2).stderr
    assert "Nothing of it was mended: the rules are left as they are." in edited
    assert "What you wrote is kept in" in edited
    assert len(list(seen.iterdir())) == 2


def test_rules_are_shown_set_got_and_taken_away(agent: AgentProcess, folder: Path) -> None:
    shown = lanherd("rules", "show").stdout
    assert "keep_free" in shown and "0 (default)" in shown and "10s (default)" in shown
    assert shown.count("(default)") == len(KEYS) + len(("users", "tags"))
    file = agent.home / "rules.toml"
    put(folder, "# mine\nstrategy = 'spread' # why\n")
    lanherd("rules", "set", "keep_free", "1")
    lanherd("rules", "set", "hours", "18:00-08:00")
    lanherd("rules", "set", "users.ada.gpus_max", "2")
    assert file.read_text() == (
        "# mine\nstrategy = 'spread' # why\nkeep_free = 1\nhours = [\"18:00-08:00\"]\n"
        "\n[users.ada]\ngpus_max = 2\n"
    )
    assert lanherd("rules", "get", "keep_free").stdout == "1\n"
    assert lanherd("rules", "get", "strategy").stdout == "spread\n"
    assert lanherd("rules", "get", "temperature_c_max").stdout == "none\n"
    assert read("rules", "get", "users.ada")["gpus_max"] == 2
    assert "users.NAME" in lanherd("rules", "get", "userss", code=5).stderr
    [shown] = read("rules", "show")
    assert shown["rules"]["keep_free"] == 1
    assert shown["text"] == file.read_text()
    assert "keep_free" in lanherd("rules", "show").stdout
    lanherd("rules", "set", "keep_free", "none")
    assert read("rules", "get", "keep_free") == 0
    assert "keep_free" not in file.read_text()


def test_what_is_wrong_is_refused_with_its_line(agent: AgentProcess, folder: Path) -> None:
    lanherd("rules", "set", "keep_free", "1")
    refused = lanherd("rules", "set", "keepfree", "1", code=2).stderr
    assert "There is no rule keepfree." in refused
    assert "Did you mean keep_free?" in refused
    assert "no run would ever get one" in lanherd("rules", "set", "keep_free", "2", code=2).stderr
    lanherd("rules", "set", "a b", "1", code=2)
    file = folder / "some.toml"
    file.write_text("keep_free = 0\n\nquiet_s = '5 parsecs'\ngpus = [5]\n")
    said = lanherd("rules", "check", str(file), code=2).stderr
    assert f"{file}:3: quiet_s is seconds, or a time with its unit" in said
    file.write_text("keep_free = 0\ngpus = [0, 5]\n")
    assert "can be taken" in lanherd("rules", "check", str(file)).stderr
    done = lanherd("rules", "check", str(file), "--machine", "box", "--json", code=2)
    [finding] = json.loads(done.stdout)
    assert (finding["line"], finding["code"]) == (2, "unknown_gpu")
    assert "no GPU 5" in lanherd("rules", "put", str(file), code=2).stderr
    file.write_bytes(b"\xff")
    lanherd("rules", "put", str(file), code=2)
    assert read("rules", "get", "keep_free") == 1


def test_a_broken_file_is_told_and_restored(agent: AgentProcess) -> None:
    lanherd("rules", "restore", code=5)
    lanherd("rules", "set", "keep_free", "1")
    file = agent.home / "rules.toml"
    file.write_text("keep_free = \n")
    shown = lanherd("rules", "show")
    assert "rules.toml:1:" in shown.stderr
    assert "kept out" in shown.stderr
    assert "restore" in lanherd("rules", "set", "keep_free", "0", code=2).stderr
    file.write_bytes(b"keep_free = 0 # caf\xe9\n")
    assert "no UTF-8" in lanherd("rules", "set", "keep_free", "0", code=2).stderr
    assert file.read_bytes() == b"keep_free = 0 # caf\xe9\n"
    file.write_text("keep_free = \n")
    assert "The rules file is kept out. Line 1" in lanherd("status").stdout
    lanherd("rules", "restore")
    assert file.read_text() == "keep_free = 1\n"
    assert "already" in lanherd("rules", "restore").stderr


def test_an_edit_is_opened_again_until_it_is_well(
    agent: AgentProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "# mine\nkeep_free = 0\n")
    seen = editor(
        folder, monkeypatch,
        "printf '# mine\\nkeep_free = 0\\nstrateggy = 1\\n' > \"$1\"",
        "sed -i 's/^strateggy = 1/strategy = \"spread\"/' \"$1\"",
    )  # fmt: skip
    done = lanherd("rules", "edit")
    assert "line:3: There is no rule strateggy." in done.stderr
    assert (seen / "0").read_text() == "# mine\nkeep_free = 0\n"
    assert (seen / "1").read_text() == (
        "# mine\nkeep_free = 0\n#! There is no rule strateggy. Did you mean strategy?\n"
        "strateggy = 1\n"
    )
    text = (agent.home / "rules.toml").read_text()
    assert text == '# mine\nkeep_free = 0\nstrategy = "spread"\n'


def test_an_edit_that_comes_too_late_is_kept(
    agent: AgentProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = agent.home / "rules.toml"
    editor(
        folder, monkeypatch,
        f"echo 'ageing_s = 9' > {file}; echo 'backfill = false' >> \"$1\"",
    )  # fmt: skip
    done = lanherd("rules", "edit", code=1)
    assert "changed meanwhile" in done.stderr
    assert file.read_text() == "ageing_s = 9\n"
    draft = Path(os.environ["LANHERD_HOME"]) / "rules-draft.toml"
    assert draft.read_text().endswith("backfill = false\n")
    assert str(draft) in done.stderr


def test_what_was_refused_is_kept_when_the_editor_is_left(
    agent: AgentProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(folder, monkeypatch, "echo 'strateggy = 1' > \"$1\"", "true")
    done = lanherd("rules", "edit", code=2)
    assert "There is no rule strateggy." in done.stderr and "left as they are" in done.stderr
    draft = Path(os.environ["LANHERD_HOME"]) / "rules-draft.toml"
    assert draft.read_text() == "strateggy = 1\n" and str(draft) in done.stderr


def test_a_file_that_is_put_is_told_all_that_is_wrong_with_it(
    agent: AgentProcess, folder: Path
) -> None:
    file = folder / "some.toml"
    file.write_text("strateggy = 1\nquiet_s = 'x'\n")
    said = lanherd("rules", "put", str(file), code=2).stderr
    assert "some.toml:1:" in said and "some.toml:2:" in said and "Did you mean strategy?" in said


def test_a_file_that_is_closed_as_it_was_changes_nothing(
    agent: AgentProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(folder, monkeypatch, "true")
    assert "left as they are" in lanherd("rules", "edit").stderr
    assert not (agent.home / "rules.toml").exists()
