"""The import contracts and the nested lint settings hold, and find planted violations.

Both are configuration (pyproject.toml, ruff.toml in the pure folders); these tests show that the
configuration bites where it should.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT

# Contract → a module, most of them new, and what it wrongly imports. All planted at once, since
# building the graph of imports is what takes the time.
PLANTED = {
    "directions": ("lanherd_client/planted.py", "import lanherd_desktop"),
    "agent-apart": ("lanherd_agent/shell/planted.py", "import lanherd_client"),
    "controller-apart": ("lanherd_desktop/state/planted.py", "import lanherd_agent"),
    "agent-layers": ("lanherd_agent/core/planted_up.py", "import lanherd_agent.persist"),
    "desktop-layers": ("lanherd_desktop/state/planted_up.py", "import lanherd_desktop.views"),
    "no-circles": ("lanherd_client/sizes.py", "import lanherd_client.choosing"),
    "headless": ("lanherd_agent/gpu/planted.py", "from PySide6 import QtCore"),
    "state-without-qt": ("lanherd_desktop/state/planted_qt.py", "from PySide6 import QtCore"),
    "one-door": ("lanherd_desktop/views/planted.py", "import asyncio"),
    # At second hand: the pure module itself imports nothing that is forbidden.
    "pure": ("lanherd_protocol/planted.py", "from lanherd_protocol.aio import planted"),
}


def contracts() -> dict[str, str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {c["id"]: c["name"] for c in settings["tool"]["importlinter"]["contracts"]}


def lint_imports(folder: Path, *limit: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(
        [*command, "--config", str(folder / "pyproject.toml"), *limit],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A copy of the product's code with a violation of each contract."""
    for package, folder in PACKAGES.items():
        shutil.copytree(ROOT / folder / package, tmp_path / package)
    for path, code in PLANTED.values():
        with (tmp_path / path).open("a") as file:
            file.write(f"\n{code}\n")
    (tmp_path / "lanherd_protocol/aio/planted.py").write_text("import asyncio\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_finds_a_planted_violation(planted: Path) -> None:
    names = contracts()
    assert set(names) == set(PLANTED), "each contract has its planted violation here"
    told = lint_imports(planted).stdout
    kept = [name for name in names.values() if f"{name} BROKEN" not in told]
    assert not kept, f"not found: {kept}\n{told}"


def test_the_contracts_are_kept() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


def test_no_contract_has_exemptions() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    exempt = [c["id"] for c in settings["importlinter"]["contracts"] if c.get("ignore_imports")]
    assert not exempt
    assert "per-file-ignores" not in settings["ruff"]["lint"]
    assert "overrides" not in settings["mypy"]
    assert settings["pytest"]["ini_options"]["filterwarnings"] == ["error"]


def ruff(path: str, code: str) -> str:
    command = [str(Path(sys.executable).parent / "ruff"), "check", "--no-cache"]
    return subprocess.run(
        [*command, "--output-format=concise", "--stdin-filename", path, "-"],
        cwd=ROOT,
        input=code,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


PURE_FOLDERS = [
    "protocol/lanherd_protocol",
    "agent/lanherd_agent/core",
    "desktop/lanherd_desktop/state",
]
IMPURE = """
import asyncio, logging, os, pathlib, random, secrets, socket, subprocess, threading, time, uuid
from datetime import datetime

datetime.now()
pathlib.Path()
uuid.uuid4()
"""


@pytest.mark.parametrize("folder", PURE_FOLDERS)
def test_pure_folders_ban_clock_chance_and_io(folder: str) -> None:
    told = ruff(f"{folder}/planted.py", IMPURE)
    banned = {line.split("`")[1] for line in told.splitlines() if "TID251" in line}
    assert banned == {
        *("asyncio", "logging", "os", "random", "secrets", "socket", "subprocess", "threading"),
        *("time", "datetime.datetime.now", "pathlib.Path", "uuid.uuid4"),
    }


def test_the_rest_may_do_them() -> None:
    assert "TID251" not in ruff("protocol/lanherd_protocol/aio/planted.py", IMPURE)
    assert "TID251" not in ruff("agent/lanherd_agent/shell/planted.py", IMPURE)


def test_long_and_tangled_functions_are_found() -> None:
    long = "def f() -> None:\n" + "    print()\n" * 51
    tangled = "def f(x: int) -> None:\n" + "    if x:\n        print()\n" * 10
    assert "PLR0915" in ruff("agent/lanherd_agent/shell/planted.py", long)
    assert "C901" in ruff("agent/lanherd_agent/shell/planted.py", tangled)
