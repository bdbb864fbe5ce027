"""sockstat(1): who has which sockets open (usr.bin/sockstat/main.c)."""

from __future__ import annotations

from collections.abc import Sequence

from vshell.abi.errno import KError
from vshell.abi.file import Xfile
from vshell.abi.in_pcb import INP_IPV4, INP_IPV6, Xinpcb
from vshell.abi.socket import AF_LOCAL, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM
from vshell.abi.syscalls import Main, Syscalls
from vshell.abi.tcp import TCPS_CLOSED, TCPS_LISTEN, TCPSTATES, Xtcpcb
from vshell.abi.unpcb import Xunpcb
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.libxo import Xo
from vshell.userland.netdb import getprotobyname, if_names, numeric_name
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.pwd import getpwuid

USAGE = """\
usage: sockstat [--libxo ...] [-46AbCcfIiLlnqSsUuvw] [-j jid] [-p ports]
                [-P protocols]
"""
LISTS = {
    6: ("net.inet.tcp.pcblist", "tcp"), 17: ("net.inet.udp.pcblist", "udp"), 136: ("net.inet.udplite.pcblist", "udplite"),
    258: ("net.inet.divert.pcblist", "div"),
}  # fmt: skip
DEFAULT_PROTOS = (132, 6, 17, 136, 258)
UNIX = ((SOCK_STREAM, "stream"), (SOCK_DGRAM, "dgram"), (SOCK_SEQPACKET, "seqpacket"))
JAIL_SYS_NEW = 1
SERVICES = (4, 6, 7, 8)
"""Descriptors through which the program talks to the services of libcasper(3), which are processes of their own."""

Widths = dict[str, int]


class Sock:
    """A socket to show."""

    def __init__(self, pcb: Xinpcb | Xunpcb, proto: int, name: str) -> None:
        self.pcb, self.proto, self.name = pcb, proto, name
        self.shown = False

    @property
    def protocol(self) -> str:
        """Name and versions."""
        if isinstance(self.pcb, Xunpcb):
            return self.name
        flags = self.pcb.vflag
        return self.name + ("4" if flags & INP_IPV4 else "") + ("6" if flags & INP_IPV6 else "")

    @property
    def tcp(self) -> Xtcpcb | None:
        """What TCP knows of it."""
        return self.pcb.tcp if isinstance(self.pcb, Xinpcb) and isinstance(self.pcb.tcp, Xtcpcb) else None


def loopback(addr: bytes) -> bool:
    """True for an address of the loopback interface."""
    return addr[0] == 127 if len(addr) == 4 else addr == bytes(15) + b"\1"


