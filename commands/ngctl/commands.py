"""The commands of ngctl(8) in the order of its help (usr.sbin/ngctl/*.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, KError
from vshell.abi.fcntl import POLLIN
from vshell.abi.netgraph import (
    CONNECT,
    LINKINFO,
    MKPEER,
    NAME,
    NG_HOOKSIZ,
    NGF_RESP,
    NGM_CONNECT,
    NGM_GENERIC_COOKIE,
    NGM_LISTHOOKS,
    NGM_LISTNAMES,
    NGM_LISTNODES,
    NGM_LISTTYPES,
    NGM_MKPEER,
    NGM_NAME,
    NGM_RMHOOK,
    NGM_SHUTDOWN,
    NGM_TEXT_CONFIG,
    NGM_TEXT_STATUS,
    NODEINFO,
    TYPEINFO,
    NgMesg,
    cstring,
)  # fmt: skip
from vshell.commands.ngctl.dot import dot
from vshell.commands.ngctl.shell import BADUSAGE, ERROR, OK, QUIT, ngcmd, open_file, show_help
from vshell.userland.libnetgraph import to_bytes
from vshell.userland.stdio import decode

if TYPE_CHECKING:
    from vshell.commands.ngctl.shell import Ngctl

TEXTSIZE = 1024
WRITESIZE = 8192
UNNAMED = "<unnamed>"


def _field(text: str, size: int = 32) -> bytes:
    """snprintf into a character array."""
    return to_bytes(text)[: size - 1]


async def _request(ng: Ngctl, path: str, cmd: int, args: bytes = b"") -> str:
    try:
        await ng.node.send(path, NGM_GENERIC_COOKIE, cmd, args)
    except KError as e:
        return ng.warn(e, "send msg")
    return OK


async def _answer(ng: Ngctl) -> NgMesg | None:
    try:
        return (await ng.node.receive())[0]
    except KError as e:
        ng.warn(e, "recv msg")
        return None


async def _text(ng: Ngctl, path: str, cmd: int, args: bytes, what: str) -> str:
    """Ask for a text and show it."""
    answer = None
    try:
        await ng.node.send(path, NGM_GENERIC_COOKIE, cmd, args)
    except KError as e:
        if e.errno != EINVAL:
            return ng.warn(e, "send msg")
    else:
        try:
            answer = (await ng.node.receive())[0]
        except KError:
            answer = None
    if answer is None or not answer.flags & NGF_RESP:
        ng.say(f'No {what.lower()} available for "{path}"\n')
    else:
        ng.say(f'{what} for "{path}":\n{decode(cstring(answer.data))}\n')
    return OK


@ngcmd("config <path> [arguments]", "get or set configuration of node at <path>")
async def config(ng: Ngctl, argv: list[str]) -> str:
    """The configuration of a node in words."""
    if len(argv) < 2:
        return BADUSAGE
    text = to_bytes(" ".join(argv[2:]))
    if len(text) >= TEXTSIZE:
        return BADUSAGE
    return await _text(ng, argv[1], NGM_TEXT_CONFIG, text + b"\0" if text else b"", "Config")


@ngcmd(
    "connect [path] <relpath> <hook> <peerhook>",
    "Connects hook <peerhook> of the node at <relpath> to <hook>",
    'The connect command creates a link between the two nodes at "path" and "relpath" using hooks "hook" and "peerhook",'
    ' respectively. The "relpath", if not absolute, is specified relative to the node at "path".'
    ' If "path" is omitted then "." is assumed.',
    ("join",),
)
async def connect(ng: Ngctl, argv: list[str]) -> str:
    """An edge between two nodes."""
    if len(argv) not in (4, 5):
        return BADUSAGE
    path = argv.pop(1) if len(argv) == 5 else "."
    return await _request(ng, path, NGM_CONNECT, CONNECT.pack(_field(argv[1], 512), _field(argv[2]), _field(argv[3])))


@ngcmd(
    "debug [level]",
    "Get/set debugging verbosity level",
    "Without any argument, this command displays the current debugging verbosity level. If the argument is ``+'' or ``-''"
    " the debug level is incremented or decremented; otherwise, it must be an absolute numerical level.",
)
async def debug(ng: Ngctl, argv: list[str]) -> str:
    """How much the library tells."""
    if len(argv) == 1:
        ng.say(f"Current debug level is {ng.node.debug}\n")
        return OK
    if len(argv) > 2:
        return BADUSAGE
    if argv[1] in ("+", "-"):
        level = ng.node.debug + (1 if argv[1] == "+" else -1)
    else:
        level = _atoi(argv[1])
        if level < 0:
            return BADUSAGE
    if level >= 0:
        # NgSetDebug only asks when it gets less.
        ng.node.debug = level
    return OK


def _atoi(text: str) -> int:
    from vshell.userland.cnumber import atoi

    return atoi(text)


ngcmd(
    "dot [-c] [outputfile]",
    "Produce a GraphViz (.dot) of the entire netgraph.",
    "If no outputfile is specified, stdout will be assumed. The optional -c argument generates a graph without separate"
    " structures for edge names. Such a graph is more compact.",
    ("graphviz", "confdot"),
)(dot)


@ngcmd("help [command]", "Show command summary or get more help on a specific command", "", ("?",))
async def help_(ng: Ngctl, argv: list[str]) -> str:
    """What there is."""
    return show_help(ng, argv)


@ngcmd(
    "list [-ln]",
    "Show information about all nodes",
    "The list command shows information about every node that currently exists in the netgraph system. The optional -n"
    " argument limits this list to only those nodes with a global name assignment. The optional -l argument provides"
    " verbose output that includes hook information as well.",
    ("ls",),
)
async def list_(ng: Ngctl, argv: list[str]) -> str:
    """All nodes."""
    parsed = ng.getopt(argv, "ln")
    if parsed is None or parsed[1]:
        return BADUSAGE
    options = parsed[0]
    named = "n" in options
    if await _request(ng, ".", NGM_LISTNAMES if named else NGM_LISTNODES) != OK:
        return ERROR
    answer = await _answer(ng)
    if answer is None:
        return ERROR
    count = int.from_bytes(answer.data[:4], "little")
    ng.say(f"There are {count} total {'named ' if named else ''}nodes:\n")
    for i in range(count):
        name, kind, number, hooks = NODEINFO.unpack_from(answer.data, 4 + i * NODEINFO.size)
        if "l" not in options:
            ng.say(_node_line(name, kind, number, hooks))
            continue
        result = await show(ng, ["show", f"[{number:x}]:"])
        if result != OK:
            return result
        if i < count - 1:
            ng.say("\n")
    return OK


def _node_line(name: bytes, kind: bytes, number: int, hooks: int) -> str:
    text, typename = decode(cstring(name)) or UNNAMED, decode(cstring(kind))
    return f"  Name: {text:<15} Type: {typename:<15} ID: {number:08x}   Num hooks: {hooks}\n"


@ngcmd(
    "mkpeer [path] <type> <hook> <peerhook>",
    'Create and connect a new node to the node at "path"',
    'The mkpeer command atomically creates a new node of type "type" and connects it to the node at "path". The hooks used'
    ' for the connection are "hook" on the original node and "peerhook" on the new node.'
    ' If "path" is omitted then "." is assumed.',
)
async def mkpeer(ng: Ngctl, argv: list[str]) -> str:
    """A new node."""
    if len(argv) not in (4, 5):
        return BADUSAGE
    path = argv.pop(1) if len(argv) == 5 else "."
    return await _request(ng, path, NGM_MKPEER, MKPEER.pack(_field(argv[1]), _field(argv[2]), _field(argv[3])))


@ngcmd(
    "msg path command [args ... ]",
    'Send a netgraph control message to the node at "path"',
    "The msg command constructs a netgraph control message from the command name and ASCII arguments (if any) and sends"
    " that message to the node.  It does this by first asking the node to convert the ASCII message into binary format,"
    " and resending the result.",
    ("cmd",),
)
async def msg(ng: Ngctl, argv: list[str]) -> str:
    """Any message, and the answer if it comes at once."""
    if len(argv) < 3:
        return BADUSAGE
    try:
        await ng.node.send_ascii(argv[1], " ".join(argv[2:]))
    except KError as e:
        return ng.warn(e, "send msg")
    if await ng.p.sys.poll([(ng.node.csock, POLLIN)], 0):
        await ng.read_message()
    return OK


@ngcmd("name <path> <name>", "Assign name <name> to the node at <path>")
async def name(ng: Ngctl, argv: list[str]) -> str:
    """A name for a node."""
    if len(argv) != 3:
        return BADUSAGE
    return await _request(ng, argv[1], NGM_NAME, NAME.pack(_field(argv[2])))


@ngcmd("read <filename>", "Read and execute commands from a file", "", ("source", "."))
async def read(ng: Ngctl, argv: list[str]) -> str:
    """Commands from a file."""
    if len(argv) != 2:
        return BADUSAGE
    try:
        source = open_file(ng, argv[1])
    except KError as e:
        return ng.warn(e, argv[1])
    result = await ng.read_file(source, argv[1])
    ng.p.sys.close(source.fileno())
    return result


@ngcmd(
    "rmhook [path] <hook>",
    'Disconnect hook "hook" of the node at "path"',
    'The rmhook command forces the node at "path" to break the link formed by its hook "hook", if connected.'
    ' If "path" is omitted then "." is assumed.',
    ("disconnect",),
)
async def rmhook(ng: Ngctl, argv: list[str]) -> str:
    """An edge goes."""
    if len(argv) not in (2, 3):
        return BADUSAGE
    path = argv.pop(1) if len(argv) == 3 else "."
    return await _request(ng, path, NGM_RMHOOK, NAME.pack(_field(argv[1])))


@ngcmd(
    "show [-n] <path>", "Show information about the node at <path>", "If the -n flag is given, hooks are not listed.",
    ("inquire", "info"),
)  # fmt: skip
async def show(ng: Ngctl, argv: list[str]) -> str:
    """One node with its hooks."""
    parsed = ng.getopt(argv, "n")
    if parsed is None or len(parsed[1]) != 1:
        return BADUSAGE
    if await _request(ng, parsed[1][0], NGM_LISTHOOKS) != OK:
        return ERROR
    answer = await _answer(ng)
    if answer is None:
        return ERROR
    data = answer.data
    node = NODEINFO.unpack_from(data)
    ng.say(_node_line(*node))
    if "n" in parsed[0] or not node[3]:
        return OK
    row = "  {:<15} {:<15} {:<12} {:<15} {:<15}\n".format
    ng.say(row("Local hook", "Peer name", "Peer type", "Peer ID", "Peer hook"))
    ng.say(row("----------", "---------", "---------", "-------", "---------"))
    for i in range(node[3]):
        ours, theirs, peer, kind, number, _ = LINKINFO.unpack_from(data, NODEINFO.size + i * LINKINFO.size)
        ours, theirs, peer, kind = (decode(cstring(field)) for field in (ours, theirs, peer, kind))
        ng.say(row(ours, peer or UNNAMED, kind, f"{number:08x}", theirs))
    return OK


@ngcmd("shutdown <path>", "Shutdown the node at <path>", "", ("kill", "rmnode"))
async def shutdown(ng: Ngctl, argv: list[str]) -> str:
    """A node goes."""
    if len(argv) != 2:
        return BADUSAGE
    try:
        await ng.node.send(argv[1], NGM_GENERIC_COOKIE, NGM_SHUTDOWN)
    except KError as e:
        return ng.warn(e, "shutdown")
    return OK


@ngcmd("status <path>", "Get human readable status information from the node at <path>")
async def status(ng: Ngctl, argv: list[str]) -> str:
    """The state of a node in words."""
    if len(argv) != 2:
        return BADUSAGE
    return await _text(ng, argv[1], NGM_TEXT_STATUS, b"", "Status")


@ngcmd("types", "Show information about all installed node types")
async def types(ng: Ngctl, argv: list[str]) -> str:
    """All types."""
    if len(argv) != 1:
        return BADUSAGE
    if await _request(ng, ".", NGM_LISTTYPES) != OK:
        return ERROR
    answer = await _answer(ng)
    if answer is None:
        return ERROR
    count = int.from_bytes(answer.data[:4], "little")
    ng.say(f"There are {count} total types:\n")
    if count:
        ng.say(f"{'Type name':>15}   Number of living nodes\n{'---------':>15}   ----------------------\n")
    for i in range(count):
        kind, nodes = TYPEINFO.unpack_from(answer.data, 4 + i * TYPEINFO.size)
        ng.say(f"{decode(cstring(kind)):>15}   {nodes:5d}\n")
    return OK


@ngcmd(
    "write hook < -f file | byte ... >",
    'Send a data packet down the hook named by "hook".',
    "The data may be contained in a file, or may be described directly on the command line by supplying a sequence of bytes.",
    ("w",),
)
async def write(ng: Ngctl, argv: list[str]) -> str:
    """A packet by a hook."""
    if len(argv) < 3:
        return BADUSAGE
    hook = argv[1]
    if len(to_bytes(hook)) >= NG_HOOKSIZ:
        ng.p.warnx(f'hook name "{hook}" too long')
        return ERROR
    if argv[2] == "-f":
        if len(argv) != 4:
            return BADUSAGE
        data = await _file(ng, argv[3])
    else:
        data = _bytes(ng, argv[2:])
    if not data:
        return ERROR
    try:
        await ng.node.send_data(hook, data)
    except KError as e:
        return ng.warn(e, f'writing to hook "{hook}"')
    return OK


async def _file(ng: Ngctl, path: str) -> bytes:
    try:
        source = open_file(ng, path)
    except KError as e:
        ng.warn(e, f'can\'t read file "{path}"')
        return b""
    try:
        data = await source.read(WRITESIZE)
    except KError as e:
        ng.warn(e, f'can\'t read file "{path}"')
        return b""
    finally:
        ng.p.sys.close(source.fileno())
    if not data:
        ng.p.warnx(f'file "{path}" is empty')
    return data


def _bytes(ng: Ngctl, words: list[str]) -> bytes:
    from re import match

    data = bytearray()
    for word in words[:WRITESIZE]:
        found = match(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", word)
        value = 1000
        if found:
            digits = found.group(2)
            value = int(digits, 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10)
            value = -value if found.group(1) == "-" else value
        if not -128 <= value <= 255:
            ng.p.warnx(f'invalid byte "{word}"')
            return b""
        data.append(value & 0xFF)
    return bytes(data)


@ngcmd("quit", "Exit program", "", ("exit",))
async def quit_(ng: Ngctl, argv: list[str]) -> str:
    """The end."""
    return QUIT
