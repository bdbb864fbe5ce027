"""Trees and texts as sh prints them: the command of a job, and words quoted for reuse (bin/sh/jobs.c, output.c)."""

from __future__ import annotations

from vshell.userland.sh.nodes import (
    NAND,
    NBACKGND,
    NREDIR,
    NSUBSHELL,
    VSASSIGN,
    VSLENGTH,
    VSMINUS,
    VSNORMAL,
    VSPLUS,
    VSQUESTION,
    VSTRIMLEFT,
    VSTRIMLEFTMAX,
    VSTRIMRIGHT,
    VSTRIMRIGHTMAX,
    Arith,
    Backq,
    Binary,
    Case,
    Cmd,
    Defun,
    For,
    If,
    Lit,
    Loop,
    Node,
    Not,
    Part,
    Pipe,
    Redir,
    Redirected,
    Semi,
    Var,
    Word,
)

MAXCMDTEXT = 200

_OPERATOR = {
    VSNORMAL: "", VSMINUS: "-", VSPLUS: "+", VSQUESTION: "?", VSASSIGN: "=", VSTRIMLEFT: "#", VSTRIMLEFTMAX: "##",
    VSTRIMRIGHT: "%", VSTRIMRIGHTMAX: "%%", VSLENGTH: "",
}  # fmt: skip

_UNSAFE = frozenset('|&;<>()$`\\" \n*?[~#=')


def commandtext(node: Node | None) -> str:
    """The text of a command as `jobs` shows it, cut at MAXCMDTEXT."""
    out: list[str] = []
    _node(node, out)
    text = "".join(out)
    return text[: MAXCMDTEXT - 4] + "..." if len(text) >= MAXCMDTEXT - 4 else text


def _node(n: Node | None, out: list[str]) -> None:
    if n is None:
        return
    if isinstance(n, Semi):
        for i, item in enumerate(n.items):
            if i:
                out.append("; ")
            _node(item, out)
    elif isinstance(n, Binary):
        _node(n.left, out)
        out.append(" && " if n.kind == NAND else " || ")
        _node(n.right, out)
    elif isinstance(n, Pipe):
        for i, item in enumerate(n.items):
            if i:
                out.append(" | ")
            _node(item, out)
    elif isinstance(n, Redirected):
        if n.kind == NSUBSHELL:
            out.append("(")
        _node(n.node, out)
        if n.kind == NSUBSHELL:
            out.append(")")
        assert n.kind in (NSUBSHELL, NREDIR, NBACKGND)
    elif isinstance(n, If):
        out.append("if ")
        _node(n.test, out)
        out.append("; then ")
        _node(n.body, out)
        out.append("...")
    elif isinstance(n, Loop):
        out.append("until " if n.until else "while ")
        _node(n.test, out)
        out.append("; do ")
        _node(n.body, out)
        out.append("; done")
    else:
        _leaf(n, out)


def _leaf(n: For | Case | Defun | Not | Cmd, out: list[str]) -> None:
    if isinstance(n, For):
        out.append(f"for {n.var} in ...")
    elif isinstance(n, Case):
        out.append("case ")
        _parts(n.word.parts, out)
        out.append(" in ...")
    elif isinstance(n, Defun):
        out.append(f"{n.name}() ...")
    elif isinstance(n, Not):
        out.append("! ")
        _node(n.node, out)
    else:
        for i, w in enumerate([*n.assigns, *n.words]):
            if i:
                out.append(" ")
            _parts(w.parts, out)
        for r in n.redirs:
            out.append(" ")
            _redir(r, out)


def _redir(r: Redir, out: list[str]) -> None:
    if r.op == "<<":
        out.append("<<...")
        return
    if r.fd != (1 if r.op[0] == ">" else 0):
        out.append(str(r.fd))
    out.append(r.op)
    if r.fd2 is not None:
        out.append("-" if r.fd2 < 0 else str(r.fd2))
    elif isinstance(r.word, Word):
        _parts(r.word.parts, out)


def _parts(parts: list[Part], out: list[str]) -> None:
    for p in parts:
        if isinstance(p, Lit):
            out.append(p.plain)
        elif isinstance(p, Var):
            length = "#" if p.subtype == VSLENGTH else ""
            out.append(f"${{{length}{p.name}{_OPERATOR.get(p.subtype, '')}")
            if p.subtype != VSNORMAL:
                _parts(p.word, out)
            out.append("}")
        elif isinstance(p, Backq):
            out.append("$(...)")
        elif isinstance(p, Arith):
            out.append("$((")
            _parts(p.word, out)
            out.append("))")


def quoted(text: str) -> str:
    """`text` so that the shell reads it back as one word."""
    if not text:
        return "''"
    if any((c < " " and c != "\n") or c == "'" or not c.isascii() for c in text):
        return _dollar_quoted(text)
    if text == "[" or not any(c in _UNSAFE for c in text):
        return text
    return f"'{text}'"


def _dollar_quoted(text: str) -> str:
    out = ["$'"]
    for c in text:
        if c == "\n":
            out.append("\n")
        elif c == "\r":
            out.append("\\r")
        elif c == "\t":
            out.append("\\t")
        elif not c.isprintable():
            out.extend(f"\\{b:03o}" for b in c.encode("utf-8", "surrogateescape"))
        else:
            out.append("\\" + c if c in "'\\" else c)
    out.append("'")
    return "".join(out)
