"""What a machine tells of its snapshots, and which one a person means."""

from types import SimpleNamespace
from typing import Any

import pytest

from lanherd_client.cli import snapshots as cli
from lanherd_client.snapshot_calls import LINE_BYTES_MAX, VerifyProgress, _Lines
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.snapshot_messages import SnapshotList, SnapshotView

LINE = b'{"blobs":1,"blobs_total":2,"bytes":3}\n'


def test_progress_is_cut_anywhere() -> None:
    told: list[VerifyProgress] = []
    lines = _Lines(told.append)
    for byte in LINE * 3:
        lines.feed(bytes([byte]))
    assert told == [VerifyProgress(blobs=1, blobs_total=2, bytes=3)] * 3
    _Lines(None).feed(LINE)


@pytest.mark.parametrize("noise", [b"noise\n", b'{"blobs":"x"}\n', b"x" * (LINE_BYTES_MAX + 1)])
def test_progress_that_makes_no_sense_is_said(noise: bytes) -> None:
    with pytest.raises(LanherdError) as caught:
        _Lines(None).feed(noise)
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


def view(number: int) -> SnapshotView:
    return SnapshotView(
        snapshot=SnapshotId(f"abcd{number:060x}"),
        project="demo",
        files=1,
        bytes_total=1,
        created_at=1.0,
        used_at=1.0,
    )


class Machine:
    """Of a fleet of one: what it lists, two to a page."""

    def __init__(self, count: int) -> None:
        self._views = [view(number) for number in range(count)]
        self.asked: list[SnapshotId | None] = []

    async def list_snapshots(
        self, machine: str, *, project: str, after: SnapshotId | None
    ) -> SnapshotList:
        self.asked.append(after)
        at = 0 if after is None else [one.snapshot for one in self._views].index(after) + 1
        return SnapshotList(
            snapshots=tuple(self._views[at : at + 2]), more=at + 2 < len(self._views)
        )


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Any:
    machine = SimpleNamespace(machine="m" * 64, name="box")
    monkeypatch.setattr(cli, "chosen_machines", lambda fleet, named: (machine,))
    monkeypatch.setattr(cli, "require_online", lambda one: one)
    return machine


async def test_all_pages_are_read(chosen: Any) -> None:
    fleet: Any = Machine(5)
    found, _ = await cli._all_of(fleet, chosen)
    assert [one.view for one in found] == fleet._views
    assert fleet.asked == [None, view(1).snapshot, view(3).snapshot]


async def test_a_beginning_of_several_is_no_name(chosen: Any) -> None:
    fleet: Any = Machine(3)
    with pytest.raises(LanherdError) as caught:
        await cli._find(fleet, "ABCD", None)
    assert caught.value.code is ErrorCode.CONFLICT
    assert caught.value.failure.data["snapshots"] == 3
    (one,) = await cli._find(fleet, view(2).snapshot, None)
    assert one.view == view(2)
    for text in ("abc", "ffff"):
        with pytest.raises(LanherdError) as caught:
            await cli._find(fleet, text, None)
        assert caught.value.code is ErrorCode.NOT_FOUND
