"""What `push` and `project` print as JSON; see `shapes`. Sizes are bytes, times Unix seconds.

`lanherd push` prints a list of `push_shape`, one for each machine (with `--watch` such a list on a
line for each push); `push --dry-run` one `preflight_shape`; `project show` one `project_shape`, and
`project list` a list of `known_shape`.
"""

from collections.abc import Sequence
from pathlib import Path

from lanherd_client.cli.shapes import Json, Object, failure_shape
from lanherd_client.projects.ignore import Rule
from lanherd_client.projects.preflight import Preflight, Sized
from lanherd_client.projects.project import Project
from lanherd_client.projects.project_book import KnownProject
from lanherd_client.projects.saved_runs import SavedRun
from lanherd_client.push_calls import MachinePreflight, MachinePush


def push_shape(pushed: MachinePush, seconds: float) -> Object:
    """How a push to one machine ended; what it sent is counted after compression."""
    result, problem = pushed.result, pushed.problem
    return {
        "machine": pushed.machine,
        "machine_name": pushed.machine_name,
        "snapshot": None if result is None else result.snapshot,
        "files": None if result is None else result.files,
        "bytes_total": None if result is None else result.bytes_total,
        "sent_bytes": None if result is None else result.sent_bytes,
        "sent_blobs": None if result is None else result.sent_blobs,
        "notes": [] if result is None else list(result.notes),
        "seconds": seconds,
        "problem": None if problem is None else failure_shape(problem.failure),
    }


def preflight_shape(look: Preflight, machines: Sequence[MachinePreflight]) -> Object:
    """What would be sent, what looks like a mistake, and what stays at home."""
    return {
        "files": look.files,
        "bytes_total": look.bytes_total,
        "machines": [
            {
                "machine": one.machine,
                "machine_name": one.machine_name,
                "blobs": one.blobs,
                "size_bytes": one.size_bytes,
                "problem": None if one.problem is None else failure_shape(one.problem.failure),
            }
            for one in machines
        ],
        "largest_files": [*map(_sized, look.largest_files)],
        "largest_folders": [*map(_sized, look.largest_folders)],
        "suspects": [
            {**_sized(one.what), "why": one.why, "rule": one.rule} for one in look.suspects
        ],
        "left_out": [
            {
                "path": one.path,
                "is_folder": one.why.is_folder,
                "size_bytes": one.why.size_bytes or None,
                **_rule(one.why.rule),
            }
            for one in look.left_out
        ],
    }


def _sized(what: Sized) -> Object:
    return {
        "path": what.path,
        "files": what.files,
        "size_bytes": what.bytes_total,
        "is_folder": what.is_folder,
    }


def _rule(rule: Rule) -> Object:
    return {
        "rule": rule.text,
        "rule_file": rule.source or None,
        "rule_line": rule.line or None,
        "rule_over_bytes": rule.over_bytes or None,
    }


def project_shape(project: Project, look: Preflight | None) -> Object:
    """A project as its folder and its file say; `sends` is null where that can't be said."""
    said = project.said
    ignored: list[Json] = [] if said is None else list(said.ignore)
    return {
        "folder": str(project.folder),
        "name": project.name,
        "id": said.id if said is not None else None,
        "ignore": ignored,
        "notes": list(project.notes),
        "runs": {} if said is None else {name: _run(run) for name, run in said.runs.items()},
        "sends": None if look is None else preflight_shape(look, ()),
    }


def _run(run: SavedRun) -> Object:
    return {
        "command": list(run.command),
        "name": run.name or None,
        "gpus": run.gpus,
        "vram": run.vram or None,
    }


def known_shape(project: KnownProject) -> Object:
    """A project that was pushed or added here."""
    return {
        "folder": project.folder,
        "name": project.name,
        "id": project.id or None,
        "used_at": project.used_at,
        "is_there": Path(project.folder).is_dir(),
    }
