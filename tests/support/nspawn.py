"""A host of its own on this machine: a real systemd as process 1, in a container, on a throw-away
disk over a cached image. Needs root, debootstrap and systemd-nspawn; no network is in it.

Never boots a systemd on the machine's own root. What is made, `down` takes away again; a cut of the
power is a SIGKILL of its process 1, and a reboot is `up` on the disk that was kept.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support.cgroup import is_removed
from tests.support.waiting import wait_until

BOOT_S = 60.0
DOWN_S = 60.0
CALL_S = 120.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = "systemd,systemd-sysv,libpam-systemd,dbus,python3,procps"
# The container gets the unified hierarchy, whatever this machine has: cgroups to kill and freeze.
BOOT = """
set -e
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/"$2"
echo $$ >/sys/fs/cgroup/"$2"/cgroup.procs
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --quiet --directory "$1" --boot --machine "$2" --register=no --keep-unit \
    --private-network --console=read-only --link-journal=no
"""
MASKED = (
    "console-getty",
    "systemd-networkd-wait-online",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
)


class HostError(AssertionError):
    """A command in the host failed; has its words."""


def lacking() -> str:
    """What this machine lacks for such hosts; empty if nothing."""
    if os.geteuid() != 0:
        return "root"
    programs = ("debootstrap", "systemd-nspawn", "nsenter", "unshare")
    return ", ".join(name for name in programs if shutil.which(name) is None)


def make_image(folder: Path) -> Path:
    """A bare Debian with systemd and Python, made once (about a minute); its root."""
    root = folder / "root"
    if not (folder / "made").exists():
        shutil.rmtree(root, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        _run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root], 900)
        _run(["chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", "alice"])
        for unit in MASKED:
            _run(["systemctl", "--quiet", f"--root={root}", "mask", unit])
        (root / "etc/machine-id").write_text("")
        (folder / "made").touch()
    return root


class Host:
    def __init__(self, image: Path, folder: Path, name: str) -> None:
        self.name, self._image, self._folder = name, image, folder
        self.root = folder / "root"
        self._process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        """Boots it, and returns when its systemd has started everything."""
        for part in ("upper", "work", "root"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        if not self.root.is_mount():
            layers = f"lowerdir={self._image},upperdir={self._folder}/upper"
            options = f"{layers},workdir={self._folder}/work"
            _run(["mount", "-t", "overlay", "overlay", "-o", options, self.root])
        boot = ["bash", "-c", BOOT, "boot", str(self.root), self.name]
        with (self._folder / "console.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "-m", "--propagation", "slave", *boot],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._has_booted, BOOT_S)

    def _has_booted(self) -> bool:
        if self._running().poll() is not None:
            console = (self._folder / "console.log").read_text(errors="replace")
            raise HostError(f"the host did not boot:\n{console[-2000:]}")
        if self._leader() is None:
            return False
        state = self._enter(["systemctl", "is-system-running"]).stdout.strip()
        return state in ("running", "degraded")

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise HostError("the host was not started")
        return self._process

    def _leader(self) -> int | None:
        """Its process 1, as this machine numbers it."""
        pid = self._running().pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return None
        return int(children[0]) if children else None

    def down(self, *, cut: bool = False) -> None:
        """Its power is cut, or it is shut down in order. Its disk stays."""
        process = self._running()
        if process.poll() is None:
            leader = self._leader()
            if cut and leader is not None:
                os.kill(leader, signal.SIGKILL)
            else:
                process.send_signal(signal.SIGTERM)
            process.wait(DOWN_S)
        remove_cgroups(self.name)

    def remove(self) -> None:
        """All that is left of it."""
        if self._process is not None and self._process.poll() is None:
            self.down(cut=True)
        if self.root.is_mount():
            _run(["umount", self.root])
        shutil.rmtree(self._folder)

    def run(self, *words: str, user: str = "root") -> str:
        """Runs a command in it; its stdout. Raises HostError with its words if it fails."""
        done = self._enter([*_as_user(user), *words])
        if done.returncode != 0:
            told = f"{done.stdout}{done.stderr}"
            raise HostError(f"{' '.join(words)} ended with {done.returncode}: {told}")
        return done.stdout

    def _enter(self, words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        enter = ["nsenter", f"--target={self._leader()}", "--all", "--wdns=/"]
        return subprocess.run(
            [*enter, "env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CALL_S,
            check=False,
        )


@contextmanager
def host(image: Path, hosts: Path, name: str) -> Iterator[Host]:
    """A host that is up; nothing of it is left after the block."""
    made = Host(image, hosts / name, name)
    try:
        made.up()
        yield made
    finally:
        made.remove()


def remove_cgroups(name: str) -> None:
    """The host's cgroups, in every hierarchy in which it had some."""
    for found in Path("/sys/fs/cgroup").glob(f"*/{name}"):
        _remove_tree(found)
    if (own := Path("/sys/fs/cgroup") / name).is_dir():
        _remove_tree(own)


def _remove_tree(folder: Path) -> None:
    deadline = time.monotonic() + DOWN_S
    for path in sorted(folder.glob("**/"), key=lambda path: -len(path.parts)):
        wait_until(partial(is_removed, path), max(deadline - time.monotonic(), 0.1))


def _as_user(user: str) -> list[str]:
    if user == "root":
        return []
    return [
        "runuser",
        "-u",
        user,
        "--",
        "env",
        f"HOME=/home/{user}",
        "XDG_RUNTIME_DIR=/run/user/1000",
    ]


def _run(words: Sequence[str | Path], timeout_s: float = CALL_S) -> None:
    done = subprocess.run(
        list(words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=timeout_s, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        told = f"{done.stdout}{done.stderr}"
        raise HostError(f"{' '.join(map(str, words))} ended with {done.returncode}: {told[-2000:]}")
