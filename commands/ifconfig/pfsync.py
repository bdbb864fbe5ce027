"""pfsync(4) (ifpfsync.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.abi.if_pfsync import PFSYNCF_DEFER, PFSYNCF_OK, SIOCGETPFSYNCNV, SIOCSETPFSYNCNV, Pfsync
from vshell.abi.record import replace
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg, flag
from vshell.userland.addr import inet_ntop
from vshell.userland.cnumber import atoi

ORDER = 180

INADDR_PFSYNC_GROUP = bytes((224, 0, 0, 240))


def _get(ctx: Context) -> Pfsync:
    try:
        state: Pfsync = ctx.ioctl(SIOCGETPFSYNCNV(ctx.ifname))
    except KError:
        ctx.err("SIOCGETPFSYNCNV")
    return state


def _put(ctx: Context, **changes: Any) -> None:
    state = replace(_get(ctx), **changes)
    try:
        ctx.ioctl(SIOCSETPFSYNCNV(ctx.ifname, state))
    except KError:
        ctx.err("SIOCSETPFSYNCNV")


def syncdev(ctx: Context, text: str) -> None:
    """syncdev."""
    if len(text) > 16:
        ctx.errx(f"interface name {text} is too long")
    _put(ctx, syncdev=text)


def syncpeer(ctx: Context, text: str) -> None:
    """syncpeer."""
    from vshell.userland.netdb import GaiError, getaddrinfo

    _get(ctx)
    try:
        peer = getaddrinfo(ctx.p, text)[0].addr.addr
    except GaiError as e:
        ctx.errx(f"error in parsing address string: {e}")
    _put(ctx, syncpeer=peer)


def maxupd(ctx: Context, text: str) -> None:
    """maxupd."""
    value = atoi(text)
    if not 0 <= value <= 255:
        ctx.errx(f"maxupd {text}: out of range")
    _put(ctx, maxupdates=value)


def status(ctx: Context) -> None:
    """pfsync_status."""
    try:
        state: Pfsync = ctx.ioctl(SIOCGETPFSYNCNV(ctx.ifname), ctx.local_socket())
    except KError:
        return
    text = f"\tsyncdev: {state.syncdev} " if state.syncdev else "\t"
    if state.syncpeer not in (b"", INADDR_PFSYNC_GROUP):
        text += f"syncpeer: {inet_ntop(state.syncpeer)} "
    ctx.out(
        f"{text}maxupd: {state.maxupdates} defer: {'on' if state.flags & PFSYNCF_DEFER else 'off'} version: {state.version}\n"
        f"\tsyncok: {1 if state.flags & PFSYNCF_OK else 0}\n"
    )


COMMANDS = (
    arg("syncdev", syncdev, "iface"),
    flag("-syncdev", 1, lambda ctx, word, _: _put(ctx, syncdev="")),
    arg("syncif", syncdev, "iface"),
    flag("-syncif", 1, lambda ctx, word, _: _put(ctx, syncdev="")),
    arg("syncpeer", syncpeer, "peer_address"),
    flag("-syncpeer", 1, lambda ctx, word, _: _put(ctx, syncpeer=b"")),
    arg("maxupd", maxupd, "n"),
    flag("defer", 1, lambda ctx, word, _: _put(ctx, flags=PFSYNCF_DEFER)),
    flag("-defer", 0, lambda ctx, word, _: _put(ctx, flags=0)),
    arg("version", lambda ctx, text: _put(ctx, version=atoi(text)), "n"),
)
