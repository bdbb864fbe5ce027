"""netstat without another mode: sockets (protopr of usr.bin/netstat/inet.c, unixpr of unix.c)."""

from __future__ import annotations

from collections.abc import Sequence

from vshell.abi.errno import ENOENT, KError
from vshell.abi.in_pcb import INP_IPV4, INP_IPV6, Xinpcb
from vshell.abi.socket import AF_INET, AF_INET6, AF_NETGRAPH, AF_UNSPEC
from vshell.abi.tcp import TCPS_ESTABLISHED, TCPS_LISTEN, TCPSTATES, Xtcpcb
from vshell.abi.unpcb import Xunpcb
from vshell.commands.netstat.names import Names
from vshell.commands.netstat.options import Options
from vshell.commands.netstat.protocols import Protox
from vshell.userland.addr import inet_ntop
from vshell.userland.libxo import Xo
from vshell.userland.netdb import gethostbyaddr, getservbyport, if_names

SB_MAX, SB_EFFICIENCY = 8388608, 8
LISTS = {6: "net.inet.tcp.pcblist", 17: "net.inet.udp.pcblist", 258: "net.inet.divert.pcblist"}
SOCKTYPES = (("stream", 1), ("dgram", 2), ("seqpacket", 5))


def socketpr(o: Options, chosen: Sequence[Protox], unix: bool) -> int:
    """The sockets of each protocol, then those of unix(4)."""
    xo = o.xo if o.xo is not None else Xo(o.p)
    if o.xo is not None:
        o.open_statistics(o.xo)
    Sockets(o, xo).run(chosen, unix)
    if o.xo is not None:
        o.close_statistics(o.xo)
    else:
        xo.finish()
    return 0


