"""What a script says of a run, and what is made of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import pytest

from lanherd_client.orders import Order, RunOptions
from lanherd_client.orders import order as take_order
from lanherd_protocol.errors import ErrorCode, LanherdError, MisuseError
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.values import (
    Dependency,
    GpuRequest,
    LogRule,
    RetryRule,
    RunSettings,
    RunSpec,
    StopRule,
)
from tests.support.scripted_agent import MACHINE, run_id


@dataclass(frozen=True)
class Handle:
    id: RunId
    machine: DeviceId


def order(**options: Any) -> Order:
    return take_order(["true"], run=run_id(5), **cast("RunOptions", options))


def refused(**options: Any) -> str:
    with pytest.raises(LanherdError) as caught:
        order(**options)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    failure = caught.value.failure
    assert failure.title
    assert failure.message
    assert failure.remedy
    return str(caught.value)


def test_a_run_of_which_nothing_is_said_is_the_usual_one() -> None:
    assert order() == Order(run_id(5), RunSpec(command=("true",)), RunSettings())


def test_the_life_of_an_attempt() -> None:
    spec = order(time_limit="2h30m", stop_signal="sigint", grace=timedelta(minutes=1)).spec
    assert (spec.time_limit_s, spec.stop) == (9000.0, StopRule(signal="INT", grace_s=60.0))
    assert order(time_limit=None, grace=0).spec.stop.grace_s == 0.0
    assert "TERM, INT" in refused(stop_signal="STOP")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"time_limit": "soon"}, "time_limit is a number of seconds, .* 'soon' is not a duration"),
        ({"time_limit": True}, "time_limit is .* It was given as True. .* time_limit='90s'"),
        ({"time_limit": float("nan")}, "time_limit is .* It was given as nan"),
        ({"grace": []}, r"grace is .* It was given as \[\]"),
        ({"retries": 1, "backoff": "x"}, "backoff is .* 'x' is not a duration"),
        ({"log_cap": 5}, "log_cap is .* 5 would be 5 bytes. .* log_cap='5GB'"),
        ({"log_cap": "5"}, "log_cap is .* 5 has no unit. Write 5GB"),
        ({"memory": "much"}, "memory is .* 'much' is not a size"),
        ({"disk": -1}, "disk is .* It was given as -1"),
        ({"time_limit": 0.0001}, "time_limit is a millisecond at least"),
        ({"time_limit": 10**400}, "time_limit is .* It is more than 30 years"),
        ({"memory": 10**40}, "memory is .* more than any machine holds"),
        ({"retries": 10**30}, "retries is too large"),
        ({"priority": -(10**30)}, "priority is too large"),
        ({"retries": 1, "retry_codes": [10**30]}, r"retry_codes\[0\] is too large"),
        ({"retries": 1, "retry_signals": ["NOPE"]}, "retry_signals are signals.* 'NOPE' is no"),
        ({"retries": 1, "retry_signals": [True]}, "retry_signals are signals.* True is no signal"),
        ({"variables": {"LANHERD_RUN_ID": "x"}}, "The variable LANHERD_RUN_ID can't be set"),
        ({"variables": {"LANHERD_SECRETS": "x"}}, "The variable LANHERD_SECRETS can't be set"),
        ({"variables": {"CUDA_VISIBLE_DEVICES": "3"}}, "CUDA_VISIBLE_DEVICES .* which GPUs"),
        ({"secrets": {"KEY": ""}}, "The value of the secret KEY is empty"),
    ],
)
def test_what_a_script_said_wrong_is_misuse_by_its_name(said: dict[str, Any], says: str) -> None:
    with pytest.raises(MisuseError, match=says):
        order(**said)


def test_retries() -> None:
    assert order(retries=3).spec.retry == RetryRule(attempts_max=4)
    said = order(
        retries=1,
        retry_on=["timed_out", "failed"],
        retry_codes=[75],
        retry_signals=["sigsegv", 9],
        backoff="5s",
    )
    assert said.spec.retry == RetryRule(
        attempts_max=2,
        on=("timed_out", "failed"),
        exit_codes=(75,),
        signals=(11, 9),
        backoff_s=5.0,
    )
    assert order(retries=1, retry_on="lost").spec.retry.on == ("lost",)
    rule = RetryRule(attempts_max=9, jitter=0.0)
    assert order(retry=rule).spec.retry == rule
    assert "said twice" in refused(retry=rule, retries=2)
    assert "retry_codes" in refused(retry_codes=[1])
    assert "failed, lost, timed_out" in refused(retries=1, retry_on="crash")


def test_what_it_waits_for() -> None:
    one, two = run_id(1), run_id(2)
    handle = Handle(one, MACHINE)
    said = order(after=handle, after_ok=[one, two, two], after_any=two)
    assert said.spec.dependencies == (
        Dependency(run=one, kind="after"),
        Dependency(run=one, kind="after_ok"),
        Dependency(run=two, kind="after_ok"),
        Dependency(run=two, kind="after_any"),
    )
    assert said.beside == (handle, one, two, two, two)
    assert "fleet.run" in refused(after="train")


def test_signals_have_names_and_a_controller_its_home() -> None:
    assert order(retries=1, retry_signals="SEGV").spec.retry.signals == (11,)
    # A command that submits runs itself says where its own Lanherd is.
    variables = {"LANHERD_HOME": "/x", "LANHERD_RUNTIME_DIR": "/y", "MY_LANHERD_RUN_ID": "1"}
    assert order(variables=variables).spec.variables == variables
    assert order(directory=".").spec.directory == ""
    assert order(time_limit=0.001).spec.time_limit_s == 0.001


def test_settings_may_be_said_at_once() -> None:
    said = order(hold=True, priority=5, tags=["a", "b", "a"], notes="n", pinned=True)
    assert said.settings == RunSettings(
        held=True, priority=5, tags=("a", "b"), notes="n", pinned=True
    )
    assert order(tags="night").settings.tags == ("night",)


def test_the_rest() -> None:
    said = order(
        directory="src",
        niceness=5,
        pre_command=["make"],
        post_command=["rm", "-r", "x"],
        split_log=True,
        log_cap="2GB",
    )
    spec = said.spec
    assert (spec.directory, spec.niceness) == ("src", 5)
    assert (spec.pre_command, spec.post_command) == (("make",), ("rm", "-r", "x"))
    assert spec.log == LogRule(split=True, bytes_max=2 << 30)
    assert order(log_cap=5 << 20).spec.log.bytes_max == 5 << 20
    assert "shlex.split" in refused(pre_command="make all")


def test_a_secrets_value_is_in_no_text() -> None:
    said = order(secrets={"TOKEN": "hunter2", "A": "b"})
    assert said.spec.secrets == ("A", "TOKEN")
    assert said.secrets == {"A": "b", "TOKEN": "hunter2"}
    assert "hunter2" not in repr(said)
    assert order(secrets=None).secrets == {}


def test_each_order_has_an_id_of_its_own() -> None:
    one, two = take_order(["true"]), take_order(["true"])
    assert one.id != two.id
    assert one.spec == two.spec
    waits = take_order(["true"], gpus=1, vram="2GB", name="n", after_ok=one.id)
    assert waits.spec.dependencies == (Dependency(run=one.id),)
    assert waits.spec.gpus == GpuRequest(count=1, vram_bytes=2 << 30)


def test_the_usual_slips_of_a_script() -> None:
    wrong: Any
    for wrong in ("python train.py", b"true"):
        with pytest.raises(LanherdError, match="sequence of words"):
            take_order(wrong)
    with pytest.raises(LanherdError, match="whole number"):
        take_order(["true"], gpus=True)
    for wrong in (1.5, True):
        with pytest.raises(LanherdError, match="vram is"):
            take_order(["true"], vram=wrong)
    with pytest.raises(TypeError, match=r"'timelimit'.*time_limit"):
        order(timelimit=5)
    with pytest.raises(TypeError, match=r"'env'; here it is 'variables'"):
        order(env={"A": "b"})


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"pre_command": ["make", 2]}, "pre_command[1] is 2"),
        ({"tags": [1]}, "tags[0] is 1"),
        ({"notes": 5}, "notes is a text"),
        ({"variables": {"A": 1}}, "variables['A'] is a text"),
        ({"variables": {1: "a"}}, "a name in variables"),
        ({"variables": ["A=1"]}, "variables is a dict"),
        ({"retries": "3"}, "retries is a whole number"),
        ({"priority": True}, "priority is a whole number"),
        ({"retries": 1, "retry_codes": ["75"]}, "retry_codes[0] is a whole number"),
        ({"hold": "no"}, "hold is True or False"),
    ],
)
def test_what_is_of_another_kind_is_named(said: dict[str, Any], names: str) -> None:
    assert names in refused(**said)


def test_a_word_of_the_command_that_is_no_text_is_named() -> None:
    wrong: Any
    for wrong, names in ((["echo", 1], "command[1] is 1"), (5, "given as 5")):
        with pytest.raises(LanherdError) as caught:
            take_order(wrong)
        assert caught.value.code is ErrorCode.INVALID_REQUEST
        assert names in caught.value.failure.message
        assert "upgrade" not in caught.value.failure.remedy


def test_a_secret_of_another_kind_is_named_but_not_shown() -> None:
    said = refused(secrets={"TOKEN": b"hunter2"})
    assert "secrets['TOKEN']" in said
    assert "hunter2" not in said
