import hashlib
from pathlib import Path

from lanherd_agent.envs.requirements import Entry
from lanherd_agent.envs.wheel_folders import with_hashes


def put(folder: Path, name: str) -> str:
    (folder / name).write_text(name)
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def test_a_version_has_the_hashes_of_its_files(tmp_path: Path) -> None:
    mine = [
        put(tmp_path, "Tiny_Thing-1.0-py3-none-any.whl"),
        put(tmp_path, "tiny_thing-1.0-py3-none-win_amd64.whl"),
        put(tmp_path, "tiny-thing-1.0.tar.gz"),
        put(tmp_path, "tiny.thing-1.0.zip"),
    ]
    for other in ("tiny_thing-1.1-py3-none-any.whl", "tiny-1.0.tar.gz", "notes.txt", "odd.whl"):
        put(tmp_path, other)
    (tmp_path / "tiny-thing-1.0.zip").mkdir()
    entry = Entry("tiny-thing", "tiny-thing==1.0 ; python_version > '3'")
    for folder in (str(tmp_path), tmp_path.as_uri()):
        assert with_hashes(entry, (folder,)).hashes == tuple(sorted(mine))
    assert not with_hashes(entry, ("relative", str(tmp_path / "absent"), "")).hashes


def test_what_is_held_to_its_content_already_stays_so(tmp_path: Path) -> None:
    put(tmp_path, "tiny-1.0.tar.gz")
    for entry in (
        Entry("tiny", "tiny==1.0", ("sha256:0",)),
        Entry("tiny", f"tiny @ git+https://example.invalid/tiny@{'0' * 40}"),
        Entry("tiny", "tiny @ file:///srv/tiny"),
    ):
        assert with_hashes(entry, (str(tmp_path),)) == entry