class Sockets:
    """One list."""

    def __init__(self, o: Options, xo: Xo) -> None:
        self.o, self.xo = o, xo
        self.names = Names(o, if_names(o.p))
        self.first = True
        self.opened = False
        self.done: set[int] = set()
        self.wide = "W" in o.flags
        self.all = "a" in o.flags
        self.listing = "L" in o.flags
        self.stack_width = self.cc_width = 0

    def run(self, chosen: Sequence[Protox], unix: bool) -> None:
        """Everything asked for."""
        o = self.o
        for tp in chosen:
            if not tp.sockets:
                if o.protocol is not None and o.xo is None:
                    o.p.stdout.write(f"{tp.name}: no PCB routine\n")
            elif tp.family != AF_NETGRAPH:
                self._open()
                self.protocol(tp, o.af if o.af in (AF_INET, AF_INET6) else AF_UNSPEC)
            elif o.af:
                # There are no symbols of the kernel to read them with.
                self._open()
                o.p.warnx("Error reading symbols from ng_socket.ko")
        if self.opened and not unix:
            self.xo.close_list("socket")
        if unix:
            self.unix()
            if self.opened:
                self.xo.close_list("socket")

    def _open(self) -> None:
        if not self.opened:
            self.opened = True
            self.xo.open_list("socket")

    # Internet -------------------------------------------------------------------------------------------------------
    def protocol(self, tp: Protox, af: int) -> None:
        """protopr."""
        if tp.protocol in (6, 17, 136):
            if tp.protocol in self.done:
                return
            self.done.add(tp.protocol)
        try:
            found = self.o.p.sys.sysctl(LISTS.get(tp.protocol, "net.inet.raw.pcblist"))
        except KError as e:
            if e.errno != ENOENT:
                self.o.p.warn(e, f"sysctl: {LISTS.get(tp.protocol, 'net.inet.raw.pcblist')}")
            return
        pcbs = [x for x in found if isinstance(x, Xinpcb) and x.proto == tp.protocol]
        tcps = [x.tcp for x in pcbs if isinstance(x.tcp, Xtcpcb)]
        self.stack_width = max([5, *(len(t.stack) for t in tcps)])
        self.cc_width = max([2, *(len(t.cc) for t in tcps)])
        for inp in pcbs:
            if self._shown(inp, af):
                if self.first:
                    self.header(af)
                if not self.listing or inp.qlimit:
                    self.socket(inp, tp.name, af)

    def _shown(self, inp: Xinpcb, af: int) -> bool:
        if af == AF_INET and not inp.vflag & INP_IPV4:
            return False
        if af == AF_INET6 and not inp.vflag & INP_IPV6:
            return False
        if self.all:
            return True
        return any(inp.laddr) and not (isinstance(inp.tcp, Xtcpcb) and inp.tcp.state == TCPS_LISTEN)

    def _width(self, af: int) -> int:
        if "A" in self.o.flags and not self.wide:
            return 18
        return 22 if not self.wide or af == AF_INET else 45

    def header(self, af: int) -> None:
        """The titles."""
        xo, flags, width = self.xo, self.o.flags, self._width(af)
        if self.listing:
            xo.emit("Current listen queue sizes (qlen/incqlen/maxqlen)\n")
        else:
            xo.emit("Active Internet connections" + (" (including servers)" if self.all else "") + "\n")
        if "A" in flags:
            xo.emit("{T:/%-*s} ", 16, "Tcpcb")
        address = f"{{T:/%-{width}.{width}s}}"
        if self.listing:
            xo.emit("{T:/%-5.5s} {T:/%-32.32s} " + address, "Proto", "Listen", "Local Address")
        elif "T" in flags:
            form = "{T:/%-9.9s} {T:/%-6.6s} {T:/%-6.6s} {T:/%-6.6s} " + address + " {T:/%s}"
            xo.emit(form, "Proto", "Rexmit", "OOORcv", "0-win", "Local Address", "Foreign Address")
        else:
            form = "{T:/%-9.9s} {T:/%-6.6s} {T:/%-6.6s} " + address + " " + address
            xo.emit(form, "Proto", "Recv-Q", "Send-Q", "Local Address", "Foreign Address")
            if "x" not in flags and "R" not in flags:
                xo.emit(" {T:/%-11.11s}", "(state)")
        self._more_titles()
        xo.emit("\n")
        self.first = False

    def _more_titles(self) -> None:
        xo, flags = self.xo, self.o.flags
        if "x" in flags:
            titles = ("R-HIWA", "S-HIWA", "R-LOWA", "S-LOWA", "R-BCNT", "S-BCNT", "R-BMAX", "S-BMAX")
            xo.emit(" " + " ".join(["{T:/%-6.6s}"] * 8), *titles)
            xo.emit(" " + " ".join(["{T:/%7.7s}"] * 6), "rexmt", "persist", "keep", "2msl", "delack", "rcvtime")
        elif "R" in flags:
            xo.emit("  {T:/%8.8s} {T:/%5.5s}", "flowid", "ftype")
        if "c" in flags:
            xo.emit(" {T:/%-*.*s}", self.stack_width, self.stack_width, "Stack")
        if "C" in flags:
            form = " {T:/%-*.*s} {T:/%10.10s} {T:/%10.10s} {T:/%5.5s} {T:/%3.3s}"
            xo.emit(form, self.cc_width, self.cc_width, "CC", "cwin", "ssthresh", "MSS", "ECN")
        if "P" in flags:
            xo.emit(" {T:/%s}", "Log ID")

    def socket(self, inp: Xinpcb, name: str, af: int) -> None:
        """One line."""
        xo, flags = self.xo, self.o.flags
        tcp = inp.tcp if isinstance(inp.tcp, Xtcpcb) else None
        xo.open_instance("socket")
        if "A" in flags:
            xo.emit("{q:address/%*lx} ", 16, 0xFFFFF80000000000 | inp.pcb & 0xFFFFFFFFFF)
        both = inp.vflag & (INP_IPV4 | INP_IPV6)
        version = {INP_IPV4: "4", INP_IPV6: "6", INP_IPV4 | INP_IPV6: "46"}.get(both, "")
        size = max(2, 9 - len(name))
        xo.emit("{d:protocol/%.7s%-*.*s} ", name, size, size, version)
        xo.emit("{e:protocol/%s%s}", name, version)
        if self.listing:
            xo.emit("{:listen-queue-sizes/%-32.32s} ", f"{inp.qlen}/{inp.incqlen}/{inp.qlimit}")
        elif "T" not in flags:
            xo.emit("{:receive-bytes-waiting/%6u} {:send-bytes-waiting/%6u} ", inp.rcv_cc, inp.snd_cc)
        elif tcp is not None:
            form = "{:sent-retransmit-packets/%6u} {:received-out-of-order-packets/%6u} {:sent-zero-window/%6u} "
            xo.emit(form, tcp.sndrexmitpack, tcp.rcvoopack, tcp.sndzerowin)
        else:
            xo.emit("{P:/%21s}", "")
        self._addresses(inp, name, af)
        self._extras(inp, tcp)
        xo.emit("\n")
        xo.close_instance("socket")

    def _addresses(self, inp: Xinpcb, name: str, af: int) -> None:
        numeric = self.o.numeric_port
        local_numeric = numeric or inp.anonport
        remote_numeric = numeric or (not inp.anonport and inp.lport != inp.fport)
        self.address("local", inp, inp.laddr, inp.lport, name, local_numeric, af)
        if not self.listing:
            self.address("remote", inp, inp.faddr, inp.fport, name, remote_numeric, af)

    def address(self, container: str, inp: Xinpcb, addr: bytes, port: int, name: str, numeric: bool, af: int) -> None:
        """inetprint, inet6print."""
        xo = self.xo
        xo.open_container(container)
        host = self._host(addr, inp.fscope if container == "remote" else inp.lscope)
        if not self.wide:
            host = host[: 12 if "A" in self.o.flags and not numeric else 16]
        service = None
        if not numeric and port:
            service = getservbyport(self.o.p, port, name)
        text = "*" if not port else service[:15] if service is not None else str(port)
        # An IPv6 address is never as wide as one of IPv4 alone.
        width = self._width(af if len(addr) == 4 or both(inp) else AF_INET6)
        line = f"{host}.{text} "
        if self.wide:
            xo.emit("{d:target/%-*s} ", width, line)
        else:
            xo.emit("{d:target/%-*.*s} ", width, width, line)
        xo.emit("{e:address/%s}{e:port/%s}", host, text)
        xo.close_container(container)

    def _host(self, addr: bytes, scope: int) -> str:
        if not any(addr):
            return "*"
        if len(addr) == 16:
            return self.names.host(addr, scope)
        found = None if self.o.numeric_addr else gethostbyaddr(self.o.p, addr)
        return self.names.trimdomain(found) if found is not None else inet_ntop(addr)

    def _extras(self, inp: Xinpcb, tcp: Xtcpcb | None) -> None:
        xo, flags = self.xo, self.o.flags
        if "x" in flags:
            self._buffers(inp, tcp)
        if tcp is not None and not self.listing and not flags & {"x", "T", "R"}:
            xo.emit("{:tcp-state/%-11s/%s}", TCPSTATES[tcp.state])
        if "R" in flags:
            xo.emit(" {:flow-id/%08x} {:flow-type/%5d}", 0, 0)
        if tcp is None:
            return
        if "c" in flags:
            xo.emit(" {t:stack/%-*.*s}", self.stack_width, self.stack_width, tcp.stack)
        if "C" in flags:
            form = " {t:cc/%-*.*s} {:snd-cwnd/%10lu} {:snd-ssthresh/%10lu} {:t-maxseg/%5u} {:ecn/%3s}"
            ecn = ("ecn" if tcp.ecn else "off") if tcp.state >= TCPS_ESTABLISHED else "n/a"
            xo.emit(form, self.cc_width, self.cc_width, tcp.cc, tcp.snd_cwnd, tcp.snd_ssthresh, tcp.maxseg, ecn)
        if "P" in flags:
            xo.emit(" {:log-id/%s}", "-")

    def _buffers(self, inp: Xinpcb, tcp: Xtcpcb | None) -> None:
        form = (
            "{:receive-high-water/%6u} {:send-high-water/%6u} {:receive-low-water/%6u} {:send-low-water/%6u} "
            "{:receive-mbuf-bytes/%6u} {:send-mbuf-bytes/%6u} {:receive-mbuf-bytes-max/%6u} {:send-mbuf-bytes-max/%6u}"
        )
        low = (1, 2048) if inp.rcv_hiwat else (0, 0)
        counts = (-(-inp.rcv_cc // 2048) * 2304, -(-inp.snd_cc // 2048) * 2304)
        limits = tuple(min(hiwat * SB_EFFICIENCY, SB_MAX) for hiwat in (inp.rcv_hiwat, inp.snd_hiwat))
        self.xo.emit(form, inp.rcv_hiwat, inp.snd_hiwat, *low, *counts, *limits)
        if tcp is None:
            return
        timers = {
            "retransmit": tcp.rexmt, "persist": tcp.persist, "keepalive": tcp.keep, "msl2": tcp.msl2, "delay-ack": tcp.delack,
            "inactivity": tcp.rcvtime,
        }  # fmt: skip
        for name, value in timers.items():
            self.xo.emit(" {:" + name + "-timer/%4d.%02d}", value // 1000, value % 1000 // 10)

    # unix(4) --------------------------------------------------------------------------------------------------------
    def unix(self) -> None:
        """unixpr."""
        first = True
        for name, _ in SOCKTYPES:
            try:
                found = self.o.p.sys.sysctl(f"net.local.{name}.pcblist")
            except KError:
                continue
            for unp in found:
                if not isinstance(unp, Xunpcb):
                    continue
                self._open()
                self.xo.open_instance("socket")
                self._unix_socket(unp, name, first)
                self.xo.close_instance("socket")
                first = False

    def _unix_socket(self, unp: Xunpcb, name: str, first: bool) -> None:
        xo = self.xo
        if first and not self.listing:
            xo.emit("{T:Active UNIX domain sockets}\n")
            form = "{T:/%-16.16s} {T:/%-6.6s} {T:/%-6.6s} {T:/%-6.6s} " + "{T:/%16.16s} " * 4 + "{T:Addr}\n"
            xo.emit(form, "Address", "Type", "Recv-Q", "Send-Q", "Inode", "Conn", "Refs", "Nextref")
        if self.listing and not unp.qlimit:
            return
        if self.listing:
            form = "unix  {d:socket/%-32.32s}{e:queue-length/%u}{e:incomplete-queue-length/%u}{e:queue-limit/%u}"
            queue = f"{unp.qlen}/{unp.incqlen}/{unp.qlimit}"
            xo.emit(form, queue, unp.qlen, unp.incqlen, unp.qlimit)
        else:
            form = (
                "{q:address/%16lx} {t:type/%-6.6s} {:receive-bytes-waiting/%6u} {:send-bytes-waiting/%6u} "
                "{q:vnode/%16lx} {q:connection/%16lx} {q:first-reference/%16lx} {q:next-reference/%16lx}"
            )
            xo.emit(form, unp.pcb, name, unp.rcv_cc, unp.snd_cc, unp.vnode, unp.conn, unp.refs, 0)
        if unp.path:
            xo.emit(" {:path/%s}", unp.path)
        xo.emit("\n")


def both(inp: Xinpcb) -> bool:
    """True for a socket that takes IPv4."""
    return bool(inp.vflag & INP_IPV4)
