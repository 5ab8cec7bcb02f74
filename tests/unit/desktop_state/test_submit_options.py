from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.submit_form import SubmitForm, SubmitRequest, check, form_of_run
from lanherd_desktop.state.submit_options import (
    AfterField,
    OptionProblem,
    OptionsForm,
    RunOptions,
    SecretField,
    check_options,
    options_of_run,
)
from lanherd_protocol.limits import DEPENDENCIES_PER_RUN_MAX, SECRET_BYTES_MAX, SECRETS_PER_RUN_MAX
from lanherd_protocol.values import (
    Dependency,
    LogRule,
    RetryRule,
    RunSettings,
    RunSpec,
    StopRule,
)
from tests.support.synthetic_room import FINE, ended, machine_id, run, run_id

KEPLER, TYCHO = machine_id("kepler"), machine_id("tycho")
MIB = 1024 * 1024
FULL = OptionsForm(
    time_limit="2h30m",
    attempts=3,
    retry_on=frozenset({"timed_out", "failed"}),
    held=True,
    priority=20,
    niceness=5,
    tags="sweep, seed 0",
    after=(
        AfterField((KEPLER, run_id(7)), "after_any"),
        AfterField(),
        AfterField((KEPLER, run_id(8)), "after_ok"),
    ),
    directory="src",
    pre="make data",
    post="sh clean.sh 'a b'",
    variables="SEED=0 NOTE='a b'",
    secrets=(SecretField("TOKEN", "hush"), SecretField()),
    log_cap="64MB",
    log_split=True,
    notes="first try",
    stop_signal="INT",
    grace="30s",
    retry=RetryRule(exit_codes=(3,), backoff_s=1.0),
)


def problems(**fields: object) -> list[tuple[str, str, str]]:
    found = check_options(replace(OptionsForm(), **fields), None)
    assert isinstance(found, tuple)
    return [(problem.field, problem.code, problem.name) for problem in found]


def test_no_option_is_the_usual_run() -> None:
    assert check_options(OptionsForm(), None) == RunOptions()


def test_every_option_arrives() -> None:
    options = check_options(FULL, None)
    assert options == RunOptions(
        time_limit_s=9000.0,
        retry=RetryRule(attempts_max=3, on=("failed", "timed_out"), exit_codes=(3,), backoff_s=1.0),
        settings=RunSettings(priority=20, held=True, tags=("sweep", "seed 0"), notes="first try"),
        niceness=5,
        dependencies=(
            Dependency(run=run_id(7), kind="after_any"),
            Dependency(run=run_id(8), kind="after_ok"),
        ),
        directory="src",
        pre_command=("make", "data"),
        post_command=("sh", "clean.sh", "a b"),
        variables={"SEED": "0", "NOTE": "a b"},
        secrets={"TOKEN": "hush"},
        log=LogRule(split=True, bytes_max=64 * MIB),
        stop=StopRule(signal="INT", grace_s=30),
    )


def test_a_secret_is_in_no_text() -> None:
    form = SubmitForm(command="true", options=FULL)
    request = check(form)
    assert "hush" not in repr(form) + repr(request) + str(check_options(FULL, None))


@pytest.mark.parametrize(
    ("fields", "field", "code", "name"),
    [
        ({"time_limit": "soon"}, "time_limit", "time_limit", ""),
        ({"time_limit": "0s"}, "time_limit", "time_limit_range", ""),
        ({"time_limit": "4000d"}, "time_limit", "time_limit_range", ""),
        ({"grace": "soon"}, "stop", "grace", ""),
        ({"grace": "25h"}, "stop", "grace_range", ""),
        ({"attempts": 2, "retry_on": frozenset()}, "attempts", "retry_never", ""),
        ({"tags": "t" * 100}, "tags", "tag_long", ""),
        ({"directory": "../up"}, "directory", "directory_up", ""),
        ({"pre": "echo 'a"}, "pre", "quotes", ""),
        ({"post": "echo 'a"}, "post", "quotes", ""),
        ({"variables": "A='b"}, "variables", "quotes", ""),
        ({"variables": "1A=b"}, "variables", "variable_form", "1A=b"),
        ({"variables": "A"}, "variables", "variable_form", "A"),
        ({"secrets": (SecretField("1A", "v"),)}, "secrets", "secret_name", "1A"),
        (
            {"secrets": (SecretField("A", "v"), SecretField("A", "w"))},
            "secrets",
            "secret_twice",
            "A",
        ),
        ({"secrets": (SecretField("A"),)}, "secrets", "secret_empty", "A"),
        (
            {"secrets": (SecretField("A", "v" * (SECRET_BYTES_MAX + 1)),)},
            "secrets",
            "secret_large",
            "A",
        ),
        (
            {"secrets": tuple(SecretField(f"A{n}", "v") for n in range(SECRETS_PER_RUN_MAX + 1))},
            "secrets",
            "secrets_many",
            "",
        ),
        ({"log_cap": "much"}, "log_cap", "size", ""),
        ({"log_cap": "2B"}, "log_cap", "log_cap_small", ""),
    ],
)
def test_what_is_wrong_is_said_of_its_field(
    fields: dict[str, object], field: str, code: str, name: str
) -> None:
    assert problems(**fields) == [(field, code, name)]


