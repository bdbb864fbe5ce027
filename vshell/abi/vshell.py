"""What the program `vshell` inside a machine asks of the machine itself; no FreeBSD has these calls.

A request names who answers it: a file of vshell/kernel/vshell ("topology"), or "" for what stands outside the machine
(its terminal and its clock; vshell/shell), which may be nobody: ENOSYS.
"""

from __future__ import annotations

from vshell.abi.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar


class MetaRequest(Record):
    """A question to the machine: the argument of Syscalls.vshell."""

    server: ClassVar[str] = ""


class CLOCK(MetaRequest):
    """How time stands: a ClockState."""

    server = "clock"


class ClockState(Record):
    """Uptime and time of day (ns), how many timers run, and when the next one fires (uptime, or -1)."""

    uptime: int
    realtime: int
    pending: int
    next: int


class PACE(MetaRequest):
    """Set how fast time passes: seconds of the machine per second, or 0: only while a command runs.  Returns the new pace.

    Without a `rate`: ask for it.  ENOSYS where time jumps.
    """

    rate: float | None = None


class SKIP(MetaRequest):
    """Time shall run as fast as it can until that uptime, ns.  ENOSYS where time jumps anyway."""

    until: int


class UNDO(MetaRequest):
    """Make the machine again as it was before the last `count` commands typed at its shells.

    Returns those lines, the oldest first; ERANGE if there are not so many.
    """

    count: int


class LINES(MetaRequest):
    """The commands typed so far, without the one being run: tuple[str, ...].

    What was typed at a shell that a command started (jexec) stands in a here-document of that command.
    """


class SAVE(MetaRequest):
    """Keep the session under a name: returns where.  EINVAL for a name that cannot be, EIO if it cannot be written."""

    name: str


class LOAD(MetaRequest):
    """Make the machine as it was when a session was saved; returns how many lines were typed in it.  EINVAL, ENOENT, EIO."""

    name: str


class EDIT(MetaRequest):
    """Let the user change a file's content in the host's editor: the new content (bytes).

    EPERM if the user did not allow that, EIO if the editor failed.
    """

    name: str
    content: bytes


class RERUN(MetaRequest):
    """Run lines in a machine of its own, each to its end: a transcript that `vshell replay` takes (bytes)."""

    lines: tuple[str, ...]
    markdown: bool


class INTERACTIVE(MetaRequest):
    """A shell tells that it takes commands from a terminal; `names` gives what only it knows, for completion.

    ("variable" | "function" | "alias" | "builtin") -> names; ("status") -> how the last command ended; ("editor") -> "vi" after
    set -o vi;
    ("reading") -> "command" or "continuation", what it waits for; nothing else it reads (its builtin read) counts.
    """

    names: Callable[[str], list[str]]


class NAMES(MetaRequest):
    """The names of one kind that are legal where the caller is, each with a few words about it: tuple[tuple[str, str], ...].

    Kinds: interface, cloner, jail, route, node, hook and message (`of` a node), nodetype, module (loaded), kld (loadable),
    sysctl (the next step of the name `of`).
    """

    server = "names"
    kind: str
    of: str = ""
    prefix: str = ""
    """Only names that begin so (jails may be thousands)."""


class OBSERVE(MetaRequest):
    """System calls as from inside a jail (name or jid), without a process there: abi.syscalls.Syscalls.  ENOENT."""

    server = "observe"
    jail: str
