"""The messages every node understands (netgraph(4): generic control messages, ng_generic_msg of netgraph/ng_base.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOSYS, KError
from vshell.abi.netgraph import (
    NGF_RESP,
    NGM_ASCII2BINARY,
    NGM_BINARY2ASCII,
    NGM_CONNECT,
    NGM_GENERIC_COOKIE,
    NGM_LISTHOOKS,
    NGM_LISTNAMES,
    NGM_LISTNODES,
    NGM_LISTTYPES,
    NGM_MKPEER,
    NGM_NAME,
    NGM_NODEINFO,
    NGM_RMHOOK,
    NGM_SHUTDOWN,
    NGM_TEXT_CONFIG,
    NGM_TEXT_STATUS,
    NgMesg,
)  # fmt: skip
from vshell.kernel.netgraph.netgraph import NgBase, NgVnet
from vshell.kernel.netgraph.ng_base import (
    NgCmd,
    NgMsg,
    Node,
    ng_con_nodes,
    ng_destroy_hook,
    ng_mkpeer,
    ng_name_node,
    ng_path2node,
    ng_respond,
    ng_rmnode,
)  # fmt: skip
from vshell.kernel.netgraph.ng_parse import (
    HINT32,
    HOOKBUF,
    NG_MESG_TYPE,
    NODEBUF,
    PATHBUF,
    STRING,
    TYPEBUF,
    UINT32,
    Array,
    NgStruct,
    ParseType,
    ng_dump,
    ng_parse,
    ng_unparse,
    preceding,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.netgraph.ng_base import Handler

MKPEER_TYPE = NgStruct(("type", TYPEBUF), ("ourhook", HOOKBUF), ("peerhook", HOOKBUF))
CONNECT_TYPE = NgStruct(("path", PATHBUF), ("ourhook", HOOKBUF), ("peerhook", HOOKBUF))
NAME_TYPE = NgStruct(("name", NODEBUF))
RMHOOK_TYPE = NgStruct(("hook", HOOKBUF))
NODEINFO_TYPE = NgStruct(("name", NODEBUF), ("type", TYPEBUF), ("id", HINT32), ("hooks", UINT32))
LINKINFO_TYPE = NgStruct(("ourhook", HOOKBUF), ("peerhook", HOOKBUF), ("nodeinfo", NODEINFO_TYPE))
HOOKLIST_TYPE = NgStruct(("nodeinfo", NODEINFO_TYPE), ("linkinfo", Array(LINKINFO_TYPE, preceding(4))))
NODELIST_TYPE = NgStruct(("numnames", UINT32), ("nodeinfo", Array(NODEINFO_TYPE, preceding(4))))
TYPEINFO_TYPE = NgStruct(("typename", TYPEBUF), ("numnodes", UINT32))
TYPELIST_TYPE = NgStruct(("numtypes", UINT32), ("typeinfo", Array(TYPEINFO_TYPE, preceding(4))))


def ng_generic_msg(here: Node, msg: NgMsg) -> None:
    """Do what a generic message asks for."""
    if msg.cmd in (NGM_TEXT_CONFIG, NGM_TEXT_STATUS):
        # These are the type's own, though generic by their cookie.
        here.rcvmsg(msg)
        return
    cmd = GENERIC.get(msg.cmd)
    if cmd is None:
        raise KError(EINVAL)
    arg: Any = msg.data
    if cmd.arg is not None and cmd.arg is not NG_MESG_TYPE:
        if len(msg.data) != cmd.size:
            raise KError(EINVAL)
        arg = cmd.arg.load(msg.data, 0)[0]
    answer = cmd.handler(here, arg, msg)
    if cmd.resp is not None:
        ng_respond(here, msg, answer if cmd.resp is NG_MESG_TYPE else ng_dump(cmd.resp, answer))


def nodeinfo(node: Node) -> dict[str, Any]:
    """struct nodeinfo."""
    return {"name": node.name, "type": node.ngtype, "id": node.id, "hooks": len(node.hooks)}


def _shutdown(here: Node, arg: Any, msg: NgMsg) -> None:
    ng_rmnode(here)


def _mkpeer(here: Node, arg: Any, msg: NgMsg) -> None:
    ng_mkpeer(here, arg["ourhook"], arg["peerhook"], arg["type"])


def _connect(here: Node, arg: Any, msg: NgMsg) -> None:
    ng_con_nodes(here, arg["ourhook"], ng_path2node(here.vnet, here, arg["path"])[0], arg["peerhook"])


def _name(here: Node, arg: Any, msg: NgMsg) -> None:
    ng_name_node(here, arg["name"])


def _rmhook(here: Node, arg: Any, msg: NgMsg) -> None:
    hook = here.findhook(arg["hook"])
    if hook is not None:
        ng_destroy_hook(hook)


def _nodeinfo(here: Node, arg: Any, msg: NgMsg) -> dict[str, Any]:
    return nodeinfo(here)


def _listhooks(here: Node, arg: Any, msg: NgMsg) -> dict[str, Any]:
    links = [
        {"ourhook": h.name, "peerhook": h.peer.name, "nodeinfo": nodeinfo(h.peer.node)}
        for h in here.hooks
        if h.valid and h.peer is not None and h.peer.node is not None
    ]
    return {"nodeinfo": {**nodeinfo(here), "hooks": len(links)}, "linkinfo": links}


def _listnames(here: Node, arg: Any, msg: NgMsg) -> dict[str, Any]:
    nodes = [nodeinfo(node) for node in here.vnet[NgVnet].names]
    return {"numnames": len(nodes), "nodeinfo": nodes}


def _listnodes(here: Node, arg: Any, msg: NgMsg) -> dict[str, Any]:
    nodes = [nodeinfo(node) for node in here.vnet[NgVnet].ids]
    return {"numnames": len(nodes), "nodeinfo": nodes}


def _listtypes(here: Node, arg: Any, msg: NgMsg) -> dict[str, Any]:
    types = [{"typename": t.ngclass.ngtype, "numnodes": t.nodes} for t in here.kernel[NgBase].types]
    return {"numtypes": len(types), "typeinfo": types}


def _argstype(cmd: NgCmd, flags: int) -> ParseType | None:
    return cmd.resp if flags & NGF_RESP else cmd.arg


def _binary2ascii(here: Node, arg: bytes, msg: NgMsg) -> bytes:
    binary = NgMesg.unpack(arg)
    if binary is None:
        raise KError(EINVAL)
    cmd = here.cmds.get((binary.cookie, binary.cmd))
    if cmd is None and binary.cookie == NGM_GENERIC_COOKIE:
        cmd = GENERIC.get(binary.cmd)
    if cmd is None:
        raise KError(ENOSYS)
    etype = _argstype(cmd, binary.flags)
    text = ng_unparse(etype, binary.data) if etype is not None else ""
    binary.cmdstr = cmd.name.encode()
    binary.data = text.encode("latin-1") + b"\0"
    return binary.pack()


def _ascii2binary(here: Node, arg: bytes, msg: NgMsg) -> bytes:
    text = NgMesg.unpack(arg)
    if text is None or not text.data:
        raise KError(EINVAL)
    name = text.cmdstr.decode("latin-1")
    cmd = here.cmdnames.get(name) or _GENERIC_NAMES.get(name)
    if cmd is None:
        raise KError(ENOSYS)
    etype = _argstype(cmd, text.flags)
    string = text.data.partition(b"\0")[0].decode("latin-1")
    text.cmd, text.cookie = cmd.cmd, cmd.cookie or here.cookie
    text.data = ng_parse(etype, string) if etype is not None else b""
    return text.pack()


def _text(here: Node, arg: Any, msg: NgMsg) -> None:
    raise KError(EINVAL)


def _generic(cmd: int, name: str, handler: Handler, arg: ParseType | None = None, resp: ParseType | None = None) -> NgCmd:
    size = len(ng_dump(arg, {})) if isinstance(arg, NgStruct) and arg is not NG_MESG_TYPE else 0
    return NgCmd(cmd, name, arg, resp, handler, NGM_GENERIC_COOKIE, size)


_ALL = (
    _generic(NGM_SHUTDOWN, "shutdown", _shutdown),
    _generic(NGM_MKPEER, "mkpeer", _mkpeer, MKPEER_TYPE),
    _generic(NGM_CONNECT, "connect", _connect, CONNECT_TYPE),
    _generic(NGM_NAME, "name", _name, NAME_TYPE),
    _generic(NGM_RMHOOK, "rmhook", _rmhook, RMHOOK_TYPE),
    _generic(NGM_NODEINFO, "nodeinfo", _nodeinfo, None, NODEINFO_TYPE),
    _generic(NGM_LISTHOOKS, "listhooks", _listhooks, None, HOOKLIST_TYPE),
    _generic(NGM_LISTNAMES, "listnames", _listnames, None, NODELIST_TYPE),
    _generic(NGM_LISTNODES, "listnodes", _listnodes, None, NODELIST_TYPE),
    _generic(NGM_LISTTYPES, "listtypes", _listtypes, None, TYPELIST_TYPE),
    _generic(NGM_TEXT_CONFIG, "textconfig", _text, None, STRING),
    _generic(NGM_TEXT_STATUS, "textstatus", _text, None, STRING),
    _generic(NGM_ASCII2BINARY, "ascii2binary", _ascii2binary, NG_MESG_TYPE, NG_MESG_TYPE),
    _generic(NGM_BINARY2ASCII, "binary2ascii", _binary2ascii, NG_MESG_TYPE, NG_MESG_TYPE),
)
GENERIC = {cmd.cmd: cmd for cmd in _ALL}
_GENERIC_NAMES = {cmd.name: cmd for cmd in _ALL}
