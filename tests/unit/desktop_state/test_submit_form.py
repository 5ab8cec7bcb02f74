import shlex

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_desktop.state.submit_form import (
    Problem,
    SubmitForm,
    SubmitRequest,
    check,
    form_of_run,
)
from lanherd_protocol.limits import GPUS_PER_RUN_MAX, RUN_NAME_CHARS_MAX
from lanherd_protocol.values import GpuRequest, NoEnvironment
from tests.support.synthetic_room import machine_id, run, waiting

GIB = 1 << 30


def test_a_whole_form_is_a_request() -> None:
    form = SubmitForm(
        folder="/home/ada/spirals",
        command="python 'train it.py' --lr 3e-4",
        gpus=2,
        vram=" 18 GB ",
        exclusive=True,
        name=" seed 0 ",
        machine=machine_id("a"),
        environment="none",
    )
    assert check(form) == SubmitRequest(
        folder="/home/ada/spirals",
        command=("python", "train it.py", "--lr", "3e-4"),
        gpus=2,
        vram_bytes=18 * GIB,
        exclusive=True,
        name="seed 0",
        machine=machine_id("a"),
        environment="none",
    )


@pytest.mark.parametrize(
    ("form", "problems"),
    [
        (SubmitForm(), [("command", "command_missing")]),
        (SubmitForm(command="  "), [("command", "command_missing")]),
        (SubmitForm(command="echo 'a"), [("command", "command_quotes")]),
        (SubmitForm(command="a", vram="much"), [("vram", "vram_size")]),
        (SubmitForm(command="a", gpus=0, vram="2GB"), [("vram", "vram_without_gpu")]),
        (SubmitForm(command="a", gpus=-1), [("gpus", "gpus_range")]),
        (SubmitForm(command="a", gpus=GPUS_PER_RUN_MAX + 1), [("gpus", "gpus_range")]),
        (SubmitForm(command="a", name="n" * (RUN_NAME_CHARS_MAX + 1)), [("name", "name_long")]),
        (
            SubmitForm(command="'", gpus=0, vram="x"),
            [("command", "command_quotes"), ("vram", "vram_size"), ("vram", "vram_without_gpu")],
        ),
    ],
)
def test_every_problem_is_said_in_the_order_of_the_fields(
    form: SubmitForm, problems: list[tuple[str, str]]
) -> None:
    found = check(form)
    assert isinstance(found, tuple)
    assert [(one.field, one.code) for one in found] == problems
    assert all(isinstance(one, Problem) for one in found)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_command_comes_through_as_it_was(words: list[str]) -> None:
    found = check(SubmitForm(command=shlex.join(words)))
    assert isinstance(found, SubmitRequest) and found.command == tuple(words)


def test_a_run_is_asked_for_again() -> None:
    view = run(1, "seed 0", "python train.py", waiting(1, 2), vram_gib=20)
    form = form_of_run(view, machine_id("a"), ["/x/denoise", "/x/spirals"])
    assert form == SubmitForm(
        folder="/x/spirals",
        command="python train.py",
        gpus=1,
        vram="20.0 GB",
        name="seed 0",
        machine=machine_id("a"),
    )
    again = check(form)
    assert isinstance(again, SubmitRequest) and again.vram_bytes == 20 * GIB


def test_a_run_without_project_and_environment_is_asked_for_again() -> None:
    view = run(1, "", "true", waiting(1, 2))
    bare = msgspec.structs.replace(
        view.spec, snapshot=None, environment=NoEnvironment(), gpus=GpuRequest()
    )
    form = form_of_run(msgspec.structs.replace(view, spec=bare), machine_id("a"), ["/x/spirals"])
    assert (form.folder, form.vram, form.gpus, form.environment) == ("", "", 0, "none")
