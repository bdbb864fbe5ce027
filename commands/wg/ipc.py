"""Talking to the kernel (ipc-freebsd.h)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import ENOENT, KError
from vshell.abi.if_wg import SIOCGWG, SIOCSWG, WgDevice
from vshell.abi.socket import AF_INET, SOCK_DGRAM
from vshell.abi.sockio import SIOCGIFGMEMB, IfRequest
from vshell.userland.program import Program


def _ioctl(p: Program, request: IfRequest) -> Any:
    fd = p.sys.socket(AF_INET, SOCK_DGRAM)
    try:
        return p.sys.ioctl(fd, request)
    finally:
        p.sys.close(fd)


def devices(p: Program) -> list[str]:
    """The interfaces there are: the members of the group "wg"."""
    try:
        return list(_ioctl(p, SIOCGIFGMEMB("wg")))
    except KError as e:
        if e.errno == ENOENT:
            return []
        raise


def get_device(p: Program, name: str) -> WgDevice:
    """All about one."""
    found = _ioctl(p, SIOCGWG(name))
    assert isinstance(found, WgDevice)
    return found


def set_device(p: Program, name: str, device: WgDevice) -> None:
    """Change one."""
    _ioctl(p, SIOCSWG(name, device))
