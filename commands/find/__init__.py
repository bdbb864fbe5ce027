"""find(1): walk a file hierarchy (usr.bin/find)."""

from __future__ import annotations

from vshell.abi.errno import strerror
from vshell.commands.find.context import Context
from vshell.commands.find.plan import Node, parse
from vshell.userland.fts import FTS_D, FTS_DNR, FTS_DP, FTS_NS, Fts, FtsEntry
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.regex import EXTENDED

USAGE = """\
usage: find [-H | -L | -P] [-EXdsx] [-f path] path ... [expression]
       find [-H | -L | -P] [-EXdsx] -f path [path ...] [expression]
"""
XARGS_BAD = frozenset(" \t\n\\'\"")


async def visit(c: Context, plan: list[Node], e: FtsEntry) -> None:
    """One entry of the walk."""
    if c.maxdepth != -1 and e.level >= c.maxdepth:
        e.skip = True
    if e.info == FTS_D and c.depth:
        return
    if e.info == FTS_DP and not c.depth:
        return
    if e.info in (FTS_DNR, FTS_NS):
        assert e.error is not None
        c.complain(f"{e.path}: {strerror(e.error.errno)}")
        return
    if c.xargs and XARGS_BAD & set(e.path):
        c.complain(f"{e.path}: illegal path")
        return
    if c.mindepth != -1 and e.level < c.mindepth:
        return
    for node in plan:
        if not await node.test(e):
            break


def start_paths(p: Program, c: Context) -> tuple[list[str], list[str]]:
    """(paths, expression) of the command line."""
    paths: list[str] = []
    parsed = Getopt(p, "EHLPXdf:sx")
    for key, value in parsed:
        if key == "?":
            p.usage(USAGE)
        elif key == "E":
            c.regex_flags |= EXTENDED
        elif key in "HLP":
            c.follow = key
        elif key == "X":
            c.xargs = True
        elif key == "d":
            c.depth = True
        elif key == "f":
            paths.append(value)
        elif key == "s":
            c.sort = True
        else:
            c.xdev = True
    args = parsed.args
    at = 0
    while at < len(args) and not args[at].startswith("-") and args[at] not in ("!", "("):
        at += 1
    return paths + args[:at], args[at:]


@program("/usr/bin/find")
async def main(p: Program) -> int:
    """find [-H | -L | -P] [-EXdsx] [-f path] path ... [expression]"""
    c = Context(p)
    paths, expression = start_paths(p, c)
    if not paths:
        p.usage(USAGE)
    plan = parse(c, expression)
    key = (lambda e: e.name) if c.sort else None
    walk = Fts(p.sys, paths, logical=c.logical, comfollow=c.follow == "H", xdev=c.xdev, key=key)
    for e in walk:
        await visit(c, plan, e)
        if c.quit:
            break
    await c.finish()
    return c.status
