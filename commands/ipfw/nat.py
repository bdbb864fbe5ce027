"""ipfw nat: configuring, showing and deleting instances (sbin/ipfw/nat.c)."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from vshell.abi.errno import ENOENT, ENOTTY, KError
from vshell.abi.in_ import SIOCGIFADDR
from vshell.abi.ip_fw_nat import (
    INADDR_NONE,
    PKT_ALIAS_DENY_INCOMING,
    PKT_ALIAS_LOG,
    PKT_ALIAS_PROXY_ONLY,
    PKT_ALIAS_RESET_ON_ADDR_CHANGE,
    PKT_ALIAS_REVERSE,
    PKT_ALIAS_SAME_PORTS,
    PKT_ALIAS_SKIP_GLOBAL,
    PKT_ALIAS_UDP_EIM,
    PKT_ALIAS_UNREGISTERED_CGN,
    PKT_ALIAS_UNREGISTERED_ONLY,
    REDIR_ADDR,
    REDIR_PORT,
    REDIR_PROTO,
    Nat44Config,
    Nat44Destroy,
    Nat44ListNat,
    Nat44Redir,
    Nat44XConfig,
    Nat44XGetConfig,
    Nat44XGetLog,
)
from vshell.abi.socket import AF_INET, SOCK_DGRAM
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.words import EX_DATAERR, EX_OSERR, EX_UNAVAILABLE, EX_USAGE
from vshell.userland.addr import inet_aton, inet_ntoa
from vshell.userland.cnumber import strtol
from vshell.userland.netdb import gethostbyname, getprotobyname, getprotobynumber, getservbyname, if_nametoindex

MODES = {
    "log": PKT_ALIAS_LOG, "deny_in": PKT_ALIAS_DENY_INCOMING, "same_ports": PKT_ALIAS_SAME_PORTS,
    "skip_global": PKT_ALIAS_SKIP_GLOBAL, "unreg_only": PKT_ALIAS_UNREGISTERED_ONLY,
    "unreg_cgn": PKT_ALIAS_UNREGISTERED_CGN, "reset": PKT_ALIAS_RESET_ON_ADDR_CHANGE, "reverse": PKT_ALIAS_REVERSE,
    "proxy_only": PKT_ALIAS_PROXY_ONLY, "udp_eim": PKT_ALIAS_UDP_EIM,
}  # fmt: skip
"""Words for the mode, in the order they are printed."""
VALUED = ("ip", "if", "port_range")
NEEDED = {"redirect_addr": 2, "redirect_port": 3, "redirect_proto": 2}
"""How many words must follow."""
PORT_PROTOS = {"tcp": 6, "udp": 17, "sctp": 132}
SCTP = 132
ANY_PORT = 0xFFFF
RANGE = re.compile(r"\s*([-+]?\d+)-\s*([-+]?\d+)")


def _digit(word: str) -> bool:
    return word[:1].isascii() and word[:1].isdigit()


def str_to_addr(o: Options, text: str) -> bytes:
    """An address, or the name of a host."""
    addr = inet_aton(text)
    if addr is None:
        found = gethostbyname(o.p, text)
        if not found:
            o.errx(1, f"unknown host {text}")
        addr = found[0]
    return addr


def str_to_port_range(o: Options, text: str, proto: str) -> tuple[int, int]:
    """The first port and how many there are: a service, a number or a range."""
    service = getservbyname(o.p, text, proto)
    if service is not None:
        return service[0], 1
    if "-" not in text:
        number, rest, _ = strtol(text)
        if rest != text:
            return number & 0xFFFF, 1
        o.errx(EX_DATAERR, f"{text}/{proto}: unknown service")
    found = RANGE.match(text)
    low, high = (int(g) & 0xFFFF for g in found.groups()) if found else (0, -1)
    # The count has 16 bits, and what does not fit spills over.
    packed = low << 16 | max(high - low + 1, 0)
    if not packed & 0xFFFF:
        o.errx(EX_DATAERR, f"invalid port range {text}")
    return packed >> 16, packed & 0xFFFF


def str_to_addr_and_ports(o: Options, text: str, proto: str) -> tuple[bytes, int, int]:
    """ADDR:PORTS."""
    name, colon, ports = text.partition(":")
    if not colon:
        o.errx(EX_DATAERR, f"{text} is missing port number")
    return str_to_addr(o, name), *str_to_port_range(o, ports, proto)


class _Config:
    """The words of one config command."""

    def __init__(self, o: Options, av: list[str]) -> None:
        self.o, self.av = o, av
        self.ip, self.if_name = bytes(4), ""
        self.mode = 0
        self.redirs: list[Nat44Redir] = []

    def take(self) -> str:
        """The next word."""
        if not self.av:
            self.o.errx(EX_DATAERR, "missing option")
        return self.av.pop(0)

    def check(self) -> None:
        """The first pass: are there enough words for everything?"""
        av, o = list(self.av), self.o
        while av:
            word = av.pop(0)
            if word in VALUED:
                av = av[1:]
            elif word in NEEDED:
                if len(av) < NEEDED[word]:
                    o.errx(EX_DATAERR, f"{word}: not enough arguments")
                av = av[NEEDED[word] :]
                for _ in range({"redirect_port": 1, "redirect_proto": 2}.get(word, 0)):
                    if av and _digit(av[0]):
                        av = av[1:]
            elif word not in MODES:
                o.errx(EX_DATAERR, f"unrecognised option ``{word}''")

    def parse(self) -> None:
        """The second pass."""
        setups = {"redirect_addr": self.redir_addr, "redirect_port": self.redir_port, "redirect_proto": self.redir_proto}
        while self.av:
            word = self.av.pop(0)
            if word in MODES:
                self.mode |= MODES[word]
            elif word in setups:
                self.redirs.append(setups[word]())
            elif word == "ip":
                text = self.take()
                addr = inet_aton(text)
                if addr is None:
                    self.o.errx(EX_DATAERR, f"bad ip address ``{text}''")
                self.ip = addr
            elif word == "if":
                self.dynamic(self.take())
            else:
                self.port_range()

    def dynamic(self, name: str) -> None:
        """set_addr_dynamic: the address of an interface, and later what it changes to."""
        o = self.o
        try:
            known = if_nametoindex(o.p, name)
        except KError:
            known = 0
        if not known:
            o.errx(1, f"unknown interface name {name}")
        self.if_name, self.ip = name, bytes(4)
        s = o.p.sys.socket(AF_INET, SOCK_DGRAM)
        try:
            self.ip = o.p.sys.ioctl(s, SIOCGIFADDR(name))
        except KError:
            pass  # it has none yet
        finally:
            o.p.sys.close(s)

    def port_range(self) -> NoReturn:
        """LOW-HIGH, of which HIGH is read from the minus sign on, so that it is never within its limits."""
        self.take()
        self.o.errx(EX_DATAERR, "You need a range of port(s) from 1024 <= x < 65536")

    def redir_addr(self) -> Nat44Redir:
        """redirect_addr LOCAL[,LOCAL...] PUBLIC."""
        text = self.av.pop(0)
        spool: tuple[tuple[bytes, int], ...] = ()
        laddr = INADDR_NONE
        if "," in text:
            spool = tuple((str_to_addr(self.o, each), ANY_PORT) for each in text.split(",") if each)
        else:
            laddr = str_to_addr(self.o, text)
        return Nat44Redir(REDIR_ADDR, laddr, str_to_addr(self.o, self.av.pop(0)), spool=spool)

    def _local(self, proto: int, name: str, text: str) -> tuple[bytes, int, int]:
        """The local address and ports of redirect_port."""
        if "," in text:
            return INADDR_NONE, ANY_PORT, 1
        if proto != SCTP:
            return str_to_addr_and_ports(self.o, text, name)
        if ":" in text:
            self._no_sctp_port()
        return str_to_addr(self.o, text), 0, 0

    def _no_sctp_port(self) -> None:
        self.o.errx(EX_DATAERR, "redirect_port:port numbers do not change in sctp, so do not specify them as part of the target")

    def redir_port(self) -> Nat44Redir:
        """redirect_port PROTO TARGETS [PUBLIC:]PORTS [REMOTE[:PORTS]]."""
        o, av = self.o, self.av
        name = av.pop(0)
        if name not in PORT_PROTOS:
            o.errx(EX_DATAERR, f"unknown protocol {name}. Expected sctp, tcp or udp")
        proto = PORT_PROTOS[name]
        targets = av.pop(0)
        laddr, lport, count = self._local(proto, name, targets)
        text = av.pop(0)
        paddr = bytes(4)
        if ":" in text:
            paddr, pport, pport_cnt = str_to_addr_and_ports(o, text, name)
        else:
            pport, pport_cnt = str_to_port_range(o, text, name)
        if proto == SCTP:
            lport, count = pport, pport_cnt
        raddr, rport, rport_cnt = bytes(4), 0, 1
        if av and _digit(av[0]):
            text = av.pop(0)
            if ":" in text:
                raddr, rport, rport_cnt = str_to_addr_and_ports(o, text, name)
            else:
                raddr = str_to_addr(o, text)
        if count != pport_cnt:
            o.errx(EX_DATAERR, "redirect_port: port ranges must be equal in size")
        if rport_cnt != count and (rport_cnt != 1 or rport):
            o.errx(EX_DATAERR, "redirect_port: remote port mustbe 0 or equal to local port range in size")
        spool = self._spool(proto, name, pport, targets) if "," in targets else ()
        return Nat44Redir(REDIR_PORT, laddr, paddr, raddr, lport, pport, rport, pport_cnt, rport_cnt, proto, spool)

    def _spool(self, proto: int, name: str, pport: int, targets: str) -> tuple[tuple[bytes, int], ...]:
        """A pool of servers."""
        found = []
        for each in filter(None, targets.split(",")):
            if proto == SCTP:
                if ":" in each:
                    self._no_sctp_port()
                found.append((str_to_addr(self.o, each), pport))
                continue
            addr, port, count = str_to_addr_and_ports(self.o, each, name)
            if count != 1:
                self.o.errx(EX_DATAERR, "redirect_port: local port must be single in this context")
            found.append((addr, port))
        return tuple(found)

    def redir_proto(self) -> Nat44Redir:
        """redirect_proto PROTO LOCAL [PUBLIC [REMOTE]]."""
        o, av = self.o, self.av
        name = av.pop(0)
        proto = getprotobyname(o.p, name)
        if proto is None:
            o.errx(EX_DATAERR, f"redirect_proto: unknown protocol {name}")
        laddr = str_to_addr(o, av.pop(0))
        others = [bytes(4), bytes(4)]
        for i in range(2):
            if not av or not _digit(av[0]):
                break
            others[i] = str_to_addr(o, av.pop(0))
        return Nat44Redir(REDIR_PROTO, laddr, others[0], others[1], proto=proto)


def ipfw_config_nat(o: Options, av: list[str]) -> None:
    """config N OPTIONS..."""
    if not av:
        o.errx(EX_DATAERR, "missing nat id")
    number, rest, _ = strtol(av[0], 0)
    number = (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000
    if number <= 0 or rest:
        o.errx(EX_DATAERR, f"illegal nat id: {av[0]}")
    if len(av) < 2:
        o.errx(EX_DATAERR, "missing option")
    c = _Config(o, av[1:])
    c.check()
    c.parse()
    config = Nat44Config(str(number), c.if_name, c.ip, c.mode, redirs=tuple(c.redirs))
    try:
        o.request(Nat44XConfig(config))
    except KError as e:
        o.err(1, e, "setsockopt(IP_FW_NAT44_XCONFIG)")
    if not o.quiet:
        ipfw_show_nat(o, ["config", av[0]])


def ipfw_delete_nat(o: Options, number: int) -> int:
    """delete N; the exit status."""
    try:
        o.request(Nat44Destroy(str(number)))
    except KError as e:
        if not o.quiet:
            o.p.warn(e, f"nat {number & 0xFFFFFFFF} not available")
        return EX_UNAVAILABLE
    return 0


# showing -------------------------------------------------------------------------------------------------------


def _redir_text(o: Options, r: Nat44Redir) -> str:
    if r.mode == REDIR_ADDR:
        local = ",".join(inet_ntoa(addr) for addr, _ in r.spool) or inet_ntoa(r.laddr)
        return f" redirect_addr {local} {inet_ntoa(r.paddr)}"
    proto = getprotobynumber(o.p, r.proto)
    if r.mode == REDIR_PROTO:
        out = f" redirect_proto {proto} {inet_ntoa(r.laddr)}"
        if r.paddr != bytes(4):
            out += f" {inet_ntoa(r.paddr)}"
            out += f" {inet_ntoa(r.raddr)}" if r.raddr != bytes(4) else ""
        return out

    def ports(first: int, count: int) -> str:
        return f"{first}-{first + count - 1}" if not r.spool and count > 1 else str(first)

    local = ",".join(f"{inet_ntoa(addr)}:{port}" for addr, port in r.spool)
    out = f" redirect_port {proto} {local or f'{inet_ntoa(r.laddr)}:{ports(r.lport, r.pport_cnt)}'} "
    out += f"{inet_ntoa(r.paddr)}:" if r.paddr != bytes(4) else ""
    out += ports(r.pport, r.pport_cnt)
    if r.raddr != bytes(4):
        out += f" {inet_ntoa(r.raddr)}"
        out += f":{ports(r.rport, r.rport_cnt)}" if r.rport else ""
    return out


def nat_show_cfg(o: Options, c: Nat44Config, log: bool = False) -> None:
    """How an instance was configured."""
    out = f"ipfw nat {c.name} config"
    if c.if_name:
        out += f" if {c.if_name}"
    elif c.ip != bytes(4):
        out += f" ip {inet_ntoa(c.ip)}"
    out += "".join(f" {word}" for word, bit in MODES.items() if c.mode & bit)
    if log and c.redirs:
        # What was asked for is the log, and that is no redirection.
        o.p.stdout.write(out)
        o.errx(EX_DATAERR, "unknown redir mode")
    o.p.stdout.write(out + "".join(_redir_text(o, r) for r in c.redirs) + "\n")


def _show_all(o: Options, log: bool) -> None:
    try:
        names = o.request(Nat44ListNat()) or ()
    except KError:
        return  # not looked at
    for name in sorted(names, key=lambda n: (len(n), n)):
        try:
            answer: Any = o.request(Nat44XGetLog(name) if log else Nat44XGetConfig(name))
        except KError as e:
            if not log:
                o.warnx(f"Error getting nat instance {name} info")
            elif e.errno != ENOENT:
                o.p.warn(e, f"Error getting nat instance {name} info")
            continue
        if not log:
            nat_show_cfg(o, answer)
        elif answer:
            o.p.stdout.write(f"nat {name}: {answer}\n")


def ipfw_show_nat(o: Options, av: list[str]) -> None:
    """show {config | log} [N]."""
    if o.test_only:
        return
    what = name = None
    for word in av:
        if "config".startswith(word):
            what = "config"
        elif word == "log":
            what = "log"
        elif name is not None:
            o.err(EX_USAGE, KError(ENOTTY), "only one instance name may be specified")
        else:
            name = word
    if what is None:
        o.errx(EX_USAGE, "Please specify action. Available: config,log")
    if name is None:
        _show_all(o, what == "log")
        return
    try:
        if what == "log":
            o.request(Nat44XGetLog(name))
        config = o.request(Nat44XGetConfig(name))
    except KError as e:
        o.err(EX_OSERR, e, f"Error getting nat {name} instance info")
    nat_show_cfg(o, config, what == "log")
