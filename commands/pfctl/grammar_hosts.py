"""Addresses and where packets are sent to: from, to, nat-to, route-to (sbin/pfctl/parse.y)."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfAddr
from vshell.abi.record import replace
from vshell.commands.pfctl.grammar import IFNAMSIZ, Grammar
from vshell.commands.pfctl.hosts import Host, host, mask16, split_modifiers, unmask
from vshell.commands.pfctl.lexer import NUMBER, STRING
from vshell.userland.slurp import random_bytes

if TYPE_CHECKING:
    from vshell.abi.pf import PfPoolAddr

Port = tuple[int, int, int]
BITS = {2: 32, 28: 128}


class FromTo:
    """Source and destination; no hosts and no ports mean any."""

    def __init__(self) -> None:
        self.src: list[Host] = []
        self.dst: list[Host] = []
        self.src_port: list[Port] = []
        self.dst_port: list[Port] = []
        self.src_os: list[str] = []


class PoolOpts:
    """struct pool_opts."""

    def __init__(self) -> None:
        self.opts = 0
        self.type = 0
        self.staticport = False
        self.key: tuple[int, int, int, int] | None = None
        self.mape = (0, 0, 0)


class Redirspec:
    """struct redirspec."""

    def __init__(self, hosts: list[Host], pool_opts: PoolOpts | None = None, rport: Port = (0, 0, 0)) -> None:
        self.host = hosts
        self.pool_opts = pool_opts or PoolOpts()
        self.rport = rport
        self.af = 0
        self.binat = False
        self.list: tuple[PfPoolAddr, ...] = ()


class HostGrammar(Grammar):
    """from ... to ..., and pools."""

    # hosts -----------------------------------------------------------------------------------------------------
    def fromto(self) -> FromTo:
        """all, or from and to."""
        found = FromTo()
        if self.accept("all"):
            return found
        if self.accept("from"):
            found.src, found.src_port = self.ipportspec()
        if self.accept("os"):
            found.src_os = self.one_or_braces(self.string_token)
        if self.accept("to"):
            found.dst, found.dst_port = self.ipportspec()
            self.disallow_urpf_failed(found.dst, '"urpf-failed" is not permitted in a destination address')
        return found

    def ipportspec(self) -> tuple[list[Host], list[Port]]:
        """Hosts, ports, or both."""
        hosts: list[Host] = []
        if self.peek() != "port":
            hosts = self.ipspec()
        return hosts, self.one_or_braces(self.port_item) if self.accept("port") else []

    def ipspec(self) -> list[Host]:
        """any, a host, or a list."""
        if self.accept("any"):
            return []
        if self.accept("{"):
            self.optnl()
            return self.host_list()
        return self.xhost()

    def host_list(self) -> list[Host]:
        """Hosts up to the brace; any among them makes all the others meaningless."""
        parts = self.list_to("}", self.ipspec)
        return [one for part in parts for one in part] if all(parts) else []

    def xhost(self) -> list[Host]:
        """A host, not one, no-route, or urpf-failed."""
        neg = self.neg()
        word = self.accept("no-route", "urpf-failed")
        if word:
            kind = P.PF_ADDR_NOROUTE if word == "no-route" else P.PF_ADDR_URPFFAILED
            hosts = [Host(PfAddr(kind))]
        else:
            hosts = self.host()
        for one in hosts:
            one.neg = neg
        return hosts

    def host(self) -> list[Host]:
        """An address, a network, a range, an interface, a table, or a name."""
        token = self.peek()
        if token == "(":
            found = [self.dynaddr()]
            if self.accept("/"):
                bits = self.number_token()
                if not 0 <= bits <= 128:
                    self.fail("bit number too big")
                found[0].set_ipmask(bits)
            return found
        if token == "<":
            return [Host(PfAddr(P.PF_ADDR_TABLE, name=self.table_name("table name '{}' too long")))]
        if token == NUMBER:
            first = str(self.number_token())
            self.expect("/")
            return self.lookup(f"{first}/{self.number_token()}")
        text = self.string_token()
        if self.accept("-"):
            return self._range(text, self.string_token())
        if self.accept("/"):
            text = f"{text}/{self.number_token()}"
        return self.lookup(text)

    def table_name(self, text: str) -> str:
        """< STRING >."""
        self.expect("<")
        name = self.string_token()
        self.expect(">")
        if len(name) >= P.PF_TABLE_NAME_SIZE:
            self.fail(text.format(name))
        return name

    def lookup(self, text: str) -> list[Host]:
        """host(), and told if there is none."""
        found = host(self.ctx, text)
        if not found:
            self.fail("could not parse host specification")
        return found

    def _range(self, first: str, last: str) -> list[Host]:
        b = host(self.ctx, first)
        e = host(self.ctx, last) if b else []
        if not b or not e:
            self.fail("could not parse host specification")
        whole = all(
            len(hosts) == 1 and hosts[0].addr.type == P.PF_ADDR_ADDRMASK
            and unmask(hosts[0].addr.mask) == BITS.get(hosts[0].af, 128)
            for hosts in (b, e)
        )  # fmt: skip
        if not whole or b[0].af != e[0].af:
            self.fail("invalid address range")
        b[0].addr = replace(b[0].addr, type=P.PF_ADDR_RANGE, mask=e[0].addr.addr)
        return b

    def dynaddr(self) -> Host:
        """An interface in parentheses: its addresses, whatever they are."""
        self.expect("(")
        text = self.string_token()
        self.expect(")")
        if not text[:1].isalpha():
            self.fail(f"invalid interface name '{text}'")
        split = split_modifiers(text)
        if split is None:
            while split_modifiers(text.rpartition(":")[2]) is None or ":" in text:
                head, _, tail = text.rpartition(":")
                if split_modifiers(f"x:{tail}") is None:
                    break
                text = head
            self.fail(f"interface {text} has bad modifier")
        name, flags = split
        if flags & (flags - 1) & P.PFI_AFLAG_MODEMASK:
            self.fail("illegal combination of interface modifiers")
        if len(name) >= IFNAMSIZ:
            self.fail("interface name too long")
        return Host(PfAddr(P.PF_ADDR_DYNIFTL, mask=mask16(128), name=name, iflags=flags))

    # checks ----------------------------------------------------------------------------------------------------
    def disallow_table(self, hosts: list[Host], text: str) -> bool:
        """True (and told) if there is a table among them."""
        for one in hosts:
            if one.addr.type == P.PF_ADDR_TABLE:
                self.yyerror(text.replace("%s", one.addr.name))
                return True
        return False

    def disallow_alias(self, hosts: list[Host], text: str) -> bool:
        """True (and told) if an interface among them may have several addresses."""
        for one in hosts:
            if multiaddr(one.addr):
                self.yyerror(text.replace("%s", one.addr.name))
                return True
        return False

    def disallow_urpf_failed(self, hosts: list[Host], text: str) -> None:
        """Not here."""
        if any(one.addr.type == P.PF_ADDR_URPFFAILED for one in hosts):
            self.fail(text)

    def invalid_redirect(self, hosts: list[Host], af: int) -> bool:
        """invalid_redirect."""
        if not af and any(one.addr.type not in (P.PF_ADDR_TABLE, P.PF_ADDR_DYNIFTL) for one in hosts):
            self.yyerror("address family not given and translation address expands to multiple address families")
            return True
        if not hosts:
            self.yyerror("no translation address with matching address family found.")
            return True
        return False

    # pools -----------------------------------------------------------------------------------------------------
    def port_redirspec(self) -> Redirspec:
        """Hosts, a port or not, and how to choose."""
        if self.accept("{"):
            hosts = [one for part in self.braces(self.host) for one in part]
        else:
            hosts = self.host()
        rport: Port = (0, 0, 0)
        if self.accept("port"):
            rport = self.parseport(self.numberstring(), ranges=True, star=True)
        return Redirspec(hosts, self.pool_opts(), rport)

    def route_redirspec(self) -> Redirspec:
        """Interfaces and gateways."""
        hosts = [one for part in self.one_or_braces(self.route_host) for one in part]
        return Redirspec(hosts, self.pool_opts())

    def route_host(self) -> list[Host]:
        """An interface, or one with a gateway."""
        if self.accept("("):
            name = self.string_token()
            hosts = self.host()
            self.expect(")")
        else:
            name = self.string_token()
            hosts = [Host(PfAddr(mask=mask16(128)))]
        if len(name) >= IFNAMSIZ:
            self.fail("interface name too long")
        for one in hosts:
            one.ifname = name
        return hosts

    def pool_opts(self) -> PoolOpts:
        """How an address is chosen from several."""
        opts = PoolOpts()
        seen: set[str] = set()
        while word := self.accept(*_POOL_WORDS):
            if word in _POOL_TYPES:
                if word == "source-hash":
                    opts.key = self._hashkey()
                if opts.type:
                    self.fail("pool type cannot be redefined")
                opts.type = _POOL_TYPES[word]
                continue
            if word == "map-e-portset":
                self._mape(opts)
                continue
            if word in seen:
                self.fail(f"{word} cannot be redefined")
            seen.add(word)
            opts.staticport |= word == "static-port"
            opts.opts |= _POOL_FLAGS.get(word, 0)
        return opts

    def _mape(self, opts: PoolOpts) -> None:
        offset = self.number()
        self.expect("/")
        length = self.number()
        self.expect("/")
        psid = self.number()
        if opts.mape[0]:
            self.fail("map-e-portset cannot be redefined")
        if opts.type:
            self.fail("map-e-portset cannot be used with address pools")
        if not 0 < offset < 16:
            self.fail("MAP-E PSID offset must be 1-15")
        if not 0 <= length < 16 or offset + length > 16:
            self.fail("Invalid MAP-E PSID length")
        if not length:
            self.fail("PSID Length = 0: this means you do not need MAP-E")
        if not 0 <= psid <= 65535:
            self.fail("Invalid MAP-E PSID")
        opts.mape = (offset, length, psid)

    def _hashkey(self) -> tuple[int, int, int, int]:
        if self.peek() != STRING:
            return _words(random_bytes(self.p, 16))
        text = self.string()
        if not text.startswith("0x"):
            return _words(md5(text.encode("latin-1", "replace"), usedforsecurity=False).digest())
        if len(text) != 34:
            self.fail("hex key must be 128 bits (32 hex digits) long")
        try:
            return _words(bytes.fromhex(text[2:]))
        except ValueError:
            self.fail("invalid hex key")


def _words(data: bytes) -> tuple[int, int, int, int]:
    a, b, c, d = (int.from_bytes(data[i : i + 4], "big") for i in range(0, 16, 4))
    return a, b, c, d


_POOL_TYPES = {
    "bitmask": P.PF_POOL_BITMASK, "random": P.PF_POOL_RANDOM, "source-hash": P.PF_POOL_SRCHASH,
    "round-robin": P.PF_POOL_ROUNDROBIN,
}  # fmt: skip
_POOL_FLAGS = {
    "sticky-address": P.PF_POOL_STICKYADDR, "endpoint-independent": P.PF_POOL_ENDPI, "prefer-ipv6-nexthop": P.PF_POOL_IPV6NH,
}  # fmt: skip
_POOL_WORDS = (*_POOL_TYPES, *_POOL_FLAGS, "static-port", "map-e-portset")


def multiaddr(addr: PfAddr) -> bool:
    """DYNIF_MULTIADDR: an interface that is not a single one with its first address."""
    if addr.type != P.PF_ADDR_DYNIFTL:
        return False
    return not addr.iflags & P.PFI_AFLAG_NOALIAS or not addr.name[-1:].isdigit()


def decide_address_family(hosts: list[Host], af: int) -> int:
    """decide_address_family: that of the hosts if they agree."""
    if af or not hosts:
        return af
    return hosts[0].af if all(one.af == hosts[0].af for one in hosts) else 0


def remove_invalid_hosts(hosts: list[Host], af: int) -> tuple[list[Host], int]:
    """remove_invalid_hosts: those of the family; the first with one decides if there is none yet."""
    left = []
    for one in hosts:
        if af and one.af and one.af != af:
            continue
        af = af or one.af
        left.append(one)
    return left, af
