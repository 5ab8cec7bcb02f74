"""`./dev demo --headless` on a Debian 12 that has python3 and python3-venv and nothing else.

Needs root, debootstrap, systemd-nspawn and a way to Debian's mirrors and to a package index. The
bare system is made once in LANHERD_E2E_CACHE (~/.cache/lanherd-e2e); every start gets a copy, and
in it the committed state of this checkout. What the demo saw is printed as a line of JSON for each
figure.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.report import Metric
from tests.e2e.tools import ROOT, Failed, expect, run, say

FIRST_S_MAX = 300.0
SECOND_S_MAX = 30.0
CACHE = Path(os.environ.get("LANHERD_E2E_CACHE", "~/.cache/lanherd-e2e")).expanduser()
# A blank in the path, as people have.
CHECKOUT = "opt/lan herd"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# How this machine reaches the net, by the names that pip, uv and apt know.
WAY_OUT = {"SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"}
PROXIES = {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
STAGES = ("window_s", "first_gauge_s", "run_alive_s", "ended_s")


def main(arguments: list[str]) -> None:
    demo = ["demo", "--headless", "--json", *arguments]
    for program in ("debootstrap", "systemd-nspawn", "git"):
        expect(shutil.which(program) is not None, f"{program} is missing; install it with apt-get")
    expect(os.geteuid() == 0, "bare-debian makes a root of its own and needs root")
    root = fresh_root()
    missed: list[str] = []
    for name, most in (("first", FIRST_S_MAX), ("second", SECOND_S_MAX)):
        for metric in timed(root, demo, f"bare_debian.{name}", most):
            print(metric.as_json(), flush=True)
            if not metric.ok:
                missed.append(f"{metric.name} is {metric.value:g} s, bar {metric.bar} s")
    expect(not missed, "; ".join(missed))


def fresh_root() -> Path:
    bare = CACHE / "bookworm"
    if not (bare / "made").exists():
        say("making a bare Debian 12 (about a minute)")
        shutil.rmtree(bare, ignore_errors=True)
        packages = "--include=python3,python3-venv"
        run(["debootstrap", "--variant=minbase", packages, "bookworm", bare / "root"])
        (bare / "made").touch()
    root = CACHE / "host"
    run(["rm", "-rf", root])
    run(["cp", "-a", bare / "root", root])
    # Whom this machine trusts, since the bare one uses its network.
    for certificates in {CERTIFICATES, *way_out().values()}:
        if Path(certificates).is_file():
            target = root / certificates.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(certificates, target)
    clone(root / CHECKOUT)
    return root


def way_out() -> dict[str, str]:
    """The variables with which this machine reaches its mirrors and its package index."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in WAY_OUT or name.lower() in PROXIES
    }


def clone(folder: Path) -> None:
    """The committed state, as a person would get it."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)


def timed(root: Path, arguments: list[str], name: str, most_s: float) -> Iterator[Metric]:
    """One start of ./dev on the bare machine: how long all of it took, and what the demo saw."""
    host = ["systemd-nspawn", "--quiet", "-D", str(root), "--pipe", "--register=no", "--keep-unit"]
    variables = [f"--setenv={variable}={value}" for variable, value in way_out().items()]
    command = [*host, "--resolv-conf=copy-host", *variables, f"/{CHECKOUT}/dev", *arguments]
    say(f"./dev {' '.join(arguments)}")
    start = time.monotonic()
    told = run(command, aloud=True)
    took_s = time.monotonic() - start
    seen = json.loads(told)
    yield Metric(name, took_s, "s", at_most=most_s, reference=words_of(seen))
    for stage in STAGES:
        yield Metric(f"{name}.{stage.removesuffix('_s')}", seen[stage], "s")


def words_of(seen: dict[str, object]) -> str:
    if seen["ok"] is not True or seen["outcome"] != "succeeded":
        raise Failed(f"the demo exits 0, but says {seen}")
    kind = "simulated GPUs" if seen["simulated"] else "GPUs"
    return f"{seen['gpus']} {kind}, {seen['log_lines']} log lines, outputs {seen['outputs']}"
