"""Handlers of protocols that carry addresses in their data (libalias/alias_mod.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.errno import EEXIST, ENOENT, KError
from vshell.kernel.kern.module import KernelModule
from vshell.kernel.netinet.libalias.alias_db import AliasData, Libalias, LibAliasState

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel

DIR_IN, DIR_OUT = 1, 2
PROTO_IP, PROTO_TCP, PROTO_UDP = 1, 2, 4

Fingerprint = Callable[[Libalias, AliasData], bool]
Handle = Callable[[Libalias, bytearray, int, AliasData], int]


class ProtoHandler:
    """struct proto_handler: which packets it wants, and what it does with one."""

    __slots__ = ("dir", "fingerprint", "handle", "pri", "proto")

    def __init__(self, pri: int, dir: int, proto: int, fingerprint: Fingerprint, handle: Handle) -> None:
        self.pri, self.dir, self.proto, self.fingerprint, self.handle = pri, dir, proto, fingerprint, handle


def attach_handler(state: LibAliasState, handler: ProtoHandler) -> None:
    """Take it in, in order of priority.  EEXIST if there is one for the same."""
    at = len(state.handlers)
    for i, other in enumerate(state.handlers):
        if (other.pri, other.dir, other.proto) == (handler.pri, handler.dir, handler.proto):
            raise KError(EEXIST)
        if other.pri > handler.pri:
            at = i
            break
    state.handlers.insert(at, handler)


def find_handler(direction: int, proto: int, la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """Let the first handler that wants the packet have it; its answer, ENOENT if none wants it."""
    for handler in la.kernel_state.handlers:
        if handler.dir & direction and handler.proto & proto and handler.fingerprint(la, ad):
            answer: int = handler.handle(la, data, off, ad)
            return answer
    return ENOENT


class AliasModule(KernelModule):
    """A file that brings handlers: they come and go with it."""

    handlers: tuple[ProtoHandler, ...] = ()

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.state: LibAliasState = kernel[LibAliasState]

    def init(self) -> None:
        """MOD_LOAD."""
        for handler in self.handlers:
            attach_handler(self.state, handler)

    def destroy(self) -> None:
        """MOD_UNLOAD."""
        for handler in self.handlers:
            self.state.handlers.remove(handler)
