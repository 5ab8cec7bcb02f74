from dataclasses import replace

import pytest

from lanherd_desktop.state.problems import machine_problems
from lanherd_desktop.state.retention_form import (
    RetentionForm,
    RetentionProblem,
    check_retention,
    form_of_rules,
)
from lanherd_protocol.values import Reason, RetentionRule, RetentionRules
from tests.support.synthetic_room import GIB, Card, machine

RULES = RetentionRules(
    rules=(
        RetentionRule(age_s_max=30 * 86_400.0, runs_max=500, bytes_max=200 * GIB),
        RetentionRule(project="spirals", runs_max=10),
    ),
    free_bytes_min=20 * GIB,
    low_disk_bytes=4 * GIB,
)


def test_rules_are_a_form_and_back() -> None:
    form = form_of_rules(RULES)
    assert (form.age, form.count) == ("30d", "500")
    assert form.projects == RULES.rules[1:]
    assert check_retention(form) == RULES


def test_no_rule_bounds_nothing() -> None:
    form = form_of_rules(RetentionRules())
    assert (form.age, form.count, form.size, form.free) == ("", "", "", "")
    assert check_retention(form) == RetentionRules()


def test_of_several_rules_for_all_the_narrowest_is_shown() -> None:
    twice = RetentionRules(rules=(RetentionRule(runs_max=9), RetentionRule(runs_max=5)))
    assert form_of_rules(twice).count == "5"


@pytest.mark.parametrize(
    ("form", "field", "code"),
    [
        (RetentionForm(age="soon", low_disk="2GB"), "age", "duration"),
        (RetentionForm(count="-1", low_disk="2GB"), "count", "count"),
        (RetentionForm(count="²", low_disk="2GB"), "count", "count"),
        (RetentionForm(count="1" * 10, low_disk="2GB"), "count", "count"),
        (RetentionForm(size="much", low_disk="2GB"), "size", "size"),
        (RetentionForm(free="much", low_disk="2GB"), "free", "size"),
        (RetentionForm(low_disk="much"), "low_disk", "size"),
        (RetentionForm(), "low_disk", "low_disk_empty"),
        (RetentionForm(age="0s", low_disk="2GB"), "age", "nothing"),
        (RetentionForm(count="0", low_disk="2GB"), "count", "nothing"),
        (RetentionForm(size="0B", low_disk="2GB"), "size", "nothing"),
        (RetentionForm(free="0B", low_disk="2GB"), "free", "nothing"),
        (RetentionForm(free="1GB", low_disk="2GB"), "free", "low_disk_first"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(form: RetentionForm, field: str, code: str) -> None:
    assert check_retention(form) == (RetentionProblem(field, code),)


def test_no_more_can_be_free_than_the_disk_has() -> None:
    form = RetentionForm(free="50GB", low_disk="60GB")
    assert check_retention(form, 40 * GIB) == (
        RetentionProblem("free", "disk_smaller", 40 * GIB),
        RetentionProblem("low_disk", "disk_smaller", 40 * GIB),
    )
    fits = RetentionForm(free="20GB", low_disk="2GB")
    assert isinstance(check_retention(fits, 40 * GIB), RetentionRules)


def test_what_keeps_runs_from_starting_is_said_first() -> None:
    view, _ = machine("kepler", "RTX 4090", 24, (Card(0, 0, 0, 30, 20),))
    rebuilt = Reason(code="records_rebuilt", text="Rebuilt.")
    low = Reason(code="low_disk", text="Low.")
    assert machine_problems(replace(view, problems=(rebuilt, low))) == (low, rebuilt)
    assert machine_problems(view) == ()
