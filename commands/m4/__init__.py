"""m4(1): the macro processor (usr.bin/m4).

`machine` reads and expands, `builtins` are the macros it knows, `expr` is the arithmetic of eval.  Tracing (-t, -d, -o,
traceon) and the macros regexp and patsubst are not there.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.commands.m4.builtins import BUILTINS, form
from vshell.commands.m4.machine import M4, Macro, narrow
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program

USAGE = """\
usage: m4 [-EgPs] [-Dname[=value]] [-d flags] [-I dirname] [-o filename]
\t[-t macro] [-Uname] [file ...]
"""
LONGS = {
    "define": (REQUIRED, "D"),
    "fatal-warnings": (NO, "E"),
    "traditional": (NO, "G"),
    "gnu": (NO, "g"),
    "include": (REQUIRED, "I"),
    "prefix-builtins": (NO, "P"),
    "synclines": (NO, "s"),
    "undefine": (REQUIRED, "U"),
}


def options(m: M4) -> list[str]:
    """Parse the command line; returns the files."""
    p = m.p
    prefix = ""
    parsed = GetoptLong(p, "+D:EGgI:PsU:", LONGS)
    for key, value in parsed:
        if key == "D":
            name, _, text = narrow(value).partition("=")
            if not m.inputs:
                m.push_input("command line", b"")
            m.define(name, text)
        elif key == "E":
            m.error_warns += 1
        elif key == "I":
            m.path.append(narrow(value))
        elif key == "P":
            prefix = "m4_"
        elif key == "U":
            if m.macros.get(narrow(value)):
                m.macros[narrow(value)].pop()
        elif key in ("G", "g"):
            m.gnu = key == "g"
        elif key == "s":
            m.synch = True
        else:
            p.usage(USAGE)
    m.inputs.clear()
    m.builtins.update(BUILTINS)
    if m.gnu:
        m.builtins["format"] = (form, True)
    for name in m.builtins:
        known = m.macros.setdefault(prefix + name, [])
        if not known:
            known.append(Macro(name, name))
    return parsed.args


@program("/usr/bin/m4")
async def main(p: Program) -> int:
    """m4 [-EgPs] [-Dname[=value]] [-I dirname] [-Uname] [file ...]"""
    m = M4(p)
    for name in options(m) or ["-"]:
        try:
            if name == "-":
                m.push_input("stdin", await p.stdin.read())
            else:
                m.open(narrow(name))
        except KError as e:
            p.err(1, e, name)
        m.calls.clear()
        await m.run()
        last = m.inputs.pop()
        m.calls.clear()
    if m.wraps:
        m.inputs = [last]
        last.pos = len(last.text)
        while m.wraps:
            texts = m.wraps[::-1] if m.gnu else [m.wraps.pop(0)]
            if m.gnu:
                m.wraps.clear()
            m.unget("".join(texts))
            await m.run()
    m.active = 0
    for n in sorted(m.diversions):
        m.undivert(n)
    return m.status
