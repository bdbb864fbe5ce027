"""cpp(1): the C preprocessor, for files of firewall rules and the like (clang -E, what usr.bin/clang/clang installs as cpp).

Macros with and without parameters, # and ##, conditionals, inclusion, line markers (-P: none).  DIFFERS: no predefined
macros but __FILE__, __LINE__, __FreeBSD__ and __STDC__, and no headers of the system.
"""

from __future__ import annotations

import re

from vshell.abi.errno import KError, strerror
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.userland.program import Program, program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import Writer, decode

TOKEN = re.compile(
    r"[A-Za-z_$][\w$]*|\.?\d(?:[eEpP][+-]|[\w.])*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\s+|##|<<|>>|[<>=!]=|&&|\|\||."
)
COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
DIRECTIVE = re.compile(r"[ \t]*#[ \t]*([A-Za-z]*)[ \t]*(.*)", re.DOTALL)
DEFINE = re.compile(r"([A-Za-z_$][\w$]*)(\(([^)]*)\))?\s*(.*)", re.DOTALL)
LEVELS = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7, "<<": 8, ">>": 8, "+": 9,
    "-": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip
DEPTH = 200
MOST = 1_000_000
"""Tokens that one line may become."""

Hidden = frozenset[str]
Tokens = list[tuple[str, Hidden]]
NONE: Hidden = frozenset()


class Macro:
    """A definition; `params` is None for one without parentheses."""

    __slots__ = ("body", "params")

    def __init__(self, params: list[str] | None, body: list[str]) -> None:
        self.params = params
        self.body = body


class Fatal(Exception):
    """An error that ends the run."""


def tokens(text: str) -> list[str]:
    """The preprocessing tokens of a line."""
    return TOKEN.findall(text)


