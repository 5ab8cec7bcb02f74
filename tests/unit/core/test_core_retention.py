"""Which files of ended runs go, in which order, and which rules are refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_agent.core.reasons import disk_size
from lanherd_agent.core.retention import EndedFiles, check_rules, not_applied, not_measured, plan
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.limits import RETENTION_RULES_MAX
from lanherd_protocol.values import RetentionRule, RetentionRules

NOW = 1_000_000.0
GIB = 1024**3
FREE = RetentionRules().low_disk_bytes


def ended(number: int, size_gb: float = 1.0, project: str = "", **more: bool) -> EndedFiles:
    """The run that ended as the `number`th, an hour after the one before."""
    return EndedFiles(
        run=RunId(f"run-{number}"),
        project=project,
        ended_at=NOW - 100 * 3600 + number * 3600,
        size_bytes=int(size_gb * GIB),
        **more,
    )


def rules(*rules: RetentionRule, free_bytes_min: int | None = None) -> RetentionRules:
    return RetentionRules(rules=rules, free_bytes_min=free_bytes_min)


def going(
    files: list[EndedFiles], wanted: RetentionRules, free_bytes: int | None = None
) -> dict[int, str]:
    removals = plan(files, wanted, free_bytes, NOW)
    return {int(removal.run.removeprefix("run-")): removal.reason.code for removal in removals}


FIVE = [ended(number) for number in (3, 1, 2, 5, 4)]


def test_without_rules_nothing_goes() -> None:
    assert plan(FIVE, RetentionRules(), 0, NOW) == ()


def test_by_age() -> None:
    old = rules(RetentionRule(age_s_max=97.5 * 3600))
    removals = plan(FIVE, old, None, NOW)
    assert [removal.run for removal in removals] == ["run-1", "run-2"]
    assert removals[0].size_bytes == GIB
    text = "It ended 4.1 d ago; files of runs are kept for 4.1 d."
    assert removals[0].reason.text == text
    assert removals[0].reason.data["age_s"] == 99 * 3600


def test_a_clock_that_was_set_back_makes_nothing_old() -> None:
    assert plan(FIVE, rules(RetentionRule(age_s_max=1.0)), None, NOW - 366 * 86_400) == ()


def test_by_count() -> None:
    assert going(FIVE, rules(RetentionRule(runs_max=3))) == dict.fromkeys((1, 2), "retention_count")
    assert going(FIVE, rules(RetentionRule(runs_max=5))) == {}
    assert going(FIVE, rules(RetentionRule(runs_max=9))) == {}


def test_by_size_the_oldest_first_and_empty_ones_never() -> None:
    sizes = [ended(1, 2), ended(2, 0), ended(3, 3), ended(4, 1)]
    assert going(sizes, rules(RetentionRule(bytes_max=4 * GIB))) == {1: "retention_size"}
    assert list(going(sizes, rules(RetentionRule(bytes_max=3 * GIB)))) == [1, 3]
    assert list(going(sizes, rules(RetentionRule(bytes_max=1)))) == [1, 3, 4]


def test_sizes_are_told_in_units_that_leave_something_of_them() -> None:
    (removal,) = plan([ended(1, 3 / 1024)], rules(RetentionRule(bytes_max=1 << 20)), None, NOW)
    assert removal.reason.text == "Files of runs take 3 MB; they are kept up to 1 MB."
    sizes = (disk_size(size) for size in (1023, 1536, 5 << 40))
    assert list(sizes) == ["1023 bytes", "1.5 KB", "5 TB"]


def test_by_free_space_counting_what_goes_anyway() -> None:
    wanted = rules(free_bytes_min=10 * GIB)
    assert going(FIVE, wanted, 10 * GIB) == {}
    assert going(FIVE, wanted, 8 * GIB) == dict.fromkeys((1, 2), "retention_free_space")
    assert list(going(FIVE, wanted, 0)) == [1, 2, 3, 4, 5]
    assert list(going([ended(1, 0), ended(2)], wanted, 9 * GIB)) == [2]
    counted = rules(RetentionRule(runs_max=3), free_bytes_min=10 * GIB)
    assert going(FIVE, counted, 8 * GIB) == dict.fromkeys((1, 2), "retention_count")
    assert going(FIVE, wanted, None) == {}


def test_a_project_has_its_own_rule_beside_that_for_all() -> None:
    files = [ended(n, project="vision" if n % 2 else "") for n in range(1, 7)]
    wanted = rules(RetentionRule(project="vision", runs_max=1), RetentionRule(runs_max=4))
    assert going(files, wanted) == dict.fromkeys((1, 3), "retention_count")
    reason = plan(files, wanted, None, NOW)[0].reason
    assert reason.text == "Files of runs of vision are kept of the newest 1 that ended."
    assert reason.data == {"runs": 3, "runs_max": 1, "project": "vision"}


def test_each_run_has_the_first_reason_that_holds() -> None:
    wanted = rules(
        RetentionRule(age_s_max=98.5 * 3600, runs_max=3, bytes_max=2 * GIB),
        free_bytes_min=10 * GIB,
    )
    assert going(FIVE, wanted, 6 * GIB) == {
        1: "retention_age",
        2: "retention_count",
        3: "retention_size",
        4: "retention_free_space",
    }


def test_pinned_and_needed_ones_are_not_seen() -> None:
    files = [ended(1, pinned=True), ended(2, needed=True), ended(3), ended(4)]
    wanted = rules(RetentionRule(age_s_max=1.0, runs_max=1, bytes_max=1), free_bytes_min=99 * GIB)
    assert list(going(files, wanted, 0)) == [3, 4]
    assert list(going(files, rules(RetentionRule(runs_max=2)))) == []


FILES = st.builds(
    EndedFiles,
    run=st.integers(0, 10**6).map(lambda number: RunId(f"run-{number}")),
    project=st.sampled_from(["", "a", "b"]),
    ended_at=st.floats(0, NOW),
    size_bytes=st.integers(0, 100),
    pinned=st.booleans(),
    needed=st.booleans(),
)
RULES = st.builds(
    RetentionRule,
    project=st.sampled_from(["", "a", "b"]),
    age_s_max=st.none() | st.floats(0.1, NOW),
    runs_max=st.none() | st.integers(1, 8),
    bytes_max=st.none() | st.integers(1, 400),
)


@given(
    st.lists(FILES, max_size=20, unique_by=lambda one: one.run),
    st.lists(RULES, max_size=3, unique_by=lambda rule: rule.project),
    st.integers(0, 500),
)
def test_of_any_files_under_any_rules(
    files: list[EndedFiles], some: list[RetentionRule], free: int
) -> None:
    wanted = RetentionRules(rules=tuple(some), free_bytes_min=400, low_disk_bytes=0)
    removals = plan(files, wanted, free, NOW)
    by_run = {one.run: one for one in files}
    chosen = [by_run[removal.run] for removal in removals]
    assert len({one.run for one in chosen}) == len(chosen)
    assert not any(one.pinned or one.needed for one in chosen)
    assert chosen == sorted(chosen, key=lambda one: (one.ended_at, one.run))
    loose = [one for one in files if not (one.pinned or one.needed)]
    left = [one for one in loose if one not in chosen]
    for rule in some:
        kept = [one for one in left if rule.project in ("", one.project)]
        assert rule.runs_max is None or len(kept) <= rule.runs_max
        assert rule.bytes_max is None or sum(one.size_bytes for one in kept) <= rule.bytes_max
        assert rule.age_s_max is None or all(NOW - k.ended_at <= rule.age_s_max for k in kept)
    freed = free + sum(one.size_bytes for one in chosen)
    assert freed >= 400 or not any(one.size_bytes for one in left)
    # What is left is no reason for more.
    assert plan(left, wanted, freed, NOW) == ()


def refused_rules(wanted: RetentionRules, *space: int | None) -> Failure:
    with pytest.raises(LanherdError) as refused:
        check_rules(wanted, *space)
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert refused.value.failure.remedy
    return refused.value.failure


def refusal(wanted: RetentionRules, *space: int | None) -> str:
    return str(LanherdError(refused_rules(wanted, *space)))


def test_rules_that_can_be_kept() -> None:
    check_rules(RetentionRules())
    check_rules(RetentionRules(low_disk_bytes=0), 1, 1)
    wanted = rules(
        RetentionRule(age_s_max=1.0),
        RetentionRule(project="vision", runs_max=1, bytes_max=1),
        free_bytes_min=FREE,
    )
    check_rules(wanted, 10 * FREE, FREE)


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf, -math.inf])
def test_bounds_that_are_none(bad: float) -> None:
    told = refusal(rules(RetentionRule(age_s_max=bad)))
    assert ("before anybody could read" in told) is (bad == 0)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (rules(RetentionRule(runs_max=0)), "0 runs can't bound the number"),
        (rules(RetentionRule(age_s_max=0.0)), "0 s can't bound the age of what is kept"),
        (rules(RetentionRule(age_s_max=math.inf)), "inf s can't bound the age"),
        (rules(RetentionRule(bytes_max=0)), "0 B can't bound the size of what is kept"),
        (rules(RetentionRule(bytes_max=-3_000_000)), "-3000000 B can't bound the size"),
        (rules(RetentionRule(runs_max=-3)), "no positive number"),
        (rules(RetentionRule(project="v", bytes_max=0)), "for the project 'v'"),
        (rules(RetentionRule()), "has no bound"),
        (rules(RetentionRule(runs_max=1), RetentionRule(age_s_max=1.0)), "two rules for all runs"),
        (
            rules(*(RetentionRule(project=f"p{n}", runs_max=1) for n in range(257))),
            f"at most {RETENTION_RULES_MAX}",
        ),
        (RetentionRules(low_disk_bytes=-1), "no positive number"),
        (rules(free_bytes_min=0), "no positive number"),
        (rules(free_bytes_min=FREE - 1), "before the first old file is removed"),
    ],
)
def test_rules_without_sense(wanted: RetentionRules, words: str) -> None:
    assert words in refusal(wanted)


@pytest.mark.parametrize(
    ("wanted", "space", "data"),
    [
        (
            rules(*(RetentionRule(project=f"p{n}", runs_max=1) for n in range(257))), (),
            {"refusal": "too_many_rules", "rules": 257, "rules_max": RETENTION_RULES_MAX},
        ),
        (
            rules(*[RetentionRule(project="v", runs_max=1)] * 2), (),
            {"refusal": "two_rules", "project": "v"},
        ),
        (rules(RetentionRule(project="v")), (), {"refusal": "no_bound", "project": "v"}),
        (
            rules(RetentionRule(runs_max=0)), (),
            {"refusal": "zero_bound", "bound": "number", "most": 0, "project": ""},
        ),
        (
            rules(RetentionRule(age_s_max=math.inf, project="v")), (),
            {"refusal": "bad_bound", "bound": "age", "most": "inf", "project": "v"},
        ),
        (
            RetentionRules(low_disk_bytes=-1), (),
            {"refusal": "bad_space", "low_disk_bytes": -1, "free_bytes_min": 0},
        ),
        (
            RetentionRules(low_disk_bytes=9, free_bytes_min=8), (),
            {"refusal": "below_low_disk", "low_disk_bytes": 9, "free_bytes_min": 8},
        ),
        (
            RetentionRules(low_disk_bytes=0, free_bytes_min=8), (7,),
            {"refusal": "above_disk", "wanted_bytes": 8, "disk_bytes": 7},
        ),
        (
            RetentionRules(low_disk_bytes=0, free_bytes_min=8), (9, 7),
            {"refusal": "out_of_reach", "free_bytes_min": 8, "reachable_bytes": 7},
        ),
    ],
)  # fmt: skip
def test_a_refusal_tells_its_numbers_as_data(
    wanted: RetentionRules, space: tuple[int, ...], data: dict[str, object]
) -> None:
    assert refused_rules(wanted, *space).data == data


def test_rules_that_only_live_data_could_satisfy() -> None:
    wanted = rules(free_bytes_min=50 * GIB)
    told = refusal(wanted, 100 * GIB, 50 * GIB - 1)
    assert "50 GB can't be made free" in told
    assert "live" in told
    assert "in all" in refusal(wanted, 50 * GIB)
    assert "in all" in refusal(RetentionRules(low_disk_bytes=GIB), GIB)


def test_what_a_disk_that_fails_keeps_from_being_done_is_said() -> None:
    applied, measured = not_applied("I/O error"), not_measured(2, "I/O error")
    assert applied.data == {"why": "I/O error"}
    assert measured.text == (
        "The files of 2 runs can't be read, so retention leaves them alone: I/O error"
    )
    assert measured.data == {"runs": 2, "why": "I/O error"}
