import os
from pathlib import Path

import pytest

from lanherd_agent.runs import outputs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "outputs"
    (folder / "plots").mkdir(parents=True)
    (folder / "loss.csv").write_text("1,2\n")
    (folder / "plots" / "loss.png").write_bytes(b"png")
    (tmp_path / "secret").write_text("secret")
    return folder


def test_a_listing_has_paths_sizes_times_and_kinds(root: Path) -> None:
    (root / "out").symlink_to("/etc")
    os.mkfifo(root / "pipe")
    listing = outputs.scan(root)
    assert [(e.path, e.size, e.kind.value) for e in listing.entries] == [
        ("loss.csv", 4, "file"),
        ("out", 0, "link"),
        ("pipe", 0, "other"),
        ("plots", 0, "folder"),
        ("plots/loss.png", 3, "file"),
    ]
    assert listing.entries[0].mtime_ns == (root / "loss.csv").stat().st_mtime_ns
    assert not listing.truncated
    assert listing.unlisted == 0


def test_no_folder_is_an_empty_listing_and_a_link_is_none(root: Path) -> None:
    assert outputs.scan(root / "nowhere").entries == ()
    (root / "linked").symlink_to(root / "plots")
    with pytest.raises(outputs.OutputError):
        outputs.scan(root / "linked")


def test_a_listing_is_bounded_and_says_so(root: Path) -> None:
    for n in range(20):
        (root / "plots" / str(n)).touch()
    listing = outputs.scan(root, entries_max=10)
    assert len(listing.entries) == 10
    assert listing.truncated


def test_depth_is_bounded_and_said(root: Path) -> None:
    (root / Path(*["deep"] * (outputs.DEPTH_MAX + 2))).mkdir(parents=True)
    assert outputs.scan(root).truncated


def test_names_that_are_no_text_are_counted(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe")).touch()
    listing = outputs.scan(root)
    assert listing.unlisted == 1
    assert len(listing.entries) == 3


def test_changes_between_two_scans(root: Path) -> None:
    before = outputs.scan(root)
    assert outputs.changes(before, outputs.scan(root)) == outputs.Changes((), ())
    (root / "loss.csv").write_text("1,2\n3,4\n")
    (root / "plots" / "loss.png").unlink()
    (root / "new").touch()
    found = outputs.changes(before, outputs.scan(root))
    assert {"loss.csv", "new"} <= {entry.path for entry in found.changed}
    assert found.removed == ("plots/loss.png",)


def test_ranges(root: Path) -> None:
    assert outputs.read_range(root, "plots/loss.png", 1).data == b"ng"
    part = outputs.read_range(root, "loss.csv", 0, 2)
    assert (part.data, part.size) == (b"1,", 4)
    assert outputs.read_range(root, "loss.csv", 100).data == b""
    with pytest.raises(outputs.OutputError):
        outputs.read_range(root, "loss.csv", -1)


@pytest.mark.parametrize(
    "path",
    ["", ".", "/etc/passwd", "../secret", "plots/../../secret", "missing", "plots", "a\0b"],
)
def test_paths_that_are_no_output(root: Path, path: str) -> None:
    with pytest.raises(outputs.OutputError):
        outputs.read_range(root, path, 0)


def test_links_and_pipes_are_never_followed_or_opened(root: Path) -> None:
    (root / "secret").symlink_to(root.parent / "secret")
    (root / "up").symlink_to(root.parent)
    os.mkfifo(root / "pipe")
    for path in ("secret", "up/secret", "pipe"):
        with pytest.raises(outputs.OutputError):
            outputs.read_range(root, path, 0)
