"""What is the same for all runs of a sweep: the command as a template, and what they ask for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lanherd_client.sweeps.findings import Finding
from lanherd_client.sweeps.template import Template, parse_template
from lanherd_protocol.limits import RUN_NAME_CHARS_MAX
from lanherd_protocol.values import GpuRequest, HostRequest


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a row becomes a run. `command` has a template per argument, and may be empty where the
    sheet has a column of commands; what a row says itself comes before what is said here.
    `findings` is what can't be read of it."""

    name: str
    command: tuple[Template, ...] = ()
    variables: Mapping[str, Template] = field(default_factory=dict)
    gpus: GpuRequest = field(default_factory=GpuRequest)
    host: HostRequest = field(default_factory=HostRequest)
    priority: int = 0
    findings: tuple[Finding, ...] = ()


def make_recipe(
    name: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    gpus: GpuRequest,
    host: HostRequest,
    priority: int,
) -> Recipe:
    """Reads the templates."""
    findings = list(_name_findings(name))
    words = [_template(word, f"argument {at}", findings) for at, word in enumerate(command, 1)]
    values = {
        variable: _template(text, f"variable {variable}", findings)
        for variable, text in variables.items()
    }
    return Recipe(name, tuple(words), values, gpus, host, priority, tuple(findings))


def _template(text: str, where: str, findings: list[Finding]) -> Template:
    try:
        return parse_template(text)
    except ValueError as problem:
        findings.append(Finding(where, str(problem)))
        return Template(())


def _name_findings(name: str) -> Iterator[Finding]:
    if not name.strip():
        yield Finding("", "the sweep has no name.")
    if len(name) > RUN_NAME_CHARS_MAX or not name.isprintable():
        text = f"the sweep's name may have {RUN_NAME_CHARS_MAX} printable characters: {name[:60]!r}"
        yield Finding("", f"{text}.")
