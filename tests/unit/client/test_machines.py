import os
import stat
from pathlib import Path

import pytest

from lanherd_client.home import advert_dir, controller_home, ensure_home
from lanherd_client.machines import KnownMachine, MachineBook
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import DeviceId


def machine(digit: str = "a", name: str = "box") -> KnownMachine:
    return KnownMachine(
        machine=DeviceId(digit * 64),
        name=name,
        certificate_pem="-----BEGIN CERTIFICATE-----\n",
        addresses=("10.0.0.1",),
        port=47470,
        role="admin",
        paired_by="unix",
        paired_at=1.0,
    )


def test_what_was_put_is_loaded_by_another_book(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    MachineBook(home).put(machine("a"))
    MachineBook(home).put(machine("b", "shelf"))
    MachineBook(home).put(machine("a", "renamed"))
    known = MachineBook(home).load()
    assert {m.machine[0]: m.name for m in known} == {"a": "renamed", "b": "shelf"}


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    book = MachineBook(tmp_path)
    assert book.load() == ()
    assert book.stamp() is None
    assert not book.path.exists()


def test_the_file_is_private_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    book = MachineBook(tmp_path)
    book.put(machine())
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"machines.json", "machines.lock"}


def test_forgets(tmp_path: Path) -> None:
    book = MachineBook(tmp_path)
    book.put(machine())
    assert book.remove(machine().machine)
    assert not book.remove(machine().machine)
    assert book.load() == ()


def test_moves_a_known_machine_only(tmp_path: Path) -> None:
    book = MachineBook(tmp_path)
    book.put(machine())
    before = book.stamp()
    book.move(DeviceId("b" * 64), ("10.0.0.9",), 1)
    assert book.stamp() == before
    book.move(machine().machine, ("10.0.0.2",), 2)
    assert book.stamp() != before
    assert (book.load()[0].addresses, book.load()[0].port) == (("10.0.0.2",), 2)


@pytest.mark.parametrize("content", [b"", b"{", b'{"format":1}', b"\xff\xfe", b'{"format":"one"}'])
def test_a_broken_file_is_said_and_kept(content: bytes, tmp_path: Path) -> None:
    book = MachineBook(tmp_path)
    for number in (1, 2):
        book.path.write_bytes(content)
        with pytest.raises(LanherdError, match="can't be used") as caught:
            book.load()
        aside = tmp_path / f"machines.broken-{number}.json"
        assert caught.value.code is ErrorCode.HOME_UNUSABLE
        assert str(aside) in caught.value.failure.message
        assert aside.read_bytes() == content
    assert book.load() == ()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    book = MachineBook(tmp_path)
    book.path.write_bytes(b'{"format":2,"machines":[]}')
    with pytest.raises(LanherdError, match="format 2"):
        book.load()
    assert book.path.exists()


def test_a_file_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "machines.json").mkdir()
    with pytest.raises(LanherdError, match="Is a directory"):
        MachineBook(tmp_path).load()


def test_a_home_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LanherdError, match="Not a directory") as caught:
        ensure_home(tmp_path / "file" / "home")
    assert caught.value.code is ErrorCode.HOME_UNUSABLE


def test_where_home_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert controller_home(tmp_path) == tmp_path
    monkeypatch.setenv("LANHERD_HOME", str(tmp_path / "named"))
    assert controller_home() == tmp_path / "named"
    monkeypatch.delenv("LANHERD_HOME")
    assert controller_home() == Path(os.environ["XDG_DATA_HOME"]) / "lanherd"


def test_where_adverts_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LANHERD_RUNTIME_DIR", str(tmp_path))
    assert advert_dir() == tmp_path / "lanherd" / "agents"
    monkeypatch.delenv("LANHERD_RUNTIME_DIR")
    assert advert_dir().parts[-2:] == ("lanherd", "agents")
    # Without a login session: quietly somewhere else.
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert advert_dir().parts[-2:] == ("lanherd", "agents")


def test_agent_and_controller_mean_the_same_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from lanherd_agent.advert import adverts_directory

    assert advert_dir() == adverts_directory()
    monkeypatch.delenv("LANHERD_RUNTIME_DIR")
    assert advert_dir() == adverts_directory()
