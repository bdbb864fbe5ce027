"""netlink(4) with typed messages: one path for questions and changes about links, addresses, routes, neighbours.

A request class of abi/netlink.py is answered by the handler registered for it beside what it concerns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from vshell.abi.errno import ENOPROTOOPT, EOPNOTSUPP, KError
from vshell.abi.record import Record
from vshell.abi.route import NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP, NETLINK_MSG_INFO, SOL_NETLINK, NlEvent
from vshell.abi.socket import AF_NETLINK, SOCK_RAW
from vshell.kernel.kern.module import VnetModule
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet

H = TypeVar("H", bound=Callable[..., Any])
_HANDLERS: dict[type[Record], Callable[..., Any]] = {}


def nlrequest(request: type[Record]) -> Callable[[H], H]:
    """Register `handler(vnet, request, td) -> list of records or None` for a netlink request class."""

    def register(handler: H) -> H:
        _HANDLERS[request] = handler
        return handler

    return register


class NetlinkGroups(VnetModule):
    """Who in a stack wants to be told of events: group -> sockets."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.listeners: dict[int, list[Socket]] = {}


@protosw(AF_NETLINK, SOCK_RAW, 0)
class Netlink(Protosw):
    """A netlink socket.  An event arrives as a datagram whose sender is the abi.route.NlEvent itself."""

    name = "netlink"
    recvspace = 65536

    def setopt(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> None:
        """Join or leave a group of events."""
        if level != SOL_NETLINK or name not in (NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP, NETLINK_MSG_INFO):
            raise KError(ENOPROTOOPT)
        if name == NETLINK_MSG_INFO:
            return
        members = so.vnet[NetlinkGroups].listeners.setdefault(value, [])
        if so in members:
            members.remove(so)
        if name == NETLINK_ADD_MEMBERSHIP:
            members.append(so)

    def detach(self, so: Socket) -> None:
        """Closed: leave every group."""
        groups = so.vnet.get(NetlinkGroups)
        for members in groups.listeners.values() if groups is not None else ():
            if so in members:
                members.remove(so)


def nl_listening(vnet: Vnet, group: int) -> bool:
    """True if somebody would hear an event: the rest of the work can be spared otherwise."""
    groups = vnet.get(NetlinkGroups)
    return groups is not None and bool(groups.listeners.get(group))


def nl_send_group(vnet: Vnet, group: int, action: str, what: Record, pid: int = 0) -> None:
    """Tell the members of a group ("new" or "del") what happened to an object."""
    for so in vnet[NetlinkGroups].listeners.get(group, ()):
        # One octet stands for the message in the buffer's accounts; a full buffer loses events.
        if so.rcv.append_record(b"\0", NlEvent(action, what, pid)):
            so.sorwakeup()


def nl_receive(so: Socket, request: Record, td: Proc) -> list[Record]:
    """Serve a request in the stack of the socket."""
    handler = _HANDLERS.get(type(request))
    if handler is None:
        raise KError(EOPNOTSUPP)
    return handler(so.vnet, request, td) or []
