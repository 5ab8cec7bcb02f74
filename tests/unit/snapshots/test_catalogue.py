import logging
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from lanherd_agent.persist.catalogue import CatalogueFile, KeptSnapshot
from lanherd_agent.snapshots.catalogue import Catalogue
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId
from tests.unit.snapshots.samples import named

ONE, TWO, THREE = (named(text) for text in (b"1", b"2", b"3"))
SNAPSHOT = SnapshotId("a" * 64)
KEPT = KeptSnapshot(project="demo", files=2, bytes_total=7, created_at=1.0, used_at=2.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "snapshots.sqlite"


@pytest.fixture
def catalogue(path: Path) -> Iterator[Catalogue]:
    catalogue = Catalogue(path)
    yield catalogue
    catalogue.close()


def test_what_one_has_proved_says_nothing_of_another(catalogue: Catalogue) -> None:
    assert catalogue.prove("ada", {ONE: 1, TWO: 20}) == {ONE, TWO}
    assert catalogue.prove("ada", {TWO: 20, THREE: 3}) == {THREE}
    assert catalogue.prove("eve", {TWO: 20}) == {TWO}
    assert catalogue.unproven("ada", (ONE, TWO, THREE)) == set()
    assert catalogue.unproven("eve", (ONE, TWO, THREE)) == {ONE, THREE}
    assert catalogue.unproven("bob", (ONE,)) == {ONE}
    assert catalogue.unproven("bob", ()) == set()
    assert (catalogue.held("ada"), catalogue.held("eve")) == ((3, 24), (1, 20))
    assert catalogue.blobs("eve") == {TWO}
    catalogue.forget_blobs([TWO])
    assert catalogue.unproven("ada", (ONE, TWO)) == catalogue.unproven("eve", (TWO,)) == {TWO}


def test_it_is_as_it_was_after_a_restart(catalogue: Catalogue, path: Path) -> None:
    catalogue.put("ada", SNAPSHOT, KEPT)
    catalogue.prove("ada", {ONE: 1})
    catalogue.touch("ada", SNAPSHOT, 9.0)
    catalogue.touch("ada", SNAPSHOT, 5.0)
    catalogue.touch("eve", SNAPSHOT, 9.0)
    catalogue.close()
    again = Catalogue(path)
    found = again.find("ada", SNAPSHOT)
    assert found is not None and (found.project, found.created_at, found.used_at) == ("demo", 1, 9)
    assert again.find("eve", SNAPSHOT) is None
    assert again.unproven("ada", (ONE, TWO)) == {TWO}
    again.remove([("ada", SNAPSHOT)])
    again.close()
    assert Catalogue(path).of("ada") == {}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_made_before_something_is_kept(path: Path) -> None:
    catalogue = Catalogue(path)
    catalogue.forget_blobs([])
    catalogue.remove([])
    catalogue.flush()
    catalogue.close()
    assert not path.exists()


def test_a_removed_snapshot_is_not_written_down_as_used(catalogue: Catalogue) -> None:
    catalogue.put("ada", SNAPSHOT, KEPT)
    catalogue.touch("ada", SNAPSHOT, 9.0)
    catalogue.remove([("ada", SNAPSHOT)])
    catalogue.flush()
    assert catalogue.all() == []
    assert not catalogue.is_owned(SNAPSHOT)


@pytest.mark.parametrize("content", [b"no database" * 1000, b""])
def test_a_file_that_is_no_catalogue_is_made_anew(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path.write_bytes(content)
    catalogue = Catalogue(path)
    catalogue.put("ada", SNAPSHOT, KEPT)
    assert catalogue.prove("ada", {ONE: 1}) == {ONE}
    catalogue.close()
    assert Catalogue(path).find("ada", SNAPSHOT) == KEPT
    assert ("made anew" in caplog.text) is bool(content)


def test_one_of_another_version_is_made_anew(path: Path) -> None:
    with sqlite3.connect(path) as newer:
        newer.execute("CREATE TABLE proofs (user INTEGER)")
        newer.execute("PRAGMA user_version = 7")
    newer.close()
    catalogue = Catalogue(path)
    assert catalogue.prove("ada", {ONE: 1}) == {ONE}
    catalogue.close()


def test_damage_that_is_met_late_is_said_and_mended(path: Path) -> None:
    file = CatalogueFile(path)
    file.prove("ada", {named(str(number).encode()): 1 for number in range(5000)})
    file.close()
    data = bytearray(path.read_bytes())
    # All but the first pages, which an opening looks at.
    data[24576:] = bytes(len(data) - 24576)
    path.write_bytes(data)
    with pytest.raises(LanherdError) as refused:
        file.unproven("ada", tuple(named(str(number).encode()) for number in range(5000)))
    assert refused.value.code is ErrorCode.STORE_FAILED
    assert "was made anew" in refused.value.failure.message
    assert file.unproven("ada", (ONE,)) == {ONE}
    assert file.prove("ada", {ONE: 1}) == {ONE}
    file.close()


def test_a_full_disk_takes_back_the_whole_of_it(path: Path) -> None:
    file = CatalogueFile(path)
    file.prove("ada", {ONE: 1})
    many = {BlobHash(f"{number:064x}"): 1 for number in range(20_000)}
    connection = file._opened
    assert connection is not None
    connection.pragma("max_page_count", connection.pragma("page_count") + 10)
    with pytest.raises(LanherdError) as refused:
        file.prove("eve", many)
    assert refused.value.code is ErrorCode.DISK_FULL
    connection.pragma("max_page_count", 1_000_000)
    # Not even the user's number was kept.
    assert file.prove("eve", many) == set(many)
    assert file.unproven("ada", (ONE, TWO)) == {TWO}
    file.close()


def test_a_failure_of_the_disk_is_said(path: Path) -> None:
    path.mkdir()
    with pytest.raises(LanherdError) as refused:
        CatalogueFile(path).prove("ada", {ONE: 1})
    assert refused.value.code is ErrorCode.STORE_FAILED
    assert issubclass(apsw.CantOpenError, apsw.Error)
