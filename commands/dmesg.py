"""dmesg(8): the kernel's message buffer (sbin/dmesg/dmesg.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

PRIORITY = re.compile(r"<(\d+)>")
LOG_FACMASK = 0x3F8


def visible(text: str) -> str:
    """strvisx(3) without flags: control characters as \\^X, others above ASCII as M-x."""
    return "".join(c if c in "\t\n" or " " <= c <= "~" else _vis(c) for c in text.replace("\\", "\\\\"))


def _vis(c: str) -> str:
    return "".join(_vis_byte(byte) for byte in c.encode("utf-8", "surrogateescape"))


def _vis_byte(byte: int) -> str:
    low = byte & 0x7F
    start = "\\M" if byte & 0x80 else "\\"
    if low < 0x20 or low == 0x7F:
        return f"{start}^{chr(low ^ 0x40)}"
    return f"{start}-{chr(low)}" if low != 0x20 else "\\240"


@program("/sbin/dmesg")
def main(p: Program) -> int:
    """Show it, and empty it if asked to."""
    everything = clear = False
    options = Getopt(p, "acM:N:")
    for flag, _ in options:
        everything |= flag == "a"
        clear |= flag == "c"
        if flag in ("M", "N"):
            p.errx(1, "cannot read a core file")
        elif flag not in "ac":
            _usage(p)
    if options.args:
        _usage(p)
    try:
        text = str(p.sys.sysctl("kern.msgbuf"))
    except KError as e:
        p.err(1, e, "sysctl kern.msgbuf")
    if clear:
        try:
            p.sys.sysctl("kern.msgbuf_clear", 1)
        except KError as e:
            p.err(1, e, "sysctl kern.msgbuf_clear")
    for line in (text or "\n").splitlines(keepends=True):
        found = PRIORITY.match(line)
        if found and int(found[1]) & LOG_FACMASK and not everything:
            continue
        p.stdout.write(visible(line[found.end() :] if found else line))
    return 0


def _usage(p: Program) -> None:
    p.usage("usage: dmesg [-ac] [-M core [-N system]]")
