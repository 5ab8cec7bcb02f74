"""What has no window needs no Qt: not in a fresh interpreter, not in its lock."""

import importlib.util
import pkgutil
import subprocess
import sys

import pytest

from tests.architecture.source import PACKAGES, ROOT

HEADLESS = [package for package in PACKAGES if package != "lanherd_desktop"]
IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def modules(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    found = pkgutil.walk_packages(spec.submodule_search_locations, f"{package}.")
    return [package, *(m.name for m in found if not m.name.endswith(".__main__"))]


def imported_by(names: list[str]) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


@pytest.mark.parametrize("package", HEADLESS)
def test_no_headless_module_imports_qt(package: str) -> None:
    assert not imported_by(modules(package)) & {"PySide6", "shiboken6"}


def test_the_desktops_state_imports_no_qt() -> None:
    names = [n for n in modules("lanherd_desktop") if n.startswith("lanherd_desktop.state")]
    assert not imported_by(names) & {"PySide6", "shiboken6"}


def test_qt_would_be_seen() -> None:
    assert "PySide6" in imported_by(["PySide6.QtCore"])


@pytest.mark.parametrize("lock", ["controller", "agent"])
def test_headless_locks_hold_no_qt(lock: str) -> None:
    text = (ROOT / f"packaging/locks/{lock}.txt").read_text()
    assert "msgspec==" in text
    assert "pyside6" not in text
    assert "shiboken6" not in text
