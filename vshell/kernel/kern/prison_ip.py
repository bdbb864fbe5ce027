"""The addresses a jail without a network stack of its own is restricted to (prison_ip of kern_jail.c, in_jail.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EADDRNOTAVAIL, EAFNOSUPPORT
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.kernel.kern.prison_params import PR_IP4, PR_IP4_USER, PR_IP6, PR_IP6_USER, PR_VNET

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kern_proc import Ucred

IP_USER = {AF_INET: PR_IP4_USER, AF_INET6: PR_IP6_USER}
IP_RESTRICTED = {AF_INET: PR_IP4, AF_INET6: PR_IP6}

_INVALID = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0" * 16)


def prison_ip_copyin(addrs: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
    """An address list as a jail keeps it: the first as given, the others sorted.  None if one is bad or repeated."""
    if any(a in _INVALID for a in addrs) or len(set(addrs)) != len(addrs):
        return None
    return (addrs[0], *sorted(addrs[1:]))


def prison_ip_parent_match(parent: Prison, af: int, addrs: tuple[bytes, ...]) -> bool:
    """True if the parent has all of these addresses."""
    return set(addrs) <= set(parent.addrs.get(af, ()))


def prison_ip_conflict(parent: Prison, pr: Prison | None, af: int, addrs: tuple[bytes, ...]) -> bool:
    """True if another jail on the same stack has one of the addresses, single addresses of two jails excepted."""
    top = parent
    while not top.flags & PR_VNET and top.parent is not None:
        top = top.parent
    return _conflict(top, top, pr, af, addrs)


def _conflict(top: Prison, each: Prison, pr: Prison | None, af: int, addrs: tuple[bytes, ...]) -> bool:
    for child in each.children:
        if child is pr or child.flags & PR_VNET or not child.isalive:
            continue
        if not child.flags & IP_USER[af]:
            if _conflict(top, child, pr, af, addrs):
                return True
            continue
        its = child.addrs.get(af)
        if its and not (len(its) == 1 and len(addrs) == 1) and set(its) & set(addrs):
            return True
    return False


def prison_ip_set(pr: Prison, af: int, addrs: tuple[bytes, ...]) -> None:
    """Give a jail its addresses, and take those that it has lost from the jails below."""
    _store(pr, af, addrs)
    _restrict_children(pr, af)


def _store(pr: Prison, af: int, addrs: tuple[bytes, ...]) -> None:
    if addrs:
        pr.addrs[af] = addrs
    else:
        pr.addrs.pop(af, None)


def _restrict_children(pr: Prison, af: int) -> None:
    mine = pr.addrs.get(af, ())
    for child in pr.children:
        if child.flags & PR_VNET:
            continue
        if child.flags & IP_USER[af]:
            _store(child, af, tuple(a for a in child.addrs.get(af, ()) if a in mine))
        else:
            _store(child, af, mine)
        _restrict_children(child, af)


def prison_restricts(cred: Ucred, af: int) -> bool:
    """True if the jail of `cred` sees only some addresses of the family."""
    pr = cred.prison
    return bool(not pr.owns_vnet and pr.flags & IP_RESTRICTED[af])


def prison_check_ip(cred: Ucred, af: int, addr: bytes) -> int:
    """0 if `cred` may use the address, else EADDRNOTAVAIL or EAFNOSUPPORT (prison_check_ip4, prison_check_ip6)."""
    if not prison_restricts(cred, af):
        return 0
    its = cred.prison.addrs.get(af)
    if not its:
        return EAFNOSUPPORT
    return 0 if addr in its else EADDRNOTAVAIL


def prison_get_ip(cred: Ucred, af: int) -> bytes | None:
    """The primary address of a restricted jail (prison_get_ip4); None if it is free to choose or has none."""
    its = cred.prison.addrs.get(af) if prison_restricts(cred, af) else None
    return its[0] if its else None


def prison_local_ip(cred: Ucred, af: int, addr: bytes) -> tuple[int, bytes]:
    """(error, address to bind to) for an address a jailed process asks for (prison_local_ip4, prison_local_ip6).

    The wildcard becomes the only address of a jail that has one; loopback stands for the primary address.
    """
    if not prison_restricts(cred, af):
        return 0, addr
    its = cred.prison.addrs.get(af)
    if not its:
        return EAFNOSUPPORT, addr
    if not any(addr):
        return 0, its[0] if len(its) == 1 else addr
    if addr in its:
        return 0, addr
    if addr == (b"\x7f\0\0\1" if af == AF_INET else b"\0" * 15 + b"\1"):
        return 0, its[0]
    return EADDRNOTAVAIL, addr


def prison_remote_ip(cred: Ucred, af: int, addr: bytes) -> tuple[int, bytes]:
    """(error, address to connect to): loopback stands for the jail's primary address (prison_remote_ip4)."""
    if not prison_restricts(cred, af):
        return 0, addr
    its = cred.prison.addrs.get(af)
    if not its:
        return EAFNOSUPPORT, addr
    if addr == (b"\x7f\0\0\1" if af == AF_INET else b"\0" * 15 + b"\1") and addr not in its:
        return 0, its[0]
    return 0, addr
