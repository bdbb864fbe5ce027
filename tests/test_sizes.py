"""How big files and functions may be, and that everything says what it is."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

from tests.test_layers import MODULES

TOP = Path(__file__).resolve().parent.parent
LONGEST_FILE = 800
MIDDLE_FILE = 150
LONGEST_FUNCTION = 60
MIDDLE_FUNCTION = 8


def functions(path: Path) -> dict[str, int]:
    """Length of every function's body by its name and line; the docstring does not count."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if body:
                found[f"{path.relative_to(TOP)}:{node.lineno} {node.name}"] = (body[-1].end_lineno or 0) - body[0].lineno + 1
    return found


def test_files() -> None:
    """The longest file, and the middle one."""
    lines = {name: path.read_text("utf-8").count("\n") for name, path in MODULES.items() if path.stat().st_size}
    long = {n: size for n, size in lines.items() if size > LONGEST_FILE}
    assert not long
    assert median(lines.values()) <= MIDDLE_FILE


def test_functions() -> None:
    """The longest function, and the middle one."""
    sizes = {f: size for path in MODULES.values() for f, size in functions(path).items()}
    long = {f: size for f, size in sizes.items() if size > LONGEST_FUNCTION}
    assert not long
    assert median(sizes.values()) <= MIDDLE_FUNCTION


def test_docstrings() -> None:
    """Every module says in its first line what it is."""
    silent = [
        n for n, path in MODULES.items() if path.stat().st_size and ast.get_docstring(ast.parse(path.read_text("utf-8"))) is None
    ]
    assert not silent
