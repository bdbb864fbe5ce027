"""The macros m4 is born with (usr.bin/m4/eval.c, gnum4.c)."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, KError, strerror
from vshell.abi.fcntl import O_CREAT, O_EXCL, O_RDWR
from vshell.commands.m4.expr import Bad, Expression
from vshell.commands.m4.machine import M4, MARKER, MAXOUT, Call, widen
from vshell.userland.cnumber import atoi
from vshell.userland.humanize import strtonum
from vshell.userland.slurp import random_bytes, slurp
from vshell.userland.stdio import Reader
from vshell.userland.system import spawn_shell, system, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.commands.m4.machine import Builtin

INT_MAX = 0x7FFFFFFF
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TEMPORARY = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def args_of(m: M4, call: Call) -> list[str]:
    """The arguments; one empty one is none, but in GNU mode."""
    return [] if call.args == [""] and not m.gnu else call.args


def number(m: M4, text: str, low: int, high: int, what: str) -> int:
    """strtonum(3), or the end."""
    value, bad = strtonum(text, low, high)
    if bad:
        m.errx(f"{what} is {bad}: {text}.")
    return value


def expr(m: M4, text: str) -> int:
    """The value of an expression; one that is none leaves the last value."""
    try:
        m.result = Expression(text, m.gnu, m.warn).value()
    except Bad as e:
        m.p.stderr.write(f"m4: {e.text} in expr {widen(text)}\n")
        if e.fatal:
            m.p.exit(1)
    return m.result


def define(m: M4, call: Call) -> None:
    """define(name, text)."""
    args = args_of(m, call)
    if args:
        m.define(args[0], args[1] if len(args) > 1 else "")


def pushdef(m: M4, call: Call) -> None:
    """pushdef(name, text)."""
    args = args_of(m, call)
    if args:
        m.define(args[0], args[1] if len(args) > 1 else "", True)


def undefine(m: M4, call: Call) -> None:
    """undefine(name, ...)."""
    for name in args_of(m, call):
        m.macros.pop(name, None)


def popdef(m: M4, call: Call) -> None:
    """popdef(name, ...)."""
    for name in args_of(m, call):
        if m.macros.get(name):
            m.macros[name].pop()


def defn(m: M4, call: Call) -> None:
    """defn(name, ...): quoted definitions."""
    text = ""
    for name in args_of(m, call):
        macro = m.find(name)
        if macro is not None:
            text += MARKER + macro.builtin if macro.builtin else m.lquote + macro.defn + m.rquote
    m.unget(text)


def dumpdef(m: M4, call: Call) -> None:
    """dumpdef(name, ...): on standard error."""
    for name in args_of(m, call) or sorted(m.macros):
        macro = m.find(name)
        if macro is None:
            continue
        if m.gnu:
            text = f"{name}:\t<{macro.defn}>\n" if macro.builtin else f"{name}:\t{macro.defn}\n"
        else:
            text = f"`{name}'\t`{macro.defn}'\n"
        m.p.stderr.write(widen(text))


def evaluate(m: M4, call: Call) -> None:
    """eval(expression, base, digits)."""
    args = args_of(m, call)
    base, least = 10, 0
    if len(args) > 1 and args[1]:
        base = number(m, args[1], 2, 36, "eval: base")
    if len(args) > 2:
        least = number(m, args[2], 0, INT_MAX, "eval: mindigits")
    if args:
        value = expr(m, args[0])
        digits = ""
        left = abs(value)
        while left or not digits:
            left, digit = divmod(left, base)
            digits = DIGITS[digit] + digits
        m.unget(("-" if value < 0 else "") + digits.rjust(min(least, 1 << 16), "0"))


def ifelse(m: M4, call: Call) -> None:
    """ifelse(a, b, equal, [a, b, equal ...] else)."""
    args = args_of(m, call)
    at = 0
    while len(args) - at > 2:
        if args[at] == args[at + 1]:
            m.unget(args[at + 2])
            return
        if len(args) - at == 4:
            m.unget(args[at + 3])
            return
        at += 3


def ifdef(m: M4, call: Call) -> None:
    """ifdef(name, yes, no)."""
    args = args_of(m, call)
    if len(args) > 1:
        if m.find(args[0]) is not None:
            m.unget(args[1])
        elif len(args) > 2:
            m.unget(args[2])


def length(m: M4, call: Call) -> None:
    """len(text)."""
    args = args_of(m, call)
    m.unget(str(len(args[0]) if args else 0))


def incr(m: M4, call: Call) -> None:
    """incr(number)."""
    args = args_of(m, call)
    if args:
        m.unget(str(number(m, args[0], -INT_MAX - 1, INT_MAX - 1, "incr: argument") + 1))


def decr(m: M4, call: Call) -> None:
    """decr(number)."""
    args = args_of(m, call)
    if args:
        m.unget(str(number(m, args[0], -INT_MAX, INT_MAX, "decr: argument") - 1))


async def syscmd(m: M4, call: Call) -> None:
    """syscmd(command)."""
    args = args_of(m, call)
    if args:
        await m.p.stdout.drain()
        m.sysval = await system(m.p, widen(args[0]))


def sysval(m: M4, call: Call) -> None:
    """sysval: what the last syscmd returned."""
    m.unget(str(m.sysval))


async def esyscmd(m: M4, call: Call) -> None:
    """esyscmd(command): its output."""
    args = args_of(m, call)
    if not args:
        return
    p = m.p
    await p.stdout.drain()
    read, write = p.sys.pipe()
    pid = spawn_shell(p, widen(args[0]), ((write, 1),), (read, write))
    p.sys.close(write)
    data = await Reader(p.sys, read).read()
    p.sys.close(read)
    await wait_for(p, pid)
    m.unget(data.decode("latin-1"))


def include(m: M4, call: Call) -> None:
    """include(file)."""
    args = args_of(m, call)
    if not args:
        return
    place = m.place
    try:
        m.open(args[0])
    except KError as e:
        text = widen(f"{place}: include({args[0]})")
        if not m.gnu:
            m.p.err(1, e, text)
        m.p.warn(e, text)
        m.status = 1
        if m.error_warns > 1:
            m.p.exit(1)


def sinclude(m: M4, call: Call) -> None:
    """sinclude(file): if there is one."""
    args = args_of(m, call)
    if args:
        try:
            m.open(args[0])
        except KError:
            pass


def _paste(m: M4, name: str) -> None:
    text = slurp(m.p, widen(name)).decode("latin-1")
    if m.synch:
        m.write(f'#line 1 "{name}"\n')
    m.write(text)
    m.synchronise()


def paste(m: M4, call: Call) -> None:
    """paste(file): as it is."""
    args = args_of(m, call)
    if args:
        try:
            _paste(m, args[0])
        except KError as e:
            m.p.err(1, e, widen(f"{m.place}: paste({args[0]})"))


def spaste(m: M4, call: Call) -> None:
    """spaste(file): as it is, if there is one."""
    args = args_of(m, call)
    if args:
        try:
            _paste(m, args[0])
        except KError:
            pass


def changequote(m: M4, call: Call) -> None:
    """changequote(left, right)."""
    args = call.args
    if not args:
        m.lquote, m.rquote = "`", "'"
    else:
        m.lquote = args[0][:5]
        m.rquote = args[1][:5] if len(args) > 1 else "\n"


def changecom(m: M4, call: Call) -> None:
    """changecom(start, end)."""
    args = args_of(m, call)
    if not args:
        m.scomment = m.ecomment = ""
    else:
        m.scomment = args[0][:5]
        m.ecomment = args[1][:5] if len(args) > 1 else "\n"


def substr(m: M4, call: Call) -> None:
    """substr(text, start, length)."""
    args = args_of(m, call)
    if len(args) < 2:
        return
    start = expr(m, args[1])
    rest = args[0][start:] if 0 <= start < len(args[0]) else ""
    if len(args) > 2:
        rest = rest[: max(0, expr(m, args[2]))]
    m.unget(rest)


def shift(m: M4, call: Call) -> None:
    """shift(...): all but the first, quoted."""
    args = args_of(m, call)
    m.unget(",".join([m.lquote + a + m.rquote for a in args[1:]]))


def divert(m: M4, call: Call) -> None:
    """divert(number)."""
    args = args_of(m, call)
    n = number(m, args[0], -INT_MAX - 1, INT_MAX, "divert: argument") if args else 0
    m.divnum = n
    if n < 0 or (n >= MAXOUT and not m.gnu):
        n = -1
    if n > 0:
        m.diversions.setdefault(n, [])
    m.active = n


def undivert(m: M4, call: Call) -> None:
    """undivert(number, ...)."""
    args = args_of(m, call)
    for text in args:
        n, bad = strtonum(text, 1, INT_MAX)
        if not bad and n in m.diversions:
            m.undivert(n)
        elif bad == "invalid" and m.gnu:
            try:
                m.write(slurp(m.p, widen(text)).decode("latin-1"))
            except KError:
                pass
    if not args:
        for n in sorted(m.diversions):
            m.undivert(n)


def divnum(m: M4, call: Call) -> None:
    """divnum."""
    m.unget(str(m.divnum))


def mkstemp(m: M4, call: Call) -> None:
    """mkstemp(template): the name of a new file."""
    args = args_of(m, call)
    if not args:
        return
    base = args[0].rstrip("X")
    many = len(args[0]) - len(base)
    error = EEXIST
    for _ in range(100):
        name = base + "".join(TEMPORARY[b % len(TEMPORARY)] for b in random_bytes(m.p, many)) if many else base
        try:
            m.p.sys.close(m.p.sys.open(widen(name), O_RDWR | O_CREAT | O_EXCL, 0o600))
        except KError as e:
            error = e.errno
            if error == EEXIST and many:
                continue
            break
        m.unget(name)
        return
    m.p.errx(1, widen(f"{m.place}: couldn't make temp file {args[0]}: {strerror(error)}"))


def ranges(text: str) -> str:
    """a-z in GNU's translit."""
    out = ""
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            a, b = ord(text[at]), ord(text[at + 2])
            out += "".join(map(chr, range(a, b + 1) if a <= b else range(a, b - 1, -1)))
            at += 3
        else:
            out += text[at]
            at += 1
    return out


