import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lanherd_protocol import manifest as manifests
from lanherd_protocol import manifest_delta as deltas
from lanherd_protocol.limits import MANIFEST_BYTES_MAX, MANIFEST_ENTRIES_MAX
from lanherd_protocol.manifest import ManifestError
from lanherd_protocol.manifest_delta import Delta
from lanherd_protocol.values import Manifest, ManifestEntry
from tests.unit.manifest.test_manifest import blob, file, trees

PATHS = ["a", "a-b", "a/b", "a/b/c", "a0", "b", "b/a", "../a", "/a", "a//b", "a\0", "é/a"]
ENTRIES = st.builds(
    ManifestEntry,
    st.sampled_from(PATHS),
    st.sampled_from(["file", "executable", "directory", "link"]),
    st.sampled_from([0, 0, 0, 1, -1]),
    st.sampled_from([(), (), (), (blob(1),), ("x",)]),
    st.sampled_from(["", "", "b", "..", "/etc"]),
)


def folder(path: str) -> ManifestEntry:
    return ManifestEntry(path, "directory")


def link(path: str) -> ManifestEntry:
    return ManifestEntry(path, "link", target="x")


@given(trees(), trees())
def test_what_differs_makes_one_tree_of_the_other(old: Manifest, new: Manifest) -> None:
    delta = deltas.diff(old, new)
    assert deltas.apply(old, delta) == new
    assert deltas.decode(deltas.encode(delta)) == delta
    assert bool(delta.removed or delta.put) == (old != new)


@given(trees())
def test_nothing_differs_from_itself(tree: Manifest) -> None:
    again = manifests.decode(manifests.encode(tree))
    assert deltas.diff(tree, again) == Delta()
    assert deltas.apply(tree, Delta()) == tree


@given(
    trees(),
    st.lists(st.sampled_from(PATHS), max_size=2, unique=True),
    st.lists(ENTRIES, max_size=4, unique_by=lambda entry: entry.path),
)
@example(Manifest(entries=(file("a"),)), [], [file("a/b")])
@example(Manifest(entries=(file("a/b"),)), [], [file("a")])
@example(Manifest(entries=(file("a"), file("a-b"))), ["a"], [file("a/b")])
@example(Manifest(entries=(file("a"), file("a-b"))), [], [folder("a"), file("a/b/c")])
@example(Manifest(entries=(folder("a"), file("a-b"), file("a/b"))), [], [link("a")])
@example(Manifest(entries=(folder("a"), file("a/b"))), ["a/b"], [file("a")])
def test_the_verdict_is_that_of_full_validation(
    old: Manifest, removed: list[str], put: list[ManifestEntry]
) -> None:
    """Of a well-formed delta: sorted, nothing twice, nothing that changes nothing."""
    held = {entry.path: entry for entry in old.entries}
    changed = sorted((e for e in put if held.get(e.path) != e), key=lambda entry: entry.path)
    paths = {entry.path for entry in changed}
    gone = tuple(sorted(path for path in removed if path in held and path not in paths))
    held.update((entry.path, entry) for entry in changed)
    for path in gone:
        del held[path]
    wanted = Manifest(entries=tuple(held[path] for path in sorted(held)))
    try:
        manifests.validate(wanted)
        is_valid = True
    except ManifestError:
        is_valid = False
    try:
        made = deltas.apply(old, Delta(removed=gone, put=tuple(changed)))
        assert is_valid and made == wanted
    except ManifestError:
        assert not is_valid


OLD = Manifest(entries=(file("a"), file("b/c"), file("d")))


@pytest.mark.parametrize(
    ("delta", "why"),
    [
        (Delta(removed=("b",)), "is removed, and is not there"),
        (Delta(removed=("z",)), "is removed, and is not there"),
        (Delta(removed=("d", "a")), "not sorted, or twice"),
        (Delta(removed=("a", "a")), "not sorted, or twice"),
        (Delta(put=(file("y"), file("x"))), "not sorted, or twice"),
        (Delta(put=(file("x"), file("x"))), "not sorted, or twice"),
        (Delta(removed=("a",), put=(file("a", 2),)), "'a' is removed and put at once"),
        (Delta(put=(file("a"),)), "is put, and is there as it is"),
        (Delta(put=(file("../x"),)), "holds the name '..'"),
        (Delta(put=(file("d/x"),)), "'d/x' lies under 'd', which is no folder"),
        (Delta(put=(link("b"),)), "'b/c' lies under 'b', which is no folder"),
        (Delta(format=2), "a delta of format 2 is not known here"),
    ],
)
def test_a_hostile_delta_is_refused(delta: Delta, why: str) -> None:
    with pytest.raises(ManifestError, match=why.replace("(", r"\(")):
        deltas.apply(OLD, delta)


def test_what_a_delta_removes_is_no_obstacle_to_what_it_puts() -> None:
    delta = Delta(removed=("d",), put=(file("d/x"), file("d/y")))
    assert [entry.path for entry in deltas.apply(OLD, delta).entries] == ["a", "b/c", "d/x", "d/y"]
    assert deltas.hashes(delta) == (blob(0),)


def test_too_many_entries_are_refused_after_the_delta_too() -> None:
    full = Manifest(entries=tuple(folder(f"{n:06}") for n in range(MANIFEST_ENTRIES_MAX)))
    with pytest.raises(ManifestError, match="are more than"):
        deltas.apply(full, Delta(put=(folder("x"),)))


def test_bytes_that_are_no_delta_are_refused() -> None:
    with pytest.raises(ManifestError, match="not a compressed manifest"):
        deltas.decode(b"x")
    with pytest.raises(ManifestError, match="not a delta"):
        deltas.decode(manifests.compress(b"x"))
    loose = msgspec.msgpack.encode({"put": [], "removed": [], "format": 1})
    with pytest.raises(ManifestError, match="not in the canonical encoding"):
        deltas.decode(manifests.compress(loose))
    with pytest.raises(ManifestError, match="are more than"):
        deltas.encode(Delta(removed=("x" * MANIFEST_BYTES_MAX,)))
