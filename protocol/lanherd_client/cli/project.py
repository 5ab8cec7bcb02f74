"""`lanherd project`: what a project says of itself, and what of it is sent."""

from pathlib import Path

import click

from lanherd_client.cli import talk
from lanherd_client.cli.options import NamedPath, json_option, none_empty
from lanherd_client.cli.project_shapes import known_shape, project_shape
from lanherd_client.cli.push import put_preflight
from lanherd_client.cli.session import home_of
from lanherd_client.cli.terminal import plain
from lanherd_client.cli.words import moment
from lanherd_client.projects.preflight import Preflight, add_rule
from lanherd_client.projects.problems import IGNORE_FILE
from lanherd_client.projects.project import Project
from lanherd_client.projects.project_book import ProjectBook
from lanherd_client.projects.project_file import change_project_file, ensure_project_file
from lanherd_client.projects.scan import scan
from lanherd_client.projects.scan_cache import ScanCache
from lanherd_protocol.errors import ErrorCode, LanherdError

_KNOWN = (
    talk.Column("NAME"),
    talk.Column("FOLDER", whole=True),
    talk.Column("USED", right=True),
    talk.Column("NOTE"),
)
_RUNS = (talk.Column("SAVED RUN"), talk.Column("GPUS", right=True), talk.Column("COMMAND"))
_folder = click.option(
    "--project",
    "folder",
    type=NamedPath(),
    default=Path(),
    metavar="DIR",
    help="The project's folder. [the current one]",
)


@click.group("project")
def project_command() -> None:
    """Look at a project, name it, leave files at home.

    A project is a folder. What it says of itself is in .lanherd/project.toml: its id, its name,
    ignore rules, the environment of its runs and saved runs.
    """


@project_command.command("init")
@click.argument("folder", metavar="[FOLDER]", type=NamedPath(), default=Path())
@click.option("--name", default="", help="Its name. [that of the folder]")
@click.pass_context
def init_command(context: click.Context, folder: Path, name: str) -> None:
    """Make a folder a project that has an id and can keep runs.

    Prints the id. A folder that is one already stays as it is.
    """
    place = Project.open(folder).folder
    said, notes = ensure_project_file(place, name)
    for note in notes:
        talk.say(f"Warning: {plain(note)}")
    ProjectBook.of(home_of(context)).note(place, said.name, said.id)
    if said.id:
        talk.say(f"{plain(said.name)} is a project. Edit {place / '.lanherd' / 'project.toml'}.")
        talk.put_line(said.id)


@project_command.command("show")
@click.argument("folder", metavar="[FOLDER]", type=NamedPath(), default=Path())
@json_option
@click.pass_context
def show_command(context: click.Context, folder: Path, as_json: bool) -> None:
    """Show what a project says of itself, and what a push would send."""
    project = Project.open(folder)
    look, problem = _look(project, home_of(context))
    if as_json:
        talk.put_json(project_shape(project, look))
    else:
        _put_project(project)
        if look is not None:
            put_preflight(look, ())
        if project.said is not None and project.said.runs:
            runs = project.said.runs.items()
            talk.put_table(
                _RUNS, [(name, str(run.gpus), " ".join(run.command)) for name, run in runs]
            )
            talk.say("Start one with 'lanherd run --saved NAME'.")
    for note in project.notes:
        talk.say(f"Warning: {plain(note)}")
    if problem is not None:
        raise problem


def _look(project: Project, home: Path) -> tuple[Preflight | None, LanherdError | None]:
    """What would be sent; an empty project is shown all the same, and then told as what it is."""
    try:
        scanned = scan(project.folder, cache=ScanCache.of(project.folder, home))
    except LanherdError as problem:
        return None, problem
    return Preflight(scanned), None


def _put_project(project: Project) -> None:
    said = project.said
    talk.put_fields(
        [
            ("name", project.name),
            ("folder", str(project.folder)),
            ("id", "none yet: see 'lanherd project init'" if said is None else said.id),
            ("ignore rules", "" if said is None else "\n".join(said.ignore)),
        ]
    )


@project_command.command("list")
@json_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> None:
    """List the projects that were pushed or added from here."""
    known = ProjectBook.of(home_of(context)).projects()
    if as_json:
        talk.put_json([known_shape(one) for one in known])
        return
    if not known:
        talk.say("No project was pushed or added from here yet.")
        talk.say("  'lanherd push' brings the current folder to a machine.")
        return
    talk.put_table(
        _KNOWN,
        [
            (
                one.name,
                one.folder,
                moment(one.used_at),
                "" if Path(one.folder).is_dir() else "The folder is gone.",
            )
            for one in known
        ],
    )


@project_command.command("rename")
@click.argument("name")
@_folder
@click.pass_context
def rename_command(context: click.Context, name: str, folder: Path) -> None:
    """Give a project another name.

    Runs that were sent before keep the name that it had.
    """
    place = Project.open(folder).folder
    said = change_project_file(place, {"name": name})
    ProjectBook.of(home_of(context)).note(place, said.name, said.id)
    talk.say(f"The project is now called {plain(said.name)}.")


@project_command.command("ignore")
@click.argument("rules", metavar="RULE…", nargs=-1, required=True, callback=none_empty)
@_folder
@click.pass_context
def ignore_command(context: click.Context, rules: tuple[str, ...], folder: Path) -> None:
    """Leave files at home, by rules as .gitignore has them.

    They are added to .lanherdignore: '/data/' for that folder, '*.ckpt' for all such files,
    '!/small.ckpt' to take one in again.
    """
    project = Project.open(folder)
    before, _ = _look(project, home_of(context))
    for rule in rules:
        if add_rule(project.folder, rule):
            talk.say(f"Added to {IGNORE_FILE}: {plain(rule)}")
        else:
            talk.say(f"{IGNORE_FILE} says so already: {plain(rule)}")
    after, problem = _look(project, home_of(context))
    if problem is not None and problem.code is not ErrorCode.PROJECT_EMPTY:
        raise problem
    files = 0 if after is None else after.files
    if before is not None:
        fewer = before.files - files
        word = "fewer" if fewer >= 0 else "more"
        noun = "file" if abs(fewer) == 1 else "files"
        talk.say(f"A push sends {abs(fewer)} {noun} {word} now: {files} in all.")
