"""Code for hosts, networks, ports, protocols and arithmetic (gencode.c)."""

from __future__ import annotations

from vshell.abi import bpf as B
from vshell.abi.socket import AF_INET, AF_INET6, SOCK_STREAM
from vshell.userland.addr import ether_aton, inet_pton6
from vshell.userland.netdb import GaiError, getaddrinfo, getprotobyname, getservbyname, networks
from vshell.userland.pcap.gencode import (
    ETHERTYPE_AARP,
    ETHERTYPE_ARP,
    ETHERTYPE_ATALK,
    ETHERTYPE_IP,
    ETHERTYPE_IPV6,
    ETHERTYPE_REVARP,
    LLCSAP_8021D,
    LLCSAP_IPX,
    LLCSAP_ISONS,
    LLCSAP_NETBEUI,
    NOT_SET,
    Gencode,
)
from vshell.userland.pcap.icode import (
    BPF_ADD,
    BPF_ALU,
    BPF_B,
    BPF_DIV,
    BPF_H,
    BPF_IMM,
    BPF_IND,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_JMP,
    BPF_JSET,
    BPF_K,
    BPF_LD,
    BPF_LDX,
    BPF_LEN,
    BPF_LSH,
    BPF_MEM,
    BPF_MISC,
    BPF_MOD,
    BPF_NEG,
    BPF_RSH,
    BPF_ST,
    BPF_SUB,
    BPF_TAX,
    BPF_W,
    BPF_X,
    M32,
    Block,
    FilterError,
    Stmt,
    gen_and,
    gen_not,
    gen_or,
)  # fmt: skip

TCP, UDP, SCTP, UNDEF = 6, 17, 132, -1
PORTS = {"udp": UDP, "tcp": TCP, "sctp": SCTP, "default": UNDEF}
NAMES = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}
IPPROTOS = {
    "sctp": (132, "default"), "tcp": (6, "default"), "udp": (17, "default"), "icmp": (1, "ip"), "igmp": (2, "ip"),
    "igrp": (9, "ip"), "pim": (103, "default"), "vrrp": (112, "ip"), "carp": (112, "ip"), "icmp6": (58, "ip6"),
    "ah": (51, "default"), "esp": (50, "default"), "esis": (0x82, "iso"), "isis": (0x83, "iso"), "clnp": (0x81, "iso"),
}  # fmt: skip
"""Names of protocols -> (number, what carries them)."""
LINKPROTOS = {
    "ip": ETHERTYPE_IP, "arp": ETHERTYPE_ARP, "rarp": ETHERTYPE_REVARP, "atalk": ETHERTYPE_ATALK, "aarp": ETHERTYPE_AARP,
    "decnet": 0x6003, "sca": 0x6007, "lat": 0x6004, "mopdl": 0x6001, "moprc": 0x6002, "ip6": ETHERTYPE_IPV6,
    "iso": LLCSAP_ISONS, "stp": LLCSAP_8021D, "ipx": LLCSAP_IPX, "netbeui": LLCSAP_NETBEUI,
}  # fmt: skip
ISIS = {
    "l1": (15, 17, 18, 24, 26), "l2": (16, 17, 20, 25, 27), "iih": (15, 16, 17), "lsp": (18, 20), "snp": (24, 25, 26, 27),
    "csnp": (24, 25), "psnp": (26, 27),
}  # fmt: skip
ETHER_NAMES = {
    "aarp": 0x80F3, "arp": 0x0806, "atalk": 0x809B, "decnet": 0x6003, "ip": 0x0800, "ip6": 0x86DD, "lat": 0x6004,
    "loopback": 0x9000, "mopdl": 0x6001, "moprc": 0x6002, "rarp": 0x8035, "sca": 0x6007, "iso": 0xFE, "stp": 0x42,
    "ipx": 0xE0, "netbeui": 0xF0,
}  # fmt: skip
HOST_TEXTS = {
    "atalk": "AppleTalk", "lat": "LAT", "sca": "SCA", "moprc": "MOPRC", "mopdl": "MOPDL", "aarp": "AARP", "iso": "ISO",
    "ipx": "IPX",
}  # fmt: skip
PROTO_TEXTS = {
    "arp": "arp does not encapsulate another protocol", "rarp": "rarp does not encapsulate another protocol",
    "atalk": "AppleTalk encapsulation is not specifiable", "decnet": "DECNET encapsulation is not specifiable",
    "lat": "LAT does not encapsulate another protocol", "sca": "SCA does not encapsulate another protocol",
    "moprc": "MOPRC does not encapsulate another protocol", "mopdl": "MOPDL does not encapsulate another protocol",
    "clnp": "'clnp proto' is not supported",
}  # fmt: skip
WLAN_DIRS = {
    "addr1": "'addr1' and 'address1' are", "addr2": "'addr2' and 'address2' are", "addr3": "'addr3' and 'address3' are",
    "addr4": "'addr4' and 'address4' are", "ra": "'ra' is", "ta": "'ta' is",
}  # fmt: skip
ONLY = "ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel"


