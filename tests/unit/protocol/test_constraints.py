"""Constraints: what they mean, how they are refused, and that they are written as they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.constraint_facts import (
    FACTS,
    card_bytes,
    gpu_facts,
    instance_bytes,
    memory_bytes,
)
from lanherd_protocol.constraint_tree import And, Comparison, Node, Not, Operator, Or
from lanherd_protocol.constraints import (
    CONSTRAINT_CHARS_MAX,
    CONSTRAINT_DEPTH_MAX,
    Constraint,
    parse,
)
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import DeviceId, GpuUuid
from lanherd_protocol.values import GpuFacts, GpuInstance, MachineFacts

GB = 1024**3
CARD: dict[str, str | int | float | None] = {
    "vram": 24 * GB,
    "sm": 86,
    "name": "NVIDIA GeForce RTX 3090",
    "index": 1,
    "uuid": "GPU-1",
    "mig": None,
    "driver": "550.54.14",
    "cuda": 12.4,
    "machine": "attic",
    "cores": 16,
    "memory": 64 * GB,
}


def refused(text: str) -> Failure:
    with pytest.raises(LanherdError) as caught:
        parse(text)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    return caught.value.failure


@pytest.mark.parametrize(
    "text",
    [
        'vram >= 20GB and sm >= 80 and name ~ "rtx"',
        "vram=24GB",
        "vram == 24 gib",
        "vram > 23.5g",
        f"vram <= {24 * GB}",
        "vram != 0",
        "VRAM >= 20GB AND NOT (SM < 80 OR name ~ 'Tesla')",
        "sm < 80 or vram > 20GB",
        "sm >= 80 or sm < 0 and vram > 80GB",
        "name ~ 3090",
        "name ~ RTX*90",
        "name ~ gef?rce*90",
        "name = 'nvidia geforce rtx 3090'",
        "name != A100 and name !~ A100",
        "name !~ 3?99",
        "driver = 550",
        "driver <= 550.54 and driver >= 550.54",
        "driver < 550.100",
        "cuda >= 12.4 and cuda < 12.10",
        "cuda >= 12.4.0",
        "not mig = 1g.10gb",
        "not not sm = 86",
        "index = 1.0 and cores > 8 and memory >= 32GB",
        "machine ~ at",
        "sm = +86",
    ],
)
def test_what_holds_of_a_card(text: str) -> None:
    constraint = parse(text)
    assert constraint.matches(CARD)
    assert constraint.misses(CARD) == ()
    assert parse(str(constraint)) == constraint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sm >= 90", ["sm is 86, needs >= 90"]),
        ("vram >= 40GB and sm >= 80", ["vram is 24 GB, needs >= 40 GB"]),
        ("vram >= 100 GB or name ~ A100", ["vram is 24 GB, needs >= 100 GB",
                                           'name is "NVIDIA GeForce RTX 3090", needs ~ "A100"']),
        ("not (name ~ RTX or sm < 30)", ['name is "NVIDIA GeForce RTX 3090", needs !~ "RTX"']),
        ("not (sm > 80 and cores > 8)", ["sm is 86, needs <= 80", "cores is 16, needs <= 8"]),
        ("mig = 1g.10gb", ['mig is not known, needs = "1g.10gb"']),
        ("cuda >= 12.10", ["cuda is 12.4, needs >= 12.10"]),
        ("driver > 550", ["driver is 550.54.14, needs > 550"]),
        ("vram < 512B", ["vram is 24 GB, needs < 512 B"]),
        ("sm > 90 and sm > 90", ["sm is 86, needs > 90"]),
    ],
)  # fmt: skip
def test_what_a_card_fails_is_said(text: str, words: list[str]) -> None:
    constraint = parse(text)
    assert not constraint.matches(CARD)
    assert [str(miss) for miss in constraint.misses(CARD)] == words


@pytest.mark.parametrize("op", ["=", "!=", "<", "<=", ">", ">="])
def test_nothing_holds_of_what_is_not_known(op: str) -> None:
    for comparison in (f"sm {op} 80", f"vram {op} 1GB", f"cuda {op} 12"):
        assert not parse(comparison).matches({})
        assert parse(f"not {comparison}").matches({"sm": None, "vram": None, "cuda": None})
    assert not parse("name !~ x").matches({"name": None})


def test_values_of_another_kind_than_expected_never_match() -> None:
    assert not parse("sm > 30").matches({"sm": "86"})
    assert not parse("name ~ 3").matches({"name": 3})
    assert not parse("cuda > 1").matches({"cuda": "unknown"})
    assert parse("driver >= 550.0").matches({"driver": "550"})
    assert parse("driver = 550.0").matches({"driver": "550.rc1"})
    assert not Constraint(Comparison("name", "<", "z")).matches({"name": "a"})


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "Expected a fact, found the end"),
        ("vrm >= 20GB", 1, "There is no fact 'vrm'"),
        ("zzzzzz = 1", 1, "There is no fact 'zzzzzz'"),
        ("sm >= 80 and", 13, "Expected a fact, found the end"),
        ("sm", 3, "Expected one of = != < <= > >= after sm"),
        ("sm >=", 6, "Expected a whole number, to compare sm with; found the end"),
        ("sm >= 8.65", 7, "'8.65' is no compute capability"),
        ("sm >= 8.", 7, "'8.' is no compute capability"),
        ("sm >= 9", 7, "'9' is no compute capability"),
        ("sm = 12", 6, "'12' is no compute capability"),
        ("sm < 0.9", 6, "'0.9' is no compute capability"),
        ("sm >= 8000", 7, "'8000' is no compute capability"),
        ("cores > 8.5", 9, "cores is a whole number"),
        ("sm > 80GB", 6, "sm has no unit"),
        ("sm > x", 6, "sm is a whole number, and 'x' is none"),
        ("sm > -1", 6, "sm is never negative"),
        ('sm > "80"', 6, "sm is a whole number, and this is text"),
        ("name > 3", 6, "name is text, so > can't compare it"),
        ('vram ~ "x"', 6, "vram is a size, such as 20GB, so ~ can't compare it"),
        ("vram >= 20", 9, "'20' has no unit"),
        ("vram > 5XB", 8, "'XB' is no unit of a size"),
        ("vram > 9999999999TB", 8, "is more than any machine has"),
        (f"vram > {'9' * 400}.5GB", 8, "is more than any machine has"),
        (f"sm > {'9' * 4000}", 6, "is more than any machine has"),
        ("cuda >= abc", 9, "'abc' is not a version"),
        ("name ~ and", 8, "found 'and'"),
        ("name ~ RTX 3090", 12, "Expected 'and', 'or' or the end, found '3090'"),
        ("sm > 30 (", 9, "Expected 'and', 'or' or the end, found '('"),
        ("(sm > 30", 1, "This '(' is never closed"),
        ("(sm > 30 sm", 10, "Expected 'and', 'or' or ')', found 'sm'"),
        ("sm > 30)", 8, "This ')' has no '(' before it"),
        ("sm > 30 && sm > 40", 9, "'&' has no meaning here"),
        ("sm > 30 @", 9, "'@' has no meaning here"),
        ("name = 'ab", 8, "This quote is never closed"),
        ("not " * (CONSTRAINT_DEPTH_MAX + 1) + "sm>30", 129, "are inside each other"),
        ("(" * 2000, CONSTRAINT_DEPTH_MAX + 1, "are inside each other"),
        ("sm > 30 or sm > 30 and or", 24, "Expected a fact, found 'or'"),
    ],
)
def test_refusals_point_at_the_place(text: str, column: int, says: str) -> None:
    failure = refused(text)
    assert f"column {column}." in failure.title
    assert failure.data["column"] == column
    assert says in failure.message
    shown, caret = failure.message.splitlines()[-2:]
    if column <= len(text):
        assert shown[caret.index("^")] == text[column - 1]


def test_an_unknown_fact_is_told_the_nearest_and_all() -> None:
    failure = refused("sm >= 80 and vrm >= 20GB")
    told = {key: value for key, value in failure.data.items() if key != "facts"}
    assert told == {"refusal": "no_fact", "column": 14, "fact": "vrm", "nearest": "vram"}
    assert failure.remedy.startswith("Did you mean vram?")
    assert all(fact in failure.remedy for fact in FACTS)
    assert refused("free > 3GB").remedy.startswith("Free VRAM is asked for with --vram.")


@pytest.mark.parametrize(
    ("written", "means"), [("8.6", 86), ("9.0", 90), ("86", 86), ("12.0", 120), ("120", 120)]
)
def test_a_compute_capability_is_written_with_its_dot_or_without(written: str, means: int) -> None:
    constraint = parse(f"sm >= {written}")
    assert constraint.matches({"sm": means}) and not constraint.matches({"sm": means - 1})
    assert str(constraint) == f"sm >= {means}"


def test_the_first_number_of_a_capability_alone_is_not_taken_for_it() -> None:
    assert refused("sm >= 9").remedy == "Did you mean 90 (9.0)?"
    assert refused("sm >= 10").remedy == "Did you mean 100 (10.0)?"


def test_a_text_with_spaces_is_told_to_be_quoted() -> None:
    assert "quotes" in refused("name ~ RTX 3090").remedy
    assert refused("sm > 30 not sm > 40").remedy == ""


def test_control_characters_and_length_do_not_spoil_the_picture() -> None:
    failure = refused("sm > 30\n\x1b[31m and sm > 40")
    assert failure.message.count("\n") == 2
    assert "\x1b" not in str(failure)
    long = refused("sm > 30 and " * 100 + "vrm" + "x" * 100 + " > 3")
    assert max(map(len, long.message.splitlines())) < 140
    assert refused("x" * (CONSTRAINT_CHARS_MAX + 1)).data["column"] == CONSTRAINT_CHARS_MAX + 1


@pytest.mark.parametrize(
    ("mib", "sold_gb"),
    [(24_564, 24), (15_109, 16), (45_634, 48), (81_559, 80), (11_019, 11), (143_771, 141),
     (512, 0.5), (7_000, 7_000 / 1024), (400_000, 400_000 / 1024)],
)  # fmt: skip
def test_a_card_is_of_the_size_that_it_is_sold_as(mib: int, sold_gb: float) -> None:
    """As nvidia-smi tells an RTX 4090, T4, A40, H100, RTX 2080 Ti, H200, and some that nobody
    sells."""
    assert card_bytes(mib << 20) == sold_gb * GB


@pytest.mark.parametrize(
    ("profile", "mib", "sold_gb"),
    [("1g.5gb", 4_864, 5), ("1g.10gb+me", 9_728, 10), ("1g.23gb", 22_700, 23),
     ("1g.10gb", 2_048, 2), ("1g", 2_048, 2), ("1g.xgb", 2_048, 2)],
)  # fmt: skip
def test_an_instance_is_of_the_size_in_its_name(profile: str, mib: int, sold_gb: int) -> None:
    assert instance_bytes(profile, mib << 20) == sold_gb * GB


@pytest.mark.parametrize(("gib", "sold_gb"), [(125.6, 128), (62.7, 64), (1.9, 2), (1507, 1536)])
def test_a_machine_has_the_memory_that_was_bought(gib: float, sold_gb: int) -> None:
    assert memory_bytes(int(gib * GB)) == sold_gb * GB
    assert memory_bytes(100 * GB) == 100 * GB


def test_its_names_are_the_facts_it_asks_for() -> None:
    constraint = parse("not (sm > 30 or vram > 1GB) and sm < 99")
    assert constraint.names == {"sm", "vram"}


def test_facts_of_a_gpu_and_of_a_mig_instance() -> None:
    slice_ = GpuInstance(index=0, uuid=GpuUuid("MIG-1"), profile="1g.10gb", vram_bytes=10 * GB)
    gpu = GpuFacts(
        index=2, uuid=GpuUuid("GPU-9"), name="A100", vram_bytes=80 * GB,
        compute_capability=(8, 0), instances=(slice_,),
    )  # fmt: skip
    machine = MachineFacts(
        machine=DeviceId("m"), name="attic", version="1", os="Linux", cpu_count=8,
        memory_bytes=GB, disk_bytes=GB, gpu_source="nvml", gpus=(gpu,),
        driver_version="550.54", cuda_version="12.4",
    )  # fmt: skip
    assert gpu_facts(machine, gpu) == {
        "vram": 80 * GB, "sm": 80, "name": "A100", "index": 2, "uuid": "GPU-9", "mig": None,
        "driver": "550.54", "cuda": "12.4", "machine": "attic", "cores": 8, "memory": GB,
    }  # fmt: skip
    assert set(gpu_facts(machine, gpu)) == set(FACTS)
    assert parse("mig = 1g.10gb and vram < 20GB").matches(gpu_facts(machine, gpu, slice_))
    bare = GpuFacts(index=0, uuid=GpuUuid("GPU-0"), name="?", vram_bytes=GB)
    assert gpu_facts(machine, bare)["sm"] is None


# --- Anything at all ------------------------------------------------------------------------------

ORDERS: list[Operator] = ["=", "!=", "<", "<=", ">", ">="]
TEXTS: list[Operator] = ["=", "!=", "~", "!~"]


def comparisons(fact: str) -> st.SearchStrategy[Comparison]:
    kind = FACTS[fact].kind
    if kind == "text":
        return st.builds(Comparison, st.just(fact), st.sampled_from(TEXTS), st.text(max_size=8))
    orders = st.sampled_from(ORDERS)
    if kind == "version":
        parts = st.lists(st.integers(0, 999), min_size=1, max_size=4).map(tuple)
        return st.builds(Comparison, st.just(fact), orders, parts)
    numbers = st.integers(20, 999) if fact == "sm" else st.integers(0, 1 << 62)
    return st.builds(Comparison, st.just(fact), orders, numbers)


def joined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(And, parts) | st.builds(Or, parts) | st.builds(Not, inner)


LEAVES: st.SearchStrategy[Node] = st.sampled_from(sorted(FACTS)).flatmap(comparisons)
NODES = st.recursive(LEAVES, joined, max_leaves=12)
KNOWN = st.fixed_dictionaries(
    {}, optional={
        fact: st.none() | (
            st.text(max_size=8) if known.kind in ("text", "version") else st.integers(0, 1 << 62)
        )
        for fact, known in FACTS.items()
    },
)  # fmt: skip


@given(NODES)
def test_what_is_written_reads_as_the_same(node: Node) -> None:
    constraint = Constraint(node)
    assert parse(str(constraint)) == constraint


@given(NODES, KNOWN)
def test_there_are_misses_just_where_it_does_not_match(
    node: Node, facts: dict[str, str | int | float | None]
) -> None:
    constraint = Constraint(node)
    missed = constraint.misses(facts)
    assert bool(missed) is not constraint.matches(facts)
    assert {miss.fact for miss in missed} <= constraint.names
    assert all(str(miss) for miss in missed)


PIECES = st.sampled_from(
    [*FACTS, *ORDERS, *TEXTS, "and", "or", "not", "(", ")", '"', "'", "\\", "20", "GB", "8.0", "-1",
     "20GB", "a b", "\n", "\x00", "&&", "1g.10gb", "\ud800", "é", "٣", "1e9"]
)  # fmt: skip


@given(st.text(max_size=200) | st.lists(PIECES, max_size=30).map(" ".join))
def test_any_text_is_read_or_refused_as_invalid(text: str) -> None:
    try:
        constraint = parse(text)
    except LanherdError:
        assert 1 <= int(refused(text).data["column"]) <= len(text) + 1
    else:
        assert parse(str(constraint)) == constraint
