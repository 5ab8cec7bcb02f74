import pytest

from lanherd_agent.envs.requirements import (
    Entry,
    NotTextError,
    OtherHashError,
    decoded,
    entries,
    includes,
    index_lines,
    keep_hashes,
    normalised,
    project_index_lines,
    rendered,
    wheel_folders,
    without_credentials,
)

FILE = """
# a comment --hash=sha256:no
-r base.txt
-cconstraints.txt
--requirement=more.txt  # why
--index-url https://lab:secret@mirror.invalid/index
--extra-index-url=https://other.invalid/index
-f ./wheels
--find-links /srv/wheels
--no-index
--pre
Tiny.Thing==1.0 ; python_version > "3" \\
    --hash=sha256:aa \\
    --hash=sha256:bb
big[extra]>=1,<2 # 2 is broken
-e ./local
./path.whl
tool @ git+https://example.invalid/tool@0123456789012345678901234567890123456789
"""


def test_entries_are_read_with_their_hashes() -> None:
    found = entries(FILE)
    assert [entry.name for entry in found] == ["tiny-thing", "big", "tool"]
    thing, big, tool = found
    assert thing.text == 'Tiny.Thing==1.0 ; python_version > "3"'
    assert thing.hashes == ("sha256:aa", "sha256:bb")
    assert big == Entry("big", "big[extra]>=1,<2")
    assert thing.is_fixed
    assert tool.is_fixed
    assert not big.is_fixed


def test_includes_and_indexes_are_read() -> None:
    assert includes(FILE) == ("base.txt", "constraints.txt", "more.txt")
    lines = index_lines(FILE)
    assert lines == (
        "--index-url https://lab:secret@mirror.invalid/index",
        "--extra-index-url=https://other.invalid/index",
        "-f ./wheels",
        "--find-links /srv/wheels",
        "--no-index",
    )
    assert wheel_folders(lines) == ("./wheels", "/srv/wheels")


def test_the_indexes_of_a_project_are_read() -> None:
    table = {
        "no-index": True,
        "index-url": "https://one.invalid/index",
        "extra-index-url": ["https://two.invalid/index", 3],
        "find-links": ["/srv/wheels"],
        "index": [
            {"name": "torch", "url": "https://torch.invalid/whl/cu124", "explicit": True},
            {"url": "https://lab.invalid/index", "default": True},
            {"name": "no url"},
            "no table",
        ],
    }
    assert project_index_lines(table) == (
        "--no-index",
        "--index-url https://one.invalid/index",
        "--extra-index-url https://two.invalid/index",
        "--find-links /srv/wheels",
        "--extra-index-url https://torch.invalid/whl/cu124",
        "--index-url https://lab.invalid/index",
    )
    assert project_index_lines({"index": 3, "find-links": 4}) == ()
    assert project_index_lines("no table") == ()
    # What isn't one line is no line.
    assert project_index_lines({"index-url": "https://one.invalid\n-r /etc/passwd"}) == ()


def test_an_answer_is_held_to_the_hashes_that_were_asked_for() -> None:
    found = entries("a==1 --hash=sha256:1 --hash=sha256:2\nb==1 --hash=sha256:3\nc==1\n")
    asked = entries("A==1 --hash=sha256:2 --hash=sha256:9\nc --hash=sha256:4\nb\n")
    assert [entry.hashes for entry in keep_hashes(found, asked)] == [
        ("sha256:2",),
        ("sha256:3",),
        ("sha256:4",),
    ]
    with pytest.raises(OtherHashError) as other:
        keep_hashes(found, entries("b --hash=sha256:7"))
    assert other.value.name == "b"


def test_the_same_answer_is_the_same_file() -> None:
    one = entries("b==1 --hash=sha256:2 --hash=sha256:1\na==1 --hash=sha256:0\n")
    two = entries("a==1 --hash=sha256:0\nb==1 --hash=sha256:1 --hash=sha256:2\n")
    lock = rendered(("--no-index",), one)
    assert lock == rendered(("--no-index",), two)
    assert lock == (
        b"--no-index\na==1 \\\n    --hash=sha256:0\n"
        b"b==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n"
    )
    assert entries(lock.decode()) == entries(rendered((), two).decode())


def test_names_text_and_credentials() -> None:
    assert normalised("Zope..Interface_x") == "zope-interface-x"
    assert decoded(b"\xef\xbb\xbftiny") == "tiny"
    with pytest.raises(NotTextError):
        decoded(b"\xff")
    assert without_credentials("at https://lab:s3cr3t@mirror.invalid/index or http://x/y") == (
        "at https://mirror.invalid/index or http://x/y"
    )
