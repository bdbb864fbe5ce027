"""Text tools are tested as a user meets them: a script in, streams and status out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Machine, Result

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
