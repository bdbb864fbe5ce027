"""Requests to what stands around the machine."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import EINVAL, EIO, ENOENT, ENOSYS, KError
from vshell.abi.vshell import MetaRequest
from vshell.userland.program import Program

TEXTS = {
    ENOSYS: "only in an interactive session",
    EINVAL: "not a name for a session",
    ENOENT: "no such session",
    EIO: "the file of the session cannot be used",
}


def ask(p: Program, what: str, request: MetaRequest) -> Any:
    """The answer, or the end with a text; other errors are the caller's."""
    try:
        return p.sys.vshell(request)
    except KError as e:
        if e.errno not in TEXTS:
            raise
        p.errx(1, f"{what}: {TEXTS[e.errno]}")