def test_a_run_waits_only_for_one_of_its_own_machine() -> None:
    assert check_options(FULL, TYCHO) == (OptionProblem("after", "after_elsewhere"),)
    assert isinstance(check_options(FULL, KEPLER), RunOptions)
    request = check(SubmitForm(command="true", options=FULL))
    assert isinstance(request, SubmitRequest) and request.machine == KEPLER


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ([(KEPLER, run_id(7)), (TYCHO, run_id(8))], "after_apart"),
        ([(KEPLER, run_id(7)), (KEPLER, run_id(7))], "after_twice"),
        ([(KEPLER, run_id(n)) for n in range(DEPENDENCIES_PER_RUN_MAX + 1)], "after_many"),
    ],
)
def test_runs_that_cant_be_waited_for_together(keys: list[RunKey], code: str) -> None:
    after = tuple(AfterField(key) for key in keys)
    assert problems(after=after) == [("after", code, "")]


def test_the_usual_grace_is_left_to_the_field_and_another_is_said() -> None:
    spec = RunSpec(command=("true",), stop=StopRule(signal="HUP"))
    usual = options_of_run(changed(run(1, "n", "true", ended("succeeded", 5, FINE)), spec=spec))
    assert (usual.stop_signal, usual.grace) == ("HUP", "")
    spec = RunSpec(command=("true",), stop=StopRule(grace_s=0))
    other = options_of_run(changed(run(1, "n", "true", ended("succeeded", 5, FINE)), spec=spec))
    assert other.grace == "0s"
    options = check_options(other, None)
    assert isinstance(options, RunOptions) and options.stop == StopRule(grace_s=0)


def test_the_form_tells_problems_of_both_parts() -> None:
    wrong = check(SubmitForm(options=OptionsForm(time_limit="soon")))
    assert isinstance(wrong, tuple)
    assert [problem.code for problem in wrong] == ["command_missing", "time_limit"]
    assert isinstance(check(SubmitForm(options=OptionsForm(log_cap="x"), command="true")), tuple)


def test_again_asks_for_the_same_but_knows_no_secret() -> None:
    view = run(1, "n", "true", ended("succeeded", 5, FINE))
    spec = RunSpec(
        command=("true",),
        time_limit_s=9000.0,
        retry=RetryRule(attempts_max=3, on=("lost",), exit_codes=(3,)),
        directory="src",
        niceness=5,
        pre_command=("make", "data"),
        post_command=("a b",),
        variables={"B": "2", "A": "1 0"},
        secrets=("TOKEN",),
        log=LogRule(split=True, bytes_max=64 * MIB),
        stop=StopRule(grace_s=30),
        dependencies=(Dependency(run=run_id(7)),),
    )
    settings = RunSettings(priority=20, tags=("sweep", "x"), notes="why", held=True, pinned=True)
    again = options_of_run(changed(view, spec=spec, settings=settings))
    filled = replace(again, secrets=(SecretField("TOKEN", "v"),))
    assert check_options(again, None) == (OptionProblem("secrets", "secret_empty", "TOKEN"),)
    options = check_options(filled, None)
    assert isinstance(options, RunOptions)
    assert options.time_limit_s == spec.time_limit_s and options.retry == spec.retry
    assert options.variables == spec.variables and options.log == spec.log
    assert options.pre_command == spec.pre_command and options.post_command == spec.post_command
    assert options.settings == RunSettings(priority=20, tags=("sweep", "x"), notes="why")
    assert options.dependencies == () and options.stop == spec.stop and options.niceness == 5
    assert form_of_run(view, KEPLER, ()).options == OptionsForm()
