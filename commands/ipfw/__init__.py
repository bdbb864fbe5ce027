"""ipfw(8) and dnctl(8): the command line of the firewall and of dummynet (sbin/ipfw/main.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from vshell.abi.errno import KError
from vshell.commands.ipfw.cmdline import Options, join_commas, split_words, substrcmp
from vshell.commands.ipfw.listing import ipfw_list
from vshell.commands.ipfw.manage import ipfw_add, ipfw_delete, ipfw_flush, ipfw_sets, ipfw_sysctl, ipfw_zero
from vshell.commands.ipfw.tables import ipfw_table
from vshell.commands.ipfw.words import EX_DATAERR, EX_OSERR, EX_UNAVAILABLE, EX_USAGE
from vshell.userland.getopt import Getopt
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program, program
from vshell.userland.stdio import Reader, decode

if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

LETTERS = "abcdDefhinNp:qs:STtvx"
LETTERS_DNCTL = "hns:v"
FLAGS = {
    "a": "acct", "b": "comment_only", "c": "compact", "f": "force", "i": "value_as_ip", "n": "test_only", "N": "resolve",
    "q": "quiet", "S": "show_sets", "v": "verbose",
}  # fmt: skip
BAD = "bad arguments, for usage summary ``ipfw''"
HELP = """\
ipfw syntax summary (but please do read the ipfw(8) manpage):

\tipfw [-abcdefhnNqStTv] <command>

where <command> is one of the following:

add [num] [set N] [prob x] RULE-BODY
{pipe|queue} N config PIPE-BODY
[pipe|queue] {zero|delete|show} [N{,N}]
nat N config {ip IPADDR|if IFNAME|log|deny_in|same_ports|unreg_only|unreg_cgn|udp_eim|
\t\treset|reverse|proxy_only|redirect_addr linkspec|
\t\tredirect_port linkspec|redirect_proto linkspec|
\t\tport_range lower-upper}
set [disable N... enable N...] | move [rule] X to Y | swap X Y | show
set N {show|list|zero|resetlog|delete} [N{,N}] | flush
table N {add ip[/bits] [value] | delete ip[/bits] | flush | list}
table all {flush | list}

RULE-BODY:\tcheck-state [PARAMS] | ACTION [PARAMS] ADDR [OPTION_LIST]
ACTION:\tcheck-state | allow | count | deny | unreach{,6} CODE |
               skipto N | {divert|tee} PORT | forward ADDR |
               pipe N | queue N | nat N | setfib FIB | reass
PARAMS: \t[log [logamount LOGLIMIT]] [altq QUEUE_NAME]
ADDR:\t\t[ MAC dst src ether_type ]\x20
\t\t[ ip from IPADDR [ PORT ] to IPADDR [ PORTLIST ] ]
\t\t[ ipv6|ip6 from IP6ADDR [ PORT ] to IP6ADDR [ PORTLIST ] ]
IPADDR:\t[not] { any | me | ip/bits{x,y,z} | table(t[,v]) | IPLIST }
IP6ADDR:\t[not] { any | me | me6 | ip6/bits | IP6LIST }
IP6LIST:\t{ ip6 | ip6/bits }[,IP6LIST]
IPLIST:\t{ ip | ip/bits | ip:mask }[,IPLIST]
OPTION_LIST:\tOPTION [OPTION_LIST]
OPTION:\tbridged | diverted | diverted-loopback | diverted-output |
\t{dst-ip|src-ip} IPADDR | {dst-ip6|src-ip6|dst-ipv6|src-ipv6} IP6ADDR |
\t{dst-port|src-port} LIST |
\testab | frag | {gid|uid} N | icmptypes LIST | in | out | ipid LIST |
\tiplen LIST | ipoptions SPEC | ipprecedence | ipsec | iptos SPEC |
\tipttl LIST | ipversion VER | keep-state | layer2 | limit ... |
\ticmp6types LIST | ext6hdr LIST | flow-id N[,N] | fib FIB |
\tmac ... | mac-type LIST | proto LIST | {recv|xmit|via} {IF|IPADDR} |
\tsetup | {tcpack|tcpseq|tcpwin} NN | tcpflags SPEC | tcpoptions SPEC |
\ttcpdatalen LIST | verrevpath | versrcreach | antispoof
"""

HELP_DNCTL = """\
dnctl syntax summary (but please do read the dnctl(8) manpage):

\tdnctl [-hnsv] <command>

where <command> is one of the following:

[pipe|queue|sched] N config PIPE-BODY
[pipe|queue|sched] {delete|list|show} [N{,N}]