class Cpp:
    """One run."""

    def __init__(self, p: Program, out: Writer) -> None:
        self.p = p
        self.out = out
        self.macros: dict[str, Macro] = {}
        self.path: list[str] = []
        self.markers = self.comments = True
        self.file, self.line = "", 0
        self.level = self.errors = 0

    # messages ----------------------------------------------------------------------------------------------------
    def error(self, text: str, fatal: bool = False, column: int = 2) -> None:
        """An error here."""
        self.p.stderr.write(f"{self.file}:{self.line}:{column}: {'fatal ' if fatal else ''}error: {text}\n")
        self.errors += 1
        if fatal:
            raise Fatal

    # macros ------------------------------------------------------------------------------------------------------
    def define(self, text: str) -> None:
        """#define"""
        m = DEFINE.match(text)
        if m is None:
            self.error("macro name missing" if not text.strip() else "macro name must be an identifier")
            return
        params = None
        if m[2] is not None:
            params = [x.strip() for x in m[3].split(",")] if m[3].strip() else []
        self.macros[m[1]] = Macro(params, [" " if t.isspace() else t for t in tokens(m[4].strip())])

    def expand(self, text: str) -> str:
        """A line with its macros replaced."""
        stack: Tokens = [(t, NONE) for t in reversed(tokens(text))]
        out: list[str] = []
        while stack:
            token, hidden = stack.pop()
            macro = self.macros.get(token) if token not in hidden else None
            if token == "__LINE__":
                token = str(self.line)
            elif token == "__FILE__":
                token = f'"{self.file}"'
            if macro is None:
                out.append(" " if out and token.isspace() else token)
                if len(out) > MOST:
                    self.error("too many tokens", True)
                continue
            args: list[list[str]] = []
            if macro.params is not None:
                found = self.arguments(stack)
                if found is None:
                    out.append(token)
                    continue
                args = found
            inside = hidden | {token}
            stack += [(t, inside) for t in reversed(self.substitute(macro, args))]
        return "".join(out)

    def arguments(self, stack: Tokens) -> list[list[str]] | None:
        """The arguments of a call, taken off the stack; None if this is no call."""
        at = len(stack) - 1
        while at >= 0 and stack[at][0].isspace():
            at -= 1
        if at < 0 or stack[at][0] != "(":
            return None
        args: list[list[str]] = [[]]
        depth = 1
        at -= 1
        while at >= 0:
            token = stack[at][0]
            depth += (token == "(") - (token == ")")
            if not depth:
                del stack[at:]
                return args
            if token == "," and depth == 1:
                args.append([])
            else:
                args[-1].append(token)
            at -= 1
        self.error("unterminated function-like macro invocation", column=1)
        return None

    def substitute(self, macro: Macro, args: list[list[str]]) -> list[str]:
        """The body with the arguments in it."""
        params = macro.params
        if params is None:
            return paste(macro.body)
        names: dict[str, str] = {}
        variadic = bool(params) and params[-1].endswith("...")
        texts = ["".join(a).strip() for a in args]
        if variadic:
            rest = ",".join(["".join(a) for a in args[len(params) - 1 :]]).strip()
            texts = [*texts[: len(params) - 1], rest]
            params = [*params[:-1], params[-1][:-3].strip() or "__VA_ARGS__"]
        if len(texts) != len(params) and not (not params and texts == [""]):
            kind = "many" if len(texts) > len(params) else "few"
            self.error(f"too {kind} arguments provided to function-like macro invocation", column=1)
        names.update(zip(params, texts, strict=False))
        out: list[str] = []
        body = macro.body
        at = 0
        while at < len(body):
            token = body[at]
            solid = [t for t in body[at + 1 : at + 3] if not t.isspace()]
            if token == "#" and solid and solid[0] in names:
                text = names[solid[0]].replace("\\", "\\\\").replace('"', '\\"')
                out.append(f'"{text}"')
                at = body.index(solid[0], at)
            elif token in names:
                before = [t for t in body[:at] if not t.isspace()][-1:]
                glued = before == ["##"] or solid[:1] == ["##"]
                out += tokens(names[token]) if glued else tokens(self.nested(names[token]))
            else:
                out.append(token)
            at += 1
        return paste(out)

    def nested(self, text: str) -> str:
        """An argument is expanded before it is put in."""
        self.level += 1
        if self.level > DEPTH:
            self.error("macros are nested too deeply", True)
        try:
            return self.expand(text)
        finally:
            self.level -= 1

    # conditions --------------------------------------------------------------------------------------------------
    def condition(self, text: str) -> bool:
        """#if"""
        text = re.sub(r"\bdefined\s*(?:\(\s*([\w$]+)\s*\)|([\w$]+))", lambda m: str(int((m[1] or m[2]) in self.macros)), text)
        words = [t for t in tokens(self.expand(text)) if not t.isspace()] + [""]
        try:
            value, at = ternary(words, 0, 0)
            if words[at] != "":
                raise ValueError("token is not a valid binary operator in a preprocessor subexpression")
            return bool(value)
        except (ValueError, ArithmeticError) as e:
            self.error(str(e), column=5)
            return False

    # files -------------------------------------------------------------------------------------------------------
    def mark(self, flag: str = "") -> None:
        """A line marker."""
        if self.markers:
            self.out.write(f'# {max(self.line, 1)} "{self.file}"{flag}\n')

    def include(self, text: str) -> None:
        """#include"""
        text = text.strip()
        if text[:1] not in ('"', "<"):
            text = self.expand(text).strip()
        name = text[1:].split('"' if text[:1] == '"' else ">")[0]
        if text[:1] not in ('"', "<") or not name:
            self.error('expected "FILENAME" or <FILENAME>', column=10)
            return
        here = self.file.rpartition("/")[0]
        places = ([here] if text[0] == '"' else []) + [*self.path, "/usr/include"]
        for folder in [""] if name.startswith("/") else places:
            full = f"{folder}/{name}" if folder else name
            try:
                data = slurp(self.p, full)
            except KError:
                continue
            self.level += 1
            if self.level > DEPTH:
                self.error("#include nested too deeply", True, 10)
            saved = self.file, self.line
            self.run(full, decode(data), " 1")
            self.file, self.line = saved
            self.level -= 1
            self.line += 1
            self.mark(" 2")
            self.line -= 1
            return
        self.error(f"'{name}' file not found", True, 10)

    def run(self, name: str, text: str, flag: str = "") -> None:
        """Preprocess a file."""
        self.file, self.line = name, 1
        if flag:
            self.mark(flag)
        if not text.endswith("\n"):
            text += "\n"
        if self.comments:
            text = COMMENT.sub(blank, text)
        lines = text.split("\n")[:-1]
        states: list[tuple[bool, bool, bool]] = []
        """For each #if: was it live outside, is this part live, has a part been."""
        live = True
        at = blanks = 0
        while at < len(lines):
            line, self.line = lines[at], at + 1
            at += 1
            while line.endswith("\\") and at < len(lines):
                line = line[:-1] + lines[at]
                at += 1
            m = DIRECTIVE.match(line)
            if m is not None:
                live = self.directive(m[1], m[2], states, live)
                blanks = 0 if live and m[1] == "include" else blanks + 1
                continue
            if not live or not line.strip():
                blanks += 1
                continue
            blanks = self.skip(blanks)
            while line.count("(") > line.count(")") and at < len(lines) and any(t in self.macros for t in tokens(line)):
                line += " " + lines[at].strip()
                at += 1
            self.out.write(self.expand(line).rstrip() + "\n")
        if states:
            self.error("unterminated conditional directive")

    def skip(self, blanks: int) -> int:
        """Lines without output: a few of them are kept, many become a marker."""
        if self.markers:
            if blanks > 8:
                self.mark()
            else:
                self.out.write("\n" * blanks)
        return 0

    def directive(self, name: str, rest: str, states: list[tuple[bool, bool, bool]], live: bool) -> bool:
        """One line that begins with #; whether what follows counts."""
        if name in ("if", "ifdef", "ifndef"):
            test = False
            if live:
                word = (rest.split() or [""])[0]
                test = self.condition(rest) if name == "if" else (word in self.macros) == (name == "ifdef")
            states.append((live, live and test, test))
            return live and test
        if name in ("elif", "else", "endif"):
            if not states:
                self.error(f"#{name} without #if")
                return live
            outside, _, been = states.pop()
            if name == "endif":
                return outside
            now = outside and not been and (name == "else" or self.condition(rest))
            states.append((outside, now, been or now or name == "else"))
            return now
        if not live or not name:
            return live
        if name == "define":
            self.define(rest)
        elif name == "undef":
            self.macros.pop(rest.strip(), None)
        elif name == "include":
            self.include(rest)
        elif name == "error":
            self.error(rest)
        elif name == "warning":
            self.p.stderr.write(f"{self.file}:{self.line}:2: warning: {rest} [-W#warnings]\n")
        elif name == "pragma":
            self.out.write(f"#pragma {rest}\n")
        elif name != "line":
            self.error("invalid preprocessing directive")
        return live


