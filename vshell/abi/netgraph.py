"""Netgraph as programs see it: addresses, the header of a message, the generic messages (netgraph/ng_message.h, ng_socket.h).

Messages cross the boundary as bytes, laid out as on a little-endian 64-bit machine.
"""

from __future__ import annotations

from struct import Struct

from vshell.abi.record import Record
from vshell.abi.socket import AF_NETGRAPH

NG_VERSION, NG_ABI_VERSION = 8, 12
NG_CONTROL, NG_DATA = 2, 1
"""Protocols of AF_NETGRAPH."""
NG_TYPESIZ = NG_HOOKSIZ = NG_NODESIZ = NG_CMDSTRSIZ = 32
NG_PATHSIZ = 512
NGF_ORIG, NGF_RESP = 0, 1

NGM_READONLY, NGM_HASREPLY = 0x10000000, 0x20000000
NGM_GENERIC_COOKIE = 1137070366
NGM_SHUTDOWN, NGM_MKPEER, NGM_CONNECT, NGM_NAME, NGM_RMHOOK = 1, 2, 3, 4, 5
NGM_NODEINFO, NGM_LISTHOOKS, NGM_LISTNAMES, NGM_LISTNODES, NGM_LISTTYPES, NGM_TEXT_STATUS = (
    n | NGM_READONLY | NGM_HASREPLY for n in range(6, 12)
)
NGM_BINARY2ASCII, NGM_ASCII2BINARY, NGM_TEXT_CONFIG = 12 | NGM_READONLY | NGM_HASREPLY, 13 | NGM_READONLY | NGM_HASREPLY, 14

NGM_SOCKET_COOKIE = 851601233
NGM_SOCK_CMD_NOLINGER, NGM_SOCK_CMD_LINGER = 1, 2

NG_MESG = Struct("<BBHIIIII32s")
"""struct ng_mesg: version, spare, spare2, arglen, cmd, flags, token, typecookie, cmdstr."""
MKPEER = Struct("<32s32s32s")
CONNECT = Struct("<512s32s32s")
NAME = Struct("<32s")
NODEINFO = Struct("<32s32sII")
LINKINFO = Struct("<32s32s32s32sII")
TYPEINFO = Struct("<32sI")


class SockaddrNg(Record):
    """struct sockaddr_ng: a path to a node, the name of a hook, or the name to bind to."""

    path: str = ""
    family: int = AF_NETGRAPH


class NgMesg:
    """A message: its header and its arguments."""

    __slots__ = ("cmd", "cmdstr", "cookie", "data", "flags", "token", "version")

    def __init__(
        self, cookie: int, cmd: int, data: bytes = b"", flags: int = NGF_ORIG, token: int = 0, cmdstr: bytes = b"",
        version: int = NG_VERSION,
    ) -> None:  # fmt: skip
        self.cookie = cookie
        self.cmd = cmd
        self.data = data
        self.flags = flags
        self.token = token
        self.cmdstr = cmdstr
        self.version = version

    def pack(self) -> bytes:
        """The message as bytes."""
        head = NG_MESG.pack(
            self.version, 0, 0, len(self.data), self.cmd, self.flags, self.token, self.cookie, self.cmdstr[: NG_CMDSTRSIZ - 1]
        )
        return head + self.data

    @classmethod
    def unpack(cls, data: bytes) -> NgMesg | None:
        """A message from its bytes; None if they are too few."""
        if len(data) < NG_MESG.size:
            return None
        version, _, _, arglen, cmd, flags, token, cookie, cmdstr = NG_MESG.unpack_from(data)
        if len(data) - NG_MESG.size < arglen:
            return None
        args = data[NG_MESG.size : NG_MESG.size + arglen]
        return cls(cookie, cmd, args, flags, token, cstring(cmdstr), version)


def cstring(field: bytes) -> bytes:
    """What a character array holds up to its first NUL."""
    return field.partition(b"\0")[0]
