"""Which environment a run is to have, as a script says it: friendly arguments in, an order
out.

    said + the project's default → EnvironmentOrder; with what its folder holds → a specification
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any, TypedDict, assert_never

from msgspec.structs import replace

from lanherd_client.order_checks import check_words
from lanherd_protocol import limits
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import EnvironmentId
from lanherd_protocol.values import (
    EnvironmentSpec,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)

AUTO, NONE = "auto", "none"
ID_CHARS = 12
"""Of an environment's id, where people read it."""
UV_LOCK = "uv.lock"
PYPROJECT = "pyproject.toml"
WORDS = ("packages", "extra", "group", "python", "wheels_only")
"""The keys of `EnvironmentOptions`, in the order of an `EnvironmentOrder`'s fields."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_REQUIREMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:[\[(<>=!~;@].*)?")
_PYTHON = re.compile(
    r"(?:(?:cpython|pypy|graalpy)@?)?\d+(?:\.\d+){0,2}t?"
    r"|(?:(?:~=|==|!=|<=|>=|<|>)\s*\d+(?:\.\d+)*(?:\.\*)?\s*,?\s*)+"
)


class EnvironmentOptions(TypedDict, total=False):
    """What may be said of an environment beside which one it is.

    `packages` are added to what the project has, or are all of it where there is no project: texts
    as 'numpy' or 'torch>=2,<3'. `extra` and `group` choose those of a `uv.lock` or
    `pyproject.toml`. `python` is a version ('3.12', '>=3.11,<3.13'). With `wheels_only` nothing is
    built from source, so that no package's code runs while it is installed.
    """

    packages: str | Iterable[str]
    extra: str | Iterable[str]
    group: str | Iterable[str]
    python: str
    wheels_only: bool


@dataclass(frozen=True, slots=True)
class EnvironmentOrder:
    """What was said of an environment. `use` is 'auto' (as the project has it), 'none', a name that
    is registered on the machine, or the id of one of its environments, or the beginning of it."""

    use: str = AUTO
    packages: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    python: str = ""
    wheels_only: bool = False

    @property
    def details(self) -> tuple[str, ...]:
        """The arguments that were given beside `use`."""
        said = (self.packages, self.extras, self.groups, self.python, self.wheels_only)
        return tuple(word for word, value in zip(WORDS, said, strict=True) if value)

    @property
    def names_one(self) -> bool:
        """Whether an environment of the machine is meant."""
        return self.use not in (AUTO, NONE)

    def used(self, use: str) -> "EnvironmentOrder":
        """The same of another `use`."""
        return changed(self, use=use)

    def over(self, default: "EnvironmentOrder") -> "EnvironmentOrder":
        """What holds where a project has a default: a thing that is said comes before it."""
        if self.use != AUTO:
            return self
        return EnvironmentOrder(
            # Packages can't be added to nothing: then they are all that it has.
            AUTO if default.use == NONE and self.details else default.use,
            self.packages or default.packages,
            self.extras or default.extras,
            self.groups or default.groups,
            self.python or default.python,
            self.wheels_only or default.wheels_only,
        )


NOTHING_SAID = EnvironmentOrder()


@dataclass(frozen=True, slots=True)
class Grown:
    """The environment of a `uv.lock` with packages added: the machine builds the first one, and
    then the copy with the packages."""

    lock: LockedEnvironment
    wanted: EnvironmentOrder

    def upon(self, base: EnvironmentId) -> SourceEnvironment:
        """The specification, once the machine has the first one."""
        return SourceEnvironment(
            packages=self.wanted.packages,
            base=base,
            python=self.wanted.python,
            wheels_only=self.wanted.wheels_only,
        )


def environment_order(said: Mapping[str, Any]) -> EnvironmentOrder:
    """What the arguments of a submit say of an environment. Raises `MisuseError` that names the
    argument."""
    return EnvironmentOrder(
        use=_use(said.get("environment", AUTO)),
        packages=_packages(said.get("packages", ())),
        extras=_names(said.get("extra", ()), "extra"),
        groups=_names(said.get("group", ()), "group"),
        python=_python(said.get("python", "")),
        wheels_only=_switch(said.get("wheels_only", False)),
    )


def spec_of(
    wanted: EnvironmentOrder, found: EnvironmentSpec, loose: SourceEnvironment | None = None
) -> EnvironmentSpec | Grown:
    """What a run gets that wants what its project has, and more. `found` is what the folder holds,
    `loose` a pyproject.toml that isn't used as long as no extra of it is wanted. Raises
    `MisuseError` for what doesn't go together."""
    if not wanted.details:
        return found
    if (wanted.extras or wanted.groups) and isinstance(found, NoEnvironment) and loose is not None:
        found = loose
    match found:
        case NoEnvironment():
            return _packages_alone(wanted)
        case LockedEnvironment():
            return _of_lock(wanted, found)
        case SourceEnvironment():
            _check_extras(wanted, found.source_path)
            return replace(
                found,
                packages=(*found.packages, *wanted.packages),
                extras=wanted.extras,
                groups=wanted.groups,
                python=wanted.python or found.python,
                wheels_only=wanted.wheels_only,
            )
        case RegisteredEnvironment(name=name):
            raise unchangeable(wanted, f"The environment {name}")
        case _:
            assert_never(found)


