"""What a process's cgroup tells about it: its container, and the attempt that it belongs to. Pure.

The text is that of /proc/PID/cgroup: one line for each hierarchy, or one line in all with version
2: `number:controllers:path`.
"""

import re
from collections.abc import Iterator

RUNS = "lanherd-runs"
"""The folder below which the launcher gives each attempt a cgroup, named `RUN.ATTEMPT`."""
SHORT_ID = 12
"""As many digits of a container's id as its own tools show."""

# `docker-ID.scope`, `libpod-ID.scope`, `cri-containerd-ID.scope`, `crio-ID`, `nerdctl-ID.scope`
# under systemd; the id alone below `docker`, `libpod_parent`, a pod of Kubernetes or a namespace of
# containerd where no systemd is in between.
_BY_ID = re.compile(r"(?:[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?")
_LXC = re.compile(r"lxc\.payload[./]([^/]+)|/lxc/([^/]+)")
_NSPAWN = re.compile(r"/machine-([^/]+)\.scope|/systemd-nspawn@([^/]+)\.service")
_ATTEMPT = re.compile(rf"/{RUNS}/([^/]+)\.(\d+)(?:/|$)")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")


def container_of(cgroup: str) -> str | None:
    """Short id or name of the innermost container; None for a process of the machine itself."""
    return next((found for path in _paths(cgroup) if (found := _container_in(path))), None)


def attempt_of(cgroup: str) -> tuple[str, int] | None:
    """Run and attempt whose cgroup it is in."""
    for path in _paths(cgroup):
        found = _ATTEMPT.search(path)
        if found is not None:
            return found[1], int(found[2])
    return None


def _paths(cgroup: str) -> Iterator[str]:
    for line in cgroup.splitlines():
        _, _, rest = line.partition(":")
        _, _, path = rest.partition(":")
        yield path


def _container_in(path: str) -> str | None:
    for name in reversed(path.split("/")):
        by_id = _BY_ID.fullmatch(name)
        if by_id is not None:
            return by_id[1][:SHORT_ID]
    for pattern in (_LXC, _NSPAWN):
        named = pattern.search(path)
        if named is not None:
            # systemd writes a dash in a name as \x2d.
            return _ESCAPE.sub(lambda hexed: chr(int(hexed[1], 16)), named[1] or named[2])
    return None
