"""divertcat: show the packets that rules divert to a port, and let them go on (an example for divert(4), of vshell's own).

ipfw add 100 divert 5000 icmp from any to me
divertcat -c 2 5000
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.ip_divert import PF_DIVERT, SockaddrDivert
from vshell.abi.socket import INADDR_ANY, SOCK_RAW, Message, SockaddrIn
from vshell.userland.addr import inet_ntop
from vshell.userland.getopt import Getopt
from vshell.userland.humanize import strtonum
from vshell.userland.netdb import getprotobynumber
from vshell.userland.program import Program, program

USAGE = "usage: divertcat [-dq] [-c count] port"


def summary(p: Program, packet: bytes) -> str:
    """Addresses and protocol of a packet."""
    if packet[0] >> 4 == 4:
        src, dst, proto = packet[12:16], packet[16:20], packet[9]
    else:
        src, dst, proto = packet[8:24], packet[24:40], packet[6]
    return f"{inet_ntop(src)} > {inet_ntop(dst)} {getprotobynumber(p, proto) or proto} {len(packet)} bytes"


def where(addr: SockaddrIn) -> str:
    """Which way it goes, and the rule."""
    way = "out" if addr.addr == INADDR_ANY else "in"
    name = addr.iface if isinstance(addr, SockaddrDivert) else ""
    return f"{way}{f' via {name}' if name else ''} rule {addr.port}"


@program("/usr/local/bin/divertcat")
async def main(p: Program) -> int:
    """Read, show and send on; -d drops instead, -q says nothing, -c ends after so many."""
    drop = quiet = False
    count = 0
    options = Getopt(p, "c:dq")
    for flag, value in options:
        if flag == "c":
            count, bad = strtonum(value, 1, 1 << 31)
            if bad:
                p.errx(1, f"bad count: {value}")
        drop |= flag == "d"
        quiet |= flag == "q"
        if flag == "?":
            p.usage(USAGE)
    if len(options.args) != 1:
        p.usage(USAGE)
    port, bad = strtonum(options.args[0], 1, 65535)
    if bad:
        p.errx(1, f"bad port: {options.args[0]}")
    try:
        fd = p.sys.socket(PF_DIVERT, SOCK_RAW)
        p.sys.bind(fd, SockaddrIn(port=port))
    except KError as e:
        p.err(1, e, "divert socket")
    done = 0
    while not count or done < count:
        message = await p.sys.recvmsg(fd, 65536)
        assert isinstance(message, Message)
        packet, addr = message.data, message.name
        done += 1
        if not isinstance(addr, SockaddrIn):
            continue
        if not quiet:
            p.stdout.write(f"{where(addr)}: {summary(p, packet)}\n")
            p.stdout.flush()
        if not drop:
            try:
                await p.sys.sendto(fd, packet, addr)
            except KError as e:
                p.warn(e, "sendto")
    return 0
