"""The checkout's Python files as syntax trees, and what a rule says of them."""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where the import packages lie, below the folder that makes them importable.
PACKAGES = {
    "lanherd_protocol": "protocol",
    "lanherd_client": "protocol",
    "lanherd_agent": "agent",
    "lanherd_desktop": "desktop",
}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Source:
    """One file. `path` is relative to the checkout, with slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All of the tree, which every rule goes through."""
        return list(ast.walk(self.tree))

    @cached_property
    def module(self) -> str:
        parts = Path(self.path).with_suffix("").parts
        inside = parts[1:] if parts[0] in PACKAGES.values() else parts
        return ".".join(inside).removesuffix(".__init__")

    @cached_property
    def names(self) -> dict[str, str]:
        """Local name → what it stands for: `import a.b as c`, `from a import b as c`."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    local = alias.asname or alias.name.partition(".")[0]
                    found[local] = alias.name if alias.asname else local
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    def qualified(self, node: ast.expr) -> str:
        """The dotted name of an expression with imports resolved; '' where it has none."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.qualified(node.value)
            return f"{base}.{node.attr}" if base else f"?.{node.attr}"
        if isinstance(node, ast.Subscript):
            return self.qualified(node.value)
        if isinstance(node, ast.Call):
            called = self.qualified(node.func)
            return f"{called}()" if called else ""
        return ""

    @cached_property
    def calls(self) -> list[tuple[ast.Call, str]]:
        return [
            (node, self.qualified(node.func)) for node in self.nodes if isinstance(node, ast.Call)
        ]

    def imports(self) -> Iterator[tuple[int, str]]:
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.lineno, node.module

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        return [
            (token.start[0], token.string)
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline)
            if token.type == tokenize.COMMENT
        ]

    def finding(self, node: ast.AST | int, message: str) -> Finding:
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Finding(self.path, line, message)


def product() -> list[Source]:
    return [source for folder in ("protocol", "agent", "desktop") for source in below(folder)]


def suite() -> list[Source]:
    return below("tests")


@cache
def below(folder: str) -> list[Source]:
    return [
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]
