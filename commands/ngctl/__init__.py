"""ngctl(8): make, show and control nodes of netgraph (usr.sbin/ngctl)."""

from __future__ import annotations

from vshell.abi.errno import EPERM, KError
from vshell.abi.fcntl import O_RDONLY
from vshell.commands.ngctl.shell import EX_NOHOST, EX_NOINPUT, EX_NOPERM, EX_OSERR, EX_USAGE, OK, USAGE, Ngctl
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.program import Program, program
from vshell.userland.stdio import Reader

STATUS = {"ok": 0, "quit": 0, "usage": EX_USAGE, "error": EX_OSERR}


@program("/usr/sbin/ngctl")
async def main(p: Program) -> int:
    """Options, then one command, a file of them, or a conversation."""
    interactive = p.sys.isatty(0) and p.sys.isatty(1)
    name, debug, jail = f"ngctl{p.sys.getpid()}", 0, None
    source: Reader | None = None
    options = Getopt(p, "df:j:n:")
    for letter, value in options:
        if letter == "d":
            debug += 1
        elif letter == "f":
            source = _open(p, value)
        elif letter == "j":
            jail = value
        elif letter == "n":
            name = value
        else:
            p.usage(USAGE, EX_USAGE)
    if jail is not None:
        _attach(p, jail)
    ng = Ngctl(p, debug)
    try:
        await ng.node.make(name)
    except KError as e:
        p.err(EX_OSERR, e, "can't create node")
    args = options.args
    result = OK
    if args:
        result = await ng.command(args)
    elif source is not None:
        result = await ng.read_file(source)
    elif interactive:
        result = await ng.interactive()
    else:
        p.warnx("no command specified")
        p.usage(USAGE, EX_USAGE)
    return STATUS[result]


def _open(p: Program, path: str) -> Reader:
    if path == "-":
        return p.stdin
    try:
        return Reader(p.sys, p.sys.open(path, O_RDONLY))
    except KError as e:
        p.err(EX_NOINPUT, e, path)


def _attach(p: Program, jail: str) -> None:
    if not jail:
        p.warnx("invalid jail name")
        p.usage(USAGE, EX_USAGE)
    try:
        jid = jail_getid(p.sys, jail)
    except JailError as e:
        p.errx(EX_NOPERM if e.errno == EPERM else EX_NOHOST, e.text)
    try:
        p.sys.jail_attach(jid)
    except KError as e:
        p.errx(EX_NOPERM if e.errno == EPERM else EX_OSERR, "cannot attach to jail")
