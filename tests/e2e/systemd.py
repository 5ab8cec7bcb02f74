"""Runs outlive their agent under a real systemd: as a service of the system, and of a user.

Each part has a host of its own (tests/support/nspawn.py), whose bare image is made once in
LANHERD_E2E_CACHE. In it: `systemctl restart`, stop and start, SIGKILL and an upgrade of the agent
while runs are alive; a stop that ends all that a run has started, by its cgroup; a shutdown and a
cut of the power, after which runs are lost with that reason, or have their next attempt.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.report import Metric
from tests.e2e.tools import ROOT, Failed, NotRun, expect, run, say
from tests.support import nspawn
from tests.support.nspawn import Host, HostError
from tests.support.waiting import wait_until

CACHE = Path(os.environ.get("LANHERD_E2E_CACHE", "~/.cache/lanherd-e2e")).expanduser()
LOCK = ROOT / "packaging/locks/agent.txt"
UNITS = ROOT / "packaging/systemd"
PACKAGES = ("agent/lanherd_agent", "protocol/lanherd_protocol", "protocol/lanherd_client")
OPT = "opt/lanherd"
JOB = ("/usr/bin/python3", "-I", "-S", "/opt/lanherd/rig/fake_job.py")
TRUTH = "/var/tmp/truth"
PROGRAM = """#!/bin/sh
exec /usr/bin/python3 -P -m lanherd_agent.cli "$@"
"""
PATHS = "usr/local/lib/python3.11/dist-packages/lanherd.pth"
SOON_S = 30.0
NEXT_VERSION = "9.9.9"


def main(arguments: list[str]) -> None:
    lacking = nspawn.lacking()
    if lacking:
        raise NotRun(lacking)
    modes = [mode for mode in MODES if not arguments or mode.name in arguments]
    expect(bool(modes), f"systemd takes {', '.join(mode.name for mode in MODES)}, or nothing")
    image = make_image()
    for mode in modes:
        begin = time.monotonic()
        name = f"lanherd-{mode.name}-{os.getpid()}"
        with nspawn.host(image, CACHE / "systemd" / "hosts", name) as host:
            try:
                Scenario(host, mode).play()
            except (HostError, TimeoutError) as problem:
                raise Failed(f"{mode.name}: {problem}\n{journal(host)}") from problem
        took_s = time.monotonic() - begin
        print(Metric(f"systemd.{mode.name}", took_s, "s", at_most=150).as_json(), flush=True)


# --- The image ------------------------------------------------------------------------------------


def make_image() -> Path:
    """The bare image, with what the agent needs of others, by its lock."""
    if not (CACHE / "systemd" / "made").exists():
        say("making a bare Debian 12 with systemd (about a minute)")
    root = nspawn.make_image(CACHE / "systemd")
    stamp = root / OPT / "stamp"
    wanted = LOCK.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        say("installing what the agent needs into the image")
        shutil.rmtree(root / OPT, ignore_errors=True)
        (root / OPT).mkdir(parents=True)
        uv = Path(sys.executable).parent / "uv"
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
        where = ["--only-binary", ":all:", "--python-version", "3.11", "--target"]
        run([*map(str, install), *where, str(root / OPT / "site"), "-r", str(LOCK)])
        stamp.write_text(wanted)
    return root


def install(host: Host) -> None:
    """This checkout's agent, twice: as it is, and as an upgrade that calls itself NEXT_VERSION."""
    opt = host.root / OPT
    for folder in ("now", "next"):
        for package in PACKAGES:
            source = ROOT / package
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, opt / folder / source.name, ignore=ignored)
    (opt / "next/lanherd_protocol/version.py").write_text(f'__version__ = "{NEXT_VERSION}"\n')
    (opt / "rig").mkdir()
    for name in ("fake_job.py", "ask_agent.py"):
        shutil.copy(ROOT / "tests/support" / name, opt / "rig")
    host.run("ln", "-s", "now", "/opt/lanherd/current")
    (host.root / PATHS).write_text("/opt/lanherd/current\n/opt/lanherd/site\n")
    host.run("mkdir", "--mode=1777", TRUTH)


def put_program(host: Host, path: str) -> None:
    program = host.root / path.lstrip("/")
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(PROGRAM)
    program.chmod(0o755)


# --- The two ways to be a service -----------------------------------------------------------------


@dataclass(frozen=True)
class Mode:
    name: str
    user: str
    home: str
    manager: tuple[str, ...]
    set_up: Callable[[Host], None]


def set_up_system(host: Host) -> None:
    put_program(host, "/usr/bin/lanherd-agent")
    shutil.copy(UNITS / "lanherd.sysusers.conf", host.root / "usr/lib/sysusers.d/lanherd.conf")
    shutil.copy(UNITS / "lanherd-agent.service", host.root / "etc/systemd/system")
    host.run("systemd-sysusers")


