"""Who may import whom, and that the kernel does no I/O and owns no time (a table, and the imports of every file)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

TOP = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "vshell.abi": {"vshell.abi"},
    "vshell.wire": {"vshell.wire", "vshell.abi.record"},
    "vshell.kernel": {"vshell.kernel", "vshell.abi", "vshell.wire"},
    "vshell.userland": {"vshell.userland", "vshell.abi", "vshell.wire"},
    "vshell.commands": {"vshell.commands", "vshell.userland", "vshell.abi", "vshell.wire"},
    "vshell.shell": {"vshell.shell", "vshell.userland", "vshell.abi"},
    "vshell.labs": {"vshell.labs", "vshell.userland", "vshell.abi"},
}
"""Everything else (app, machine, __main__) is where all meets and may import all."""

ALSO = {
    # Files of the kernel that lead to the host: streams, and folders the user named.
    "vshell.shell.hostio": {"vshell.kernel.kern"},
    "vshell.shell.hostfs": {"vshell.kernel.kern"},
    # It looks for the files of the commands, and imports one when it is run.
    "vshell.userland.programs": {"vshell.commands"},
}

TYPES = {
    # The front ends are handed a machine; they know its type and do not construct one.
    "vshell.shell": {"vshell.machine", "vshell.kernel.kern"},
}
"""What may be imported for annotations only."""

THIRD_PARTY = {
    "vshell.shell": {"prompt_toolkit", "pygments"},
    # For the tables of our own program; what FreeBSD's programs print is theirs to the letter.
    "vshell.commands.vshell": {"tabulate"},
}

NOT_IN_KERNEL = {
    "time",
    "socket",
    "random",
    "os",
    "threading",
    "asyncio",
    "subprocess",
    "select",
    "signal",
    "io",
    "pathlib",
    "secrets",
}

VARIANTS = {"traceroute6": "traceroute", "renice": "nice"}
"""Commands that are a second form of another one and use its parts."""

KERNEL_ORDER = {
    "vshell.kernel.kern": {"vshell.kernel.kern", "vshell.kernel.net.vnet", "vshell.kernel.conf"},
    "vshell.kernel.net": {"vshell.kernel.kern", "vshell.kernel.net"},
}
"""Below netinet, netgraph and netpfil: upcalls go through registered hooks, as in FreeBSD."""

ABOVE_IP = {f"vshell.kernel.net.{name}" for name in ("if_gif", "if_gre", "if_me", "if_stf", "if_vxlan", "if_wg", "if_ovpn")}
"""Interface types that are tunnels: FreeBSD has them in net/, and they stand on IP."""


class Import(NamedTuple):
    """One imported module, where, and whether it is imported while the program runs and at module level."""

    name: str
    line: int
    runtime: bool
    toplevel: bool


def modules() -> dict[str, Path]:
    """All modules of the package by name (the links stand for the folders at the top)."""
    found = {}
    for folder, name in ((TOP / "vshell", "vshell"), (TOP / "commands", "vshell.commands")):
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            if folder.name == "vshell" and parts[0] in ("commands", "scenarios"):
                continue
            found[".".join((name, *parts)).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[Import]:
    """The imports of a file."""

    def walk(node: ast.AST, runtime: bool, toplevel: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, runtime, toplevel)
            elif isinstance(child, ast.ImportFrom):
                assert not child.level, f"{path}:{child.lineno}: relative import"
                for alias in child.names:
                    full = f"{child.module}.{alias.name}"
                    yield Import(full if full in MODULES else str(child.module), child.lineno, runtime, toplevel)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                for sub in child.body:
                    yield from walk(ast.Module([sub], []), False, toplevel)
            else:
                function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, runtime, toplevel and not function)

    yield from walk(ast.parse(path.read_text("utf-8")), True, True)


IMPORTS = {name: list(imports(path)) for name, path in MODULES.items()}


def layer(name: str, table: dict[str, set[str]]) -> str:
    """The row of a table that a module belongs to, "" if to none."""
    return next((row for row in table if name == row or name.startswith(row + ".")), "")


def inside(name: str, packages: set[str]) -> bool:
    """True if the module is in one of the packages."""
    return any(name == p or name.startswith(p + ".") for p in packages)


@pytest.mark.parametrize("row", MAY_IMPORT)
def test_layers(row: str) -> None:
    """No layer reaches past what the table allows it."""
    wrong = []
    for name, found in IMPORTS.items():
        if layer(name, MAY_IMPORT) != row:
            continue
        allowed = MAY_IMPORT[row] | ALSO.get(name, set())
        for i in found:
            if not i.runtime and inside(i.name, TYPES.get(row, set())):
                continue
            if i.name == "vshell" or (i.name.startswith("vshell.") and not inside(i.name, allowed)):
                wrong.append(f"{name}:{i.line} imports {i.name}")
    assert not wrong, "\n".join(wrong)


def test_third_party() -> None:
    """Outside libraries are used only where they are named."""
    wrong = []
    for name, found in IMPORTS.items():
        allowed = THIRD_PARTY.get(layer(name, THIRD_PARTY), set())
        for i in found:
            root = i.name.partition(".")[0]
            if root not in sys.stdlib_module_names and root != "vshell" and root not in allowed:
                wrong.append(f"{name}:{i.line} imports {i.name}")
    assert not wrong, "\n".join(wrong)


def test_kernel_does_no_io() -> None:
    """Time, chance and the outside world come to the kernel from its driver."""
    wrong = [
        f"{name}:{i.line} imports {i.name}"
        for name, found in IMPORTS.items()
        if name.startswith("vshell.kernel")
        for i in found
        if i.name.partition(".")[0] in NOT_IN_KERNEL
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("row", KERNEL_ORDER)
def test_kernel_order(row: str) -> None:
    """Inside the kernel the lower parts do not know the higher ones (types excepted)."""
    wrong = [
        f"{name}:{i.line} imports {i.name}"
        for name, found in IMPORTS.items()
        if layer(name, KERNEL_ORDER) == row and name not in ABOVE_IP
        for i in found
        if i.runtime and i.toplevel and i.name.startswith("vshell.kernel.") and not inside(i.name, KERNEL_ORDER[row])
    ]
    assert not wrong, "\n".join(wrong)


def test_commands_stand_alone() -> None:
    """A command is one file or folder: none imports another."""
    wrong = []
    for name, found in IMPORTS.items():
        if not name.startswith("vshell.commands."):
            continue
        command = name.split(".")[2]
        own = {f"vshell.commands.{c}" for c in (command, VARIANTS.get(command, command))}
        wrong += [
            f"{name}:{i.line} imports {i.name}" for i in found if i.name.startswith("vshell.commands") and not inside(i.name, own)
        ]
    assert not wrong, "\n".join(wrong)


def test_no_cycles() -> None:
    """Modules that import each other at module level."""
    graph = {n: [i.name for i in found if i.runtime and i.toplevel and i.name in MODULES] for n, found in IMPORTS.items()}
    state: dict[str, int] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert state.get(name) != 1, " -> ".join((*path[path.index(name) :], name))
        if name in state:
            return
        state[name] = 1
        for other in graph[name]:
            visit(other, (*path, name))
        state[name] = 2

    for name in graph:
        visit(name, ())
