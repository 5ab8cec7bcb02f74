"""The space that is held back for a full disk."""

import os
import stat
from pathlib import Path

import pytest

from lanherd_agent.persist.reserve import PIECE_BYTES, PIECES, Reserve
from lanherd_agent.persist.sqlite import SqliteStore
from lanherd_agent.persist.store import Batch
from lanherd_protocol.errors import ErrorCode, LanherdError


def test_it_is_given_in_pieces_and_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    reserve = Reserve(path)
    assert not reserve.is_whole()
    reserve.restore()
    assert reserve.is_whole() and path.stat().st_blocks * 512 >= PIECES * PIECE_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [reserve.release() for _ in range(PIECES + 1)] == [True] * PIECES + [False]
    assert path.stat().st_size == 0 and not reserve.is_whole()
    reserve.restore()
    assert reserve.is_whole() and reserve.release()


def test_it_takes_nothing_of_a_disk_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = list(os.statvfs(tmp_path))
    disk[4] = 2 * PIECES * PIECE_BYTES // disk[1] - 1
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(disk))
    reserve = Reserve(tmp_path / "reserve")
    reserve.restore()
    assert not reserve.is_whole() and not (tmp_path / "reserve").exists()


@pytest.mark.expects_logs("held back for a full disk", reason="no such folder")
def test_what_can_not_be_held_back_is_logged_once(tmp_path: Path) -> None:
    (tmp_path / "reserve").symlink_to(tmp_path / "elsewhere")
    reserve = Reserve(tmp_path / "reserve")
    reserve.restore()
    assert reserve.is_whole() and not reserve.release()


def test_only_an_urgent_commit_uses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteStore(tmp_path / "agent.sqlite")
    batch = Batch(meta={"a": "b" * 20_000})
    store._connection.execute("PRAGMA max_page_count = 10")  # SQLITE_FULL, as by a full disk
    for urgent in (False, True):
        with pytest.raises(LanherdError) as caught:
            store.commit(batch, urgent=urgent)
        assert caught.value.code is ErrorCode.DISK_FULL
        left = (tmp_path / "agent.sqlite.reserve").stat().st_size
        assert left == (0 if urgent else PIECES * PIECE_BYTES)
    untidy = [store.untidy]
    store.tidy()
    assert [*untidy, store.untidy] == [True, False]
    given: list[bool] = []

    def release() -> bool:
        store._connection.execute("PRAGMA max_page_count = 1000")
        given.append(True)
        return True

    monkeypatch.setattr(store._reserve, "release", release)
    store._connection.execute("PRAGMA max_page_count = 10")
    assert store.commit(batch, urgent=True)
    assert given and not store.commit(batch, urgent=True)
    store.close()
