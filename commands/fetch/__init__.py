"""fetch(1): get a file by its URL (usr.bin/fetch/fetch.c).  http: and file: work; there is no TLS and no ftp here."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.commands.fetch.transfer import Options, Transfer
from vshell.userland.cnumber import strtol
from vshell.userland.getopt_long import GetoptLong
from vshell.userland.program import Program, program

_HALF = """[-146AadFlMmnPpqRrsUv] [-B bytes] [--bind-address=host]
       [--ca-cert=file] [--ca-path=dir] [--cert=file] [--crl=file]
       [-i file] [--key=file] [-N file] [--no-passive] [--no-proxy=list]
       [--no-sslv3] [--no-tlsv1] [--no-verify-hostname] [--no-verify-peer]
       [-o file] [--referer=URL] [-S bytes] [-T seconds]
       [--user-agent=agent-string] [-w seconds]"""
USAGE = f"usage: fetch {_HALF} URL ...\n       fetch {_HALF} -h host -f file [-c dir]\n"
SHORT = "146AaB:bc:dFf:Hh:i:lMmN:nPpo:qRrS:sT:tUvw:"
LONG = {
    "append": ("", False), "bind-address": ("FETCH_BIND_ADDRESS", True), "no-passive": ("", False),
    "referer": ("HTTP_REFERER", True), "user-agent": ("HTTP_USER_AGENT", True), "no-proxy": ("NO_PROXY", True),
    "ca-cert": ("", True), "ca-path": ("", True), "cert": ("", True), "key": ("", True), "crl": ("", True),
    "no-sslv3": ("", False), "no-tlsv1": ("", False), "no-verify-hostname": ("", False), "no-verify-peer": ("", False),
}  # fmt: skip
SAME = {
    "one-file": "1", "ipv4-only": "4", "ipv6-only": "6", "no-redirect": "A", "retry": "a", "buffer-size": "B", "direct": "d",
    "force-restart": "F", "if-modified-since": "i", "symlink": "l", "mirror": "m", "netrc": "N", "no-mtime": "n", "output": "o",
    "passive": "p", "quiet": "q", "keep-output": "R", "restart": "r", "require-size": "S", "print-size": "s", "timeout": "T",
    "passive-portrange-default": "U", "verbose": "v", "retry-delay": "w",
}  # fmt: skip
WHAT = {"B": "buffer size", "S": "size", "T": "timeout", "w": "delay"}
S_IFDIR = 0o040000


def number(p: Program, letter: str, text: str) -> int:
    """The argument of -B, -S, -T, -w."""
    value, rest, _ = strtol(text)
    if not text or rest:
        p.errx(1, f"invalid {WHAT[letter]} ({text})")
    return value


def parse(p: Program) -> tuple[Options, list[str]]:
    """The command line."""
    o = Options()
    o.env = dict(p.env)
    longs = {
        name: (int(SHORT[SHORT.index(letter) + 1 : SHORT.index(letter) + 2] == ":"), letter) for name, letter in SAME.items()
    }
    longs |= {name: (int(argument), f"--{name}") for name, (_, argument) in LONG.items()}
    parsed = GetoptLong(p, SHORT, longs)
    host = file = directory = ""
    for key, value in parsed:
        letter = key.removeprefix("--")
        if key.startswith("--"):
            variable = LONG[letter][0]
            if variable:
                o.env[variable] = value
        elif key == "?":
            p.usage(USAGE)
        elif key in "46":
            o.family = 2 if key == "4" else 28
        elif key in "BSTw":
            amount = number(p, key, value)
            if key in "STw":
                setattr(o, {"S": "size", "T": "timeout", "w": "wait"}[key], amount)
            o.flags |= {"a"} if key == "w" else set()
        elif key in "bt":
            p.warnx(f"warning: the -{key} option is deprecated")
        elif key == "H":
            p.warnx("the -H option is now implicit, use -U to disable")
        elif key in "mMr":
            o.flags.add(key.lower())
            if {"m", "r"} <= o.flags:
                p.errx(1, "the -m and -r flags are mutually exclusive")
        elif key in "qv":
            o.verbose = 0 if key == "q" else o.verbose + 1
        elif key == "o":
            o.output = value
        elif key == "i":
            o.ims = value
        elif key in "hfc":
            host, file, directory = (value if key == k else v for k, v in zip("hfc", (host, file, directory), strict=True))
        else:
            o.flags.add(key)
    args = parsed.args
    if host or file or directory:
        if not host or not file or args:
            p.usage(USAGE)
        if any(c in "@:/" for c in host):
            p.errx(1, "invalid hostname")
        args = [f"ftp://{host}/{directory}/{file}"]
    if not args:
        p.usage(USAGE)
    return o, args


@program("/usr/bin/fetch")
async def main(p: Program) -> int:
    """fetch [options] URL ..."""
    o, args = parse(p)
    directory = False
    if o.output is not None and o.output != "-":
        try:
            directory = bool(p.sys.stat(o.output).st_mode & S_IFDIR)
        except KError as e:
            if e.errno != ENOENT:
                p.err(1, e, o.output)
            if len(args) > 1:
                p.errx(1, f"{o.output} is not a directory")
    status = 0
    for arg in args:
        name = arg.rpartition("/")[2] or "fetch.out"
        path = name if o.output is None else f"{o.output}/{name}" if directory else o.output
        while True:
            transfer = Transfer(p, o, arg, path)
            worked = await transfer.run()
            if worked and "1" in o.flags:
                return 0
            if worked or not ("a" in o.flags and transfer.again):
                break
            if o.wait:
                if o.verbose:
                    p.stderr.write(f"Waiting {o.wait} seconds before retrying\n")
                await p.sys.nanosleep(o.wait * 1_000_000_000)
        if not worked:
            status = 1
        if transfer.interrupted:
            return 130
    return status
