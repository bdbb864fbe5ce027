"""Loading of the kernel module an interface's name suggests (ifmaybeload)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.commands.ifconfig.context import Context

MODULES = {"tun": "if_tuntap", "tap": "if_tuntap", "vmnet": "if_tuntap", "ipsec": "ipsec", "enc": "if_enc"}
"""Types whose module has another name."""


def ifmaybeload(ctx: Context, name: str) -> None:
    """Load the module unless it is there; failure does not matter."""
    if ctx.args.noload:
        return
    kind = name[:15]
    kind = kind[:1] + kind[1:].rstrip("0123456789")
    known = MODULES.get(kind)
    module = known or f"if_{kind}"
    for wanted in (module,) if known else (kind, module):
        try:
            ctx.sys.modfind(wanted)
        except KError:
            continue
        return
    try:
        ctx.sys.kldload(module)
    except KError as e:
        ctx.errno = e.errno