"""


def usage(o: Options) -> NoReturn:
    """help."""
    o.p.stderr.write(HELP if o.is_ipfw else HELP_DNCTL)
    o.exit(0)


def read_options(o: Options, words: list[str]) -> list[str] | None:
    """Read the options in front; the words after them, None for the usage."""
    getopt = Getopt(o.p, LETTERS if o.is_ipfw else LETTERS_DNCTL, words)
    for letter, value in getopt:
        if letter == "?":
            return None
        if letter in FLAGS:
            setattr(o, FLAGS[letter], True)
            o.compact = o.compact or letter == "b"
        elif letter in "dD":
            o.dynamic = 1 if letter == "d" else 2
        elif letter in "tT":
            o.time = "string" if letter == "t" else "numeric"
        elif letter == "h":
            usage(o)
        elif letter == "p":
            o.errx(EX_USAGE, "An absolute pathname must be used with -p option.")
        elif letter == "s":
            from vshell.userland.cnumber import atoi

            o.sort = atoi(value)
    return getopt.args


def _subject(o: Options, av: list[str]) -> list[str]:
    """nat, pipe, queue, sched or set N in front of the command."""
    o.nat, o.pipe, o.use_set = False, 0, None
    word = av[0]
    if o.is_ipfw and "nat".startswith(word):
        o.nat = True
    elif "pipe".startswith(word):
        o.pipe = 1
    elif substrcmp(o, word, "queue") or substrcmp(o, word, "flowset"):
        o.pipe = 2
    elif substrcmp(o, word, "sched"):
        o.pipe = 3
    elif o.is_ipfw and "set".startswith(word) and len(av) > 1 and av[1][:1].isdecimal():
        number, bad = strtonum(av[1], 0, 31)
        if bad:
            o.errx(EX_DATAERR, f"invalid set number {av[1]}\n")
        o.use_set = number
        av = av[2:]
    if o.nat or o.pipe:
        av = av[1:]
    if not av:
        o.errx(EX_USAGE, "missing command")
    if (o.pipe or o.nat) and len(av) > 1 and av[0][:1].isdecimal():
        av = [av[1], av[0], *av[2:]]
    if not (o.is_ipfw or o.pipe):
        usage(o)
    return av


def _nat(o: Options, av: list[str]) -> bool:
    """What nat does otherwise than rules do; anything else means the rules even after the word nat."""
    from vshell.commands.ipfw.nat import ipfw_config_nat, ipfw_show_nat

    if substrcmp(o, av[0], "add"):
        ipfw_add(o, av[1:])
    elif substrcmp(o, av[0], "show"):
        ipfw_show_nat(o, av[1:])
    elif substrcmp(o, av[0], "config"):
        ipfw_config_nat(o, av[1:])
    else:
        return False
    return True


TRANSLATORS = ("nat64clat", "nat64stl", "nat64lsn", "nptv6")
"""Instances of external actions; the start of a name is enough, the first that fits is meant."""


def _translator(o: Options, name: str, av: list[str]) -> None:
    from importlib import import_module

    import_module(f"vshell.commands.ipfw.{name}").handler(o, av)


async def command(o: Options, av: list[str]) -> None:
    """Find the command and run it; abbreviations are tried in a fixed order."""
    word = av[0]
    if o.pipe:
        from vshell.commands.ipfw.dummynet import dummynet

        if await dummynet(o, av):
            return
    if o.nat and _nat(o, av):
        return
    if o.use_set is None:
        for name, run in (("add", ipfw_add), ("set", ipfw_sets)):
            if substrcmp(o, word, name):
                run(o, av[1:])
                return
        if substrcmp(o, word, "table"):
            ipfw_table(o, av[1:])
            return
        for name in ("enable", "disable"):
            if substrcmp(o, word, name):
                ipfw_sysctl(o, av[1:], int(name == "enable"))
                return
    if substrcmp(o, word, "delete"):
        ipfw_delete(o, av[1:])
    elif (name := next((t for t in TRANSLATORS if t.startswith(word)), "")) != "":
        _translator(o, name, av[1:])
    elif substrcmp(o, word, "flush"):
        await ipfw_flush(o)
    elif substrcmp(o, word, "zero"):
        ipfw_zero(o, av[1:], False)
    elif substrcmp(o, word, "resetlog"):
        ipfw_zero(o, av[1:], True)
    elif substrcmp(o, word, "print") or substrcmp(o, word, "list"):
        ipfw_list(o, av[1:], o.acct)
    elif substrcmp(o, word, "show"):
        ipfw_list(o, av[1:], True)
    elif o.use_set is not None and substrcmp(o, word, "table"):
        ipfw_table(o, av[1:])
    elif substrcmp(o, word, "internal"):
        from vshell.commands.ipfw.internal import ipfw_internal

        ipfw_internal(o, av[1:])
    else:
        o.errx(EX_USAGE, f"bad command `{word}'")


async def ipfw_main(o: Options, words: list[str]) -> bool:
    """One command line, without the program's name; False if there is nothing in it."""
    if not words:
        return False
    words = split_words(words[0]) if len(words) == 1 else join_commas(words)
    if not words:
        return False
    if not o.force:
        o.force = not o.p.sys.isatty(0)
    o.acct = False
    av = read_options(o, ["ipfw" if o.is_ipfw else "dnctl", *words])
    if av is None:
        return False
    if not av:
        o.errx(EX_USAGE, BAD)
    if len(av) > 1 and av[0][:1].isdecimal():
        av = [av[1], av[0], *av[2:]]
    await command(o, _subject(o, av))
    return True


