"""The locks satisfy pyproject.toml, agree with each other, and name no place."""

import re
import subprocess
import tomllib
from functools import cache

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
BASE = PROJECT["project"]["dependencies"]
CONTENTS: dict[str, list[str]] = {
    "controller": BASE,
    "agent": BASE + EXTRAS["agent"],
    "desktop": BASE + EXTRAS["desktop"],
    "all": BASE + EXTRAS["agent"] + EXTRAS["desktop"] + GROUPS["build"],
    "dev": BASE + EXTRAS["agent"] + EXTRAS["desktop"] + GROUPS["build"] + GROUPS["dev"],
}
PYTHONS = ["3.11", "3.12", "3.13"]


@cache
def locked(name: str, python: str) -> dict[str, str]:
    """Package → version that the lock gives this Python on Linux."""
    text = (ROOT / f"packaging/locks/{name}.txt").read_text()
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    versions: dict[str, str] = {}
    for line in re.findall(r"^[a-z0-9].*?(?= \\$)", text, re.MULTILINE):
        package, _, marker = line.partition(" ; ")
        if not marker or Marker(marker).evaluate(here):
            bare, _, version = package.partition("==")
            versions[canonicalize_name(bare)] = version
    return versions


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", CONTENTS)
def test_a_lock_satisfies_the_project(lock: str, python: str) -> None:
    for text in CONTENTS[lock]:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"python_version": python}):
            continue
        version = locked(lock, python).get(canonicalize_name(requirement.name), "absent")
        assert version in requirement.specifier, f"{text} ({version}): run ./dev locks"


@pytest.mark.parametrize("lock", CONTENTS)
def test_locks_agree(lock: str) -> None:
    assert locked(lock, "3.11").items() <= locked("dev", "3.11").items(), "run ./dev locks"


@pytest.mark.parametrize("lock", CONTENTS)
def test_a_lock_is_hashed_and_names_no_place(lock: str) -> None:
    text = (ROOT / f"packaging/locks/{lock}.txt").read_text()
    for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, entry
    assert not re.search(r"://|index-url|find-links|\bfile:|@ |^-e|/home/|/root/", text)


def test_the_tree_names_no_package_index() -> None:
    # Spelled apart, since this file is searched too.
    hosts = ["py" + "pi.org", "files.python" + "hosted.org", "/sim" + "ple/"]
    found = subprocess.run(
        ["git", "grep", "-nIF", *(f"-e{host}" for host in hosts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1, found.stdout + found.stderr