def paste(body: list[str]) -> list[str]:
    """## makes one token of two."""
    if "##" not in body:
        return body
    return tokens(re.sub(r"\s*##\s*", "", "".join(body)))


def blank(m: re.Match[str]) -> str:
    """A comment becomes a blank; its newlines stay."""
    text = m[0]
    return text if text[0] in "\"'" else "\n" * text.count("\n") or " "


def ternary(words: list[str], at: int, depth: int) -> tuple[int, int]:
    """a ? b : c"""
    if depth > DEPTH:
        raise ValueError("expression is nested too deeply")
    value, at = binary(words, at, 1, depth)
    if words[at] == "?":
        yes, at = ternary(words, at + 1, depth + 1)
        if words[at] != ":":
            raise ValueError("expected ':' in preprocessor expression")
        no, at = ternary(words, at + 1, depth + 1)
        value = yes if value else no
    return value, at


def binary(words: list[str], at: int, least: int, depth: int) -> tuple[int, int]:
    """Operators of at least a level."""
    left, at = unary(words, at, depth)
    while (level := LEVELS.get(words[at], 0)) >= least:
        op = words[at]
        right, at = binary(words, at + 1, level + 1, depth)
        left = apply(op, left, right)
    return left, at


def apply(op: str, a: int, b: int) -> int:
    """a op b."""
    if op in ("/", "%") and not b:
        raise ArithmeticError(f"{'division' if op == '/' else 'remainder'} by zero in preprocessor expression")
    simple = {
        "||": bool(a or b),
        "&&": bool(a and b),
        "==": a == b,
        "!=": a != b,
        "<": a < b,
        ">": a > b,
        "<=": a <= b,
        ">=": a >= b,
    }
    if op in simple:
        return int(simple[op])
    if op in ("<<", ">>"):
        return a << (b & 63) if op == "<<" else a >> (b & 63)
    if op in ("/", "%"):
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if op == "/" else a - quotient * b
    value = {"|": a | b, "^": a ^ b, "&": a & b, "+": a + b, "-": a - b, "*": a * b}[op]
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def unary(words: list[str], at: int, depth: int) -> tuple[int, int]:
    """Signs, numbers and parentheses; a name is 0."""
    if depth > DEPTH:
        raise ValueError("expression is nested too deeply")
    word = words[at]
    if word in ("-", "+", "!", "~") and word:
        value, at = unary(words, at + 1, depth + 1)
        return {"-": -value, "+": value, "!": int(not value), "~": ~value}[word], at
    if word == "(":
        value, at = ternary(words, at + 1, depth + 1)
        if words[at] != ")":
            raise ValueError("expected ')' in preprocessor expression")
        return value, at + 1
    if word[:1].isascii() and word[:1].isdigit():
        digits = word.rstrip("uUlL")
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" and len(digits) > 1 else 10
        try:
            return int(digits, base), at + 1
        except ValueError:
            raise ValueError(f"invalid number '{word}' in preprocessor expression") from None
    if word[:1] == "'" and len(word) > 2:
        return ord(word[1]), at + 1
    if word[:1].isalpha() or word[:1] == "_":
        return 0, at + 1
    raise ValueError("expected value in expression")


