"""What the window remembers between starts, in a TOML file whose comments it keeps."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

ThemeChoice = Literal["system", "dark", "light"]
LanguageChoice = Literal["system", "en", "zh_CN"]
THEMES: tuple[ThemeChoice, ...] = ("system", "dark", "light")
LANGUAGES: tuple[LanguageChoice, ...] = ("system", "en", "zh_CN")
PROJECTS_MAX = 200
COMMANDS_MAX = 50
FILE_NAME = "desktop.toml"


@dataclass(frozen=True, slots=True)
class Preferences:
    """`commands` are those of the newest runs, newest first; `open_groups` are the sweeps
    whose runs the list shows."""

    theme: ThemeChoice = "system"
    language: LanguageChoice = "system"
    folded: bool = False
    projects: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    open_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreferencesProblem:
    """The file is broken (and kept `aside`), can't be read, or can't be written."""

    what: Literal["broken", "unreadable", "unwritable"]
    why: str
    file: str
    aside: str = ""


class PreferencesFile:
    """Reads once, writes at each change. A file that is broken is kept aside; what can't be written
    holds until the window is closed. Both are said."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE_NAME
        self._document = tomlkit.document()
        self.problem: PreferencesProblem | None = None
        self.tell: Callable[[PreferencesProblem], None] = lambda problem: None
        """Told of each change that can't be written."""
        self.value = self._load()

    def change(self, **fields: Any) -> Preferences:
        """Replace fields and write the file."""
        self.value = replace(self.value, **fields)
        for name, value in fields.items():
            self._document[name] = list(value) if isinstance(value, tuple) else value
        try:
            self._write()
        except OSError as problem:
            self.problem = self._problem("unwritable", problem.strerror or str(problem))
            self.tell(self.problem)
        return self.value

    def _write(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(tomlkit.dumps(self._document), encoding="utf-8")
        fresh.replace(self._path)

    def _problem(
        self, what: Literal["broken", "unreadable", "unwritable"], why: str, aside: str = ""
    ) -> PreferencesProblem:
        return PreferencesProblem(what, why, str(self._path), aside)

    def remember_project(self, folder: str) -> Preferences:
        """Put a folder first in the list of projects."""
        others = tuple(known for known in self.value.projects if known != folder)
        return self.change(projects=(folder, *others)[:PROJECTS_MAX])

    def forget_project(self, folder: str) -> Preferences:
        return self.change(
            projects=tuple(known for known in self.value.projects if known != folder)
        )

    def remember_command(self, command: str) -> Preferences:
        others = tuple(known for known in self.value.commands if known != command)
        return self.change(commands=(command, *others)[:COMMANDS_MAX])

    def _load(self) -> Preferences:
        try:
            self._document = tomlkit.parse(self._path.read_text(encoding="utf-8"))
            return _checked(self._document.unwrap())
        except FileNotFoundError:
            return Preferences()
        except OSError as problem:
            self.problem = self._problem("unreadable", problem.strerror or str(problem))
        except (TOMLKitError, ValueError) as problem:
            self.problem = self._problem("broken", str(problem), self._keep_aside())
        self._document = tomlkit.document()
        return Preferences()

    def _keep_aside(self) -> str:
        number = 1
        while (aside := self._path.with_name(f"desktop.broken-{number}.toml")).exists():
            number += 1
        self._path.replace(aside)
        return aside.name


def _checked(table: dict[str, Any]) -> Preferences:
    theme = table.get("theme", "system")
    language = table.get("language", "system")
    folded = table.get("folded", False)
    if theme not in THEMES:
        raise ValueError(f"theme {theme!r} is none of {', '.join(THEMES)}")
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r} is none of {', '.join(LANGUAGES)}")
    if not isinstance(folded, bool):
        raise ValueError("folded is neither true nor false")
    return Preferences(
        theme=cast(ThemeChoice, theme),
        language=cast(LanguageChoice, language),
        folded=folded,
        projects=_texts(table, "projects"),
        commands=_texts(table, "commands"),
        open_groups=_texts(table, "open_groups"),
    )


def _texts(table: dict[str, Any], key: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{key} is not a list of texts")
    return tuple(values)
