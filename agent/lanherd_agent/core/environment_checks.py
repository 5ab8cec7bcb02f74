"""The grammar of environments: what is handed to uv must be a requirement, a name or a version,
and never an option."""

import re
from collections.abc import Iterable
from typing import assert_never

from lanherd_agent.core.fields import invalid
from lanherd_protocol import limits
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import is_sha256
from lanherd_protocol.paths import PathError, check_path
from lanherd_protocol.values import (
    EnvironmentSpec,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_REQUIREMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:[\[(<>=!~;@].*)?")
_PYTHON = re.compile(
    r"(?:(?:cpython|pypy|graalpy)@?)?\d+(?:\.\d+){0,2}t?"
    r"|(?:(?:~=|==|!=|<=|>=|<|>)\s*\d+(?:\.\d+)*(?:\.\*)?\s*,?\s*)+"
)


def check_environment(spec: EnvironmentSpec, has_snapshot: bool) -> None:
    """Raises INVALID_REQUEST for what can never be built."""
    match spec:
        case NoEnvironment():
            return
        case RegisteredEnvironment(name=name):
            if not name or len(name) > limits.ENVIRONMENT_NAME_CHARS_MAX:
                raise _bad("a registered environment's name", name, "Take it from the list.")
        case LockedEnvironment():
            _check_locked(spec, has_snapshot)
        case SourceEnvironment():
            _check_source(spec, has_snapshot)
        case _:
            assert_never(spec)


def _check_locked(spec: LockedEnvironment, has_snapshot: bool) -> None:
    if not has_snapshot:
        raise invalid(
            "The run wants an environment from a lock, but has no snapshot that holds the lock.",
            "Submit it with its project.",
            field="environment",
        )
    _check_choices(spec.python, spec.extras, spec.groups)


def _check_source(spec: SourceEnvironment, has_snapshot: bool) -> None:
    if not (spec.source_path or spec.packages or spec.base):
        raise invalid(
            "The environment names nothing that is to be in it.",
            "Name a file of the project, packages, or another environment.",
            refusal="empty_environment",
        )
    if spec.source_path:
        _check_path(spec)
        if not has_snapshot:
            raise invalid(
                f"The environment comes from {spec.source_path}, but the run has no snapshot that"
                " holds it.",
                "Submit it with its project.",
                field="environment",
            )
    if spec.base is not None and not is_sha256(spec.base):
        raise _bad("an environment's id", spec.base, "Take it from the list.")
    if len(spec.packages) > limits.ENVIRONMENT_PACKAGES_MAX:
        raise invalid(
            f"The environment names {len(spec.packages)} packages.",
            f"It may name {limits.ENVIRONMENT_PACKAGES_MAX}; put more into a requirements file.",
            refusal="many_packages",
            packages=len(spec.packages),
            packages_max=limits.ENVIRONMENT_PACKAGES_MAX,
        )
    for package in spec.packages:
        short = len(package) <= limits.REQUIREMENT_CHARS_MAX
        if not short or not package.isprintable() or _REQUIREMENT.fullmatch(package) is None:
            raise _bad("a package", package, "Write it as name, name==1.2 or name[extra]>=1,<2.")
    _check_choices(spec.python, spec.extras, spec.groups)


def _check_path(spec: SourceEnvironment) -> None:
    try:
        check_path(spec.source_path)
    except PathError as refused:
        raise _bad("a file of the project", spec.source_path, "Name one of its files.") from refused
    if spec.source_hash is None or not is_sha256(spec.source_hash):
        raise _bad("a file's hash", spec.source_hash or "", "Submit the run with its project.")


def _check_choices(python: str, extras: Iterable[str], groups: Iterable[str]) -> None:
    if python and (len(python) > limits.PYTHON_CHARS_MAX or not _PYTHON.fullmatch(python)):
        raise _bad("a version of Python", python, "Write it as 3.12, or as >=3.11,<3.13.")
    for what, names in (("an extra", extras), ("a group", groups)):
        for name in names:
            if len(name) > limits.ENVIRONMENT_NAME_CHARS_MAX or not _NAME.fullmatch(name):
                raise _bad(what, name, "Name one that the project has.")


def _bad(what: str, text: str, remedy: str) -> LanherdError:
    return invalid(
        f"{text[:120]!r} is not {what}.",
        remedy,
        refusal="bad_environment",
        what=what,
        text=text[:120],
    )
