"""rsync over a real sshd on loopback, as the reference of what a push takes."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SSHD = "/usr/sbin/sshd"
PORTS = range(20222, 20242)
READY_TRIES = 100
POLL_S = 0.05


def what_is_missing() -> list[str]:
    """The tools that this machine has not."""
    missing = [tool for tool in ("rsync", "ssh", "ssh-keygen") if shutil.which(tool) is None]
    return missing if os.path.exists(SSHD) else [*missing, SSHD]


@dataclass(frozen=True)
class Rsync:
    """rsync to a folder of this machine, through its sshd."""

    ssh: Sequence[str]

    def push_s(self, source: Path, target: Path) -> float:
        """How long it takes to make `target` like `source`."""
        began = time.perf_counter()
        subprocess.run(
            [*self._command(), f"{source}/", f"127.0.0.1:{target}/"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - began

    def _command(self) -> list[str]:
        return ["rsync", "-a", "--delete", "-e", " ".join(self.ssh)]

    def pushed_bytes(self, source: Path, target: Path) -> int:
        """The same; what it sends for that."""
        done = subprocess.run(
            [*self._command(), "--stats", f"{source}/", f"127.0.0.1:{target}/"],
            check=True,
            capture_output=True,
            text=True,
        )
        line = next(one for one in done.stdout.splitlines() if one.startswith("Total bytes sent"))
        return int(line.partition(":")[2].strip().replace(",", ""))


@contextmanager
def loopback_rsync(folder: Path) -> Iterator[Rsync]:
    """An sshd with keys of its own in `folder`, for as long as the block lasts."""
    for name in ("host", "id"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    shutil.copy(folder / "id.pub", folder / "authorized")
    (folder / "authorized").chmod(0o600)
    os.makedirs("/run/sshd", exist_ok=True)
    pause = threading.Event()
    for port in PORTS:
        options = {
            "ListenAddress": "127.0.0.1",
            "AuthorizedKeysFile": str(folder / "authorized"),
            "StrictModes": "no",
            "PidFile": "none",
            "UsePAM": "no",
        }
        daemon = subprocess.Popen(
            [SSHD, "-D", "-p", str(port), "-f", "/dev/null", "-h", str(folder / "host")]
            + [word for name, value in options.items() for word in ("-o", f"{name}={value}")],
            stderr=subprocess.DEVNULL,
        )
        ssh = ["ssh", "-q", "-p", str(port), "-i", str(folder / "id")]
        ssh += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        ssh += ["-o", "ControlMaster=no", "-o", "BatchMode=yes"]
        try:
            for _ in range(READY_TRIES):
                if subprocess.run([*ssh, "127.0.0.1", "true"], check=False).returncode == 0:
                    yield Rsync(ssh)
                    return
                if daemon.poll() is not None:
                    break  # the port is somebody else's: the next one
                pause.wait(POLL_S)
        finally:
            daemon.terminate()
            daemon.wait()
    raise RuntimeError(f"no sshd could be started on the ports {PORTS[0]} to {PORTS[-1]}")
