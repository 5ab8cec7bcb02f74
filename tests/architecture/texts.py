"""The texts of the window: those in the code, and those in the translations."""

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
    for scope in ast.walk(source.tree):
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
