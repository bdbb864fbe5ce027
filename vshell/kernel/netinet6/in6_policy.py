"""Address selection policies of a stack (netinet6/in6_src.c): labels to choose sources by, precedences for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, EPERM, ESRCH, KError
from vshell.abi.in6_policy import ADDR_LABEL_NOTAPP, SIOCAADDRCTL_POLICY, SIOCDADDRCTL_POLICY, In6AddrPolicy
from vshell.kernel.kern.kern_priv import PRIV_NETINET_ADDRCTRL6, priv_check
from vshell.kernel.kern.kern_sysctl import sysctl_handler
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, VnetModule
from vshell.kernel.net.ifioctl import stackrequest
from vshell.wire.ip6 import masked

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet

Key = tuple[bytes, int]


class AddrselPolicy(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """The table: empty in a new stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.table: dict[Key, In6AddrPolicy] = {}

    def label(self, addr: bytes) -> int:
        """The label of an address, by the longest prefix; ADDR_LABEL_NOTAPP if none covers it."""
        best: Key | None = None
        for key in self.table:
            if (best is None or key[1] > best[1]) and masked(addr, key[1]) == key[0]:
                best = key
        if best is None:
            return ADDR_LABEL_NOTAPP
        entry = self.table[best]
        self.table[best] = In6AddrPolicy(entry.addr, entry.plen, entry.preced, entry.label, entry.use + 1)
        return entry.label


@sysctl_handler("net.inet6.ip6.addrctlpolicy")
def in6_src_sysctl(td: Proc, new: Any) -> Any:
    """The entries in the order in which they were added."""
    if new is not None:
        raise KError(EPERM)
    return tuple(td.vnet[AddrselPolicy].table.values())


def _entry(request: SIOCAADDRCTL_POLICY | SIOCDADDRCTL_POLICY, td: Proc) -> In6AddrPolicy:
    priv_check(td, PRIV_NETINET_ADDRCTRL6)
    policy = request.policy
    if policy is None or policy.label == ADDR_LABEL_NOTAPP or not 0 <= policy.plen <= 128 or len(policy.addr) != 16:
        raise KError(EINVAL)
    return In6AddrPolicy(masked(policy.addr, policy.plen), policy.plen, policy.preced, policy.label)


@stackrequest(SIOCAADDRCTL_POLICY)
def add_addrsel_policyent(so: Socket, request: SIOCAADDRCTL_POLICY, td: Proc) -> None:
    """A new entry comes last."""
    policy = _entry(request, td)
    table: dict[Key, In6AddrPolicy] = so.vnet[AddrselPolicy].table
    if (policy.addr, policy.plen) in table:
        raise KError(EEXIST)
    table[policy.addr, policy.plen] = policy


@stackrequest(SIOCDADDRCTL_POLICY)
def delete_addrsel_policyent(so: Socket, request: SIOCDADDRCTL_POLICY, td: Proc) -> None:
    """Prefix and length name the entry."""
    policy = _entry(request, td)
    if so.vnet[AddrselPolicy].table.pop((policy.addr, policy.plen), None) is None:
        raise KError(ESRCH)
