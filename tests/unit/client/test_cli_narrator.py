"""What is told of a run beside its log, and when."""

from dataclasses import dataclass
from typing import Any, cast

import pytest
from msgspec.structs import replace

from lanherd_client.cli.streaming import Narrator
from lanherd_protocol.states import RunView
from lanherd_protocol.values import RunSpec
from tests.support.scripted_agent import queued, run_id, running

VIEW = RunView(
    run=run_id(1),
    spec=RunSpec(command=("true",)),
    owner="me",
    submitted_at=1.0,
    state=running(),
    seq=1,
)


@dataclass
class Handle:
    view: RunView | None = None


def test_a_further_attempt_is_told_once_the_log_of_the_one_before_was_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Handle()
    narrator = Narrator(cast("Any", run))
    narrator.shows(1)
    assert capsys.readouterr().err == ""
    run.view = VIEW
    narrator.shows(1)
    narrator.shows(1)
    assert capsys.readouterr().err == "Running.\n"
    # It has failed, and its last lines are still on their way.
    run.view = replace(VIEW, state=queued(), attempt=2)
    narrator.shows(1)
    assert capsys.readouterr().err == ""
    narrator.shows(2)
    assert capsys.readouterr().err == "Waiting: No GPU has 2 GB free.\n"