def parse(c: Cpp, args: list[str]) -> tuple[list[str], str]:
    """The command line: (definitions and the like are done) files, and where the output goes."""
    files: list[str] = []
    target = ""
    while args:
        word = args.pop(0)
        if word == "-" or not word.startswith("-"):
            files.append(word)
        elif word[1] in "DUIo" or word == "-x":
            value = word[2:] or (args.pop(0) if args else "")
            if word[1] == "D":
                name, equals, text = value.partition("=")
                c.define(f"{name} {text if equals else '1'}")
            elif word[1] == "U":
                c.macros.pop(value, None)
            elif word[1] == "I":
                c.path.append(value)
            elif word[1] == "o":
                target = value
        elif word == "-P":
            c.markers = False
        elif word in ("-C", "-CC"):
            c.comments = False
        elif word == "-undef":
            c.macros.clear()
        elif word not in ("-E", "-w", "-nostdinc", "-traditional-cpp") and not word.startswith(("-W", "-std=")):
            c.p.stderr.write(f"{c.p.name}: error: unknown argument: '{word}'\n")
            c.p.exit(1)
    return files, target or (files.pop() if len(files) > 1 else "")


@program("/usr/bin/cpp")
async def main(p: Program) -> int:
    """cpp [-CP] [-D name[=value]] [-I directory] [-U name] [input [output]]"""
    c = Cpp(p, p.stdout)
    c.define("__FreeBSD__ 15")
    c.define("__STDC__ 1")
    files, target = parse(c, p.argv[1:])
    name = files[0] if files else "-"
    try:
        text = decode(await p.stdin.read() if name == "-" else slurp(p, name))
    except KError as e:
        reason = f"no such file or directory: '{name}'" if e.errno == 2 else f"{name}: {strerror(e.errno)}"
        p.stderr.write(f"{p.name}: error: {reason}\n{p.name}: error: no input files\n")
        return 1
    if target and target != "-":
        try:
            c.out = Writer(p.sys, p.sys.open(target, O_WRONLY | O_CREAT | O_TRUNC))
        except KError as e:
            p.stderr.write(f"error: unable to open output file '{target}': '{strerror(e.errno)}'\n")
            return 1
    c.file, c.line = ("<stdin>" if name == "-" else name), 1
    if c.markers:
        c.out.write(f'# 1 "{c.file}"\n# 1 "<built-in>" 1\n# 1 "<built-in>" 3\n# 1 "<command line>" 1\n# 1 "<built-in>" 2\n')
    try:
        c.run(c.file, text, " 2")
    except Fatal:
        pass
    c.out.flush()
    if c.errors:
        p.stderr.write(f"{c.errors} error{'s' if c.errors > 1 else ''} generated.\n")
    return int(bool(c.errors))
