"""Before BEGIN: the names a translated program finds, ARGV, ENVIRON, -v and -F (main.c, tran.c: arginit, envinit)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.commands.awk.array import UNINIT, Array
from vshell.commands.awk.pattern import PatternError, compile_pattern
from vshell.commands.awk.runtime import Awk
from vshell.commands.awk.streams import assign_variable, unescape
from vshell.commands.awk.values import from_outside, index_of, num, num_at, promote, put, put_with, substr, truth

if TYPE_CHECKING:
    from vshell.commands.awk import Options, Translated


def prepare(rt: Awk, o: Options, program: Translated) -> None:
    """Fill the name space and define the program's functions in it."""
    space: dict[str, Any] = {
        "rt": rt, "out": rt.p.stdout.write, "num": num, "truth": truth, "num_at": num_at,
        "promote": promote, "put": put, "put_with": put_with,
        "substr": substr, "index_of": index_of, "Array": Array, "UNINIT": UNINIT, "INF": float("inf"),
    }  # fmt: skip
    rt.namespace = space
    rt.lines = program.lines
    for name, text in program.patterns.items():
        try:
            space[name] = compile_pattern(text)
        except PatternError as e:
            rt.fatal(str(e))
    argv, environ = Array(), Array()
    for i, word in enumerate([rt.p.argv[0], *o.operands]):
        argv[str(i)] = from_outside(word)
    for key, text in rt.p.env.items() if not o.safe else ():
        environ[key] = from_outside(text)
    space["g_ARGV"], space["g_ENVIRON"] = argv, environ
    space["g_ARGC"] = float(len(argv))
    for assignment in o.assignments:
        name, _, value = assignment.partition("=")
        assign_variable(rt, name, value)
    if o.csv and o.fs is not None:
        rt.warning("danger: don't set FS when --csv is in effect")
    if o.fs is not None:
        rt.FS = rt.input_fs = unescape(o.fs)
    exec(program.code, space)
    for name in program.arrays:
        space.setdefault(name, Array())
    for name in program.scalars:
        space.setdefault(name, UNINIT)
