"""What the note of a GPU says."""

from msgspec.structs import replace

from lanherd_client.cli.gpus import Place, row_of, xids_of
from lanherd_client.mirror import Connecting, MachineView
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.values import GpuInstance, GpuReading, Reason
from tests.support.scripted_agent import GIB, GPU, MACHINE, facts

VIEW = MachineView(MACHINE, "box", Connecting(1.0), facts())
CARD = facts().gpus[0]
RESTS = Reason(code="gpu_backoff", text="2 runs in a row failed on GPU 0; it takes none for 9 min.")
CLOSED = Reason(code="gpu_lost", text="It is lost.")


def note(reading: GpuReading, rules: MachineRules | None = None, mig: bool | None = None) -> str:
    gpu = replace(CARD, mig=mig)
    return Place(VIEW, gpu, None, reading, (), rules or MachineRules()).note


def test_why_a_gpu_takes_no_run_is_told_once() -> None:
    plain = GpuReading(uuid=GPU)
    assert note(plain) == ""
    assert note(replace(plain, rest=RESTS)) == RESTS.text
    assert note(plain, MachineRules(gpus=(1,))) == "the machine's rules leave it out"
    assert note(plain, MachineRules(gpus=(GPU,))) == ""
    assert note(replace(plain, problem="It is lost.")) == "It is lost."
    lost = replace(plain, problem="It is lost.", cordon=CLOSED)
    assert note(lost) == "takes no run: It is lost."
    assert "no instances" in note(plain, mig=True)
    both = note(replace(lost, rest=RESTS), MachineRules(gpus=()))
    assert both.split("; ", 2)[:2] == [
        "takes no run: It is lost.", "the machine's rules leave it out",
    ]  # fmt: skip


def test_a_slice_without_a_reading_has_its_size_and_number() -> None:
    inside = GpuInstance(index=2, uuid=GpuUuid("MIG-2"), profile="1g.5gb", vram_bytes=5 * GIB)
    place = Place(VIEW, CARD, inside, GpuReading(uuid=inside.uuid), ("abcd",), MachineRules())
    assert row_of(place) == (
        "box", "0:2", "MIG 1g.5gb (simulated)", "", "5.00 GB", "", "", "abcd", "", "", "",
    )  # fmt: skip


def test_xids_are_counted() -> None:
    plain = GpuReading(uuid=GPU)
    assert xids_of(plain) == "none"
    assert xids_of(replace(plain, xid=79)) == "79"
    assert xids_of(replace(plain, xid=79, xids=(48, 79), xids_total=2)) == "48, 79"
    assert xids_of(replace(plain, xid=79, xids=(48, 79), xids_total=9)) == "48, 79, and 7 before"
