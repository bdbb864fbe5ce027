"""Addresses of tables from files, and tables that hide one another (sbin/pfctl/pfctl_radix.c, pfctl_table.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EISDIR, KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.abi.pf import PFR_FLAG_ALLRSETS, PFR_TFLAG_ACTIVE, PfrAddr, PfrGetTables, PfrTable
from vshell.commands.pfctl.hosts import BadAddress, append_addr
from vshell.userland.slurp import slurp

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

BUF_SIZE = 256


def words(text: str) -> list[str]:
    """pfr_next_token: words up to blanks; a # or ; where a word could begin makes the rest of the line a comment."""
    found = []
    i = 0
    while i < len(text):
        if text[i].isspace():
            i += 1
        elif text[i] in "#;":
            end = text.find("\n", i)
            i = len(text) if end < 0 else end
        else:
            start = i
            while i < len(text) and not text[i].isspace():
                i += 1
            found.append(text[start:i])
    return found


def load_file(ctx: Context, found: list[PfrAddr], name: str, test: bool) -> None:
    """pfr_buf_load: the addresses of a file; KError, BadAddress."""
    if name == "-":
        data = ctx.stdin or b""
        ctx.stdin = b""
    else:
        if ctx.p.sys.stat(name).st_mode & S_IFMT == S_IFDIR:
            raise KError(EISDIR)
        data = slurp(ctx.p, name)
    for word in words(data.decode("latin-1")):
        if len(word) >= BUF_SIZE:
            raise BadAddress(False)
        append_addr(ctx, found, word, test)


def warn_duplicate_tables(ctx: Context, name: str, anchor: str) -> None:
    """warn_duplicate_tables: the same name in another anchor."""
    try:
        tables: list[PfrTable] = ctx.ioctl(PfrGetTables(flags=PFR_FLAG_ALLRSETS))
    except KError as e:
        ctx.p.err(1, e, "pfr_get_tables")
    for table in tables:
        if table.flags & PFR_TFLAG_ACTIVE and table.anchor != anchor and table.name == name:
            ctx.p.warnx(f'warning: table <{name}> already defined in anchor "{table.anchor or "/"}"')
