"""`lanherd history`: whose past is shown."""

import click
import pytest

from lanherd_client.cli.history import _name, _parts
from lanherd_client.cli.options import GpuNumber
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuFacts, GpuInstance


def test_a_gpu_in_slices_has_the_past_of_each() -> None:
    slices = tuple(
        GpuInstance(index=n, uuid=GpuUuid(f"MIG-{n}"), profile="1g.10gb", vram_bytes=1)
        for n in (0, 1)
    )
    gpu = GpuFacts(index=3, uuid=GpuUuid("GPU-3"), name="A100", vram_bytes=9, instances=slices)
    parts = list(_parts(gpu))
    assert [(_name(of), of.uuid) for of in parts] == [
        ("GPU 3", "GPU-3"),
        ("GPU 3:0", "MIG-0"),
        ("GPU 3:1", "MIG-1"),
    ]
    assert [of.number for of in parts if of.is_meant_by("3")] == ["3", "3:0", "3:1"]
    assert [of.number for of in parts if of.is_meant_by("3:1")] == ["3:1"]
    assert not any(of.is_meant_by("0") for of in parts)


def test_a_gpu_is_named_by_its_number() -> None:
    convert = GpuNumber().convert
    assert [convert(text, None, None) for text in ("3", "03", "3:0")] == ["3", "3", "3:0"]
    for text in ("-1", "x", "3:", "3:0:1", "", "³"):
        with pytest.raises(click.BadParameter, match="is no number of a GPU"):
            convert(text, None, None)
