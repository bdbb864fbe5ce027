"""How ping -4 shows ICMP messages that are no answers, and IPv4 options (pr_icmph, pr_iph, pr_pack of sbin/ping/ping.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.wire.icmp import (
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_IREQ,
    ICMP_IREQREPLY,
    ICMP_MASKREPLY,
    ICMP_MASKREQ,
    ICMP_PARAMPROB,
    ICMP_REDIRECT,
    ICMP_ROUTERADVERT,
    ICMP_ROUTERSOLICIT,
    ICMP_SOURCEQUENCH,
    ICMP_TIMXCEED,
    ICMP_TSTAMP,
    ICMP_TSTAMPREPLY,
    ICMP_UNREACH,
)  # fmt: skip
from vshell.wire.ip import IPOPT_EOL, IPOPT_LSRR, IPOPT_MINOFF, IPOPT_NOP, IPOPT_RR, IPOPT_SSRR, inet_ntoa

_UNREACH = {
    0: "Destination Net Unreachable", 1: "Destination Host Unreachable", 2: "Destination Protocol Unreachable",
    3: "Destination Port Unreachable", 5: "Source Route Failed", 13: "Communication prohibited by filter",
}  # fmt: skip
_REDIRECT = (
    "Redirect Network", "Redirect Host", "Redirect Type of Service and Network", "Redirect Type of Service and Host",
)  # fmt: skip
_PLAIN = {
    ICMP_ECHOREPLY: "Echo Reply", ICMP_ECHO: "Echo Request", ICMP_TSTAMP: "Timestamp", ICMP_TSTAMPREPLY: "Timestamp Reply",
    ICMP_IREQ: "Information Request", ICMP_IREQREPLY: "Information Reply", ICMP_MASKREQ: "Address Mask Request",
    ICMP_MASKREPLY: "Address Mask Reply", ICMP_ROUTERADVERT: "Router Advertisement",
    ICMP_ROUTERSOLICIT: "Router Solicitation",
}  # fmt: skip


def pr_icmph(icmp: bytes) -> str:
    """A message (from its header on) in words, with the header it quotes."""
    kind, code = icmp[0], icmp[1]
    quoted = pr_iph(icmp[8:])
    if kind in _PLAIN:
        return _PLAIN[kind] + "\n"
    if kind == ICMP_UNREACH:
        if code == 4:
            return f"frag needed and DF set (MTU {icmp[6] << 8 | icmp[7]})\n{quoted}"
        return _UNREACH.get(code, f"Dest Unreachable, Bad Code: {code}") + f"\n{quoted}"
    if kind == ICMP_SOURCEQUENCH:
        return f"Source Quench\n{quoted}"
    if kind == ICMP_REDIRECT:
        what = _REDIRECT[code] if code < len(_REDIRECT) else f"Redirect, Bad Code: {code}"
        return f"{what}(New addr: {inet_ntoa(icmp[4:8])})\n{quoted}"
    if kind == ICMP_TIMXCEED:
        if code == 0:
            return f"Time to live exceeded\n{quoted}"
        return (f"Time exceeded, Bad Code: {code}" if code != 1 else "Frag reassembly time exceeded") + f"\n{quoted}"
    if kind == ICMP_PARAMPROB:
        return f"Parameter problem: pointer = 0x{icmp[4]:02x}\n{quoted}"
    return f"Bad ICMP type: {kind}\n"


def pr_iph(ip: bytes) -> str:
    """An IPv4 header as a small table."""
    hlen = (ip[0] & 0xF) << 2
    src, dst = inet_ntoa(ip[12:16]), inet_ntoa(ip[16:20])
    head = f"Vr HL TOS  Len   ID Flg  off TTL Pro  cks {'Src':>{len(src)}} {'Dst':>{len(dst)}}"
    if hlen > 20:
        head += " Opts"
    frag = ip[6] << 8 | ip[7]
    body = (
        f" {ip[0] >> 4:1x}  {ip[0] & 0xF:1x}  {ip[1]:02x} {ip[2] << 8 | ip[3]:04x} {ip[4] << 8 | ip[5]:04x}"
        f"   {frag >> 13:1x} {frag & 0x1FFF:04x}  {ip[8]:02x}  {ip[9]:02x} {ip[10] << 8 | ip[11]:04x} {src} {dst}"
    )
    if hlen > 20:
        body += " " + ip[20:hlen].hex()
    return f"{head}\n{body}\n"


class OptionPrinter:
    """Shows the options of an answer; remembers the route the last one took."""

    def __init__(self, pr_addr: Callable[[bytes], str], dots: bool) -> None:
        self.pr_addr = pr_addr
        self.dots = dots
        self.old = b""

    def _addresses(self, data: bytes) -> str:
        words = [data[i : i + 4] for i in range(0, len(data) - 3, 4)]
        return "\n".join("\t" + ("0.0.0.0" if not any(w) else self.pr_addr(w)) for w in words)

    def text(self, options: bytes) -> str:
        """The options in words."""
        out = ""
        at = 0
        while at < len(options):
            kind = options[at]
            if kind == IPOPT_EOL:
                break
            if kind == IPOPT_NOP:
                out += "\nNOP"
                at += 1
            elif kind in (IPOPT_LSRR, IPOPT_SSRR):
                size = options[at + 1] - IPOPT_MINOFF + 1 if at + 1 < len(options) else 0
                out += "\nLSRR: " if kind == IPOPT_LSRR else "\nSSRR: "
                at += 3
                if 4 <= size <= len(options) - at + 1:
                    whole = size - size % 4
                    out += self._addresses(options[at : at + whole])
                    at += whole
                else:
                    out += "\t(truncated route)"
            elif kind == IPOPT_RR:
                part, at = self._record_route(options, at)
                out += part
            else:
                out += f"\nunknown option {kind:x}"
                at += 1
        return out

    def _record_route(self, options: bytes, at: int) -> tuple[str, int]:
        size = options[at + 1] if at + 1 < len(options) else 0
        used = min(options[at + 2] if at + 2 < len(options) else 0, size) - IPOPT_MINOFF + 1
        route = options[at + 3 : at + 3 + max(used, 0)]
        at += 3
        if used < 0 or used > len(options) - at + 1:
            self.old = b""
            return "", at
        if used and route == self.old and not self.dots:
            return "\t(same route)", at + used
        self.old = route
        if used < 4:
            return "\nRR: \t(truncated route)", at
        whole = used - used % 4
        return "\nRR: " + self._addresses(route), at + whole
