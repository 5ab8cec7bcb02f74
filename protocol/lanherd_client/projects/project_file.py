"""`.lanherd/project.toml`: what a project says of itself.

It is made when the project is first added: an id for ever, a name, and beside these, if somebody
writes them, ignore rules, the environment of its runs and saved run configurations. People edit it,
so it is read whole, and whatever is wrong with it is told with its line; what Lanherd writes into
it leaves their comments and order as they are.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lanherd_client.new_ids import new_id
from lanherd_client.projects.ignore import PROJECT_FILE
from lanherd_client.projects.problems import changed, refused_by_system, unreadable
from lanherd_client.projects.small_files import create_file, read_file_start, replace_file
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import is_uuid7
from lanherd_protocol.limits import RUN_NAME_CHARS_MAX
from lanherd_protocol.rules_lines import line_of, lines_of

if TYPE_CHECKING:
    from lanherd_client.projects.saved_runs import SavedRun
    from lanherd_protocol.rules_edit import RuleValue

FILE_BYTES_MAX = 256 * 1024
FINDINGS_TOLD = 5
NAME_CHARS_MAX = 64
"""Of a saved run; it is typed."""
_RUN_NAME = re.compile(r"\w[\w.-]*")
_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_NO_TOML = "It is no TOML: "
DOTS_PER_KEY_MAX = 100

_TEMPLATE = """\
# What Lanherd knows of this project. Keep it beside the program, in git too: by its id others'
# copies are the same project.
id = "{id}"
name = {name}

# What stays at home, beside what .gitignore and .lanherdignore say; these rules have the last word.
# ignore = ["data/", "!small.pt"]

# A run that is sent again and again; the keys are the options of 'lanherd run'.
# [runs.train]
# command = ["python", "train.py"]
# gpus = 1
# vram = "20GB"
"""


@dataclass(frozen=True, slots=True)
class EnvironmentWish:
    """The environment that the project's runs get where nothing else is said.

    `source` is a file of the project (a lock, a `pyproject.toml`, requirements), `packages` are
    added to it, `registered` is one that a machine has under that name. `none`: the machine's own
    Python. With nothing said it is found by the project's files.
    """

    none: bool = False
    source: str = ""
    registered: str = ""
    packages: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    python: str = ""
    wheels_only: bool = False


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What a project says of itself. `id` is empty where its folder can't hold a file."""

    id: str
    name: str
    ignore: tuple[str, ...] = ()
    environment: EnvironmentWish = EnvironmentWish()
    runs: Mapping[str, "SavedRun"] = field(default_factory=dict)


class Finding(NamedTuple):
    """Something wrong with a project file: what, on which line, and what to do."""

    line: int
    key: str
    text: str
    remedy: str
    refusal: str = "odd_project_file"


def read_project_file(folder: Path) -> ProjectFile | None:
    """What the folder's file says; None where there is none.

    Raises PROJECT_UNREADABLE with all that is wrong, each with its line.
    """
    place = folder / PROJECT_FILE
    text = _text_of(place)
    if text is None:
        return None
    project, findings = check_project_file(text)
    if project is None:
        raise _odd_file(place, findings)
    return project


def ensure_project_file(folder: Path, name: str = "") -> tuple[ProjectFile, tuple[str, ...]]:
    """What the folder's file says, which is made if there is none, and sentences for a person.

    A folder that can't be written is a project without a file, which is said. Raises as
    `read_project_file`.
    """
    known = read_project_file(folder)
    if known is not None:
        return known, ()
    fresh = ProjectFile(id=new_id(), name=_fitting(name or folder.resolve().name or "/"))
    text = _TEMPLATE.format(id=fresh.id, name=_quoted(fresh.name))
    try:
        create_file(folder / PROJECT_FILE, text.encode())
    except FileExistsError:
        # Somebody else made it in between, and theirs is the id.
        known = read_project_file(folder)
        if known is None:
            raise changed(folder / PROJECT_FILE) from None
        return known, ()
    except OSError as refused:
        note = (
            f"{folder} can't be written ({refused.strerror or refused}), so the project has no"
            f" {PROJECT_FILE}: its name is all that tells it from others, and it keeps no runs."
        )
        return ProjectFile(id="", name=fresh.name), (note,)
    return fresh, ()