def set_up_user(host: Host) -> None:
    put_program(host, "/home/alice/.local/bin/lanherd-agent")
    units = host.root / "home/alice/.config/systemd/user"
    units.mkdir(parents=True)
    shutil.copy(UNITS / "lanherd-agent.user.service", units / "lanherd-agent.service")
    host.run("chown", "-R", "alice:alice", "/home/alice")
    host.run("loginctl", "enable-linger", "alice")
    wait_until(lambda: has_manager(host), SOON_S)


def has_manager(host: Host) -> bool:
    """Whether alice's systemd can be asked."""
    try:
        host.run("test", "-S", "/run/user/1000/systemd/private")
    except HostError:
        return False
    return True


MODES = (
    Mode("system", "lanherd", "/var/lib/lanherd", ("systemctl",), set_up_system),
    Mode(
        "user",
        "alice",
        "/home/alice/.local/share/lanherd-agent",
        ("systemctl", "--user"),
        set_up_user,
    ),
)


def journal(host: Host) -> str:
    try:
        return host.run("journalctl", "--no-pager", "--lines=60", "--output=cat")
    except HostError as problem:
        return str(problem)


# --- What happens there ---------------------------------------------------------------------------


class Scenario:
    def __init__(self, host: Host, mode: Mode) -> None:
        self.host, self.mode = host, mode
        self.manager_user = "root" if mode.name == "system" else mode.user

    def play(self) -> None:
        install(self.host)
        self.mode.set_up(self.host)
        self.units_are_well_made()
        self.systemctl("daemon-reload")
        self.systemctl("enable", "--now", "lanherd-agent")
        self.cgroups_are_delegated()
        runs = self.begin_runs()
        for name, death in (
            ("systemctl restart", self.restart),
            ("systemctl stop, then start", self.stop_and_start),
            ("SIGKILL", self.kill),
            ("an upgrade", self.upgrade),
        ):
            begin = time.monotonic()
            death()
            self.same_processes(runs, name)
            say(f"{self.mode.name}: runs outlive {name} ({time.monotonic() - begin:.1f} s)")
        self.stop_ends_all_of_it(runs["leaver"])
        self.power_is_cut(runs)
        self.is_shut_down()

    def systemctl(self, *words: str) -> str:
        return self.host.run(*self.mode.manager, *words, user=self.manager_user)

    def show(self, name: str) -> str:
        return self.systemctl("show", "--property", name, "--value", "lanherd-agent").strip()

    def ask(self, *words: str) -> Any:
        program = ("/usr/bin/python3", "-P", "/opt/lanherd/rig/ask_agent.py", self.mode.home)
        return json.loads(self.host.run(*program, *words, user=self.mode.user))

    def view(self, run_id: str) -> dict[str, Any]:
        (found,) = [view for view in self.ask("list") if view["run"] == run_id]
        return dict(found)

    # --- Runs --------------------------------------------------------------------------------

    def cgroups_are_delegated(self) -> None:
        facts = self.ask("facts")
        expect(
            facts.get("weak_kill") is not True, "the agent kills weakly under a delegated cgroup"
        )

    def units_are_well_made(self) -> None:
        path = self.systemd_home() / "lanherd-agent.service"
        scope = self.mode.manager[1:]
        analyze = " ".join(("systemd-analyze", *scope, "verify", str(path), "2>&1"))
        done = self.host.run("sh", "-c", analyze, user=self.manager_user)
        expect(not done.strip(), f"systemd says of {path}: {done}")

    def systemd_home(self) -> Path:
        if self.mode.name == "system":
            return Path("/etc/systemd/system")
        return Path("/home/alice/.config/systemd/user")

    def begin_runs(self) -> dict[str, str]:
        """Ids of the runs that are to outlive everything."""
        steady = spec("steady", "--rate", "200")
        leaver = spec("leaver", "--leave", "plain,session,double,deaf,stopped,clean")
        again = spec("again", "--rate", "200") | {
            "retry": {"attempts_max": 2, "on": ["lost"], "backoff_s": 0.1}
        }
        views = self.ask("submit", json.dumps([steady, leaver, again]))
        runs = {view["spec"]["name"]: view["run"] for view in views}
        self.wait_state(runs, "running")
        wait_until(lambda: len(self.marked(runs["leaver"])) == 7, SOON_S)
        return runs

    def wait_state(self, runs: dict[str, str], state: str) -> None:
        def all_are() -> bool:
            states = {view["run"]: view["state"]["type"] for view in self.ask("list")}
            return {states[run_id] for run_id in runs.values()} == {state}

        wait_until(all_are, SOON_S)

    def marked(self, run_id: str) -> list[str]:
        """Processes of a run, by its cgroup: also one that has cleaned its environment."""
        lines = self.host.run("ps", "-e", "-o", "pid=,cgroup:300=,args=").splitlines()
        return [line for line in lines if run_id in line.partition("/")[2]]

    def same_processes(self, runs: dict[str, str], after: str) -> None:
        for name, run_id in runs.items():
            view = self.view(run_id)
            truth = self.truth(run_id, view["attempt"])
            expect(
                view["state"]["type"] == "running" and view["attempt"] == 1 and len(truth) == 1,
                f"after {after} run {name} is {view['state']}, started {len(truth)} times",
            )
            alive = self.host.run("ps", "-o", "pid=", "-p", str(view["state"]["pid"])).strip()
            expect(alive == str(view["state"]["pid"]), f"after {after} run {name} isn't there")

    def truth(self, run_id: str, attempt: int) -> list[str]:
        path = self.host.root / TRUTH.lstrip("/") / f"{run_id}-{attempt}.jsonl"
        return path.read_text().splitlines() if path.exists() else []

    # --- Deaths ------------------------------------------------------------------------------

    def restart(self) -> None:
        self.systemctl("restart", "lanherd-agent")

    def stop_and_start(self) -> None:
        self.systemctl("stop", "lanherd-agent")
        expect(self.show("ActiveState") == "inactive", "it was stopped, and isn't")
        self.systemctl("start", "lanherd-agent")

    def kill(self) -> None:
        before = self.show("MainPID")
        self.host.run("kill", "-KILL", before)
        wait_until(
            lambda: self.show("ActiveState") == "active" and self.show("MainPID") != before, SOON_S
        )

    def upgrade(self) -> None:
        self.host.run("ln", "-sfn", "next", "/opt/lanherd/current")
        self.systemctl("restart", "lanherd-agent")
        version = self.ask("status")["version"]
        expect(version == NEXT_VERSION, f"the upgraded agent calls itself {version}")

    def stop_ends_all_of_it(self, run_id: str) -> None:
        expect(len(self.marked(run_id)) == 7, f"the run has {self.marked(run_id)}")
        self.ask("stop", run_id)
        self.wait_state({"leaver": run_id}, "ended")
        left = self.marked(run_id)
        expect(not left, f"a stopped run left {left}")
        say(f"{self.mode.name}: a stop ends all that a run has started")

    # --- The machine itself ------------------------------------------------------------------

    def power_is_cut(self, runs: dict[str, str]) -> None:
        self.host.down(cut=True)
        self.host.up()
        self.wait_active()
        steady = self.ended(runs["steady"])
        expect(
            (steady["outcome"], steady["reason"]["code"]) == ("lost", "lost_reboot"),
            f"after a cut of the power the run is {steady}",
        )
        self.wait_state({"again": runs["again"]}, "running")
        again = self.view(runs["again"])
        causes = [end["reason"]["code"] for end in again["earlier"]]
        expect(
            again["attempt"] == 2 and causes == ["lost_reboot"],
            f"after a cut of the power the run to be tried again is {again}",
        )
        self.ask("stop", runs["again"])
        self.ended(runs["again"])
        say(f"{self.mode.name}: a cut of the power is told as one, and the next attempt made")

    def is_shut_down(self) -> None:
        """In order, so that systemd ends the runs: that is no end of their own."""
        again = spec("again", "--rate", "200") | {
            "retry": {"attempts_max": 2, "on": ["lost"], "backoff_s": 0.1}
        }
        views = self.ask("submit", json.dumps([spec("last", "--rate", "200"), again]))
        runs = {view["spec"]["name"]: view["run"] for view in views}
        self.wait_state(runs, "running")
        self.host.down()
        self.host.up()
        self.wait_active()
        last = self.ended(runs["last"])
        expect(
            (last["outcome"], last["reason"]["code"]) == ("lost", "lost_reboot"),
            f"after a shutdown the run is {last}",
        )
        self.wait_state({"again": runs["again"]}, "running")
        self.ask("stop", runs["again"])
        self.ended(runs["again"])
        say(f"{self.mode.name}: a shutdown is told as one, and the next attempt made")

    def wait_active(self) -> None:
        def is_active() -> bool:
            try:
                return self.show("ActiveState") == "active"
            except HostError:
                return False  # the user's manager is not up yet

        wait_until(is_active, SOON_S)

    def ended(self, run_id: str) -> dict[str, Any]:
        self.wait_state({"run": run_id}, "ended")
        return dict(self.view(run_id)["state"])


def spec(name: str, *options: str) -> dict[str, Any]:
    """A run that lives until it is stopped."""
    return {
        "name": name,
        "command": [*JOB, "--until", "/nowhere", *options],
        "variables": {"FAKE_JOB_TRUTH": TRUTH},
    }
