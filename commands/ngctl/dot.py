"""ngctl dot: the whole netgraph in the language of graphviz (usr.sbin/ngctl/dot.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.abi.netgraph import LINKINFO, NGM_GENERIC_COOKIE, NGM_LISTHOOKS, NGM_LISTNODES, NODEINFO, cstring
from vshell.commands.ngctl.shell import BADUSAGE, OK
from vshell.userland.stdio import Writer, decode

if TYPE_CHECKING:
    from vshell.commands.ngctl.shell import Ngctl

    Link = tuple[str, str, int]

UNNAMED = "\\<unnamed\\>"


async def dot(ng: Ngctl, argv: list[str]) -> str:
    """Draw to standard output or a file."""
    parsed = ng.getopt(argv, "c")
    if parsed is None or len(parsed[1]) > 1:
        return BADUSAGE
    compact, args = "c" in parsed[0], parsed[1]
    out = ng.p.stdout
    if args:
        try:
            out = Writer(ng.p.sys, ng.p.sys.open(args[0], O_WRONLY | O_CREAT | O_TRUNC))
        except KError as e:
            return ng.warn(e, f"Could not open {args[0]} for writing")
    result = await _draw(ng, out, compact)
    if args:
        out.flush()
        ng.p.sys.close(out.fileno())
    return result


async def _draw(ng: Ngctl, out: Writer, compact: bool) -> str:
    try:
        await ng.node.send(".", NGM_GENERIC_COOKIE, NGM_LISTNODES)
        answer = (await ng.node.receive())[0]
    except KError as e:
        return ng.warn(e, "send listnodes msg")
    count = int.from_bytes(answer.data[:4], "little")
    nodes = [NODEINFO.unpack_from(answer.data, 4 + i * NODEINFO.size) for i in range(count)]
    if compact:
        out.write('digraph netgraph {\n\tedge [ dir = "none", fontsize = 10 ];\n')
    else:
        out.write("graph netgraph {\n\tedge [ weight = 1.0 ];\n")
    out.write("\tnode [ shape = record, fontsize = 12 ] {\n")
    for name, kind, number, _ in nodes:
        label = decode(cstring(name)) or UNNAMED
        out.write(f'\t\t"{number:x}" [ label = "{{{label}:|{{{decode(cstring(kind))}|[{number:x}]:}}}}" ];\n')
    out.write("\t};\n\tsubgraph cluster_disconnected {\n\t\tbgcolor = pink;\n")
    for _, _, number, hooks in nodes:
        if not hooks:
            out.write(f'\t\t"{number:x}";\n')
    out.write("\t};\n")
    for _, _, number, _ in nodes:
        try:
            await ng.node.send(f"[{number:x}]:", NGM_GENERIC_COOKIE, NGM_LISTHOOKS)
            data = (await ng.node.receive())[0].data
        except KError as e:
            return ng.warn(e, "send listhooks msg")
        found = [LINKINFO.unpack_from(data, NODEINFO.size + i * LINKINFO.size) for i in range(NODEINFO.unpack_from(data)[3])]
        _edges(out, number, [(decode(cstring(h[0])), decode(cstring(h[1])), h[4]) for h in found], compact)
    out.write("}\n")
    return OK


def _edges(out: Writer, number: int, links: list[Link], compact: bool) -> None:
    """The hooks of a node, and the edges to nodes that were there before it."""
    if not links:
        return
    if not compact:
        out.write("\tnode [ shape = octagon, fontsize = 10 ] {\n")
        out.write("".join(f'\t\t"{number:x}.{ours}" [ label = "{ours}" ];\n' for ours, _, _ in links))
        out.write("\t};\n\t{\n\t\tedge [ weight = 2.0, style = bold ];\n")
        out.write("".join(f'\t\t"{number:x}" -- "{number:x}.{ours}";\n' for ours, _, _ in links))
        out.write("\t};\n")
    for ours, theirs, peer in links:
        if peer > number:
            continue
        if compact:
            out.write(f'\t"{peer:x}" -> "{number:x}" [ headlabel = "{ours}", taillabel = "{theirs}" ] ;\n')
        else:
            out.write(f'\t"{number:x}.{ours}" -- "{peer:x}.{theirs}";\n')