def change_project_file(folder: Path, changes: Mapping[str, "RuleValue"]) -> ProjectFile:
    """Changes single keys, by their dotted paths (`runs.train.gpus`); None takes one out. Comments
    and order stay. Makes the file if there is none.

    Raises PROJECT_UNREADABLE, and writes nothing, where the result would be wrong.
    """
    from lanherd_protocol.rules_edit import apply_edit

    ensure_project_file(folder)
    place = folder / PROJECT_FILE
    text = _text_of(place)
    if text is None:
        raise unreadable(
            place,
            "It has no such file, since its folder can't be written.",
            "Make the folder writable, and try again.",
            refusal="no_project_file",
        )
    try:
        edited = apply_edit(text, changes)
    except ValueError as refused:
        raise unreadable(
            place,
            str(refused),
            "Change it with an editor.",
            refusal="project_file_not_changed",
            problem=str(refused),
        ) from refused
    project, findings = check_project_file(edited)
    if project is None:
        raise _odd_file(place, findings)
    try:
        replace_file(place, edited.encode())
    except OSError as refused:
        raise refused_by_system(place, refused) from refused
    return project


def save_run(folder: Path, name: str, table: Mapping[str, Any]) -> ProjectFile:
    """Keeps a run under a name, in place of the one that had it. `table` has the keys of
    `saved_runs.RUN_KEYS`, with values as TOML has them. Raises as `change_project_file`."""
    path = f"runs.{_quoted(name)}."
    changes: dict[str, RuleValue] = dict(_flat(table, path))
    # Last, since a table of which nothing is left goes, and its comments with it.
    for key, _ in _flat(_table_of(folder, name), path):
        changes.setdefault(key, None)
    return change_project_file(folder, changes)


def remove_run(folder: Path, name: str) -> ProjectFile:
    """Forgets a saved run. Raises as `change_project_file`."""
    return change_project_file(folder, {f"runs.{_quoted(name)}": None})


def ignore_lines(folder: Path) -> tuple[str, ...]:
    """The ignore rules of the folder's file alone, none where there is no file.

    Raises PROJECT_UNREADABLE where they can't be understood: to go on without them would send what
    was meant to stay.
    """
    place = folder / PROJECT_FILE
    text = _text_of(place)
    if text is None:
        return ()
    checking = _Checking(text)
    rules = checking.ignore()
    if checking.findings:
        raise _odd_file(place, checking.findings)
    return rules


def check_project_file(text: str) -> tuple[ProjectFile | None, list[Finding]]:
    """What a project file's text says, or all that is wrong with it, line by line."""
    checking = _Checking(text)
    project = checking.project()
    if checking.findings:
        return None, sorted(checking.findings)
    return project, []


