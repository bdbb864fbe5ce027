"""netlink(4) with typed messages: one path for questions and changes about links, addresses, routes, neighbours.

A request class of abi/netlink.py is answered by the handler registered for it beside what it concerns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from vshell.abi.errno import EOPNOTSUPP, KError
from vshell.abi.record import Record
from vshell.abi.socket import AF_NETLINK, SOCK_RAW
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc

H = TypeVar("H", bound=Callable[..., Any])
_HANDLERS: dict[type[Record], Callable[..., Any]] = {}


def nlrequest(request: type[Record]) -> Callable[[H], H]:
    """Register `handler(vnet, request, td) -> list of records or None` for a netlink request class."""

    def register(handler: H) -> H:
        _HANDLERS[request] = handler
        return handler

    return register


@protosw(AF_NETLINK, SOCK_RAW, 0)
class Netlink(Protosw):
    """A netlink socket."""

    name = "netlink"


def nl_receive(so: Socket, request: Record, td: Proc) -> list[Record]:
    """Serve a request in the stack of the socket."""
    handler = _HANDLERS.get(type(request))
    if handler is None:
        raise KError(EOPNOTSUPP)
    return handler(so.vnet, request, td) or []