async def readfile(o: Options, argv: list[str]) -> None:
    """ipfw_readfile: a command per line, maybe through a preprocessor; messages name the line."""
    getopt = Getopt(o.p, "cfNnp:qS" if o.is_ipfw else "nq", argv)
    preprocessor: list[str] = []
    for letter, value in getopt:
        if letter == "?":
            o.errx(EX_USAGE, BAD if o.is_ipfw else BAD.replace("ipfw", "dnctl"))
        if letter == "p":
            if getopt.optind >= len(argv):
                o.errx(EX_USAGE, "no filename argument")
            preprocessor = [value, *argv[getopt.optind : -1]]
            break
        setattr(o, FLAGS[letter], True)
    if not preprocessor and len(getopt.args) != 1:
        o.errx(EX_USAGE, f"extraneous filename arguments {argv[-1]}")
    try:
        fd = o.p.sys.open(argv[-1])
    except KError as e:
        o.err(EX_UNAVAILABLE, e, f"fopen: {argv[-1]}")
    name, number = o.p.name, 0
    pid, fd = preprocess(o, preprocessor, fd) if preprocessor else (0, fd)
    reader = Reader(o.p.sys, fd)
    while line := await _line(reader):
        # fgets with a buffer of 4096 octets: what is longer is more lines than one.
        for at in range(0, len(line), 4095):
            number += 1
            o.p.name = f"Line {number}"
            await ipfw_main(o, [decode(line[at : at + 4095]).partition("\0")[0]])
    # It keeps the name of the last line, if it had read any.
    o.p.name = f"Line {number}" if number else name
    if pid:
        await _preprocessed(o, pid)


def preprocess(o: Options, argv: list[str], fd: int) -> tuple[int, int]:
    """Run the file through a program: its process id, and what it has to say."""
    from vshell.userland.execvp import execvp

    read, write = o.p.sys.pipe()
    name, env = o.p.name, dict(o.p.env)

    async def child(sys: Syscalls) -> int:
        sys.dup2(fd, 0)
        sys.dup2(write, 1)
        for each in (fd, write, read):
            sys.close(each)
        try:
            execvp(sys, argv, env)
        except KError as e:
            Program(sys, [name], env).warn(e, f"execvp({argv[0]}) failed")
        return EX_OSERR

    pid = o.p.sys.fork(child)
    o.p.sys.close(fd)
    o.p.sys.close(write)
    return pid, read


async def _preprocessed(o: Options, pid: int) -> None:
    """The preprocessor must have ended well."""
    from vshell.abi.fcntl import WEXITSTATUS, WIFEXITED, WTERMSIG
    from vshell.userland.system import wait_for

    status = await wait_for(o.p, pid)
    if WIFEXITED(status) and WEXITSTATUS(status):
        o.errx(EX_UNAVAILABLE, f"preprocessor exited with status {WEXITSTATUS(status)}")
    if not WIFEXITED(status):
        o.errx(EX_UNAVAILABLE, f"preprocessor exited with signal {WTERMSIG(status)}")


async def _line(reader: Reader) -> bytes:
    try:
        return await reader.readline()
    except KError:
        return b""


@program("/sbin/ipfw", "/sbin/dnctl")
async def main(p: Program) -> int:
    """A command, or a file of commands."""
    o = Options(p)
    argv = p.argv
    o.is_ipfw = argv[0].rpartition("/")[2] != "dnctl"
    if len(argv) > 1 and argv[-1].startswith("/"):
        try:
            p.sys.access(argv[-1], 4)
        except KError as e:
            p.err(EX_USAGE, e, f"pathname: {argv[-1]}")
        await readfile(o, argv)
    elif not await ipfw_main(o, argv[1:]):
        name = argv[0]
        p.errx(EX_USAGE, f'usage: {name} [options]\ndo "{name} -h" or "man {name}" for details')
    return 0