class _Checking:
    """Reads a text, and notes what is wrong with it."""

    def __init__(self, text: str) -> None:
        self.findings: list[Finding] = []
        self._table: dict[str, Any] = {}
        self._lines: dict[tuple[str, ...], int] = {}
        try:
            _check_dots(text)
            self._table = tomllib.loads(text)
        except (ValueError, RecursionError) as problem:
            self.findings.append(_no_toml(text, problem))
        else:
            self._lines = lines_of(text)

    def project(self) -> ProjectFile:
        if self.findings:
            return ProjectFile("", "")
        self._unknown(("id", "name", "ignore", "environment", "runs"))
        return ProjectFile(
            self._id(), self._name(), self.ignore(), self._environment(), self._runs()
        )

    def ignore(self) -> tuple[str, ...]:
        rules = self._table.get("ignore", [])
        path = ("ignore",)
        if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
            self._find(
                path,
                "'ignore' is no list of texts.",
                'Write it as in ignore = ["data/", "*.log"].',
                refusal="odd_ignore_list",
            )
            return ()
        for rule in rules:
            if "\n" in rule or "\r" in rule:
                self._find(path, f"{rule!r} is no rule: a rule is one line.", "Write two rules.")
        return tuple(rules)

    def _id(self) -> str:
        found = self._table.get("id")
        if isinstance(found, str) and is_uuid7(found):
            return found
        self._find(
            ("id",),
            "The project has no id." if found is None else "The id is none that Lanherd made.",
            f'Put back the one that was there, or write a new one: id = "{new_id()}".',
        )
        return ""

    def _name(self) -> str:
        found = self._table.get("name")
        if isinstance(found, str) and 0 < len(found) <= RUN_NAME_CHARS_MAX and found.isprintable():
            return found
        self._find(
            ("name",),
            f"The project's name is a text of 1 to {RUN_NAME_CHARS_MAX} characters, in one line.",
            'Write it as in name = "vision".',
        )
        return ""

    def _environment(self) -> EnvironmentWish:
        path = ("environment",)
        said = self._table.get("environment", "auto")
        if isinstance(said, str) and said:
            none, auto = said == "none", said == "auto"
            return EnvironmentWish(none=none, source="" if none or auto else said)
        if not isinstance(said, dict):
            self._find(
                path,
                "environment is 'auto', 'none', a file of the project, or a table.",
                'Write it as in environment = "uv.lock".',
            )
            return EnvironmentWish()
        table = {key.replace("-", "_"): value for key, value in said.items()}
        for key in said:
            self._check_environment_key(key, said[key])
        if table.get("registered") and len(table) > 1:
            self._find(
                (*path, "registered"),
                "A registered environment is taken as it is.",
                "Take out what is said beside it.",
            )
        if any(finding.key.startswith("environment.") for finding in self.findings):
            return EnvironmentWish()
        lists = {key: tuple(table.get(key, ())) for key in ("packages", "extras", "groups")}
        return EnvironmentWish(
            source=table.get("source", ""),
            registered=table.get("registered", ""),
            python=table.get("python", ""),
            wheels_only=table.get("wheels_only", False),
            packages=lists["packages"],
            extras=lists["extras"],
            groups=lists["groups"],
        )

    def _check_environment_key(self, key: str, value: object) -> None:
        path = ("environment", key)
        known = key.replace("-", "_")
        if known in ("packages", "extras", "groups"):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                self._find(path, f"{key} is a list of texts.", f'Write {key} = ["first"].')
        elif known in ("source", "registered", "python"):
            if not isinstance(value, str) or not value:
                self._find(path, f"{key} is a text.", f'Write it as in {key} = "…".')
        elif known == "wheels_only":
            if not isinstance(value, bool):
                self._find(path, f"{key} is true or false.", f"Write {key} = true.")
        else:
            self._find(
                path,
                f"An environment has no {key}.",
                "Known are source, registered, packages, extras, groups, python, wheels_only.",
            )

    def _runs(self) -> dict[str, "SavedRun"]:
        tables = self._table.get("runs", {})
        if not isinstance(tables, dict):
            self._find(("runs",), "runs is a table of runs.", "Write each as in [runs.train].")
            return {}
        if not tables:
            return {}
        # It brings half of the client.
        from lanherd_client.projects.saved_runs import read_run

        runs: dict[str, SavedRun] = {}
        for name, table in tables.items():
            path = ("runs", name)
            if not _RUN_NAME.fullmatch(name) or len(name) > NAME_CHARS_MAX:
                self._find(
                    path,
                    f"{name!r} is no name of a run: it has letters, digits, '_', '-' and '.', at"
                    f" most {NAME_CHARS_MAX}.",
                    "Write it as in [runs.train].",
                )
            elif not isinstance(table, dict):
                self._find(path, f"{name} is a table.", f"Write it as in [runs.{name}].")
            else:
                run, problems = read_run(table)
                for problem in problems:
                    where = (*path, problem.key) if problem.key else path
                    self._find(where, problem.text, problem.remedy)
                if run is not None:
                    runs[name] = run
        return runs

    def _unknown(self, known: tuple[str, ...]) -> None:
        for key in self._table:
            if key not in known:
                close = get_close_matches(key, known, 1)
                remedy = f"Write {close[0]}." if close else f"Known are {', '.join(known)}."
                self._find((key,), f"{key} is not known here.", remedy)

    def _find(
        self, path: tuple[str, ...], text: str, remedy: str, refusal: str = "odd_project_file"
    ) -> None:
        line = line_of(self._lines, path)
        self.findings.append(Finding(line, ".".join(path), text, remedy, refusal))


