"""Messages of rtsold(8): on standard error in the foreground, to syslog(3) else (warnmsg)."""

from __future__ import annotations

from vshell.userland.program import Program
from vshell.userland.syslog import syslog

LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG = 3, 4, 5, 6, 7
LOG_DAEMON = 24


class Log:
    """Where messages go, and which."""

    def __init__(self, p: Program, debug: int, foreground: bool) -> None:
        self.p, self.debug, self.foreground = p, debug, foreground
        self.upto = LOG_DEBUG if debug > 1 else LOG_INFO if debug else LOG_NOTICE

    async def warn(self, priority: int, func: str, text: str) -> None:
        """One message."""
        if priority > self.upto:
            return
        if self.foreground:
            self.p.warnx(text)
        else:
            await syslog(self.p.sys, LOG_DAEMON | priority, self.p.name, f"<{func}> {text}", self.p.sys.getpid())
