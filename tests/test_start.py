"""Starting costs little: what `vshell -c true` loads."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {
    "argparse", "asyncio", "contextlib", "ctypes", "dataclasses", "decimal", "hashlib", "inspect", "json", "logging",
    "multiprocessing", "pathlib", "pexpect", "prompt_toolkit", "pygments", "random", "socket", "subprocess", "tabulate",
    "threading", "traceback", "typing", "urllib",
}  # fmt: skip
"""Modules a bare shell must not wait for."""

MOST = 80
"""Modules of our own it may load."""


def loaded(commands: str) -> set[str]:
    """The modules that are loaded after a run."""
    code = f"import sys; from vshell.app import main; main(['-c', {commands!r}]); print(*sys.modules)"
    p = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    return set(p.stdout.split())


def test_start() -> None:
    """A builtin command."""
    modules = loaded("true")
    assert not modules & HEAVY
    assert sum(m.startswith("vshell") for m in modules) <= MOST
    assert not any(m.startswith(("vshell.kernel.netinet", "vshell.labs", "vshell.shell.rich")) for m in modules)


def test_commands_are_loaded_when_run() -> None:
    """One program brings its own file and no other command's."""
    modules = loaded("basename /a/b")
    commands = {m.split(".")[2] for m in modules if m.startswith("vshell.commands.")}
    assert commands <= {"sh", "basename"}