def _check_dots(text: str) -> None:
    """Raises ValueError for a key that would keep the reader busy for a minute."""
    for number, line in enumerate(text.split("\n"), start=1):
        key = line.partition("=")[0]
        if key.count(".") > DOTS_PER_KEY_MAX and not key.lstrip().startswith("#"):
            raise ValueError(f"More than {DOTS_PER_KEY_MAX} dots (at line {number}, column 1)")


def _no_toml(text: str, problem: Exception) -> Finding:
    """What the reader says; without a line it is something that is missing at the end."""
    found = _LINE.search(str(problem))
    return Finding(
        int(found[1]) if found else text.rstrip().count("\n") + 1,
        "",
        f"{_NO_TOML}{problem}",
        "Mend it.",
        "no_toml",
    )


def _odd_file(place: Path, findings: list[Finding]) -> LanherdError:
    told = [f"Line {one.line}: {one.text} {one.remedy}" for one in findings[:FINDINGS_TOLD]]
    if len(findings) > FINDINGS_TOLD:
        told.append(f"{len(findings) - FINDINGS_TOLD} more things are wrong.")
    first = findings[0]
    return unreadable(
        place,
        " ".join(told),
        "Mend the file with an editor.",
        refusal=first.refusal,
        line=first.line,
        key=first.key,
        problem=first.text.removeprefix(_NO_TOML),
        remedy_said=first.remedy,
        findings=len(findings),
    )


def _text_of(place: Path) -> str | None:
    """The file's text; None where there is no file."""
    try:
        content = read_file_start(place, FILE_BYTES_MAX + 1)
    except OSError as refused:
        raise refused_by_system(place, refused) from refused
    if content is None:
        return None
    if len(content) > FILE_BYTES_MAX:
        raise unreadable(
            place,
            f"It has more than {FILE_BYTES_MAX} bytes.",
            "Make it shorter.",
            refusal="long_project_file",
            bytes_max=FILE_BYTES_MAX,
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise _odd_file(
            place, [Finding(line, "", "It is no UTF-8.", "Save it as UTF-8.")]
        ) from problem


def _fitting(name: str) -> str:
    """A name as a project may have it, of the name of a folder."""
    printable = "".join(char if char.isprintable() else "?" for char in name)
    return printable[:RUN_NAME_CHARS_MAX]


def _quoted(text: str) -> str:
    """A text as TOML writes it, which may be a key too."""
    import tomlkit

    return tomlkit.item(text).as_string()


def _table_of(folder: Path, name: str) -> Mapping[str, Any]:
    text = _text_of(folder / PROJECT_FILE)
    try:
        known: Any = tomllib.loads(text or "").get("runs", {}).get(name, {})
    except (ValueError, AttributeError):
        # It is told when the file is read whole.
        return {}
    return known if isinstance(known, dict) else {}


def _flat(table: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """The values by their dotted paths."""
    for key, value in table.items():
        inner = f"{path}{_quoted(key)}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{inner}.")
        else:
            yield inner, list(value) if isinstance(value, tuple) else value
