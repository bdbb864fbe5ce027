"""Which programs there are and where they are installed, found by file name in `vshell.commands`.

The paths stand on the `@program("/bin/ls", ...)` line of a command's file, which is read as text: importing a command
is left until it runs.  Looking up one name reads one file; names that are only second links, and listings, need a look
at all files, which happens once.
"""

from __future__ import annotations

import os
from importlib import import_module

import vshell.commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Programs:
    """The installed programs."""

    def __init__(self, root: str | None = None) -> None:
        self._root = root or next(iter(vshell.commands.__path__))
        self._paths: dict[str, tuple[str, ...]] = {}
        """Program to its installed paths, as far as files have been read."""
        self._all: dict[str, dict[str, str]] | None = None
        """Directory to {name: program}, once everything has been read."""

    def lookup(self, directory: str, name: str) -> str | None:
        """The program installed as `name` in `directory`, if there is one."""
        if self._all is None:
            paths = self.paths(name)
            if f"{directory}/{name}" in paths:
                return name
            if paths:
                return None  # installed, but elsewhere: no other program has a link of that name
        return self._scan().get(directory, {}).get(name)

    def listing(self, directory: str) -> dict[str, str]:
        """Name to program of all that is installed in `directory`."""
        return self._scan().get(directory, {})

    def load(self, program: str) -> Callable[[Any], Any] | None:
        """`main` of a program, None if there is no such program."""
        if not self.paths(program):
            return None
        main = import_module(f"vshell.commands.{self._module(program)}").main
        assert callable(main)
        return main  # type: ignore[no-any-return]

    def offer(self, program: str) -> Callable[[Any], Any] | None:
        """`complete` of a program (userland/completion.py): from its file, or complete.py in its folder."""
        if not self.paths(program):
            return None
        module = f"vshell.commands.{self._module(program)}"
        try:
            found = import_module(f"{module}.complete")
        except ModuleNotFoundError as e:
            if e.name not in (f"{module}.complete", module):
                raise
            found = import_module(module)
        offer = getattr(found, "complete", None)
        return offer if callable(offer) else None

    def paths(self, program: str) -> tuple[str, ...]:
        """Where a program is installed; () if there is none."""
        found = self._paths.get(program)
        if found is None:
            found = self._paths[program] = self._read(self._module(program))
        return found

    @staticmethod
    def _module(program: str) -> str:
        """The module of a program: names Python cannot import get a different spelling."""
        name = program.replace("-", "_").replace(".", "_")
        return f"{name}_" if name in RESERVED else name

    def _read(self, module: str) -> tuple[str, ...]:
        if not module.isidentifier():
            return ()
        for file in (f"{module}.py", f"{module}/__init__.py"):
            try:
                with open(f"{self._root}/{file}", encoding="utf-8") as f:
                    return declared_paths(f.read())
            except OSError:
                continue
        return ()

    def _scan(self) -> dict[str, dict[str, str]]:
        if self._all is None:
            self._all = {}
            for file in sorted(os.listdir(self._root)):
                module = file.removesuffix(".py")
                if module.isidentifier() and not module.startswith("__"):
                    self._install(module)
        return self._all

    def _install(self, module: str) -> None:
        assert self._all is not None
        paths = self._read(module)
        if paths:
            program = paths[0].rpartition("/")[2]
            if self._module(program) != module:
                program = module
            self._paths[program] = paths
            for path in paths:
                directory, _, name = path.rpartition("/")
                self._all.setdefault(directory, {})[name] = program


RESERVED = frozenset(
    {"as", "assert", "async", "await", "break", "class", "del", "exec", "from", "import", "is", "lambda", "pass"}
)


def declared_paths(text: str) -> tuple[str, ...]:
    """The paths in the @program(...) decorator of a command's source."""
    start = text.find("\n@program(")
    if start < 0:
        return ()
    inside = text[start + 10 : text.find(")", start)]
    return tuple(part.strip(" \n\t\"'") for part in inside.split(",") if part.strip(" \n\t\"'"))
