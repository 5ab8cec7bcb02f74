"""A GPU machine gets the agent and no Qt: the wheel with [agent], in an environment of its own."""

import sys
import tempfile
import zipfile
from pathlib import Path

from tests.e2e.tools import ROOT, expect, run

BIN = Path(sys.executable).parent
IMPORT_ALL = """
import importlib, importlib.util, pkgutil, lanherd_agent
for found in pkgutil.walk_packages(lanherd_agent.__path__, "lanherd_agent."):
    if not found.name.endswith(".__main__"):
        importlib.import_module(found.name)
for qt in ("PySide6", "shiboken6"):
    assert importlib.util.find_spec(qt) is None, qt + " is installed"
"""


def main(arguments: list[str]) -> None:
    expect(not arguments, "agent-only takes no arguments")
    with tempfile.TemporaryDirectory(prefix="lanherd-agent-only-") as folder:
        wheel = build_wheel(Path(folder))
        check_contents(wheel)
        environment = Path(folder, "environment")
        run([BIN / "uv", "venv", "--quiet", "--python", sys.executable, environment])
        install: list[str | Path] = [
            BIN / "uv",
            "pip",
            "install",
            "--quiet",
            "--python",
            environment / "bin/python",
        ]
        run([*install, "--require-hashes", "-r", ROOT / "packaging/locks/agent.txt"])
        run([*install, "--no-deps", wheel])
        # Not from the checkout, whose folders would be importable too.
        run([environment / "bin/python", "-I", "-W", "error", "-c", IMPORT_ALL], cwd=Path(folder))
        run([environment / "bin/lanherd-agent", "--help"], cwd=Path(folder))
        run([environment / "bin/lanherd", "--help"], cwd=Path(folder))


def build_wheel(folder: Path) -> Path:
    run([BIN / "hatchling", "build", "-t", "wheel", "-d", folder])
    (wheel,) = folder.glob("lanherd-*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    roots = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    packages = {"lanherd_protocol", "lanherd_client", "lanherd_agent", "lanherd_desktop"}
    expect(roots == packages | {"lanherd_resources"}, f"the wheel holds {sorted(roots)}")
    stray = [name for name in names if name.endswith(("ruff.toml", ".pyc"))]
    expect(not stray, f"the wheel holds {stray}")
