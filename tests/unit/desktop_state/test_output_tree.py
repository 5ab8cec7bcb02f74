import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_desktop.state.output_tree import OutputNode, build_tree, files, preview_kind
from lanherd_protocol.values import OutputEntry


def file(path: str, size: int = 1, at: float = 1.0) -> OutputEntry:
    return OutputEntry(path=path, kind="file", size_bytes=size, modified_at=at)


def folder(path: str, at: float = 2.0) -> OutputEntry:
    return OutputEntry(path=path, kind="directory", modified_at=at)


def lines(node: OutputNode, depth: int = 0) -> list[str]:
    found = []
    for child in node.children:
        found.append(f"{'  ' * depth}{child.name} {child.size_bytes}")
        found.extend(lines(child, depth + 1))
    return found


def test_a_listing_is_a_tree_with_folders_first_and_their_sizes() -> None:
    root = build_tree(
        [file("b.txt", 5), folder("runs"), file("runs/x/A.pt", 7), file("runs/b", 2), file("A", 1)]
    )
    assert lines(root) == ["runs 9", "  x 7", "    A.pt 7", "  b 2", "A 1", "b.txt 5"]
    assert [node.path for node in files(root)] == ["runs/x/A.pt", "runs/b", "A", "b.txt"]
    assert (root.row, root.children[1].row) == (0, 1)
    assert root.children[0].is_directory and root.children[0].modified_at == 2.0


def test_nothing_is_an_empty_tree() -> None:
    assert files(build_tree(())) == []


names = st.text(st.sampled_from("abC."), min_size=1, max_size=3)
paths = st.sets(st.lists(names, min_size=1, max_size=3).map("/".join), max_size=12)


@given(paths)
def test_the_order_of_a_listing_does_not_matter(chosen: set[str]) -> None:
    leaves = {p for p in chosen if not any(o.startswith(f"{p}/") for o in chosen)}
    entries = [file(path, 1) for path in sorted(leaves)]
    tree = build_tree(entries)
    assert lines(tree) == lines(build_tree(entries[::-1]))
    assert {node.path for node in files(tree)} == leaves
    assert tree.size_bytes == len(leaves)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/b.PNG", "image"),
        ("losses.csv", "table"),
        ("x.json", "text"),
        ("Makefile", "text"),
        ("a.b/README", "text"),
        ("last.pt", "none"),
        (".hidden", "none"),
    ],
)
def test_what_a_name_says_of_its_preview(path: str, kind: str) -> None:
    assert preview_kind(path) == kind
