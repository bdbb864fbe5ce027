"""ioctl(2) on interfaces: from a typed request to the code that serves it (ifioctl and ifhwioctl of net/if.c).

A handler registers for a request class; whoever adds a request adds a class in abi/ and a handler beside the thing it
concerns, and nothing here changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from vshell.abi.errno import EINVAL, ENXIO, KError
from vshell.abi.sockio import IFF_UP, SIOCSIFFLAGS, IfRequest
from vshell.kernel.kern.kern_priv import PRIV_NET_IFCREATE, priv_check
from vshell.kernel.kern.uipc_socket import upcalls
from vshell.kernel.net.ifnet import if_up

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.ifnet import Ifnet

H = TypeVar("H", bound=Callable[..., Any])

_BY_INTERFACE: dict[type[IfRequest], tuple[Callable[..., Any], bool]] = {}
_BY_STACK: dict[type[IfRequest], tuple[Callable[..., Any], bool]] = {}


def ifrequest(request: type[IfRequest], *, priv: bool = False) -> Callable[[H], H]:
    """Register `handler(ifp, request, td)` for a request on an existing interface; `priv` asks for root first."""

    def register(handler: H) -> H:
        _BY_INTERFACE[request] = (handler, priv)
        return handler

    return register


def stackrequest(request: type[IfRequest], *, priv: bool = False) -> Callable[[H], H]:
    """Register `handler(so, request, td)` for a request on a stack (SIOCIFCREATE2, SIOCGIFCONF, ...)."""

    def register(handler: H) -> H:
        _BY_STACK[request] = (handler, priv)
        return handler

    return register


def net_priv_check(td: Proc) -> None:
    """The privileges to change interfaces go together: root of the host has them, and of a jail with its own stack.  EPERM."""
    priv_check(td, PRIV_NET_IFCREATE)


def ifunit(vnet: Any, name: str) -> Ifnet | None:
    """The interface of that name in a stack; the first of several (ifunit)."""
    found: Ifnet | None = vnet.ifnets.named(name)
    return found


def ifioctl(so: Socket, request: IfRequest, td: Proc) -> Any:
    """Serve a request in the stack of the socket.  ENXIO comes before EPERM, as in sys/net/if.c."""
    entry = _BY_STACK.get(type(request))
    if entry is not None:
        if entry[1]:
            net_priv_check(td)
        return entry[0](so, request, td)
    ifp = ifunit(so.vnet, request.name)
    if ifp is None:
        raise KError(ENXIO)
    if request.domain and request.domain != so.pr.domain:
        raise KError(EINVAL)
    return ifioctl_on(ifp, request, td)


upcalls["ifioctl"] = ifioctl


def ifioctl_on(ifp: Ifnet, request: IfRequest, td: Proc) -> Any:
    """Serve a request on an interface that was found."""
    was_up = ifp.flags & IFF_UP
    entry = _BY_INTERFACE.get(type(request))
    if entry is None:
        answer = ifp.ioctl(request, td)
    else:
        if entry[1]:
            net_priv_check(td)
        answer = entry[0](ifp, request, td)
    if not was_up and ifp.flags & IFF_UP and type(request) is not SIOCSIFFLAGS:
        # A first address brought it up.
        if_up(ifp)
    return answer