class Sockstat:
    """One run."""

    def __init__(self, p: Program, xo: Xo) -> None:
        self.p, self.xo = p, xo
        self.flags: set[str] = set()
        self.jid = -1
        self.ports: set[int] | None = None
        self.protos: list[int] | None = None
        self.socks: list[Sock] = []
        self.files: Sequence[Xfile] = ()
        self.ifnames: dict[int, str] = {}

    @property
    def encoding(self) -> bool:
        """True if the output is for programs."""
        return self.xo.style not in ("text", "html")

    # options --------------------------------------------------------------------------------------------------------
    def parse(self, argv: list[str]) -> None:
        """Read the options."""
        p = self.p
        options = Getopt(p, "46AbCcfIij:Llnp:P:qSsUuvw", argv)
        for letter, value in options:
            if letter == "?":
                p.usage(USAGE)
            elif letter == "j":
                try:
                    self.jid = jail_getid(p.sys, value)
                except (KError, JailError) as e:
                    self.xo.errx(1, f"jail_getid: {e}")
            elif letter == "p":
                self._parse_ports(value)
            elif letter == "P":
                self._parse_protos(value)
            else:
                self.flags.add(letter)
        if options.args:
            p.usage(USAGE)

    def _parse_protos(self, value: str) -> None:
        self.protos = []
        for name in value.split(","):
            if not name:
                continue
            number = getprotobyname(self.p, name)
            if number is None:
                self.xo.warnx("cap_getprotobyname: No error: 0")
            else:
                self.protos.append(number)

    def _number(self, text: str) -> tuple[int, str]:
        value, rest, error = strtol(text, 10, -(1 << 63), (1 << 63) - 1)
        if error or len(rest) == len(text):
            self.xo.errx(1, "syntax error in port range")
        return value, rest

    def _parse_ports(self, text: str) -> None:
        self.ports = self.ports or set()
        while text:
            port, text = self._number(text)
            if not 0 <= port <= 65535:
                self.xo.errx(1, "invalid port number")
            self.ports.add(port)
            if text[:1] == ",":
                text = text[1:]
            elif text[:1] == "-":
                end, text = self._number(text[1:])
                if not port <= end <= 65535:
                    self.xo.errx(1, "invalid port number")
                self.ports |= set(range(port, end + 1))

    def enter_jail(self) -> None:
        """A jail with a stack of its own is looked at from inside."""
        if self.jid <= 0:
            return
        sys = self.p.sys
        try:
            vnet = sys.jail_get({"jid": self.jid, "vnet": None}, 0)["vnet"]
        except (KError, KeyError):
            return
        if vnet == JAIL_SYS_NEW or vnet == "new":
            try:
                sys.jail_attach(self.jid)
            except KError as e:
                self.xo.err(3, e, "jail_attach()")
            self.jid = -1

    # gathering ------------------------------------------------------------------------------------------------------
    def gather(self) -> bool:
        """Collect the sockets; True if local ones are among them."""
        f = self.flags
        if not f & {"4", "6"} and self.protos is not None:
            f |= {"4", "6"}
        if not f & {"4", "6", "u"}:
            f |= {"4", "6", "u"}
        if not f & {"c", "l"}:
            f |= {"c", "l"}
        if f & {"4", "6"}:
            for proto in DEFAULT_PROTOS if self.protos is None else self.protos:
                self._inet(proto)
        return "u" in f

    def gather_unix(self) -> None:
        """Collect the local sockets."""
        for kind, name in UNIX:
            try:
                found = self.p.sys.sysctl(f"net.local.{name}.pcblist")
            except KError:
                continue
            for unp in found:
                if isinstance(unp, Xunpcb) and ("c" if unp.conn else "l") in self.flags:
                    self.socks.append(Sock(unp, kind, name if self.encoding else name[:7]))

    def _inet(self, proto: int) -> None:
        if proto == 132:
            return
        if proto not in LISTS:
            self.xo.errx(1, f"protocol {proto} not supported")
        node, name = LISTS[proto]
        try:
            found = self.p.sys.sysctl(node)
        except KError:
            return
        wanted = (INP_IPV4 if "4" in self.flags else 0) | (INP_IPV6 if "6" in self.flags else 0)
        for inp in found:
            if not isinstance(inp, Xinpcb) or not inp.vflag & wanted or ("c" if inp.fport else "l") not in self.flags:
                continue
            if "L" in self.flags and (loopback(inp.faddr) or loopback(inp.laddr)):
                continue
            self.socks.append(Sock(inp, proto, name))

    # showing --------------------------------------------------------------------------------------------------------
    def address(self, addr: bytes, port: int, scope: int) -> str:
        """formataddr."""
        if not any(addr):
            text = "*"
        else:
            text = numeric_name(self.p, addr, scope, self.ifnames)
            text = f"[{text}]" if len(addr) == 16 else text
        return f"{text}:{port or '*'}"

    def pair(self, sock: Sock) -> tuple[str, str]:
        """Local and foreign address."""
        pcb = sock.pcb
        if isinstance(pcb, Xinpcb):
            return self.address(pcb.laddr, pcb.lport, pcb.lscope), self.address(pcb.faddr, pcb.fport, pcb.fscope)
        return pcb.path or ("??" if pcb.conn else "(not connected)"), self._unix_peer(pcb) or "??"

    def _unix_peer(self, unp: Xunpcb) -> str:
        if unp.conn:
            peer = next((s.pcb for s in self.socks if isinstance(s.pcb, Xunpcb) and s.pcb.pcb == unp.conn), None)
            if peer is None:
                return "-> ??"
            if peer.path:
                return f"-> {peer.path}"
            owner = next((file for file in self.files if file.so == peer.so), None)
            return f"-> [{owner.pid} {owner.fd}]" if owner is not None else "-> "
        if not unp.refs:
            return ""
        owners = []
        for sock in self.socks:
            if isinstance(sock.pcb, Xunpcb) and sock.pcb.conn == unp.pcb:
                owners += [f"[{file.pid} {file.fd}]" for file in self.files if file.so == sock.pcb.so][:1]
        return " <- " + ",".join(owners)

    def wanted(self, sock: Sock) -> bool:
        """check_ports."""
        if self.ports is None or not isinstance(sock.pcb, Xinpcb):
            return True
        return sock.pcb.lport in self.ports or sock.pcb.fport in self.ports

    def columns(self, sock: Sock) -> list[tuple[str, str, str, str]]:
        """The optional columns: (key, title, value, alignment)."""
        f, tcp = self.flags, sock.tcp
        found = []
        if "A" in f:
            found.append(("pcb-kva", "PCB KVA", f"{0xFFFFF80000000000 | sock.pcb.pcb & 0xFFFFFFFFFF:#x}", "-"))
        if "f" in f:
            found.append(("fib", "FIB", str(sock.pcb.fib if isinstance(sock.pcb, Xinpcb) else 0), ""))
        if "I" in f:
            found.append(("splice-address", "SPLICE ADDRESS", "??", "-"))
        if "i" in f:
            found.append(("id", "ID", str(sock.pcb.pcb & 0xFFFF) if sock.proto in (6, 17) else "??", ""))
        if "U" in f:
            up = tcp is not None and tcp.state not in (TCPS_CLOSED, TCPS_LISTEN)
            found.append(("encaps", "ENCAPS", "0" if up else "??", ""))
        if "s" in f and self.xo.style == "html":
            found.append(("path-state", "PATH STATE", "??", "-"))
        for letter, key, title, value in (
            ("s", "conn-state", "CONN STATE", TCPSTATES[tcp.state] if tcp is not None else "??"),
            ("b", "bblog-state", "BBLOG STATE", "OFF" if tcp is not None else "??"),
            ("S", "stack", "STACK", tcp.stack if tcp is not None else "??"),
            ("C", "cc", "CC", tcp.cc if tcp is not None else "??"),
        ):
            if letter in f:
                found.append((key, title, value, "-"))
        return found

    def widths(self, rows: list[tuple[Sock, Xfile | None]]) -> Widths:
        """calculate_column_widths."""
        wide = "w" in self.flags
        w = {"user": 4, "command": 10, "pid": 3, "fd": 2, "proto": 5, "local": 13 if wide else 21, "foreign": 15 if wide else 21}
        if self.encoding:
            return dict.fromkeys(w, 0)
        w["pcb-kva"] = 18
        for sock, file in rows:
            if file is not None:
                w["user"] = max(w["user"], len(self.user(file)))
                w["pid"] = max(w["pid"], len(str(file.pid)))
                w["fd"] = max(w["fd"], len(str(file.fd)))
            w["proto"] = max(w["proto"], len(sock.protocol))
            if wide:
                local, foreign = self.pair(sock)
                w["local"], w["foreign"] = max(w["local"], len(local)), max(w["foreign"], len(foreign))
        probe = rows[0][0] if rows else Sock(Xunpcb(0, 0, 0, 0, 0, "", "", 0, 0, 0, 0, 0, 0), 0, "")
        for key, title, _, _ in self.columns(probe):
            values = [len(v) for sock, _ in rows for k, _, v, _ in self.columns(sock) if k == key]
            w[key] = max([w.get(key, 0), len(title), *values])
        return w

    def user(self, file: Xfile) -> str:
        """The name of an owner."""
        entry = None if "n" in self.flags else getpwuid(self.p, file.uid)
        return entry.name if entry is not None else str(file.uid)

    def rows(self) -> list[tuple[Sock, Xfile | None]]:
        """Sockets with the process that has them open, then those nobody has."""
        by_so = {sock.pcb.so: sock for sock in self.socks}
        found: list[tuple[Sock, Xfile | None]] = []
        for file in self.files:
            sock = by_so.get(file.so)
            if sock is not None and (self.jid < 0 or file.jid == self.jid) and self.wanted(sock):
                sock.shown = True
                found.append((sock, file))
        if self.jid < 0:
            found += [(sock, None) for sock in self.socks if not sock.shown and self.wanted(sock)]
        return found

    def display(self) -> None:
        """Everything."""
        xo = self.xo
        self.ifnames = if_names(self.p)
        rows = self.rows()
        w = self.widths(rows)
        xo.open_container("sockstat")
        xo.open_list("socket")
        if "q" not in self.flags:
            self._header(rows, w)
        for sock, file in rows:
            xo.open_instance("socket")
            if file is not None:
                xo.emit("{:user/%-*s}", w["user"], self.user(file))
                xo.emit(" {:command/%-*.10s}" if not self.encoding else " {:command/%-*s}", w["command"], file.comm)
                xo.emit(" {:pid/%*lu} {:fd/%*d}", w["pid"], file.pid, w["fd"], file.fd)
            elif not self.encoding:
                form = "{:user/%-*s} {:command/%-*s} {:pid/%*s} {:fd/%*s}"
                xo.emit(form, w["user"], "??", w["command"], "??", w["pid"], "??", w["fd"], "??")
            self._sock(sock, w)
            xo.close_instance("socket")
        xo.close_list("socket")
        xo.close_container("sockstat")
        xo.finish()

    def _header(self, rows: list[tuple[Sock, Xfile | None]], w: Widths) -> None:
        form = "{T:/%-*s} {T:/%-*s} {T:/%*s} {T:/%*s} {T:/%-*s} {T:/%-*s} {T:/%-*s}"
        self.xo.emit(
            form, w["user"], "USER", w["command"], "COMMAND", w["pid"], "PID", w["fd"], "FD", w["proto"], "PROTO", w["local"],
            "LOCAL ADDRESS", w["foreign"], "FOREIGN ADDRESS",
        )  # fmt: skip
        probe = rows[0][0] if rows else Sock(Xunpcb(0, 0, 0, 0, 0, "", "", 0, 0, 0, 0, 0, 0), 0, "")
        for key, title, _, side in self.columns(probe):
            self.xo.emit(" {T:/%" + side + "*s}", w.get(key, 0), title)
        self.xo.emit("\n")

    def _sock(self, sock: Sock, w: Widths) -> None:
        xo = self.xo
        xo.emit(" {:proto/%-*s}", w["proto"], sock.protocol)
        local, foreign = self.pair(sock)
        for container, width, text in (("local", w["local"], local), ("foreign", w["foreign"], foreign)):
            xo.open_container(container)
            if self.encoding:
                self._encoded(sock, container)
            else:
                xo.emit(" {:" + container + "-address/%-*.*s}", width, width, text)
            xo.close_container(container)
        for key, _, value, side in self.columns(sock):
            if not self.encoding or value != "??":
                number = key in ("fib", "encaps") and value != "??"
                form = " {:" + key + "/%" + side + ("*d}" if number else "*s}")
                xo.emit(form, w.get(key, 0), int(value) if number else value)
        xo.emit("\n")

    def _encoded(self, sock: Sock, container: str) -> None:
        pcb = sock.pcb
        if isinstance(pcb, Xunpcb):
            path = pcb.path if container == "local" else pcb.peer_path
            if path:
                self.xo.emit("{:path/%s}", path)
            return
        local = container == "local"
        addr, port, scope = (pcb.laddr, pcb.lport, pcb.lscope) if local else (pcb.faddr, pcb.fport, pcb.fscope)
        self.xo.emit("{:address/%s}{:port/%d}", numeric_name(self.p, addr, scope, self.ifnames) if any(addr) else "*", port)


