"""What a script says of GPUs and machine, and what becomes of it."""

from typing import Any

import pytest

from lanherd_client.orders import order
from lanherd_client.wishes import gpu_range
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.values import GpuRequest, HostRequest

GIB = 1 << 30


def gpus_of(**said: Any) -> GpuRequest:
    return order(["x"], **said).spec.gpus


def refused(**said: Any) -> str:
    with pytest.raises(LanherdError) as caught:
        order(["x"], **said)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    return str(caught.value)


@pytest.mark.parametrize(
    ("said", "meant"),
    [(2, (2, 0)), ("2", (2, 0)), ("1..4", (1, 4)), (" 1 .. 4 ", (1, 4)), ("3..3", (3, 0)),
     ("0", (0, 0)), (0, (0, 0))],
)  # fmt: skip
def test_a_number_of_gpus(said: int | str, meant: tuple[int, int]) -> None:
    assert gpu_range(said) == meant


@pytest.mark.parametrize("said", ["", "two", "1-4", "4..1", "0..4", "-1", "1..", True, 1.5, None])
def test_what_is_no_number_of_gpus(said: Any) -> None:
    assert "GPUs" in refused(gpus=said)


def test_all_that_may_be_asked_of_gpus() -> None:
    assert gpus_of(
        gpus="2..4", vram="20GB", where="SM>=80", linked=True, mig="1G.10GB", shared=True,
        beside_others="wait",
    ) == GpuRequest(
        count=2, count_max=4, vram_bytes=20 * GIB, where="sm >= 80", linked=True, mig="1g.10gb",
        shared=True, beside="wait",
    )  # fmt: skip
    assert gpus_of(gpus=1, vram=5 * GIB, exclusive=True) == GpuRequest(
        count=1, vram_bytes=5 * GIB, exclusive=True
    )
    assert gpus_of() == GpuRequest()
    assert gpus_of(mig="") == GpuRequest()


def test_all_that_may_be_asked_of_the_machine() -> None:
    asked = order(["x"], cpus=0.5, memory="32GB", disk=7 * GIB).spec.host
    assert asked == HostRequest(cpu_cores=0.5, memory_bytes=32 * GIB, disk_bytes=7 * GIB)
    assert order(["x"]).spec.host == HostRequest()


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"where": "sm >= 80"}, "no GPU is asked for"),
        ({"gpus": 0, "linked": True, "mig": "1g.10gb"}, "Said: linked, mig"),
        ({"gpus": 1, "where": "smm >= 80"}, "There is no fact 'smm'"),
        ({"gpus": 1, "exclusive": True, "shared": True}, "either shared or exclusive"),
        ({"gpus": 1, "linked": True}, "Only several GPUs can be linked"),
        ({"gpus": 1, "mig": "half"}, "as NVIDIA names it"),
        ({"gpus": 1, "beside_others": "kill"}, "rule, wait, share"),
        ({"gpus": 1, "vram": 1.5}, "vram is a number of bytes"),
        ({"gpus": 1, "vram": True}, "vram is a number of bytes"),
        ({"cpus": -1}, "CPU cores are a number"),
        ({"cpus": float("nan")}, "CPU cores are a number"),
        ({"cpus": "4"}, "CPU cores are a number"),
        ({"memory": -1}, "memory is a number of bytes"),
        ({"disk": 1.5}, "disk is a number of bytes"),
        (
            {"gpus": 1, "vram": 5},
            "5 would be 5 bytes. Write a text with its unit, such as vram='5GB'",
        ),
        ({"gpus": 1, "vram": -5}, "It was given as -5"),
        ({"memory": 64}, "such as memory='64GB'"),
        ({"gpus": -1}, "0 to 64 GPUs"),
        ({"gpus": 1000}, "0 to 64 GPUs"),
        ({"gpus": "1..65"}, "It was given as '1..65'"),
    ],
)
def test_slips_are_named(said: dict[str, Any], says: str) -> None:
    assert says in refused(**said)


def test_a_size_that_is_none_is_misuse() -> None:
    with pytest.raises(LanherdError, match="is not a size"):
        order(["x"], memory="much")
