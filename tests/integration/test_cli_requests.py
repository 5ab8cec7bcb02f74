"""What a run may ask of GPUs and machines, from the shell to a real agent's lease."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process


@pytest.fixture
def agents() -> Iterator[tuple[AgentProcess, AgentProcess]]:
    """Two machines: 'box' with two GPUs, 'attic' with one."""
    home = Path(os.environ["HOME"])
    with (
        agent_process(home / "box") as box,
        agent_process(home / "attic", gpus=1, name="attic") as attic,
    ):
        lanherd("pair", "box")
        lanherd("pair", "attic")
        yield box, attic


def taken(*arguments: str, code: int = 0) -> str:
    return lanherd("run", *arguments, code=code).stdout.strip()


def test_requests_become_leases(agents: tuple[AgentProcess, AgentProcess]) -> None:
    run = taken("-f", "--json", "--gpus", "1..8", "--vram", "1GB", "--where", "VRAM>=20gb and"
                " name ~ sim*", "--cpus", "0.5", "--memory", "1MB", "--", "true")  # fmt: skip
    assert '"machine_name": "box"' in run
    [shown] = read("runs", "--state", "ended")
    assert (shown["gpus_requested"], shown["gpus_max"]) == (1, 8)
    assert len(shown["gpus"]) == 2
    assert shown["where"] == 'vram >= 20GB and name ~ "sim*"'
    assert (shown["cpus"], shown["memory_requested_bytes"]) == (0.5, 1 << 20)
    told = lanherd("show", shown["run"]).stdout
    assert "1 to 8 GPUs with 1.00 GB each, where vram >= 20GB" in told
    assert "0.5 CPU cores, 1.00 MB of memory" in told


def test_any_of_these(agents: tuple[AgentProcess, AgentProcess]) -> None:
    taken("-f", "--on", "attic", "--gpus", "1", "--name", "one", "--", "true")
    assert read("show", "one")["machine_name"] == "attic"
    taken("-f", "--on", "attic,box", "--gpus", "2", "--name", "two", "--", "true")
    assert read("show", "two")["machine_name"] == "box"
    taken("-f", "--where", "machine = attic", "--gpus", "1", "--name", "three", "--", "true")
    assert read("show", "three")["machine_name"] == "attic"
    assert "not both" in lanherd("run", "-m", "box", "--on", "attic", "true", code=2).stderr
    lanherd("run", "--on", "cellar", "true", code=5)
    lanherd("run", "--on", ",", "true", code=2)


def test_why_no_machine_suits_is_said_of_each(agents: tuple[AgentProcess, AgentProcess]) -> None:
    said = lanherd("run", "--gpus", "1", "--where", "vram >= 1TB", "true", code=2).stderr
    assert "No connected machine suits this run." in said
    assert "box has 2 × 24.0 GB; none suits. GPU 0, 1: vram is 24 GB, needs >= 1 TB." in said
    assert "attic has 1 × 24.0 GB; none suits. GPU 0: vram is 24 GB" in said
    said = lanherd("run", "--cpus", "100000", "true", code=2).stderr
    assert "CPU cores, 100000 are needed." in said
    # Named, it is the machine itself that refuses.
    lanherd("run", "-m", "box", "--gpus", "1", "--where", "vram >= 1TB", "true", code=2)
    lanherd("run", "-m", "box", "--gpus", "1", "--mig", "1g.10gb", "true", code=2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gpus", "1", "--where", "smm >= 80"], "There is no fact 'smm'"),
        (["--gpus", "1", "--where", "sm >= "], "column 7"),
        (["--where", "sm >= 80"], "no GPU is asked for"),
        (["--gpus", "4..1"], "is no number of GPUs"),
        (["--gpus", "1", "--exclusive", "--shared"], "either shared or exclusive"),
        (["--gpus", "1", "--linked"], "Only several GPUs can be linked"),
        (["--gpus", "1", "--mig", "half"], "as NVIDIA names it"),
        (["--cpus", "-1"], "is no number of CPU cores"),
        (["--memory", "lots"], "is not a size"),
    ],
)
def test_slips_are_told_before_anything_is_asked(arguments: list[str], says: str) -> None:
    assert says in lanherd("run", *arguments, "true", code=2).stderr


def test_a_constraint_that_is_wrong_is_pointed_at() -> None:
    said = lanherd("run", "--gpus", "1", "--where", "sm >= 80 and vrm > 1GB", "true", code=2)
    *_, text, caret, remedy = said.stderr.splitlines()
    assert text[caret.index("^") :].startswith("vrm > 1GB")
    assert "Did you mean vram?" in remedy