async def casper(p: Program) -> None:
    """Start the services of libcasper(3): processes at the other ends of pairs of sockets."""
    sys = p.sys
    for _ in range(2):
        pid = sys.fork(_nothing)
        await sys.wait4(pid)
    for number in SERVICES:
        one, two = sys.socketpair(AF_LOCAL, SOCK_STREAM)
        spare = sys.dupfd(two, 20)
        sys.close(two)
        if one != number:
            sys.dup2(one, number)
            sys.close(one)

        sys.fork(_service(spare))
        sys.close(spare)


def _service(end: int) -> Main:
    async def run(sys: Syscalls) -> int:
        for fd in (3, *SERVICES):
            try:
                sys.close(fd)
            except KError:
                pass
        sys.dup2(end, 6)
        sys.close(end)
        await sys.read(6, 1)
        return 0

    return run


async def _nothing(_: Syscalls) -> int:
    return 0


@checks_stdout(1)
@program("/usr/bin/sockstat")
async def main(p: Program) -> int:
    """sockstat(1)."""
    xo = Xo(p, "1")
    s = Sockstat(p, xo)
    s.parse(xo.parse_args(p.argv))
    s.enter_jail()
    if s.gather():
        await casper(p)
        s.gather_unix()
    s.files = [file for file in p.sys.open_sockets() if isinstance(file, Xfile)]
    s.display()
    return 0