def translit(m: M4, call: Call) -> None:
    """translit(text, from, to)."""
    args = args_of(m, call)
    if len(args) < 2:
        m.unget(args[0] if args else "")
        return
    old, new = args[1], args[2] if len(args) > 2 else ""
    if m.gnu:
        old, new = ranges(old), ranges(new)
    table: dict[str, str] = {}
    for i, c in enumerate(old):
        table.setdefault(c, new[i] if i < len(new) else "")
    m.unget("".join([table.get(c, c) for c in args[0]]))


def index(m: M4, call: Call) -> None:
    """index(text, part)."""
    args = args_of(m, call)
    m.unget(str(args[0].find(args[1]) if len(args) > 1 else -1))


def errprint(m: M4, call: Call) -> None:
    """errprint(...): on standard error."""
    args = args_of(m, call)
    if args:
        m.p.stderr.write(widen("".join([a + " " for a in args]) + "\n"))


def dnl(m: M4, call: Call) -> None:
    """dnl: skip the rest of the line."""
    while (c := m.getc()) and c != "\n":
        pass


def m4wrap(m: M4, call: Call) -> None:
    """m4wrap(text): read at the end."""
    args = args_of(m, call)
    if args:
        m.wraps.append(args[0])


def m4exit(m: M4, call: Call) -> None:
    """m4exit(status)."""
    args = args_of(m, call)
    m.p.exit(atoi(args[0]) & 0xFF if args else 0)