class Qual:
    """What came before a name or number: protocol, direction, kind of address."""

    __slots__ = ("addr", "dir", "proto")

    def __init__(self, proto: str, dir: str, addr: str) -> None:
        self.proto = proto
        self.dir = dir
        self.addr = addr


QERR = Qual("undef", "undef", "undef")


class Arth:
    """An arithmetic expression: its code, what must hold for it, and the register of its value."""

    __slots__ = ("b", "regno", "s")

    def __init__(self, s: list[Stmt], regno: int) -> None:
        self.s = s
        self.b: Block | None = None
        self.regno = regno


def atoin(text: str) -> tuple[int, int]:
    """__pcap_atoin: (number, bits); FilterError for a byte over 255."""
    number = 0
    parts = text.split(".")
    for part in parts:
        if int(part) > 255:
            raise FilterError(f"invalid IPv4 address '{text}'")
        number = number << 8 | int(part)
    return number, 8 * len(parts)


def wlan_dir(dir: str, what: str) -> None:
    """Directions that only 802.11 has."""
    if dir in WLAN_DIRS:
        not_valid = what.startswith("valid")
        text = WLAN_DIRS[dir]
        if not_valid:
            plural = text.endswith("are")
            raise FilterError(f"{text} not {'' if plural else 'a '}valid qualifier{'s' if plural else ''}{what[5:]}")
        raise FilterError(f"{text} {what}")


