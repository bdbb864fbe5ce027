"""setenv(3), unsetenv(3): changes to an environment, in the order FreeBSD's C library leaves the variables."""

from __future__ import annotations


class Environ:
    """An environment being changed: a new variable goes in front of the others, a changed one stays where it is."""

    __slots__ = ("vars",)

    def __init__(self, env: dict[str, str]) -> None:
        self.vars = dict(env)

    def get(self, name: str) -> str | None:
        """getenv."""
        return self.vars.get(name)

    def set(self, name: str, value: str) -> None:
        """setenv, overwriting."""
        if name in self.vars:
            self.vars[name] = value
        else:
            self.vars = {name: value, **self.vars}

    def unset(self, name: str) -> None:
        """unsetenv."""
        self.vars.pop(name, None)