def copy_of(wanted: EnvironmentOrder, base: EnvironmentId) -> SourceEnvironment:
    """An environment that the machine has, with what is wanted beside it."""
    _check_extras(wanted, "")
    return SourceEnvironment(
        packages=wanted.packages, base=base, python=wanted.python, wheels_only=wanted.wheels_only
    )


def described(spec: EnvironmentSpec) -> str:
    """What a specification says, for people; nothing where there is no environment."""
    match spec:
        case NoEnvironment():
            return ""
        case RegisteredEnvironment(name=name):
            return name
        case LockedEnvironment():
            parts, chosen = [spec.lock_path], (*spec.extras, *spec.groups)
        case SourceEnvironment():
            base = spec.base[:ID_CHARS] if spec.base else ""
            parts, chosen = [base, spec.source_path, *spec.packages], (*spec.extras, *spec.groups)
        case _:
            assert_never(spec)
    more = f" with {', '.join(chosen)}" if chosen else ""
    return " + ".join(part for part in parts if part) + more


def check_none(wanted: EnvironmentOrder) -> None:
    """Refuses more of an environment that there shall not be."""
    if wanted.use == NONE and wanted.details:
        said = _listed(wanted)
        raise _misused(
            f"No environment was asked for, and yet {said}.",
            "Without an environment a run has the Python of its machine, as it is there.",
            "Leave one of them out.",
            refusal="details_of_no_environment",
            options=", ".join(wanted.details),
        )


def unchangeable(wanted: EnvironmentOrder, which: str) -> LanherdError:
    """Why nothing can be changed of an environment that Lanherd didn't make."""
    return _misused(
        f"{which} can't have {_listed(wanted)}.",
        "It is registered: somebody else's, and Lanherd never changes it.",
        "Leave that out, or choose another environment.",
        refusal="details_of_registered",
        options=", ".join(wanted.details),
    )


def _packages_alone(wanted: EnvironmentOrder) -> SourceEnvironment:
    _check_extras(wanted, "")
    if not wanted.packages:
        raise _misused(
            f"There is no environment that {_listed(wanted)} could be of.",
            "The run's project has no lock, no dependencies and no requirements, or there is no"
            " project.",
            "Name a project that has some, or packages.",
            refusal="details_of_nothing",
            options=", ".join(wanted.details),
        )
    return SourceEnvironment(
        packages=wanted.packages, python=wanted.python, wheels_only=wanted.wheels_only
    )


