"""The languages of rule and configuration files: ipfw(8) rules, ngctl(8) scripts, pf.conf(5), jail.conf(5)."""

from __future__ import annotations

from pygments.lexer import RegexLexer, bygroups, include, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

IPFW_COMMANDS = (
    "add", "config", "create", "delete", "destroy", "detail", "disable", "enable", "flush", "info", "list", "lookup", "modify",
    "move", "nat", "pipe", "queue", "resetlog", "sched", "set", "show", "swap", "table", "zero",
)  # fmt: skip
IPFW_ACTIONS = (
    "abort", "abort6", "accept", "allow", "call", "check-state", "count", "deny", "divert", "drop", "forward", "fwd", "netgraph",
    "ngtee", "pass", "permit", "reass", "reject", "reset", "reset6", "return", "setdscp", "setfib", "setmark", "skipto",
    "tcp-setmss", "tee", "unreach", "unreach6",
)  # fmt: skip
IPFW_WORDS = (
    "any", "from", "icmptypes", "icmp6types", "in", "keep-state", "limit", "me", "me6", "not", "or", "out", "recv", "xmit", "via",
    "established", "setup", "frag", "tagged", "tag", "log", "logamount", "proto", "src-ip", "dst-ip", "src-port", "dst-port",
    "lookup", "jail", "uid", "gid", "mac", "layer2", "to", "tcpflags", "iplen", "ipttl", "verrevpath", "antispoof",
)  # fmt: skip
NGCTL_COMMANDS = (
    "config", "connect", "debug", "dot", "help", "list", "mkpeer", "msg", "name", "quit", "read", "rmhook", "show", "shutdown",
    "status", "types", "write",
)  # fmt: skip
PF_ACTIONS = (
    "anchor", "antispoof", "binat", "block", "load", "match", "nat", "no", "pass", "rdr", "scrub", "set", "table",
)  # fmt: skip
PF_WORDS = (
    "all", "any", "code", "const", "drop", "fastroute", "file", "flags", "for", "fragment", "from", "group", "icmp6-type",
    "icmp-type", "in", "inet", "inet6", "keep", "label", "log", "max", "modulate", "on", "os", "out", "overload", "persist",
    "port", "probability", "proto", "quick", "reassemble", "return", "return-icmp", "return-rst", "round-robin", "route-to",
    "rtable", "self", "source-track", "state", "static-port", "sticky-address", "synproxy", "tag", "tagged", "to", "tos", "user",
)  # fmt: skip

