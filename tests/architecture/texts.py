"""The texts of the window: those in the code, and those in the translations; and the reasons that
the agent gives, which the window says in its own words."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.architecture.source import Source

Text = tuple[str, str]
"""Context and English source."""


def texts_in(source: Source) -> Iterator[Text]:
    """What `tr`, `translate` and QT_TRANSLATE_NOOP are given in this file."""
    for scope in source.nodes:
        if isinstance(scope, ast.ClassDef):
            for call in ast.walk(scope):
                if isinstance(call, ast.Call) and _called(call) == "tr":
                    yield from ((scope.name, text) for text in _strings(call.args[:1]))
        elif isinstance(scope, ast.Call) and _called(scope) in {"translate", "QT_TRANSLATE_NOOP"}:
            strings = list(_strings(scope.args[:2]))
            if len(strings) == 2:
                yield strings[0], strings[1]


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _strings(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@dataclass(frozen=True)
class Translation:
    """One .ts file. `texts` maps a text to its translation, '' where there is none."""

    language: str
    texts: dict[Text, str]


def read_translation(path: Path) -> Translation:
    root = ElementTree.parse(path).getroot()
    texts: dict[Text, str] = {}
    for context in root.iter("context"):
        name = context.findtext("name", "")
        for message in context.iter("message"):
            translation = message.find("translation")
            texts[name, message.findtext("source", "")] = _finished(translation)
    return Translation(root.get("language", ""), texts)


def _finished(translation: ElementTree.Element | None) -> str:
    if translation is None or translation.get("type"):  # unfinished, vanished, obsolete
        return ""
    return "".join(translation.itertext()).strip()


@dataclass(frozen=True)
class GivenReason:
    """A `Reason(...)` of the agent. `values` are the names that a text about it may use."""

    code: str
    values: frozenset[str]
    has_remedy: bool


def reasons_in(source: Source) -> Iterator[GivenReason]:
    """Those with a code of their own; a failure that becomes a reason keeps its ErrorCode.

    A code is a literal, a constant of the file, or an f-string that ends with a key of a table of
    the file. Raises ValueError for a code that can't be read here. Causes that logs show have a
    table of their own.
    """
    for call, name in source.calls:
        if name.rpartition(".")[2] != "Reason":
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        code = given.get("code")
        elsewhere = (".code.value", "rule.code")
        if isinstance(code, ast.Attribute) and ast.unparse(code).endswith(elsewhere):
            continue
        codes = _codes(source, code)
        if not codes:
            raise ValueError(f"{source.path}:{call.lineno}: a reason's code is a literal")
        data = given.get("data")
        keys = _strings([key for key in data.keys if key]) if isinstance(data, ast.Dict) else ()
        values = frozenset(key.removesuffix("_bytes") for key in keys)
        # Not one that is handed on from another reason, which has its own text.
        remedy = given.get("remedy")
        has_remedy = remedy is not None and not isinstance(remedy, ast.Attribute)
        yield from (GivenReason(one, values, has_remedy) for one in codes)


def _codes(source: Source, code: ast.expr | None) -> list[str]:
    """The codes that an expression stands for; none where that can't be read."""
    match code:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name):
            return [
                node.value.value
                for node in source.tree.body
                if isinstance(node, ast.Assign)
                and ast.unparse(node.targets[0]) == name
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ]
        case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), ast.FormattedValue(value=v)]):
            return [f"{prefix}{ending}" for ending in _endings(source, ast.unparse(v))]
        case _:
            return []


def _endings(source: Source, parameter: str) -> list[str]:
    """The keys of the table of texts that is read with that parameter."""
    tables = {
        ast.unparse(node.value)
        for node in source.nodes
        if isinstance(node, ast.Subscript) and ast.unparse(node.slice) == parameter
    }
    return [
        text
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) in tables
        and isinstance(node.value, ast.Dict)
        for text in _strings([key for key in node.value.keys if key])
    ]
