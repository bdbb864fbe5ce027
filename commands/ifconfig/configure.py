"""Carry out the keywords of a command line, then what they left to the end (ifconfig_ioctl)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import EADDRNOTAVAIL, EAFNOSUPPORT, KError
from vshell.abi.socket import AF_INET, AF_LINK, AF_LOCAL, AF_UNSPEC, SOCK_DGRAM
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import (
    ADDR,
    ARG,
    ARG2,
    DSTADDR,
    FLAG,
    OPTARG,
    RIDADDR,
    VECTOR,
    Cmd,
    Family,
    cmd_lookup,
    family_by_name,
    family_by_number,
    finals,
)  # fmt: skip


def configure(ctx: Context, creating: bool, wanted: Family | None) -> None:
    """Do what the words say; IPv4 is meant where no family is named."""
    family = wanted or family_by_number(AF_INET) or family_by_number(AF_LINK)
    assert family is not None
    _open(ctx, family, wanted)
    for final in finals():
        ctx.callback_register(final)
    words = ctx.args.words[:]
    while words:
        cmd = cmd_lookup(words[0], creating)
        if creating and cmd is None:
            # Nothing more that concerns creation: make the interface, then go on with it.
            creating = False
            if not ctx.callbacks:
                ctx.errx("internal error, no callback")
            function, argument = ctx.callbacks.pop(0)
            function(ctx, argument)
            other = family_by_name(words[0])
            if other is not None:
                del words[0]
                if other is not ctx.family:
                    _open(ctx, other, wanted)
            continue
        words = _execute(ctx, cmd or (SETIFDSTADDR if ctx.setaddr else SETIFADDR), words)
    _finish(ctx)


def _open(ctx: Context, family: Family, wanted: Family | None) -> None:
    """A socket of the family, which the keywords use."""
    domain = AF_LOCAL if family.af in (AF_LINK, AF_UNSPEC) else family.af
    ctx.family = family
    try:
        ctx.sock = ctx.sys.socket(domain, SOCK_DGRAM)
    except KError as e:
        ctx.errno = e.errno
        if wanted is not None or e.errno != EAFNOSUPPORT:
            ctx.err(f"socket(family {domain},SOCK_DGRAM)")
        ctx.sock = ctx.socket(AF_LOCAL, f"socket(family {domain},SOCK_DGRAM)")


def _execute(ctx: Context, cmd: Cmd, words: list[str]) -> list[str]:
    """Carry out one keyword; returns the words that are left."""
    if cmd.kind == FLAG:
        cmd.func(ctx, words[0], cmd.param)
        return words[1:]
    if cmd.kind == ARG:
        if len(words) < 2:
            ctx.errx(f"'{cmd.name}' requires argument")
        cmd.func(ctx, words[1])
        return words[2:]
    if cmd.kind == OPTARG:
        cmd.func(ctx, words[1] if len(words) > 1 else None)
        return words[2:]
    if cmd.kind == ARG2:
        if len(words) < 3:
            ctx.errx(f"'{cmd.name}' requires 2 arguments")
        cmd.func(ctx, words[1], words[2])
        return words[3:]
    assert cmd.kind == VECTOR
    done: int = cmd.func(ctx, words[1:])
    return words[1 + done :]


def _finish(ctx: Context) -> None:
    """Callbacks, then addresses: the old one goes before the new one comes."""
    family = ctx.family
    family.postproc(ctx, ctx.newaddr, ctx.getifflags(ctx.ifname, err_ok=True))
    for function, argument in ctx.callbacks[:]:
        function(ctx, argument)
    if ctx.clearaddr:
        _delifaddr(ctx, family)
    if ctx.newaddr:
        _addifaddr(ctx, family)


def _delifaddr(ctx: Context, family: Family) -> None:
    if family.af == AF_UNSPEC:
        ctx.warnx(f"interface {ctx.ifname} cannot change {family.name} addresses!")
        ctx.clearaddr = False
        return
    error = family.remove(ctx)
    if error and not (error == EADDRNOTAVAIL and ctx.doalias >= 0):
        ctx.perror("ioctl (SIOCDIFADDR)", error)


def _addifaddr(ctx: Context, family: Family) -> None:
    if family.af == AF_UNSPEC:
        ctx.warnx(f"interface {ctx.ifname} cannot change {family.name} addresses!")
        ctx.newaddr = False
        return
    if ctx.setaddr or ctx.setmask:
        error = family.add(ctx)
        if error:
            ctx.perror("ioctl (SIOCAIFADDR)", error)


def setifaddr(ctx: Context, text: str, _: object) -> None:
    """A word that is no keyword: an address."""
    family = ctx.family
    if family.af == AF_UNSPEC:
        return
    ctx.setaddr += 1
    if not ctx.doalias and family.af != AF_LINK:
        ctx.clearaddr = True
    family.getaddr(ctx, text, ADDR if ctx.doalias >= 0 else RIDADDR)


def setifdstaddr(ctx: Context, text: str, _: object) -> None:
    """The next such word: the address of the other end."""
    if ctx.family.af != AF_UNSPEC:
        ctx.family.getaddr(ctx, text, DSTADDR)


SETIFADDR = Cmd("ifaddr", FLAG, setifaddr, 0, (), False)
SETIFDSTADDR = Cmd("ifdstaddr", FLAG, setifdstaddr, 0, (), False)


def bad_value(ctx: Context, text: str) -> NoReturn:
    """What a family says to something it cannot read."""
    ctx.errx(f"{text}: bad value")