ADDRESSES = [
    (r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b", Number.Hex),
    (r"\d+\.\d+\.\d+\.\d+(?:[/:]\d+(?:\.\d+){0,3})?", Number),
    (r"[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:/\d+)?", Number.Hex),
    (r"0x[0-9a-fA-F]+\b", Number.Hex),
    (r"\d+(?:[KMG]?(?:bit|[Bb]yte)s?(?:/s)?|ms|s)?\b", Number),
]
BLANKS = [(r"\s+", Whitespace), (r"\\\n", String.Escape), (r"#.*", Comment.Single)]


def _words(names: tuple[str, ...]) -> words:
    return words(names, prefix=r"(?<![\w-])", suffix=r"(?![\w-])")


class IpfwLexer(RegexLexer):
    """Rules of ipfw(8), as in a file that `ipfw FILE` reads."""

    name = "ipfw rules"
    url = "https://man.freebsd.org/ipfw/8"
    aliases = ["ipfw"]  # noqa: RUF012 - Pygments' way
    filenames = ["*.ipfw", "ipfw.rules"]  # noqa: RUF012
    version_added = ""

    tokens = {  # noqa: RUF012
        "root": [
            *BLANKS,
            (r"//.*", Comment.Single),
            (r"\$\{?\w+\}?", Name.Variable),
            (r"-[a-zA-Z]+\b", Name.Attribute),
            (_words(IPFW_COMMANDS), Keyword),
            (_words(IPFW_ACTIONS), Name.Function),
            (_words(IPFW_WORDS), Name.Builtin),
            (r"table\([^)]*\)", Name.Variable),
            *ADDRESSES,
            (r"[{}(),!:/]", Punctuation),
            (r"[\w.*-]+", Text),
            (r".", Text),
        ],
    }


class NgctlLexer(RegexLexer):
    """Scripts of ngctl(8), as in a file that `ngctl -f FILE` reads."""

    name = "ngctl script"
    url = "https://man.freebsd.org/ngctl/8"
    aliases = ["ngctl"]  # noqa: RUF012 - Pygments' way
    filenames = ["*.ngctl"]  # noqa: RUF012
    version_added = ""

    tokens = {  # noqa: RUF012
        "root": [
            *BLANKS,
            (_words(NGCTL_COMMANDS), Keyword, "arguments"),
            (r"\S+", Text),
        ],
        "arguments": [
            (r"\n", Whitespace, "#pop"),
            (r"[ \t]+", Whitespace),
            (r"[\w.\[\]-]*:(?:[\w.-]+)?", Name.Variable),
            (r'"(?:[^"\\]|\\.)*"?', String.Double),
            *ADDRESSES,
            (r"[{}=\[\]]", Punctuation),
            (r"\w+(?==)", Name.Attribute),
            (r"[\w.-]+", Text),
            (r".", Text),
        ],
    }


class PfConfLexer(RegexLexer):
    """pf.conf(5)."""

    name = "pf.conf"
    url = "https://man.freebsd.org/pf.conf/5"
    aliases = ["pf.conf", "pf"]  # noqa: RUF012 - Pygments' way
    filenames = ["pf.conf", "*.pf"]  # noqa: RUF012
    version_added = ""

    tokens = {  # noqa: RUF012
        "root": [
            *BLANKS,
            (r'"(?:[^"\\]|\\.)*"?', String.Double),
            (r"(^|(?<=\n))(\w+)(\s*)(=)", bygroups(Text, Name.Variable, Whitespace, Operator)),
            (r"\$\w+", Name.Variable),
            (r"<[\w:-]+>", Name.Class),
            (_words(PF_ACTIONS), Keyword),
            (_words(PF_WORDS), Name.Builtin),
            *ADDRESSES,
            (r"->|[<>]=?|!=|=|><|<>", Operator),
            (r"[{}(),!:/]", Punctuation),
            (r"[\w.-]+", Text),
            (r".", Text),
        ],
    }


class JailConfLexer(RegexLexer):
    """jail.conf(5)."""

    name = "jail.conf"
    url = "https://man.freebsd.org/jail.conf/5"
    aliases = ["jail.conf"]  # noqa: RUF012 - Pygments' way
    filenames = ["jail.conf"]  # noqa: RUF012
    version_added = ""

    tokens = {  # noqa: RUF012
        "root": [
            *BLANKS,
            (r"//.*", Comment.Single),
            (r"/\*(?:.|\n)*?\*/", Comment.Multiline),
            (r"([\w.*-]+)(\s*)(\{)", bygroups(Name.Class, Whitespace, Punctuation)),
            (r"(\.include)\b", Keyword),
            (r"(\$?[\w.]+)(\s*)(\+?=)", bygroups(Name.Attribute, Whitespace, Operator), "value"),
            (r"([\w.]+)(\s*)(;)", bygroups(Name.Attribute, Whitespace, Punctuation)),
            (r"[{};,]", Punctuation),
            (r".", Text),
        ],
        "value": [
            (r";", Punctuation, "#pop"),
            include("strings"),
            (r"\s+|,", Whitespace),
            *ADDRESSES,
            (r"[^\s;,\"'$]+", String),
            (r".", Text),
        ],
        "strings": [
            (r'"', String.Double, "double"),
            (r"'[^']*'?", String.Single),
            (r"\$\{?[\w.]+\}?", Name.Variable),
        ],
        "double": [
            (r'"', String.Double, "#pop"),
            (r"\\.", String.Escape),
            (r"\$\{?[\w.]+\}?", Name.Variable),
            (r'[^"\\$]+', String.Double),
            (r"[$\\]", String.Double),
        ],
    }
