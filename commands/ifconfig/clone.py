"""Creation and destruction of cloned interfaces (ifclone.c)."""

from __future__ import annotations

from typing import Any, NoReturn

from vshell.abi.errno import EEXIST, KError
from vshell.abi.record import Record
from vshell.abi.socket import AF_LOCAL, SOCK_DGRAM
from vshell.abi.sockio import SIOCIFCREATE2, SIOCIFDESTROY, SIOCIFGCLONERS
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import clone_callback, flag
from vshell.userland.program import Program

ORDER = 60


def list_cloners(p: Program) -> NoReturn:
    """-C."""
    try:
        fd = p.sys.socket(AF_LOCAL, SOCK_DGRAM)
        names = p.sys.ioctl(fd, SIOCIFGCLONERS())
    except KError as e:
        p.err(1, e, "unable to list cloners")
    p.stdout.write(" ".join(names) + "\n")
    p.exit(0)


def ifcreate(ctx: Context, name: str, params: Record | None = None) -> None:
    """ifcreate_ioctl."""
    try:
        made: str = ctx.ioctl(SIOCIFCREATE2(name, params))
    except KError as e:
        if e.errno == EEXIST:
            ctx.errx(f"interface {name} already exists")
        ctx.err(f"SIOCIFCREATE2 ({name})")
    if made != name:
        ctx.ifname_update(made)


def _ifclonecreate(ctx: Context, _: Any) -> None:
    callback = clone_callback(ctx.ifname)
    if callback is not None:
        callback(ctx, ctx.ifname)
    else:
        ifcreate(ctx, ctx.ifname)


def clone_create(ctx: Context, word: str, _: Any) -> None:
    """create, plumb: done once the words about creation have been read."""
    ctx.callback_register(_ifclonecreate)


def clone_destroy(ctx: Context, word: str, _: Any) -> None:
    """destroy, unplumb."""
    try:
        ctx.ioctl(SIOCIFDESTROY(ctx.ifname))
    except KError:
        ctx.err("SIOCIFDESTROY")


COMMANDS = (
    flag("create", 0, clone_create, clone=True),
    flag("destroy", 0, clone_destroy),
    flag("plumb", 0, clone_create, clone=True),
    flag("unplumb", 0, clone_destroy),
)
