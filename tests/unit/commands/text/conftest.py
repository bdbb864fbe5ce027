"""Text tools are tested as a user meets them: a script in, streams and status out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Machine, Result
from vshell.shell.drivers import Jump

Sh = Callable[..., Result]


@pytest.fixture
def sh() -> Sh:
    """Run a script on a fresh machine; `files` are put into the working directory first."""

    def run(script: str, files: dict[str, str] | None = None, stdin: bytes = b"") -> Result:
        setup = "cd /tmp\n"
        for name, text in (files or {}).items():
            setup += f"cat > {name} <<'END-OF-FILE'\n{text}END-OF-FILE\n"
        return Machine().run(setup + script, stdin=stdin)

    return run


class Console:
    """A person at the console: types, and sees what was written since."""

    def __init__(self, rows: int = 10, columns: int = 40) -> None:
        self.machine = Machine()
        self._seen = bytearray()
        self.machine.console.output = self._seen.extend
        self.machine.console.set_size(rows, columns)
        self.machine.login()
        console = self.machine.console
        self._driver = Jump(self.machine, lambda: bool(console.rchan.sleepers))
        self.type("")

    def type(self, keys: str) -> str:
        """Press keys; returns what appeared."""
        self.machine.console.input(keys.encode())
        for _ in range(50):
            self._driver.catch_up()
            if self._driver.delay() is None:
                break
        text = self._seen.decode().replace("\r\n", "\n")
        self._seen.clear()
        assert not self.machine.kernel.panics
        return text


@pytest.fixture
def console() -> Console:
    """A console with a shell."""
    return Console()
