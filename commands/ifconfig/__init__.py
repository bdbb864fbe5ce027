"""ifconfig(8): show and change network interfaces.

The program knows no type of interface.  Each section of this folder (a file with ORDER) brings keywords, address families
and status lines of one subject; `keywords.py` gathers them.
"""

from __future__ import annotations

from vshell.abi.sockio import IFF_CANTCONFIG, IFF_UP, IFNAMSIZ
from vshell.commands.ifconfig.arguments import Args, parse
from vshell.commands.ifconfig.configure import configure
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.display import list_interfaces
from vshell.commands.ifconfig.keywords import family_by_name
from vshell.commands.ifconfig.modules import ifmaybeload
from vshell.userland.program import Program, program


@program("/sbin/ifconfig")
def main(p: Program) -> int:
    """ifconfig."""
    args = Args()
    ctx = Context(p, args)
    try:
        if "IFCONFIG_FORMAT" in p.env:
            args.setformat(p, p.env["IFCONFIG_FORMAT"])
        parse(p, args)
        run(ctx)
    finally:
        # A name that the kernel chose is printed last, even after an error.
        if ctx.ifname_to_print:
            p.stdout.write(ctx.ifname_to_print + "\n")
    return ctx.exit_code


def run(ctx: Context) -> None:
    """Everything after the options."""
    args = ctx.args
    if not args.all and not args.namesonly and not _select(ctx):
        return
    if args.words:
        args.family = family_by_name(args.words[0])
        if args.family is not None:
            args.words.pop(0)
    if args.words and args.ifname is not None:
        if len(args.ifname) >= IFNAMSIZ:
            ctx.warnx(f"{args.ifname}: interface name too long, skipping")
            return
        flags = ctx.getifflags(args.ifname, local=True)
        if not (flags & IFF_CANTCONFIG or (args.downonly and flags & IFF_UP) or (args.uponly and not flags & IFF_UP)):
            configure(ctx, False, args.family)
        return
    args.allfamilies = args.family is None
    list_interfaces(ctx)


def _select(ctx: Context) -> bool:
    """Take the interface's name off the arguments; False if the whole command was done here."""
    args = ctx.args
    name = args.ifname = ctx.ifname = args.words.pop(0)
    ifmaybeload(ctx, name)
    first = args.words[0] if args.words else ""
    creating = first in ("create", "plumb")
    if ctx.if_nametoindex(name):
        if creating:
            if len(args.words) == 1:
                ctx.errx(f"interface {name} already exists")
            args.words.pop(0)
        return True
    if creating:
        if len(name) >= IFNAMSIZ:
            ctx.errx(f"{name}: cloning name too long")
        configure(ctx, True, None)
        return False
    if first == "-vnet":
        # The interface is elsewhere, so it cannot be found here.
        if len(name) >= IFNAMSIZ:
            ctx.errx(f"{name}: interface name too long")
        configure(ctx, False, None)
        return False
    ctx.errx(f"interface {name} does not exist")
