"""Routing tables of interfaces and tunnels (iffib.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.sockio import SIOCGIFFIB, SIOCGTUNFIB, SIOCSIFFIB, SIOCSTUNFIB
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg
from vshell.userland.cnumber import strtol

ORDER = 90


def status(ctx: Context) -> None:
    """fib_status: tables other than the first."""
    for label, question in (("fib", SIOCGIFFIB), ("tunnelfib", SIOCGTUNFIB)):
        try:
            fib: int = ctx.ioctl(question(ctx.ifname), ctx.local_socket())
        except KError:
            continue
        if fib:
            ctx.out(f"\t{label}: {fib}\n")


def _number(ctx: Context, text: str) -> int:
    value, rest, _ = strtol(text, 0)
    if rest or not 0 <= value <= 0xFFFFFFFF:
        ctx.errx(f"fib {text} not valid")
    return value


def setiffib(ctx: Context, text: str) -> None:
    """fib."""
    fib = _number(ctx, text)
    try:
        ctx.ioctl(SIOCSIFFIB(ctx.ifname, fib))
    except KError:
        ctx.err("ioctl (SIOCSIFFIB)")


def settunfib(ctx: Context, text: str) -> None:
    """tunnelfib."""
    fib = _number(ctx, text)
    try:
        ctx.ioctl(SIOCSTUNFIB(ctx.ifname, fib))
    except KError:
        ctx.err("ioctl (SIOCSTUNFIB)")


COMMANDS = (arg("fib", setiffib, "fib_number"), arg("tunnelfib", settunfib, "fib_number"))
