"""Our stubs of untyped libraries name only what those libraries have."""

import ast
import importlib
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

STUBS = sorted((ROOT / "packaging/stubs").glob("*.pyi"))


def public_names(stub: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.stem)
def test_a_stub_names_what_is_there(stub: Path) -> None:
    library = importlib.import_module(stub.stem)
    assert not [name for name in public_names(stub) if not hasattr(library, name)]
