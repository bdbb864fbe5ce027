"""What the program `vshell` inside a machine asks of the machine itself; no FreeBSD has these calls.

A request names who answers it: a file of vshell/kernel/vshell ("topology"), or "" for what stands outside the machine
(its terminal and its clock; vshell/shell), which may be nobody.
"""

from __future__ import annotations

from vshell.abi.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class MetaRequest(Record):
    """A question to the machine: the argument of Syscalls.vshell."""

    server: ClassVar[str] = ""
