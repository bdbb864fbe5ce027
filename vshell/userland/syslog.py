"""syslog(3): names of facilities and priorities, and messages to the log socket."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.socket import AF_UNIX, SOCK_DGRAM, SockaddrUn
from vshell.abi.syscalls import Syscalls
from vshell.userland.strftime import gmtime, strftime

PRIORITIES = {
    "alert": 1, "crit": 2, "debug": 7, "emerg": 0, "err": 3, "error": 3, "info": 6, "none": 16, "notice": 5, "panic": 0,
    "warn": 4, "warning": 4,
}  # fmt: skip
FACILITIES = {
    "auth": 32, "authpriv": 80, "console": 112, "cron": 72, "daemon": 24, "ftp": 88, "kern": 0, "lpr": 48, "mail": 16,
    "mark": 192, "news": 56, "ntp": 96, "security": 104, "syslog": 40, "user": 8, "uucp": 64, "local0": 128, "local1": 136,
    "local2": 144, "local3": 152, "local4": 160, "local5": 168, "local6": 176, "local7": 184,
}  # fmt: skip
LOG_SOCKET = "/var/run/log"


def message(sys: Syscalls, priority: int, tag: str, text: str, pid: int | None = None) -> bytes:
    """A message as it goes to syslogd."""
    stamp = strftime("%b %e %T", gmtime(sys.clock_gettime() // 1_000_000_000))
    who = f"{tag}[{pid}]" if pid is not None else tag
    return f"<{priority}>{stamp} {who}: {text}".encode("utf-8", "surrogateescape")


async def syslog(sys: Syscalls, priority: int, tag: str, text: str, pid: int | None = None) -> bool:
    """Send one message; False (and nothing else) when no syslogd listens."""
    try:
        fd = sys.socket(AF_UNIX, SOCK_DGRAM)
    except KError:
        return False
    try:
        await sys.connect(fd, SockaddrUn(LOG_SOCKET))
        await sys.sendto(fd, message(sys, priority, tag, text, pid))
    except KError:
        return False
    finally:
        sys.close(fd)
    return True
