"""The actions pipe and queue of ipfw rules: packets to dummynet, and on behind the rule (ip_fw2.c, ip_fw_pfil.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.ip_fw import IP_FW_TARG, O_PIPE, Insn
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netpfil.ipfw.ip_dummynet_args import DnArgs
from vshell.kernel.netpfil.ipfw.ip_fw_action import CONSUMED, DENY, PASS, Action

if TYPE_CHECKING:
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw, Rule
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs


def make_dummynet(cmd: Insn) -> Action:
    """Which pipe or queue it is may come from a table; without the module packets are lost."""
    number, pipe = cmd.arg1, cmd.opcode == O_PIPE

    def dummynet(f: IpFw, a: FwArgs, rule: Rule, pos: int) -> int:
        f.count(rule, a)
        io = f.vnet[Ip].dummynet_io
        if io is None or not (a.layer2 or a.v4 or a.v6):
            return DENY
        ref = f.refer(a, pos)
        ref.onepass = bool(f.one_pass)
        number_of = number if number != IP_FW_TARG else a.value.pipe
        dst, src = int.from_bytes(a.dst, "big"), int.from_bytes(a.src, "big")
        flow = (a.v6, dst, src, a.dport, a.sport, a.proto, 0, a.flow)
        args = DnArgs(number_of, pipe, a.incoming, a.ifp, flow, ref, layer2=a.layer2, ip6=a.v6)
        if not io(a.m, args):
            return CONSUMED
        return PASS if ref.onepass else pos + 1

    return dummynet
