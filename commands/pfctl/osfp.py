"""Fingerprints of operating systems: /etc/pf.os and what the kernel has of it (sbin/pfctl/pfctl_osfp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.pf import PfOsfpAdd, PfOsfpFlush, PfOsfpGet
from vshell.commands.pfctl.words import PF_OPT_NOACTION, PF_OPT_QUIET, PF_OPT_SHOWALL, PF_OPT_VERBOSE2
from vshell.userland.slurp import slurp

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

PF_OSFP_FILE = "/etc/pf.os"


def file_fingerprints(ctx: Context, path: str) -> bool:
    """pfctl_file_fingerprints: read the file and give it to the kernel; False if that failed."""
    try:
        text = slurp(ctx.p, path).decode("latin-1")
    except KError as e:
        ctx.p.warn(e, path)
        return False
    if not ctx.opts & PF_OPT_NOACTION:
        clear_fingerprints(ctx)
    ctx.fingerprints = []
    added = 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        fields = line.split(":")
        if len(fields) < 8:
            ctx.note(f"{path}:{number} fields are missing\n")
            continue
        name = (fields[5].lstrip("@*"), fields[6], fields[7])
        if not fields[5] or fields[5].startswith("@"):
            continue
        ctx.fingerprints.append(name)
        added += 1
        if not ctx.opts & PF_OPT_NOACTION:
            ctx.ioctl(PfOsfpAdd(name, _shape(fields)))
    if ctx.opts & PF_OPT_VERBOSE2 and not ctx.opts & PF_OPT_QUIET:
        ctx.out(f"Loaded {added} passive OS fingerprints\n")
    return True


def _shape(fields: list[str]) -> tuple[int, ...]:
    """Window (with what it is a multiple of), TTL, DF, size of the SYN, then the options in order."""
    window, ttl, df, size = fields[:4]
    kind, value = 0, 0
    if window == "*":
        kind = 4
    elif window[:1] in ("S", "T", "%"):
        kind, value = {"S": 1, "T": 2, "%": 3}[window[0]], _int(window[1:])
    else:
        value = _int(window)
    options = []
    for word in fields[4].split(","):
        letter = word.strip()[:1]
        rest = word.strip()[1:]
        number = -1 if rest in ("", "*") else _int(rest.lstrip("%"))
        options += [{"N": 1, "E": 0, "M": 2, "W": 3, "S": 4, "T": 8}.get(letter, 0xFF), number]
    return kind, value, _int(ttl), _int(df), -1 if size == "*" else _int(size), *options


def _int(text: str) -> int:
    digits = "".join(c for c in text if c.isdigit())
    return int(digits[:9] or "0")


def clear_fingerprints(ctx: Context) -> None:
    """pfctl_clear_fingerprints."""
    try:
        ctx.ioctl(PfOsfpFlush())
    except KError as e:
        ctx.pfctl_err(1, e, "DIOCOSFPFLUSH")


def load_fingerprints(ctx: Context) -> None:
    """pfctl_load_fingerprints: those of the kernel."""
    try:
        found: list[PfOsfpAdd] = ctx.ioctl(PfOsfpGet())
    except KError as e:
        ctx.p.warn(e, "DIOCOSFPGET")
        return
    ctx.fingerprints = [one.name for one in found]


def known_fingerprint(ctx: Context, name: str) -> bool:
    """pfctl_get_fingerprint: is it a class, a version of one, or a subtype of that?"""
    wanted = name.lower()
    if wanted in ("any", "unknown"):
        return True
    for cls, version, subtype in ctx.fingerprints:
        if wanted in (cls.lower(), f"{cls} {version}".lower(), f"{cls} {version} {subtype}".lower(), f"{cls} {subtype}".lower()):
            return True
    return False


def show_fingerprints(ctx: Context) -> None:
    """pfctl_show_fingerprints: a table of all there are."""
    if not ctx.fingerprints:
        return
    if ctx.opts & PF_OPT_SHOWALL:
        ctx.title("OS FINGERPRINTS:")
        ctx.out(f"{len(ctx.fingerprints)} fingerprints loaded\n")
        return
    ctx.out("Class\tVersion\tSubtype(subversion)\n-----\t-------\t-------------------\n")
    tree: dict[str, dict[str, set[str]]] = {}
    for cls, version, subtype in ctx.fingerprints:
        tree.setdefault(cls, {}).setdefault(version, set()).add(subtype)
    for cls in sorted(tree, key=str.lower):
        ctx.out(f"{cls}\n")
        for version in sorted(tree[cls], key=str.lower):
            if version:
                ctx.out(f"\t{version}\n")
            for subtype in sorted(tree[cls][version] - {""}, key=str.lower):
                ctx.out(f"\t\t{subtype}\n")
