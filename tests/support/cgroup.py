"""A cgroup for an agent's runs on this machine, as systemd would delegate one; needs root."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support.waiting import wait_until

GONE_S = 10.0


@contextmanager
def delegated_cgroup(name: str) -> Iterator[dict[str, str]]:
    """The variables that give it to an agent; in the end all in it is killed, and it goes away."""
    folder = unified() / name
    folder.mkdir()
    try:
        yield {"LANHERD_CGROUP": str(folder)}
    finally:
        (folder / "cgroup.kill").write_text("1")
        for path in sorted(folder.glob("**/"), key=lambda path: -len(path.parts)):
            wait_until(partial(is_removed, path), GONE_S)


def unified() -> Path:
    """Where the unified hierarchy is mounted."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise FileNotFoundError("this machine has no cgroup v2")


def is_removed(path: Path) -> bool:
    """Removes an empty cgroup; False while its last process is still going."""
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
