"""Where an agent's home and its advert are, and who may hold them."""

import os
from pathlib import Path

import pytest

from lanherd_agent.advert import Advert, adverts_directory, published
from lanherd_agent.home import AgentHome, agent_home, locked
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import DeviceId


@pytest.fixture
def home() -> AgentHome:
    return AgentHome(Path(os.environ["HOME"]) / "agent")


def test_which_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert agent_home(tmp_path).root == tmp_path
    assert agent_home(Path("here")).root == Path.cwd() / "here"
    assert agent_home(None).root == Path(os.environ["XDG_DATA_HOME"]) / "lanherd-agent"
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}:/other")
    assert agent_home(None).root == tmp_path


def test_the_lock_names_its_holder(home: AgentHome) -> None:
    with locked(home):
        assert home.lock.read_text() == f"{os.getpid()}\n"
        assert home.root.stat().st_mode & 0o777 == 0o700
        with pytest.raises(LanherdError) as caught, locked(home):
            raise AssertionError("two hold it")
        assert caught.value.code is ErrorCode.HOME_IN_USE
        assert caught.value.failure.data["pid"] == os.getpid()
        # Of one who has not yet written its own number, the file tells another's.
        home.lock.write_text("4194304000\n")
        with pytest.raises(LanherdError, match="just starting"), locked(home):
            raise AssertionError("two hold it")
    with locked(home):
        assert home.lock.read_text() == f"{os.getpid()}\n"


def test_an_empty_folder_is_closed_to_others(home: AgentHome) -> None:
    home.root.mkdir(mode=0o755)
    home.root.chmod(0o755)
    with locked(home):
        assert home.root.stat().st_mode & 0o777 == 0o700
    home.root.chmod(0o750)
    with locked(home):
        assert home.root.stat().st_mode & 0o777 == 0o700


def advert(pid: int) -> Advert:
    return Advert(
        machine=DeviceId("a" * 64),
        name="box",
        version="1",
        addresses=("127.0.0.1",),
        port=1,
        socket="/nowhere",
        pid=pid,
        simulated=False,
    )


def test_an_advert_is_there_for_the_block() -> None:
    with published(advert(1)):
        (path,) = adverts_directory().iterdir()
        assert path.name == f"{'a' * 64}.json"
        # Another agent with the same key has begun: its advert is not ours to remove.
        with published(advert(2)):
            pass
        assert list(adverts_directory().iterdir()) == []
    with published(advert(1)):
        path.write_bytes(path.read_bytes().replace(b'"pid":1', b'"pid":2'))
    assert path.exists()


@pytest.mark.expects_logs("advert isn't there", reason="its folder can't be made")
def test_no_place_for_an_advert(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LANHERD_RUNTIME_DIR", str(tmp_path / "file"))
    with published(advert(1)):
        assert (tmp_path / "file").read_text() == ""