async def indir(m: M4, call: Call) -> None:
    """indir(name, ...)."""
    args = args_of(m, call)
    if not args:
        return
    macro = m.find(args[0])
    if macro is None:
        m.errx(f"indir: undefined macro {args[0]}.")
        return
    inner = Call(macro, args[0])
    inner.args = args[1:]
    await m.call(inner)


async def builtin(m: M4, call: Call) -> None:
    """builtin(name, ...)."""
    args = args_of(m, call)
    if not args:
        return
    if args[0] not in m.builtins:
        m.errx(f"unknown builtin {args[0]}.")
    inner = Call(m.make("", MARKER + args[0]), args[0])
    inner.args = args[1:]
    await m.call(inner)


def line(m: M4, call: Call) -> None:
    """__line__."""
    m.unget(str(m.inputs[-1].line))


def file(m: M4, call: Call) -> None:
    """__file__, quoted."""
    m.unget(m.lquote + m.inputs[-1].name + m.rquote)


def itself(m: M4, call: Call) -> None:
    """unix: true if it is defined."""
    m.unget(m.lquote + call.name + m.rquote)


def form(m: M4, call: Call) -> None:
    """format(form, ...): GNU mode's printf of texts and characters."""
    import re

    args = args_of(m, call)
    rest = iter(args[1:])

    def take() -> str:
        value = next(rest, None)
        if value is None:
            m.errx("Format with too many format specifiers.")
        return value or ""

    def one(match: re.Match[str]) -> str:
        if match[0] in ("%%", "%"):
            return "%"
        width = atoi(take() if match[1] == "*" else match[1])
        most = atoi(take() if match[2] == "*" else match[2]) if match[2] is not None else None
        if match[3] not in ("s", "c"):
            m.errx(f"Unsupported format specification: {args[0]}.")
        value = take() if match[3] == "s" else chr(atoi(take()) & 0xFF)
        value = value[:most]
        return value.ljust(-width) if width < 0 else value.rjust(width)

    if args:
        m.unget(re.sub(r"%%|%$|%(\*|[ +-]?\d*)(?:\.(\*|-?\d*))?(.?)", one, args[0], flags=re.DOTALL))


BUILTINS: dict[str, tuple[Builtin, bool]] = {
    "include": (include, True), "sinclude": (sinclude, True), "define": (define, True), "defn": (defn, True),
    "divert": (divert, False), "eval": (evaluate, True), "expr": (evaluate, True), "substr": (substr, True),
    "ifelse": (ifelse, True), "ifdef": (ifdef, True), "len": (length, True), "incr": (incr, True), "decr": (decr, True),
    "dnl": (dnl, False), "changequote": (changequote, False), "changecom": (changecom, False), "index": (index, True),
    "paste": (paste, True), "spaste": (spaste, True), "indir": (indir, True), "builtin": (builtin, True),
    "esyscmd": (esyscmd, True), "__file__": (file, False), "__line__": (line, False), "popdef": (popdef, True),
    "pushdef": (pushdef, True), "dumpdef": (dumpdef, False), "shift": (shift, False), "translit": (translit, True),
    "undefine": (undefine, True), "undivert": (undivert, False), "divnum": (divnum, False), "maketemp": (mkstemp, True),
    "mkstemp": (mkstemp, True), "errprint": (errprint, False), "m4wrap": (m4wrap, False), "m4exit": (m4exit, False),
    "syscmd": (syscmd, True), "sysval": (sysval, False), "unix": (itself, False),
}  # fmt: skip
