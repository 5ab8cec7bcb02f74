"""Links between GPUs and names of MIG instances, from what drivers say."""

import pytest

from lanherd_agent.gpu.mig import once_each, profile_in, profile_of, with_instances
from lanherd_agent.gpu.topology import LEVELS, SWITCH, links, normal_address

A, B, C = "00000000:01:00.0", "00000000:02:00.0", "00000000:81:00.0"


def test_direct_nvlinks_count_and_win() -> None:
    found = links({0: A, 1: B, 2: C}, {0: [B, B, B], 1: [A, A, A], 2: []}, {(0, 1): 10, (0, 2): 50})
    assert found == [
        {"first": 0, "second": 1, "kind": "nvlink", "nvlinks": 3},
        {"first": 0, "second": 2, "kind": "system", "nvlinks": 0},
    ]


def test_on_a_switch_everybody_reaches_everybody_by_the_fewer_links() -> None:
    ends = {0: [SWITCH] * 12, 1: [SWITCH] * 11, 2: [SWITCH] * 12}
    found = links({0: A, 1: B, 2: C}, ends, {})
    assert [link["nvlinks"] for link in found] == [11, 12, 11]


@pytest.mark.parametrize(("level", "kind"), LEVELS.items())
def test_every_level_has_a_kind(level: int, kind: str) -> None:
    (link,) = links({}, {0: [], 1: []}, {(0, 1): level})
    assert link["kind"] == kind


def test_a_level_that_nobody_knows_is_no_link() -> None:
    assert links({}, {0: [], 1: []}, {(0, 1): 35}) == []


def test_addresses_are_compared_whatever_their_form() -> None:
    assert normal_address("0000:0A:00.0") == normal_address("00000000:0a:00.0")
    assert normal_address("odd") == "odd"


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "1g.5gb"),
        ("NVIDIA H100 MIG 1c.3g.40gb Device", "1c.3g.40gb"),
        ("NVIDIA A100 MIG 1g.5gb+me", "1g.5gb+me"),
        ("NVIDIA A100", ""),
        ("NVIDIA A100 MIG  ", ""),
    ],
)
def test_a_profile_is_in_the_name(name: str, profile: str) -> None:
    assert profile_in(name) == profile


def test_a_profile_is_made_of_slices() -> None:
    assert profile_of(1, 1, 4864 * 1024**2) == "1g.5gb"
    assert profile_of(3, 1, 20096 * 1024**2) == "1c.3g.20gb"


def test_a_gpu_is_told_by_its_instances_where_it_keeps_silent() -> None:
    process = {"pid": 7, "vram_bytes": 3}
    instances = [
        {"vram_used_bytes": 4, "processes": [process]},
        {"vram_used_bytes": 5, "processes": [process, {"pid": 5, "vram_bytes": None}]},
    ]
    silent = {"vram_used_bytes": None, "processes": [], "instances": instances}
    told = with_instances(dict(silent))
    assert told["vram_used_bytes"] == 9
    assert told["processes"] == [{"pid": 5, "vram_bytes": None}, {"pid": 7, "vram_bytes": 6}]
    talking = {"vram_used_bytes": 1, "processes": [process], "instances": instances}
    assert with_instances(dict(talking)) == talking
    sick = {**silent, "instances": [*instances, {"problem": "x"}]}
    assert with_instances(sick)["vram_used_bytes"] is None


def test_what_is_known_of_a_process_is_summed() -> None:
    some: list[dict[str, int | None]] = [
        {"pid": 1, "vram_bytes": None},
        {"pid": 1, "vram_bytes": 4},
    ]
    assert once_each(some) == once_each(some[::-1]) == [{"pid": 1, "vram_bytes": 4}]
