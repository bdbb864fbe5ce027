"""Interfaces as pf(4) knows them: skip flags, and pfctl -s Interfaces (sbin/pfctl/pfctl.c, pfctl_table.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, KError
from vshell.abi.pf import PFI_IFLAG_SKIP, PfClrIfFlag, PfGetIfaces, PfiKif, PfSetIfFlag
from vshell.commands.pfctl.context import ctime, pf_strerror
from vshell.commands.pfctl.words import PF_OPT_NOACTION, PF_OPT_QUIET, PF_OPT_SHOWALL, PF_OPT_VERBOSE2

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

IFNAMSIZ = 16
LABELS = (
    (("In4/Pass:", "In4/Block:"), ("Out4/Pass:", "Out4/Block:")), (("In6/Pass:", "In6/Block:"), ("Out6/Pass:", "Out6/Block:")),
)  # fmt: skip


class Skipped:
    """skip_b: which interfaces were skipped before the rules were read, and still are to be looked after."""

    def __init__(self, ctx: Context) -> None:
        try:
            found: list[PfiKif] = ctx.ioctl(PfGetIfaces())
        except KError as e:
            ctx.p.err(1, e, "pfi_get_ifaces")
        self.kifs = found
        self.flagged = {kif.name for kif in found if kif.flags & PFI_IFLAG_SKIP}


def get_skip_ifaces(ctx: Context) -> None:
    """pfctl_get_skip_ifaces."""
    ctx.skipped = Skipped(ctx)


def set_interface_flags(ctx: Context, ifname: str, on: bool) -> None:
    """pfctl_set_interface_flags: skip, or do so no more; for a group this goes for its members too."""
    for member in ctx.interfaces.members(ifname):
        set_interface_flags(ctx, member, on)
    if len(ifname) >= IFNAMSIZ:
        ctx.p.errx(1, "pfctl_set_interface_flags: strlcpy")
    if ctx.opts & PF_OPT_NOACTION:
        return
    try:
        ctx.ioctl((PfSetIfFlag if on else PfClrIfFlag)(ifname, PFI_IFLAG_SKIP))
    except KError as e:
        ctx.p.err(1, e, "DIOCSETIFFLAG" if on else "DIOCCLRIFFLAG")
    if on and ctx.skipped is not None:
        ctx.skipped.flagged.discard(ifname)


def adjust_skip_ifaces(ctx: Context) -> None:
    """pfctl_adjust_skip_ifaces: what the rules do not skip any more."""
    skipped = ctx.skipped
    if skipped is None:
        return
    for kif in skipped.kifs:
        if not kif.group or kif.name not in skipped.flagged:
            continue
        set_interface_flags(ctx, kif.name, False)
        for host in ctx.interfaces.grouplookup(kif.name, 0):
            name = host.ifname or ""
            if name in {k.name for k in skipped.kifs} and name not in skipped.flagged:
                set_interface_flags(ctx, name, True)
            skipped.flagged.discard(name)
    for kif in skipped.kifs:
        if kif.name in skipped.flagged:
            set_interface_flags(ctx, kif.name, False)


def clear_interface_flags(ctx: Context) -> None:
    """pfctl_clear_interface_flags."""
    if ctx.opts & PF_OPT_NOACTION:
        return
    try:
        ctx.ioctl(PfClrIfFlag("", PFI_IFLAG_SKIP))
    except KError as e:
        ctx.p.err(1, e, "DIOCCLRIFFLAG")
    if not ctx.opts & PF_OPT_QUIET:
        ctx.note("pf: interface flags reset\n")


def show_ifaces(ctx: Context) -> None:
    """pfctl_show_ifaces."""
    name = ctx.iface or ""
    if len(name) >= IFNAMSIZ:
        ctx.p.errx(1, pf_strerror(EINVAL))
    try:
        found: list[PfiKif] = ctx.ioctl(PfGetIfaces(name))
    except KError as e:
        ctx.p.errx(1, pf_strerror(e.errno))
    if ctx.opts & PF_OPT_SHOWALL:
        ctx.title("INTERFACES:")
    for kif in found:
        ctx.out(kif.name + (" (skip)" if ctx.verbose and kif.flags & PFI_IFLAG_SKIP else "") + "\n")
        if not ctx.opts & PF_OPT_VERBOSE2:
            continue
        ctx.out(f"\tCleared:     {ctime(ctx.p, kif.tzero)}\n\tReferences:  {kif.rulerefs:<18d}\n")
        for af in range(2):
            for way in range(2):
                for action in range(2):
                    packets, octets = kif.packets[af][way][action], kif.bytes[af][way][action]
                    ctx.out(f"\t{LABELS[af][way][action]:<12} [ Packets: {packets:<18d} Bytes: {octets:<18d} ]\n")
