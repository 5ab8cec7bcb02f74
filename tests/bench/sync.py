"""How long a project takes to get to a machine, beside rsync over ssh in the same run.

10,000 small files and one of 200 MB, over loopback TLS to a real agent process; rsync brings the
same tree through a real sshd on loopback. Cold: nothing is there yet. Then nothing has changed, and
one file was edited. Ours is measured as a client that stays open has it (the desktop, `--watch`, a
script); what the whole `lanherd push` command takes, with the start of an interpreter and the
handshake, is told beside it, as is a bare `ssh true`. Then 100 bytes are changed in the middle of a
file of 1 GB, and 100,000 files are looked through of which none has changed.

The three are taken in turns, so that what else the machine does hits both alike, and the median is
told. LANHERD_BENCH_SYNC_PARTS=tree,large,many chooses parts.
"""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from lanherd_client.fleet import Fleet
from lanherd_client.projects.push_progress import PushResult
from lanherd_protocol.limits import MIB
from tests.bench.agent import BenchAgent, disk_folder, environment_of, running_agent
from tests.bench.loopback_ssh import Rsync, loopback_rsync, what_is_missing
from tests.bench.report import Metric, Report

FILES, LARGE_MIB = 10_000, 200
COLD_TURNS, WARM_TURNS = 3, 7
COLD_MAX, UNCHANGED_MAX, EDIT_MAX = 1.0, 0.3, 0.3
HUGE_MIB, CHANGED_BYTES, SENT_MIB_MAX = 1024, 100, 2.0
MANY, MANY_S_MAX, RSS_MIB_MAX = 100_000, 1.5, 200.0
SETTLE_S = 2.2
"""What was written less than 2 s before a scan is read once more by the next."""
PARTS = ("tree", "large", "many")


def measure(report: Report) -> None:
    chosen = os.environ.get("LANHERD_BENCH_SYNC_PARTS", ",".join(PARTS)).split(",")
    if "tree" in chosen:
        measure_tree(report)
    if "large" in chosen:
        measure_large(report)
    if "many" in chosen:
        measure_many(report)


# --- Trees ---------------------------------------------------------------------------------------


def make_tree(root: Path, files: int, large_mib: int, seed: int) -> None:
    """As `sync_peers.sh` makes it."""
    made = random.Random(seed)
    words = [bytes(made.choices(range(97, 123), k=made.randint(3, 9))) for _ in range(5000)]
    for number in range(files):
        folder = root / f"pkg{number % 100}" / f"m{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        text = b" ".join(made.choices(words, k=made.randint(100, 900)))
        (folder / f"f{number}.py").write_bytes(text)
    write_random(root / "weights.bin", large_mib, made)
    # A checkpoint of that size stays at home otherwise.
    (root / ".lanherdignore").write_text("!weights.bin\n")


def write_random(path: Path, size_mib: int, made: random.Random) -> None:
    with open(path, "wb") as file:
        file.writelines(made.randbytes(MIB) for _ in range(size_mib))


def settle() -> None:
    threading.Event().wait(SETTLE_S)


# --- Our side ------------------------------------------------------------------------------------