def _of_lock(wanted: EnvironmentOrder, found: LockedEnvironment) -> EnvironmentSpec | Grown:
    _check_extras(wanted, found.lock_path)
    lock = replace(
        found,
        python=wanted.python or found.python,
        extras=wanted.extras,
        groups=wanted.groups,
        wheels_only=wanted.wheels_only,
    )
    if not wanted.packages:
        return lock
    if _is_named(found.lock_path, UV_LOCK):
        return Grown(lock, wanted)
    return SourceEnvironment(
        source_path=lock.lock_path,
        source_hash=lock.lock_hash,
        packages=wanted.packages,
        python=lock.python,
        wheels_only=lock.wheels_only,
    )


def _check_extras(wanted: EnvironmentOrder, source: str) -> None:
    said = [word for word in ("extra", "group") if word in wanted.details]
    if not said or _is_named(source, UV_LOCK) or _is_named(source, PYPROJECT):
        return
    of = f"{source} has none" if source else "what is asked for here has none"
    raise _misused(
        f"There is nothing that {' and '.join(said)} could choose from.",
        f"Extras and groups are those of a {UV_LOCK} or a {PYPROJECT}, and {of}.",
        "Leave them out, or name the packages themselves.",
        refusal="no_extras",
        options=", ".join(said),
        source=source,
    )


def _is_named(path: str, name: str) -> bool:
    return path.rpartition("/")[2] == name


def _listed(wanted: EnvironmentOrder) -> str:
    return " and ".join(wanted.details)


def _use(value: object) -> str:
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise _misused(
        "environment is a text.",
        f"It was given as {value!r}.",
        f"Write '{AUTO}', '{NONE}', the name of a registered environment, or an environment's id.",
        refusal="odd_environment",
        given=repr(value),
    )


def _packages(value: object) -> tuple[str, ...]:
    packages = _texts(value, "packages")
    if len(packages) > limits.ENVIRONMENT_PACKAGES_MAX:
        raise _misused(
            f"{len(packages)} packages are too many to be named.",
            f"A run may name {limits.ENVIRONMENT_PACKAGES_MAX}.",
            "Put them into a requirements file of the project.",
            refusal="many_packages_named",
            packages=len(packages),
            packages_max=limits.ENVIRONMENT_PACKAGES_MAX,
        )
    for package in packages:
        short = len(package) <= limits.REQUIREMENT_CHARS_MAX
        if not short or not package.isprintable() or not _REQUIREMENT.fullmatch(package):
            why = "An option is for the machine's uv, and can't be said here."
            raise _odd(
                "packages",
                package,
                why if package.startswith("-") else "It is no requirement.",
                "Write each as name, name==1.2 or name[extra]>=1,<2.",
            )
    return packages


def _names(value: object, argument: str) -> tuple[str, ...]:
    names = _texts(value, argument)
    for name in names:
        if len(name) > limits.ENVIRONMENT_NAME_CHARS_MAX or not _NAME.fullmatch(name):
            raise _odd(
                argument,
                name,
                "It is no name.",
                f"Write one that the {PYPROJECT} of the project has.",
            )
    return names


def _python(value: object) -> str:
    if isinstance(value, str) and len(value) <= limits.PYTHON_CHARS_MAX:
        text = value.strip()
        if not value or _PYTHON.fullmatch(text):
            return text
    raise _odd("python", value, "It is no version.", "Write it as '3.12', or as '>=3.11,<3.13'.")


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _odd("wheels_only", value, "It is on or off.", "Write True or False.")


def _texts(value: object, argument: str) -> tuple[str, ...]:
    given: Iterable[str] = (value,) if isinstance(value, str) else check_words(value, argument)
    return tuple(dict.fromkeys(text.strip() for text in given))


def _odd(argument: str, given: object, why: str, remedy: str) -> LanherdError:
    shown = given if isinstance(given, str) else repr(given)
    return _misused(
        f"{argument} can't be {shown[:120]!r}.",
        why,
        remedy,
        refusal="odd_environment_detail",
        argument=argument,
        given=shown[:120],
    )


def _misused(title: str, why: str, remedy: str, *, refusal: str, **data: str | int) -> LanherdError:
    return error(ErrorCode.INVALID_REQUEST, title, why, remedy, refusal=refusal, **data)