class NetGencode(Gencode):
    """The rest of the code generator."""

    def both(self, make: object, dir: str) -> Block:
        """Source and destination, or either."""
        assert callable(make)
        b0, b1 = make("src"), make("dst")
        assert isinstance(b0, Block) and isinstance(b1, Block)
        (gen_and if dir == "and" else gen_or)(b0, b1)
        return b1

    # hosts -----------------------------------------------------------------------------------------------------
    def hostop(self, addr: int, mask: int, dir: str, proto: int, src: int, dst: int) -> Block:
        """gen_hostop."""
        if dir in ("and", "or", "default"):
            return self.both(lambda d: self.hostop(addr, mask, d, proto, src, dst), dir)
        wlan_dir(dir, "valid for addresses other than 802.11 MAC addresses")
        b0 = self.gen_linktype(proto)
        b1 = self.mcmp("linkpl", src if dir == "src" else dst, BPF_W, addr, mask)
        gen_and(b0, b1)
        return b1

    def hostop6(self, addr: bytes, mask: bytes, dir: str) -> Block:
        """gen_hostop6."""
        if dir in ("and", "or", "default"):
            return self.both(lambda d: self.hostop6(addr, mask, d), dir)
        wlan_dir(dir, "valid for addresses other than 802.11 MAC addresses")
        offset = 8 if dir == "src" else 24
        b1: Block | None = None
        for i in (12, 8, 4, 0):
            word, bits = int.from_bytes(addr[i : i + 4], "big"), int.from_bytes(mask[i : i + 4], "big")
            b0 = self.mcmp("linkpl", offset + i, BPF_W, word, bits)
            if b1 is None:
                b1 = b0
            else:
                gen_and(b0, b1)
        assert b1 is not None
        b0 = self.gen_linktype(ETHERTYPE_IPV6)
        gen_and(b0, b1)
        return b1

    def ehostop(self, addr: bytes, dir: str) -> Block:
        """gen_ehostop."""
        if dir in ("and", "or", "default"):
            return self.both(lambda d: self.ehostop(addr, d), dir)
        wlan_dir(dir, "only supported on 802.11 with 802.11 headers")
        return self.bcmp("linkhdr", 6 if dir == "src" else 0, addr)

    def gen_host(self, addr: int, mask: int, proto: str, dir: str, kind: str) -> Block:
        """An IPv4 host or network."""
        kind = "net" if kind == "net" else "host"
        if proto == "default":
            b0 = self.gen_host(addr, mask, "ip", dir, kind)
            if not self.label_stack_depth:
                b1 = self.gen_host(addr, mask, "arp", dir, kind)
                gen_or(b0, b1)
                b0 = self.gen_host(addr, mask, "rarp", dir, kind)
                gen_or(b1, b0)
            return b0
        if proto == "ip":
            return self.hostop(addr, mask, dir, ETHERTYPE_IP, 12, 16)
        if proto in ("arp", "rarp"):
            return self.hostop(addr, mask, dir, ETHERTYPE_ARP if proto == "arp" else ETHERTYPE_REVARP, 14, 24)
        if proto == "link":
            raise FilterError(f"link-layer modifier applied to {kind}")
        if proto == "ip6":
            raise FilterError("'ip6' modifier applied to ip host")
        if proto in HOST_TEXTS:
            raise FilterError(f"{HOST_TEXTS[proto]} host filtering not implemented")
        raise FilterError(f"'{proto}' modifier applied to {kind}")

    def gen_host6(self, addr: bytes, mask: bytes, proto: str, dir: str, kind: str) -> Block:
        """An IPv6 host or network."""
        kind = "net" if kind == "net" else "host"
        if proto in ("default", "ip6"):
            return self.hostop6(addr, mask, dir)
        if proto == "link":
            raise FilterError(f"link-layer modifier applied to ip6 {kind}")
        if proto == "atalk":
            raise FilterError(f"AppleTalk modifier applied to ip6 {kind}")
        raise FilterError(f"'{proto}' modifier applied to ip6 {kind}")

    # ports -----------------------------------------------------------------------------------------------------
    def portatom(self, six: bool, off: int, first: int, last: int | None) -> Block:
        """One of the two ports: a number, or a range."""
        rel = "tran6" if six else "tran4"
        if last is None:
            return self.cmp(rel, off, BPF_H, first)
        b1 = self.ncmp(rel, off, BPF_H, M32, BPF_JGE, False, min(first, last))
        b2 = self.ncmp(rel, off, BPF_H, M32, BPF_JGT, True, max(first, last))
        gen_and(b1, b2)
        return b2

    def portop(self, six: bool, first: int, last: int | None, proto: int, dir: str) -> Block:
        """gen_portop and its kin."""
        if six:
            b0 = self.cmp("linkpl", 6, BPF_B, proto)
        else:
            tmp = self.cmp("linkpl", 9, BPF_B, proto)
            b0 = self.ipfrag()
            gen_and(tmp, b0)
        wlan_dir(dir, "valid for ports" if last is None else "valid for port ranges")
        if dir in ("src", "dst"):
            b1 = self.portatom(six, 0 if dir == "src" else 2, first, last)
        else:
            b1 = self.both(lambda d: self.portatom(six, 0 if d == "src" else 2, first, last), dir)
        gen_and(b0, b1)
        return b1

    def port_of(self, six: bool, first: int, last: int | None, proto: int, dir: str) -> Block:
        """gen_port, gen_port6 and gen_portrange."""
        b0 = self.gen_linktype(ETHERTYPE_IPV6 if six else ETHERTYPE_IP)
        if proto != UNDEF:
            b1 = self.portop(six, first, last, proto, dir)
        else:
            tmp = self.portop(six, first, last, TCP, dir)
            b1 = self.portop(six, first, last, UDP, dir)
            gen_or(tmp, b1)
            tmp = self.portop(six, first, last, SCTP, dir)
            gen_or(tmp, b1)
        gen_and(b0, b1)
        return b1

    def gen_ports(self, first: int, last: int | None, proto: int, dir: str) -> Block:
        """A port or a range of them, over IPv4 or IPv6."""
        for port in (first,) if last is None else (first, last):
            if port > 65535:
                raise FilterError(f"illegal port number {port} > 65535")
        b = self.port_of(False, first, last, proto, dir)
        gen_or(self.port_of(True, first, last, proto, dir), b)
        return b

    def ipfrag(self) -> Block:
        """The packet is no later fragment."""
        b = Block(BPF_JMP | BPF_JSET | BPF_K, 0x1FFF, self.load_a("linkpl", 6, BPF_H))
        gen_not(b)
        return b

    # protocols -------------------------------------------------------------------------------------------------
    def gen_proto_abbrev(self, proto: str) -> Block:
        """A protocol's name alone."""
        if proto in LINKPROTOS:
            return self.gen_linktype(LINKPROTOS[proto])
        if proto in IPPROTOS:
            number, over = IPPROTOS[proto]
            return self.gen_proto(number, over, "default")
        if proto in ISIS:
            numbers = ISIS[proto]
            b0, b1 = self.gen_proto(numbers[0], "isis", "default"), self.gen_proto(numbers[1], "isis", "default")
            gen_or(b0, b1)
            for number in numbers[2:]:
                b0 = self.gen_proto(number, "isis", "default")
                gen_or(b0, b1)
            return b1
        if proto == "radio":
            raise FilterError("'radio' is not a valid protocol type")
        raise FilterError("link layer applied in wrong context")

    def gen_proto(self, v: int, proto: str, dir: str) -> Block:
        """`proto`."""
        if dir != "default":
            raise FilterError("direction applied to 'proto'")
        if proto == "default":
            b0, b1 = self.gen_proto(v, "ip", dir), self.gen_proto(v, "ip6", dir)
            gen_or(b0, b1)
            return b1
        if proto == "link":
            return self.gen_linktype(v)
        if proto == "ip":
            b0 = self.gen_linktype(ETHERTYPE_IP)
            b1 = self.cmp("linkpl", 9, BPF_B, v)
        elif proto == "ip6":
            b0 = self.gen_linktype(ETHERTYPE_IPV6)
            b2 = self.cmp("linkpl", 6, BPF_B, 44)
            b1 = self.cmp("linkpl", 40, BPF_B, v)
            gen_and(b2, b1)
            b2 = self.cmp("linkpl", 6, BPF_B, v)
            gen_or(b2, b1)
        elif proto == "iso":
            hdlc = self.linktype == B.DLT_C_HDLC
            b0 = self.gen_linktype(LLCSAP_ISONS << 8 | LLCSAP_ISONS if hdlc else LLCSAP_ISONS)
            b1 = self.cmp("nosnap", 1 if hdlc else 0, BPF_B, v)
        elif proto == "isis":
            b0 = self.gen_proto(0x83, "iso", "default")
            b1 = self.cmp("nosnap", 4, BPF_B, v)
        else:
            raise FilterError(PROTO_TEXTS.get(proto, f"'{proto} proto' is bogus"))
        gen_and(b0, b1)
        return b1

    def lookup_proto(self, name: str, proto: str) -> int:
        """The number of a protocol's name."""
        if proto in ("default", "ip", "ip6"):
            found = getprotobyname(self.p, name)
            if found is None:
                raise FilterError(f"unknown ip proto '{name}'")
            return found
        if proto == "link":
            if name not in ETHER_NAMES:
                raise FilterError(f"unknown ether proto '{name}'")
            return ETHER_NAMES[name]
        if proto == "iso":
            number = {"esis": 0x82, "isis": 0x83, "clnp": 0x81}.get(name)
            if number is None:
                raise FilterError(f"unknown osi proto '{name}'")
            return number
        raise FilterError(f"unknown protocol: {name}")

    def gen_protochain(self, v: int, proto: str) -> Block:
        """`protochain`."""
        from vshell.userland.pcap.protochain import protochain

        reg = self.alloc_reg()
        if proto == "default":
            # The register above stays in use.
            b0, b = self.gen_protochain(v, "ip"), self.gen_protochain(v, "ip6")
            gen_or(b0, b)
            return b
        if proto not in ("ip", "ip6"):
            raise FilterError("bad protocol applied for 'protochain'")
        if self.off_linkpl.variable:
            raise FilterError("'protochain' not supported with variable length headers")
        self.no_optimize = True
        b0 = self.gen_linktype(ETHERTYPE_IP if proto == "ip" else ETHERTYPE_IPV6)
        s = protochain(v, proto == "ip6", self.off_linkpl.constant + self.off_nl, reg)
        b = Block(BPF_JMP | BPF_JEQ | BPF_K, v, s)
        self.free_reg(reg)
        gen_and(b0, b)
        return b

    # names and numbers -----------------------------------------------------------------------------------------
    def gen_scode(self, name: str, q: Qual) -> Block:
        """A name."""
        if q.addr == "net":
            number = next((net.net for net in networks(self.p) if name in (net.name, *net.aliases)), 0)
            if not number:
                raise FilterError(f"unknown network '{name}'")
            number, mask = _shift_net(number)
            return self.gen_host(number, mask, q.proto, q.dir, "net")
        if q.addr in ("default", "host"):
            return self.ether_name(name, q.dir) if q.proto == "link" else self.host_name(name, q)
        if q.addr == "port":
            return self.port_name(name, q)
        if q.addr == "portrange":
            return self.portrange_name(name, q)
        if q.addr == "gateway":
            raise FilterError("'gateway' not supported in this configuration")
        if q.addr == "proto":
            return self.gen_proto(self.lookup_proto(name, q.proto), q.proto, q.dir)
        if q.addr == "protochain":
            return self.gen_protochain(self.lookup_proto(name, q.proto), q.proto)
        raise FilterError("syntax error in filter expression")

    def ether_name(self, name: str, dir: str) -> Block:
        """A host of /etc/ethers."""
        if self.linktype != B.DLT_EN10MB:
            raise FilterError(f"only {ONLY} supports link-level host name")
        from vshell.userland.pcap.names import ether_hostton

        addr = ether_hostton(self.p, name)
        if addr is None:
            raise FilterError(f"unknown ether host '{name}'")
        return self.ether_host(addr, dir)

    def ether_host(self, addr: bytes, dir: str) -> Block:
        """A link-level address."""
        tmp = self.prevlinkhdr_check()
        b = self.ehostop(addr, dir)
        if tmp is not None:
            gen_and(tmp, b)
        return b

    def host_name(self, name: str, q: Qual) -> Block:
        """All addresses of a name."""
        if q.proto == "decnet":
            raise FilterError(f"decnet name support not included, '{name}' cannot be translated\n")
        try:
            found = getaddrinfo(self.p, name, None, 0, SOCK_STREAM, TCP)
        except GaiError:
            raise FilterError(f"unknown host '{name}'") from None
        proto4 = proto6 = q.proto
        if self.off_linktype.constant == NOT_SET and q.proto == "default":
            proto4, proto6 = "ip", "ip6"
        b: Block | None = None
        for info in found:
            if info.family == AF_INET and proto4 != "ip6":
                tmp = self.gen_host(int.from_bytes(info.addr.addr, "big"), M32, proto4, q.dir, q.addr)
            elif info.family == AF_INET6 and proto6 not in ("arp", "ip", "rarp"):
                tmp = self.gen_host6(info.addr.addr, b"\xff" * 16, proto6, q.dir, q.addr)
            else:
                continue
            if b is not None:
                gen_or(b, tmp)
            b = tmp
        if b is None:
            where = "" if q.proto == "default" else " for specified address family"
            raise FilterError(f"unknown host '{name}'{where}")
        return b

    def service(self, name: str) -> tuple[int, int] | None:
        """pcap_nametoport: (port, protocol or UNDEF)."""
        tcp, udp = getservbyname(self.p, name, "tcp"), getservbyname(self.p, name, "udp")
        if tcp is not None:
            return tcp[0], UNDEF if udp is not None and udp[0] == tcp[0] else TCP
        return None if udp is None else (udp[0], UDP)

    def of_proto(self, name: str, found: int, q: Qual, what: str) -> int:
        """The protocol a port is looked for with; it must be that of its name."""
        if q.proto not in PORTS:
            raise FilterError(f"illegal qualifier of '{what}'")
        wanted = PORTS[q.proto]
        if wanted == UNDEF:
            return found
        if found not in (UNDEF, wanted):
            raise FilterError(f"port {'in range ' if what == 'portrange' else ''}'{name}' is {NAMES[found]}")
        return wanted

    def port_name(self, name: str, q: Qual) -> Block:
        """A service."""
        if q.proto not in PORTS:
            raise FilterError("illegal qualifier of 'port'")
        found = self.service(name)
        if found is None:
            raise FilterError(f"unknown port '{name}'")
        return self.gen_ports(found[0], None, self.of_proto(name, found[1], q, "port"), q.dir)

    def portrange_name(self, name: str, q: Qual) -> Block:
        """Two ports with a hyphen."""
        if q.proto not in PORTS:
            raise FilterError("illegal qualifier of 'portrange'")
        first, hyphen, second = name.partition("-")
        if not hyphen:
            raise FilterError(f"port range '{name}' contains no hyphen")
        if "-" in second:
            raise FilterError(f"port range '{name}' contains more than one hyphen")
        port1, proto1 = self.range_port(first)
        port2, proto2 = self.range_port(second)
        proto = proto1 if proto1 == proto2 else UNDEF
        return self.gen_ports(port1, port2, self.of_proto(name, proto, q, "portrange"), q.dir)

    def range_port(self, text: str) -> tuple[int, int]:
        """stringtoport."""
        from vshell.userland.pcap.scanner import number

        value = number(text)
        if value is not None:
            return value, UNDEF
        found = self.service(text)
        if found is None:
            raise FilterError(f"'{text}' is not a valid port")
        return found

    def gen_mcode(self, text: str, mask: str | None, masklen: int, q: Qual) -> Block:
        """A network with a mask or the length of one."""
        n, bits = atoin(text)
        n = n << 32 - bits & M32
        if mask is not None:
            m, bits = atoin(mask)
            m = m << 32 - bits & M32
            if n & ~m:
                raise FilterError(f'non-network bits set in "{text} mask {mask}"')
        else:
            if masklen > 32:
                raise FilterError("mask length must be <= 32")
            m = M32 << 32 - masklen & M32
            if n & ~m:
                raise FilterError(f'non-network bits set in "{text}/{masklen}"')
        if q.addr != "net":
            raise FilterError("Mask syntax for networks only")
        return self.gen_host(n, m, q.proto, q.dir, q.addr)

    def gen_ncode(self, text: str | None, v: int, q: Qual) -> Block:
        """A number, or an address that looks like one."""
        bits = 32
        if text is not None:
            v, bits = atoin(text)
        if q.addr in ("default", "host", "net"):
            if q.proto == "link":
                raise FilterError("illegal link layer address")
            mask = M32
            if text is None and q.addr == "net":
                v, mask = _shift_net(v)
            else:
                v, mask = v << 32 - bits & M32, M32 << 32 - bits & M32
            return self.gen_host(v, mask, q.proto, q.dir, q.addr)
        if q.addr in ("port", "portrange"):
            if q.proto not in PORTS:
                raise FilterError(f"illegal qualifier of '{q.addr}'")
            return self.gen_ports(v, v if q.addr == "portrange" else None, PORTS[q.proto], q.dir)
        if q.addr == "gateway":
            raise FilterError("'gateway' requires a name")
        if q.addr == "proto":
            return self.gen_proto(v, q.proto, q.dir)
        if q.addr == "protochain":
            return self.gen_protochain(v, q.proto)
        raise FilterError("syntax error in filter expression")

    def gen_mcode6(self, text: str, masklen: int, q: Qual) -> Block:
        """An IPv6 host or network."""
        addr = inet_pton6(text)
        if addr is None:
            raise FilterError(f"invalid ip6 address {text}")
        if masklen > 128:
            raise FilterError("mask length must be <= 128")
        bits = (1 << 128) - (1 << 128 - masklen)
        if int.from_bytes(addr, "big") & ~bits & (1 << 128) - 1:
            raise FilterError(f'non-network bits set in "{text}/{masklen}"')
        if q.addr in ("default", "host"):
            if masklen != 128:
                raise FilterError("Mask syntax for networks only")
        elif q.addr != "net":
            raise FilterError("invalid qualifier against IPv6 address")
        return self.gen_host6(addr, bits.to_bytes(16, "big"), q.proto, q.dir, q.addr)

    def gen_ecode(self, text: str, q: Qual) -> Block:
        """A link-level address."""
        if q.addr not in ("host", "default") or q.proto != "link":
            raise FilterError("ethernet address used in non-ether expression")
        if self.linktype != B.DLT_EN10MB:
            raise FilterError(f"ethernet addresses supported only on {ONLY}")
        digits = text.replace("-", ":").replace(".", ":")
        if ":" not in digits:
            digits = ":".join(digits[i : i + 2] for i in range(0, 12, 2))
        elif digits.count(":") == 2:
            digits = ":".join(f"{w[:2]}:{w[2:]}" for w in digits.split(":"))
        return self.ether_host(ether_aton(digits) or bytes(6), q.dir)

    # arithmetic ------------------------------------------------------------------------------------------------
    def gen_loadi(self, value: int) -> Arth:
        """A number."""
        reg = self.alloc_reg()
        return Arth([Stmt(BPF_LD | BPF_IMM, value), Stmt(BPF_ST, reg)], reg)

    def gen_loadlen(self) -> Arth:
        """`len`."""
        reg = self.alloc_reg()
        return Arth([Stmt(BPF_LD | BPF_LEN), Stmt(BPF_ST, reg)], reg)

    def gen_neg(self, a: Arth) -> Arth:
        """Minus."""
        a.s += [Stmt(BPF_LD | BPF_MEM, a.regno), Stmt(BPF_ALU | BPF_NEG), Stmt(BPF_ST, a.regno)]
        return a

    def gen_arth(self, code: int, a0: Arth, a1: Arth) -> Arth:
        """An operation."""
        first = a1.s[0]
        if first.code == BPF_LD | BPF_IMM:
            if code in (BPF_DIV, BPF_MOD) and not first.k:
                raise FilterError("division by zero" if code == BPF_DIV else "modulus by zero")
            if code in (BPF_LSH, BPF_RSH) and first.k > 31:
                raise FilterError("shift by more than 31 bits")
        a0.s += a1.s
        a0.s += [Stmt(BPF_LDX | BPF_MEM, a1.regno), Stmt(BPF_LD | BPF_MEM, a0.regno), Stmt(BPF_ALU | BPF_X | code)]
        self.free_reg(a0.regno)
        self.free_reg(a1.regno)
        a0.regno = self.alloc_reg()
        a0.s.append(Stmt(BPF_ST, a0.regno))
        return a0

    def gen_load(self, proto: str, inst: Arth, size: int) -> Arth:
        """`proto[index:size]`."""
        regno = self.alloc_reg()
        self.free_reg(inst.regno)
        width = {1: BPF_B, 2: BPF_H, 4: BPF_W}.get(size)
        if width is None:
            raise FilterError("data size must be 1, 2, or 4")
        at = self.off_linkpl.constant + self.off_nl
        if proto == "link":
            inst.s += [*self.indexed(self.off_linkhdr, inst), Stmt(BPF_LD | BPF_IND | width, self.off_linkhdr.constant)]
        elif proto in LINKPROTOS and proto not in ("aarp", "iso", "stp", "ipx", "netbeui"):
            inst.s += [*self.indexed(self.off_linkpl, inst), Stmt(BPF_LD | BPF_IND | width, at)]
            self.require(inst, self.gen_proto_abbrev(proto))
        elif proto in ("sctp", "tcp", "udp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp"):
            inst.s += [
                *self.loadx_iphdrlen(), Stmt(BPF_LD | BPF_MEM, inst.regno), Stmt(BPF_ALU | BPF_ADD | BPF_X),
                Stmt(BPF_MISC | BPF_TAX), Stmt(BPF_LD | BPF_IND | width, at),
            ]  # fmt: skip
            tmp = self.gen_proto_abbrev(proto)
            b = self.ipfrag()
            gen_and(tmp, b)
            if inst.b is not None:
                gen_and(inst.b, b)
            gen_and(self.gen_proto_abbrev("ip"), b)
            inst.b = b
        elif proto == "icmp6":
            self.require(inst, self.gen_proto_abbrev("ip6"))
            self.require(inst, self.cmp("linkpl", 6, BPF_B, 58))
            inst.s += [*self.indexed(self.off_linkpl, inst), Stmt(BPF_LD | BPF_IND | width, at + 40)]
        elif proto == "radio":
            raise FilterError("radio information not present in capture")
        else:
            raise FilterError("unsupported index operation")
        inst.regno = regno
        inst.s.append(Stmt(BPF_ST, regno))
        return inst

    def indexed(self, off: object, inst: Arth) -> list[Stmt]:
        """The index into X, on top of a variable offset."""
        from vshell.userland.pcap.gencode import Off

        assert isinstance(off, Off)
        s = self.varpart(off)
        if not s:
            return [Stmt(BPF_LDX | BPF_MEM, inst.regno)]
        return [*s, Stmt(BPF_LD | BPF_MEM, inst.regno), Stmt(BPF_ALU | BPF_ADD | BPF_X), Stmt(BPF_MISC | BPF_TAX)]

    def require(self, inst: Arth, b: Block) -> None:
        """An expression makes sense only if this holds too."""
        if inst.b is not None:
            gen_and(inst.b, b)
        inst.b = b

    def gen_relation(self, code: int, a0: Arth, a1: Arth, reverse: bool) -> Block:
        """A comparison."""
        s = [Stmt(BPF_LDX | BPF_MEM, a1.regno), Stmt(BPF_LD | BPF_MEM, a0.regno)]
        if code == BPF_JEQ:
            s.append(Stmt(BPF_ALU | BPF_SUB | BPF_X))
            b = Block(BPF_JMP | code | BPF_K)
        else:
            b = Block(BPF_JMP | code | BPF_X)
        if reverse:
            gen_not(b)
        b.stmts = a0.s + a1.s + s
        self.free_reg(a0.regno)
        self.free_reg(a1.regno)
        if a0.b is not None and a1.b is not None:
            gen_and(a0.b, a1.b)
            gen_and(a1.b, b)
        elif a0.b is not None or a1.b is not None:
            tmp = a0.b if a0.b is not None else a1.b
            assert tmp is not None
            gen_and(tmp, b)
        return b


def _shift_net(v: int) -> tuple[int, int]:
    """A network given by its leading bytes only: (number, mask)."""
    mask = M32
    while v and not v & 0xFF000000:
        v, mask = v << 8 & M32, mask << 8 & M32
    return v, mask


__all__ = ["BPF_JGT", "BPF_RSH", "QERR", "Arth", "NetGencode", "Qual"]