class Client:
    """A client that stays open, beside an agent that it is paired with."""

    def __init__(self, agent: BenchAgent) -> None:
        self._agent = agent
        self._runner = asyncio.Runner()
        self._opened = Fleet.open(agent.controller)
        self._fleet = self._runner.run(self._opened.__aenter__())
        self._runner.run(self._fleet.pair_socket(agent.socket))
        self._runner.run(self._fleet.settled())
        (self.machine,) = self._fleet.machines()

    def push_s(self, folder: Path) -> tuple[float, PushResult]:
        began = time.perf_counter()
        (pushed,) = self._runner.run(self._fleet.push(folder))
        took = time.perf_counter() - began
        if pushed.result is None:
            raise RuntimeError(f"the push failed: {pushed.problem}")
        return took, pushed.result

    def command_s(self, folder: Path) -> float:
        """The whole command, from the start of its interpreter."""
        command = [str(Path(sys.executable).with_name("lanherd")), "push", str(folder), "--json"]
        began = time.perf_counter()
        subprocess.run(
            command,
            check=True,
            env=environment_of(self._agent.folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.perf_counter() - began

    def close(self) -> None:
        self._runner.run(self._opened.__aexit__(None, None, None))
        self._runner.close()


# --- 10,000 small files and one of 200 MB --------------------------------------------------------


class Times:
    """Seconds of each side, by what was measured."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], list[float]] = {}

    def note(self, what: str, whose: str, seconds: float) -> None:
        self._taken.setdefault((what, whose), []).append(seconds)

    def median(self, what: str, whose: str) -> float | None:
        taken = self._taken.get((what, whose))
        return None if taken is None else statistics.median(taken)

    def told(self, what: str, whose: str) -> str:
        taken = self._taken.get((what, whose), [])
        return f"{min(taken):.2f} to {max(taken):.2f} s" if taken else "not measured"


def measure_tree(report: Report) -> None:
    times = Times()
    missing = what_is_missing()
    if missing:
        report.say(
            f"NO REFERENCE: {', '.join(missing)} is not installed here, so nothing is compared with"
            " rsync. Install rsync and openssh-server."
        )
    with ExitStack() as stack:
        root = Path(stack.enter_context(disk_folder()))
        source = root / "src"
        make_tree(source, FILES, LARGE_MIB, 7)
        settle()
        rsync = None
        if not missing:
            (root / "ssh").mkdir()
            rsync = stack.enter_context(loopback_rsync(root / "ssh"))
        for turn in range(COLD_TURNS):
            time_cold(times, source, root / f"rsync-{turn}", rsync)
        time_warm(times, source, root / f"rsync-{COLD_TURNS - 1}", rsync)
        if rsync is not None:
            times.note("ssh", "ssh", bare_ssh_s(rsync))
    tell(report, times, "cold", COLD_MAX)
    tell(report, times, "unchanged", UNCHANGED_MAX)
    tell(report, times, "edit", EDIT_MAX)


def time_cold(times: Times, source: Path, target: Path, rsync: Rsync | None) -> None:
    if rsync is not None:
        flush()
        times.note("cold", "rsync", rsync.push_s(source, target))
    flush()
    with running_agent(simulate_gpus=1) as agent:
        client = Client(agent)
        times.note("cold", "ours", client.push_s(source)[0])
        client.close()


def time_warm(times: Times, source: Path, target: Path, rsync: Rsync | None) -> None:
    flush()
    with running_agent(simulate_gpus=1) as agent:
        client = Client(agent)
        client.push_s(source)
        for turn in range(WARM_TURNS):
            settle()
            if rsync is not None:
                times.note("unchanged", "rsync", rsync.push_s(source, target))
            times.note("unchanged", "ours", client.push_s(source)[0])
            times.note("unchanged", "command", client.command_s(source))
            edit(source, turn)
            if rsync is not None:
                times.note("edit", "rsync", rsync.push_s(source, target))
            times.note("edit", "ours", client.push_s(source)[0])
            edit(source, turn)
            times.note("edit", "command", client.command_s(source))
        client.close()


def edit(source: Path, turn: int) -> None:
    with open(source / "pkg3" / "m3" / "f3.py", "ab") as file:
        file.write(b"x = %d\n" % turn)


def flush() -> None:
    """What others wrote shall not be written while something is measured."""
    os.sync()


def bare_ssh_s(rsync: Rsync) -> float:
    began = time.perf_counter()
    subprocess.run([*rsync.ssh, "127.0.0.1", "true"], check=True)
    return time.perf_counter() - began


def tell(report: Report, times: Times, what: str, most: float) -> None:
    ours, theirs = times.median(what, "ours"), times.median(what, "rsync")
    if ours is None:
        return
    seen = f"of {times.told(what, 'ours')}"
    report.add(Metric(f"sync_{what}", ours, "s", reference=seen))
    if theirs is not None:
        ssh = times.median("ssh", "ssh") or 0.0
        seen = f"rsync {theirs:.2f} s ({times.told(what, 'rsync')}), ssh true {ssh:.2f} s"
        report.add(Metric(f"sync_{what}_by_rsync", ours / theirs, "x", most, reference=seen))
    command = times.median(what, "command")
    if command is not None:
        beside = f"{command / theirs:.2f} of rsync" if theirs else ""
        report.add(Metric(f"sync_{what}_command", command, "s", reference=beside))


# --- A large file --------------------------------------------------------------------------------


def measure_large(report: Report) -> None:
    with disk_folder() as name, running_agent(simulate_gpus=1) as agent:
        source = Path(name) / "src"
        source.mkdir()
        made = random.Random(11)
        write_random(source / "data.raw", HUGE_MIB, made)
        client = Client(agent)
        cold_s, _ = client.push_s(source)
        with open(source / "data.raw", "r+b") as file:
            file.seek(HUGE_MIB * MIB // 2)
            file.write(made.randbytes(CHANGED_BYTES))
        again_s, pushed = client.push_s(source)
        client.close()
    sent = pushed.sent_bytes / MIB
    seen = f"in {again_s:.2f} s; all of it took {cold_s:.2f} s"
    report.add(Metric("sync_changed_in_1_gb_sent", sent, "MiB", SENT_MIB_MAX, reference=seen))


# --- Many files ----------------------------------------------------------------------------------


def measure_many(report: Report) -> None:
    with disk_folder() as name, running_agent(simulate_gpus=1) as agent:
        source = Path(name) / "src"
        for number in range(MANY):
            folder = source / f"d{number % 1000}"
            if number < 1000:
                folder.mkdir(parents=True)
            (folder / f"f{number}").write_bytes(b"%d\n" % number)
        settle()
        looks, rss = looked_through(agent, source)
        # Told before the folder is removed, which takes longer than all the rest.
        tell_many(report, looks, rss, peak_rss_mib(agent.pid))


def tell_many(report: Report, looks: list[float], rss: float, agent_rss: float) -> None:
    took = statistics.median(looks)
    seen = f"of {min(looks):.2f} to {max(looks):.2f} s"
    report.add(Metric("sync_100000_unchanged", took, "s", MANY_S_MAX, reference=seen))
    report.add(Metric("sync_100000_client_rss", rss, "MiB", RSS_MIB_MAX, reference="at its peak"))
    agent_seen = "at its peak, the first push included"
    report.add(Metric("sync_100000_agent_rss", agent_rss, "MiB", RSS_MIB_MAX, reference=agent_seen))


def looked_through(agent: BenchAgent, source: Path) -> tuple[list[float], float]:
    """Seconds of some pushes by a process of its own, after another one has pushed it all, and how
    much memory that took."""
    command = [sys.executable, "-m", "tests.bench.sync_client", str(source), str(agent.socket)]
    environment = environment_of(agent.folder)
    subprocess.run([*command, "1"], check=True, env=environment, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        [*command, "5"], check=True, env=environment, stdout=subprocess.PIPE, text=True
    )
    *looks, rss = map(float, done.stdout.split())
    return looks, rss


def peak_rss_mib(pid: int | str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"the kernel doesn't say how much memory process {pid} took")
