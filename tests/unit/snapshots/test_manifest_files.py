import os
from pathlib import Path

import pytest

from lanherd_agent.snapshots import manifest_files
from lanherd_agent.snapshots.manifest_files import ManifestFiles
from lanherd_protocol import manifest as manifests
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.values import Manifest
from tests.unit.snapshots.samples import file, named

Known = tuple[SnapshotId, bytes, Manifest]


def tree(edits: int = 0, size: int = 200) -> Known:
    entries = [file(f"f{number:03}", f"{number}".encode()) for number in range(size)]
    for number in range(edits):
        entries[number] = file(f"f{number:03}", f"edit {number}".encode())
    manifest = Manifest(entries=tuple(entries))
    encoded = manifests.encode(manifest)
    return manifests.snapshot_id(encoded), encoded, manifest


@pytest.fixture
def files(tmp_path: Path) -> ManifestFiles:
    files = ManifestFiles(tmp_path / "snapshots")
    files.prepare()
    return files


def keep(files: ManifestFiles, known: Known) -> SnapshotId:
    files.keep(*known)
    return known[0]


def test_one_that_differs_much_is_kept_whole(files: ManifestFiles) -> None:
    root = keep(files, tree())
    near, far = tree(3), tree(150)
    files.keep_changed(*near, root)
    files.keep_changed(*far, root)
    assert files.root(near[0]) == root
    assert files.root(far[0]) == far[0]
    assert files.size(near[0]) < files.size(root) // 10
    files.let_go_all()
    assert files.load(near[0]) == near[2]
    assert files.load(far[0]) == far[2]


def test_a_root_that_comes_back_serves_again(files: ManifestFiles, tmp_path: Path) -> None:
    known, near = tree(), tree(1)
    root = keep(files, known)
    files.keep_changed(*near, root)
    files.forget(root)
    files.forget(root)
    assert sorted(os.listdir(tmp_path / "snapshots")) == sorted([near[0], f"{root}.base"])
    keep(files, known)
    assert sorted(os.listdir(tmp_path / "snapshots")) == sorted([near[0], root])
    files.forget(near[0])
    assert os.listdir(tmp_path / "snapshots") == [root]
    files.forget(root)
    assert os.listdir(tmp_path / "snapshots") == []


def test_nothing_comes_to_rest_on_what_is_gone(files: ManifestFiles) -> None:
    known, near = tree(), tree(1)
    root = keep(files, known)
    # Still held in memory, as by a push that is under way.
    os.unlink(files._path(root))
    files.keep_changed(*near, root)
    assert files.root(near[0]) == near[0]
    files.let_go_all()
    assert files.load(near[0]) == near[2]


def test_one_that_is_sent_whole_later_rests_on_nothing(files: ManifestFiles) -> None:
    near = tree(1)
    root = keep(files, tree())
    files.keep_changed(*near, root)
    files.keep_changed(*near, root)
    keep(files, near)
    assert files.root(near[0]) == near[0]
    files.forget(root)
    files.let_go_all()
    assert files.load(near[0]) == near[2]


@pytest.mark.parametrize("damage", ["root", "gone root", "delta", "no root", "chain", "id"])
def test_damage_is_said_and_the_snapshot_forgotten(
    files: ManifestFiles, tmp_path: Path, damage: str
) -> None:
    near, other = tree(1), tree(2)
    root = keep(files, tree())
    files.keep_changed(*near, root)
    files.keep_changed(*other, root)
    place = tmp_path / "snapshots" / near[0]
    header, body = place.read_bytes()[:16], place.read_bytes()[80:]
    match damage:
        case "root":
            (tmp_path / "snapshots" / root).write_bytes(b"x")
        case "gone root":
            (tmp_path / "snapshots" / root).unlink()
        case "delta":
            place.write_bytes(place.read_bytes()[:-5])
        case "no root":
            place.write_bytes(header + b"/" * 64 + body)
        case "chain":
            place.write_bytes(header + other[0].encode() + body)
        case _:
            place.write_bytes((tmp_path / "snapshots" / other[0]).read_bytes())
    again = ManifestFiles(tmp_path / "snapshots")
    again.prepare()
    with pytest.raises(LanherdError) as refused:
        again.load(near[0])
    assert refused.value.code is ErrorCode.BLOB_CORRUPT
    with pytest.raises(LanherdError) as refused:
        again.load(near[0])
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_a_file_that_can_not_be_read_is_not_taken_for_damage(
    files: ManifestFiles, tmp_path: Path
) -> None:
    snapshot = SnapshotId(named(b"x"))
    (tmp_path / "snapshots" / snapshot).mkdir()
    with pytest.raises(LanherdError) as refused:
        files.load(snapshot)
    assert refused.value.code is ErrorCode.STORE_FAILED
    assert files.exists(snapshot)


def test_what_is_held_in_memory_has_a_bound_and_an_end(
    files: ManifestFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [tree(0, size) for size in (100, 110, 120)]
    most = 4 * (len(known[1][1]) + len(known[2][1]))
    monkeypatch.setattr(manifest_files, "HELD_BYTES_MAX", most)
    for one in known:
        keep(files, one)
    assert list(files._held) == [known[1][0], known[2][0]]
    assert files._held_bytes <= most
    files.load(known[1][0])
    files.load(known[0][0])
    # The least recently used one made room.
    assert known[2][0] not in files._held
    files.let_go()
    assert files._held
    monkeypatch.setattr(manifest_files, "HELD_S", -1.0)
    files.let_go()
    assert not files._held and files._held_bytes == 0
