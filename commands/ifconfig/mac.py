"""Labels of mandatory access control (ifmac.c); no policy that has any is in the kernel."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, strerror
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg

ORDER = 70


def maclabel(ctx: Context, text: str) -> None:
    """maclabel: the kernel refuses; perror(3) does not say who complains."""
    ctx.p.stderr.write(f"setifmac: {strerror(EINVAL)}\n")


COMMANDS = (arg("maclabel", maclabel, "label"),)
