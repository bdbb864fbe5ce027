"""sh(1) as FreeBSD has it: its keywords and builtins, and the programs of the system as such."""

from __future__ import annotations

from pathlib import Path

from pygments.lexer import RegexLexer, bygroups, include, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

KEYWORDS = ("case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until", "while")
BUILTINS = (
    "alias", "bg", "bind", "break", "builtin", "cd", "chdir", "command", "continue", "echo", "eval", "exec", "exit", "export",
    "false", "fc", "fg", "freebsd_wordexp", "getopts", "hash", "jobid", "jobs", "kill", "local", "printf", "pwd", "read",
    "readonly", "return", "set", "setvar", "shift", "test", "times", "trap", "true", "type", "ulimit", "umask", "unalias",
    "unset", "wait",
)  # fmt: skip


COMMANDS = Path(__file__).resolve().parents[2] / "commands"
"""Where the files of the programs are."""


def programs() -> tuple[str, ...]:
    """Names of programs, by their files."""
    names = {p.name.partition(".")[0] for p in COMMANDS.iterdir()}
    return tuple(sorted(n for n in names if n.isidentifier() and not n.startswith("_") and n not in BUILTINS))


class FreeBSDShellLexer(RegexLexer):
    """Shell commands and scripts."""

    name = "FreeBSD shell"
    url = "https://man.freebsd.org/sh/1"
    aliases = ["freebsd-sh"]  # noqa: RUF012 - Pygments' way
    version_added = ""

    tokens = {  # noqa: RUF012
        "root": [
            (r"\A#!.+\n", Comment.Hashbang),
            include("command"),
        ],
        "command": [
            (r"\s+", Whitespace),
            (r"#.*", Comment.Single),
            (r"([A-Za-z_]\w*)(=)", bygroups(Name.Variable, Operator)),
            (words(KEYWORDS, suffix=r"(?=[\s;&|()]|$)"), Keyword),
            (r"([A-Za-z_]\w*)(\s*\(\s*\))", bygroups(Name.Function, Punctuation)),
            (r"[!{}](?=\s|$)", Keyword),
            (words(BUILTINS, suffix=r"(?=[\s;&|()<>]|$)"), Name.Builtin, "arguments"),
            (r"(?:/[\w.-]+)*/?" + words(programs(), suffix=r"(?=[\s;&|()<>]|$)").get(), Name.Function, "arguments"),
            (r"[;&|()]+", Operator),
            (r"\d*[<>]+[&|-]?", Operator),
            include("word"),
            (r"[^\s;&|()<>\"'`$\\]+", Name, "arguments"),
        ],
        "arguments": [
            (r"\n", Whitespace, "#pop"),
            (r"[ \t]+", Whitespace),
            (r"#.*", Comment.Single),
            (r"(?=[)}]|;;)", Operator, "#pop"),
            (r"[;&|(]+", Operator, "#pop"),
            (r"\d*(?:<<-?|[<>]+[&|-]?)", Operator),
            (r"-[\w-]+", Name.Attribute),
            (r"\d+(?:\.\d+)*(?:/\d+)?(?=[\s;&|)]|$)", Number),
            include("word"),
            (r"[^\s;&|()<>\"'`$\\]+", Text),
        ],
        "word": [
            (r"'[^']*'?", String.Single),
            (r'"', String.Double, "double"),
            (r"`", String.Backtick),
            (r"\$\(\(", Operator, "arithmetic"),
            (r"\$\(", Operator, "substitution"),
            (r"\$\{", Name.Variable, "parameter"),
            (r"\$(?:[A-Za-z_]\w*|[\d#?$!@*-])", Name.Variable),
            (r"\\.", String.Escape),
            (r"\\\n", String.Escape),
            (r"[$\\]", Text),
        ],
        "double": [
            (r'"', String.Double, "#pop"),
            (r"\\.", String.Escape),
            (r"\$\(\(", Operator, "arithmetic"),
            (r"\$\(", Operator, "substitution"),
            (r"\$\{", Name.Variable, "parameter"),
            (r"\$(?:[A-Za-z_]\w*|[\d#?$!@*-])", Name.Variable),
            (r'[^"\\$]+', String.Double),
            (r"[\\$]", String.Double),
        ],
        "substitution": [(r"\)", Operator, "#pop"), include("command")],
        "arithmetic": [
            (r"\)\)", Operator, "#pop"),
            (r"\d+", Number),
            (r"[A-Za-z_]\w*", Name.Variable),
            (r"\$\{", Name.Variable, "parameter"),
            (r".|\n", Operator),
        ],
        "parameter": [(r"\}", Name.Variable, "#pop"), include("word"), (r"[^}\"'`$\\]+", Name.Variable)],
    }
