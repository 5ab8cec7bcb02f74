"""What a push says of itself on its way."""

import io
import sys

import pytest

from lanherd_client.cli import push_talk
from lanherd_client.cli.push_talk import PushesTalk, far
from lanherd_client.mirror import Connecting, MachineView
from lanherd_client.projects.push_progress import PushProgress
from lanherd_protocol.ids import DeviceId


def machine(name: str) -> MachineView:
    return MachineView(DeviceId(name * 64), name, Connecting(0.0))


def sending(done: int, total: int = 100 << 20) -> PushProgress:
    return PushProgress("sending", 3, done << 20, total, "a.py", 40.0 * (1 << 20), 2.2)


def test_how_far_it_is_has_a_rate_and_what_is_left() -> None:
    assert far("upload", 3 << 20, 12 << 20, 40.0 * (1 << 20), 2.2) == (
        "upload: 3.00 MB of 12.0 MB, 40.0 MB/s, 2s left"
    )
    assert far("scan", 5, 0, None, None) == "scan: 5 B"
    assert far("upload", 3, 5, 1.0, 0.1) == "upload: 3 B of 5 B, 1 B/s, 1s left"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_line_tells_of_all_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_talk, "REDRAW_S", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    told = PushesTalk()
    told(machine("a"), sending(10))
    assert terminal.getvalue().startswith("\rsending: 10.0 MB of 100 MB, 40.0 MB/s, 2s left")
    told(machine("b"), sending(3))
    told(machine("a"), PushProgress("done", 3, 5, 5))
    assert "\r1 of 2 machines done; the last is sending: 3.00 MB" in terminal.getvalue()
    told.end_line()
    told.end_line()
    assert terminal.getvalue().count("\n") == 1


def test_a_note_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = PushesTalk()
    for name in ("a", "b"):
        told(machine(name), PushProgress("comparing", 3, 0, 5, notes=("It is odd.",)))
    assert capsys.readouterr().err == "Warning: It is odd.\n"


def test_where_nobody_watches_only_a_long_one_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = PushesTalk()
    told(machine("a"), sending(10))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(push_talk, "SILENT_S", -1.0)
    told(machine("a"), sending(20))
    told(machine("a"), sending(30))
    assert capsys.readouterr().err == "sending: 20.0 MB of 100 MB, 40.0 MB/s, 2s left.\n"
