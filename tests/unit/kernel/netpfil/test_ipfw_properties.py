"""Random rules and random packets: what is printed is read as the same rule, and compiled rules decide as a plain
interpreter of their instructions does."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vshell.abi import ip_fw as fw
from vshell.abi.ip_fw import F_NOT, F_OR, IP_FW3, FwConfig, Insn, IpFwRule, XGet
from vshell.abi.socket import AF_INET, IPPROTO_IP, IPPROTO_RAW, SOCK_RAW
from vshell.kernel.net.mbuf import Mbuf
from vshell.kernel.net.pfil import PFIL_PASS, Pfil
from vshell.machine import Machine, Session
from vshell.wire.cksum import in_cksum

QUICK = settings(max_examples=20, deadline=None, derandomize=True, database=None)

# rules -----------------------------------------------------------------------------------------------------------

number8, number16, ports = st.integers(0, 255), st.integers(0, 65535), st.sampled_from((22, 53, 80, 443, 1024, 5001))
host4 = st.sampled_from(("10.0.0.1", "10.0.0.2", "10.0.1.1", "192.0.2.9", "127.0.0.1"))
net4 = st.sampled_from(("10.0.0.0/8", "10.0.0.0/24", "192.0.2.8/30", "10.0.0.0:255.0.0.255", "10.0.0.0/29{1,2,5-7}"))
list4 = st.lists(st.one_of(host4, net4.filter(lambda n: "{" not in n)), min_size=2, max_size=3).map(",".join)
side4 = st.one_of(st.just("any"), st.just("me"), host4, net4, list4)
host6 = st.sampled_from(("2001:db8::1", "2001:db8::2", "fd00::9", "::1"))
side6 = st.one_of(st.just("any"), st.just("me6"), host6, st.sampled_from(("2001:db8::/32", "fd00::/7", "2001:db8::/127")))
portlist = st.lists(
    st.one_of(ports.map(str), st.tuples(ports, ports).map(lambda p: f"{min(p)}-{max(p)}")), min_size=1, max_size=3
).map(",".join)
COMMON = ("in", "out", "via lo0", "via vtnet*", "recv lo0", "xmit lo0", "ip4", "ip6", "layer2", "frag", "proto tcp", "proto udp")
flags = st.lists(
    st.sampled_from(("syn", "!syn", "ack", "!ack", "fin", "!rst", "psh", "!urg")), min_size=1, max_size=3, unique=True
)
option = st.one_of(
    st.sampled_from(COMMON),
    st.tuples(st.sampled_from(("ipttl", "iplen", "ipid", "tcpwin", "tcpdatalen")), number8).map(lambda o: f"{o[0]} {o[1]}"),
    st.tuples(st.sampled_from(("ipttl", "iplen")), number8, number8)
    .filter(lambda o: o[1] != o[2])
    .map(lambda o: f"{o[0]} {min(o[1:])}-{max(o[1:])}"),
    flags.filter(lambda f: len({w.strip("!") for w in f}) == len(f)).map(lambda f: "tcpflags " + ",".join(f)),
    st.lists(st.sampled_from((0, 3, 8, 11)), min_size=1, max_size=3, unique=True).map(
        lambda t: "icmptypes " + ",".join(map(str, t))
    ),
    st.sampled_from(("setup", "established", "iptos lowdelay,!throughput", "ipprecedence 5", "dscp af11,ef,7", "ipver 4")),
    portlist.map("src-port ".__add__),
    portlist.map("dst-port ".__add__),
    side4.filter(lambda s: s != "any").map("src-ip ".__add__),
    side4.filter(lambda s: s != "any").map("dst-ip ".__add__),
    side6.filter(lambda s: s != "any").map("dst-ip6 ".__add__),
)
term = st.tuples(st.sampled_from(("", "", "not ")), option).map(lambda t: t[0] + t[1] if not t[1].startswith("ipver") else t[1])
# An address is printed apart from its alternatives, as the original does it.
block = st.one_of(
    term,
    term,
    st.lists(term.filter(lambda t: "-ip" not in t), min_size=2, max_size=3).map(lambda t: "{ " + " or ".join(t) + " }"),
)
negated = st.sampled_from(("", "", "not "))


@st.composite
def bodies(draw: Any) -> str:
    """PROTO from SRC [PORTS] to DST [PORTS] [OPTIONS]."""
    proto = draw(st.sampled_from(("ip", "ip", "tcp", "udp", "icmp", "ip6", "{ tcp or udp }", "47")))
    side = side6 if proto == "ip6" else side4
    sides = []
    for _ in range(2):
        text = draw(side)
        text = draw(negated) + text if text != "any" else text
        if proto in ("tcp", "udp", "{ tcp or udp }") and draw(st.booleans()):
            text += " " + draw(portlist)
        sides.append(text)
    # An IPv4 address is printed in the place of one that must be IPv6.
    options = [o for o in draw(st.lists(block, max_size=3)) if proto != "ip6" or "-ip " not in o]
    return " ".join([proto, "from", sides[0], "to", sides[1], *options])


actions = st.sampled_from(("allow", "deny", "count", "skipto 500"))
rule = st.tuples(actions, bodies()).map(" ".join)
rulesets = st.lists(rule, min_size=1, max_size=8)


class Firewall:
    """A machine with the module, for all examples."""

    def __init__(self) -> None:
        self.session = Session(Machine())
        self.session.feed("kldload ipfw; ifconfig lo0 127.0.0.1/8; ifconfig lo0 alias 10.0.0.2/32; ifconfig vtnet0 up\n")

    def say(self, text: str) -> str:
        """Run a command; its output."""
        self.session.output.clear()
        self.session.feed(text + "\n")
        return bytes(self.session.output).decode()

    def rules(self) -> tuple[IpFwRule, ...]:
        """The rules as programs get them."""
        found: list[FwConfig] = []

        async def ask(sysent: Any) -> int:
            fd = sysent.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
            found.append(sysent.setsockopt(fd, IPPROTO_IP, IP_FW3, XGet()))
            return 0

        machine = self.session.machine
        machine.finish(machine.process(ask))
        return tuple(r for r, _ in found[0].rules)

    def load(self, texts: list[str], start: int) -> None:
        """Put rules in, a hundred apart or all under one number."""
        lines = "\n".join(f"add {start + i} {text}" for i, text in enumerate(texts))
        said = self.say(f"cat > /tmp/rules <<'E'\n{lines}\nE\nipfw -q /tmp/rules")
        assert not said, said


@pytest.fixture(scope="module")
def firewall() -> Firewall:
    """One for all examples: booting takes longer than they do."""
    return Firewall()


def conditions(one: IpFwRule) -> tuple[list[str], tuple[Insn, ...]]:
    """Its conditions, each with its alternatives, in any order (the printer moves addresses to the front), and its action."""
    blocks: list[list[Insn]] = [[]]
    for cmd in one.cmd[: one.act_ofs]:
        blocks[-1].append(cmd)
        if not cmd.flags & F_OR:
            blocks.append([])
    return sorted(map(repr, blocks)), one.cmd[one.act_ofs :]


@given(texts=rulesets)
@QUICK
def test_what_is_printed_is_read_as_the_same_rule(firewall: Firewall, texts: list[str]) -> None:
    firewall.say("ipfw -q -f flush")
    firewall.load(texts, 100)
    printed = [line[6:] for line in firewall.say("ipfw list 100-400").splitlines()]
    firewall.load(printed, 1000)
    rules = firewall.rules()
    count = len(texts)
    for old, new in zip(rules[:count], rules[count : 2 * count], strict=True):
        assert conditions(old) == conditions(new)
    assert [line[6:] for line in firewall.say("ipfw list 1000-1400").splitlines()] == printed


# packets ---------------------------------------------------------------------------------------------------------

addr4 = st.sampled_from(("10.0.0.1", "10.0.0.2", "10.0.0.7", "10.0.1.1", "192.0.2.9", "127.0.0.1", "8.8.8.8"))
addr6 = st.sampled_from((1, 2, 9)).map(lambda n: bytes.fromhex("20010db8") + bytes(11) + bytes([n]))


@st.composite
def packets(draw: Any) -> bytes:
    """An IPv4 or IPv6 packet with all of its upper header, or a later fragment."""
    proto = draw(st.sampled_from((1, 6, 6, 17, 17, 47)))
    upper = bytearray(draw(ports).to_bytes(2, "big") + draw(ports).to_bytes(2, "big") + bytes(16))
    if proto == 6:
        upper[12:14] = bytes((0x50, draw(st.sampled_from((0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x29)))))
        upper[14:16] = draw(number8).to_bytes(2, "big")
    elif proto == 1:
        upper[0] = draw(st.sampled_from((0, 3, 8, 11, 13)))
    upper += bytes(draw(st.integers(0, 40)))
    tos, ttl = draw(number8), draw(number8)
    if draw(st.integers(0, 3)) == 0:
        head = (
            (6 << 28 | tos << 20).to_bytes(4, "big") + len(upper).to_bytes(2, "big") + bytes((58 if proto == 1 else proto, ttl))
        )
        return bytes(head + draw(addr6) + draw(addr6) + upper)
    offset = draw(st.sampled_from((0, 0, 0, 0x2000, 0x4000, 185)))
    ends = bytes(int(n) for a in (draw(addr4), draw(addr4)) for n in a.split("."))
    head = bytes((0x45, tos)) + (20 + len(upper)).to_bytes(2, "big") + draw(number8).to_bytes(2, "big")
    whole = bytearray(head + offset.to_bytes(2, "big") + bytes((ttl, proto, 0, 0)) + ends)
    whole[10:12] = in_cksum(whole).to_bytes(2, "big")
    return bytes(whole + upper)


LOCAL = {bytes((127, 0, 0, 1)), bytes((10, 0, 0, 2)), bytes(15) + b"\x01"}
PORTS = (6, 17, 132, 136)


class Plain:
    """A packet, and what an instruction says of it, without any cleverness."""

    def __init__(self, data: bytes, incoming: bool, name: str) -> None:
        self.data, self.incoming, self.name = data, incoming, name
        self.v4 = data[0] >> 4 == 4
        self.proto = data[9] if self.v4 else data[6]
        self.src, self.dst = (data[12:16], data[16:20]) if self.v4 else (data[8:24], data[24:40])
        self.offset = (data[6] << 8 | data[7]) & 0x1FFF if self.v4 else 0
        self.upper = b"" if self.offset else data[20 if self.v4 else 40 :]
        self.tos = data[1] if self.v4 else (data[0] << 8 | data[1]) >> 4 & 0xFF

    def ranges(self, cmd: Insn, value: int | None) -> bool:
        """A number within ranges."""
        pairs: Any = cmd.data or ((cmd.arg1, cmd.arg1),)
        return value is not None and any(low <= value <= high for low, high in pairs)

    def bits(self, cmd: Insn, value: int | None) -> bool:
        """Bits that are set, bits that are clear."""
        if value is None:
            return False
        return value & (cmd.arg1 & 0xFF) == cmd.arg1 & 0xFF and not value & cmd.arg1 >> 8

    def within(self, cmd: Insn, addr: bytes) -> bool:
        """An address in a list of networks."""
        data: Any = cmd.data
        if isinstance(data[0], int):
            data = tuple(n.to_bytes(4, "big") for n in data)
        if len(data) == 1:
            return bool(addr == data[0])
        pairs = zip(data[::2], data[1::2], strict=True)
        return any(len(addr) == len(a) and bytes(x & y for x, y in zip(addr, m, strict=True)) == a for a, m in pairs)

    def member(self, cmd: Insn, addr: bytes) -> bool:
        """An address in a set of addresses."""
        base, bits = cmd.data
        assert isinstance(base, int) and isinstance(bits, int)
        at = int.from_bytes(addr, "big") - base
        return self.v4 and 0 <= at < cmd.arg1 and bool(bits >> at & 1)

    def tcp(self, at: int, size: int) -> int | None:
        """A field of the TCP header."""
        return int.from_bytes(self.upper[at : at + size], "big") if self.proto == 6 and self.upper else None

    def port(self, at: int) -> int | None:
        """A port."""
        return self.upper[at] << 8 | self.upper[at + 1] if self.proto in PORTS and self.upper else None

    def iface(self, cmd: Insn, present: bool) -> bool:
        """The interface by name or pattern."""
        kind, value = cmd.data
        assert isinstance(value, str)
        return present and (self.name == value if kind == "name" else fnmatchcase(self.name, value))

    def says(self, cmd: Insn) -> bool:
        """One instruction."""
        op, data = cmd.opcode, self.data
        if op in (fw.O_IP_SRC_SET, fw.O_IP_DST_SET):
            return self.member(cmd, self.src if op == fw.O_IP_SRC_SET else self.dst)
        if op in (fw.O_IP_SRC, fw.O_IP_SRC_MASK, fw.O_IP6_SRC, fw.O_IP6_SRC_MASK):
            return self.within(cmd, self.src)
        if op in (fw.O_IP_DST, fw.O_IP_DST_MASK, fw.O_IP6_DST, fw.O_IP6_DST_MASK):
            return self.within(cmd, self.dst)
        flags = self.tcp(13, 1)
        hlen = (self.tcp(12, 1) or 0) >> 4 << 2
        types: Any = cmd.data[0] if cmd.data else 0
        answers: dict[int, Any] = {
            fw.O_PROTO: lambda: self.proto == cmd.arg1, fw.O_NOP: lambda: True, fw.O_LAYER2: lambda: False,
            fw.O_IP_SRC_ME: lambda: self.src in LOCAL, fw.O_IP_DST_ME: lambda: self.dst in LOCAL,
            fw.O_IP6_SRC_ME: lambda: not self.v4 and self.src in LOCAL,
            fw.O_IP6_DST_ME: lambda: not self.v4 and self.dst in LOCAL,
            fw.O_IP_SRCPORT: lambda: self.ranges(cmd, self.port(0)), fw.O_IP_DSTPORT: lambda: self.ranges(cmd, self.port(2)),
            fw.O_IN: lambda: self.incoming, fw.O_VIA: lambda: self.iface(cmd, True),
            fw.O_RECV: lambda: self.iface(cmd, self.incoming), fw.O_XMIT: lambda: self.iface(cmd, not self.incoming),
            fw.O_IP4: lambda: self.v4, fw.O_IP6: lambda: not self.v4,
            fw.O_FRAG: lambda: self.bits(cmd, data[6] & 0xE0 | (1 if self.offset else 0)) if self.v4 else False,
            fw.O_IPTTL: lambda: self.ranges(cmd, data[8] if self.v4 else data[7]),
            fw.O_IPLEN: lambda: self.ranges(cmd, len(data)),
            fw.O_IPID: lambda: self.ranges(cmd, data[4] << 8 | data[5] if self.v4 else None),
            fw.O_IPTOS: lambda: self.bits(cmd, self.tos if self.v4 else None),
            fw.O_IPPRECEDENCE: lambda: self.v4 and self.tos & 0xE0 == cmd.arg1,
            fw.O_IPVER: lambda: data[0] >> 4 == cmd.arg1,
            fw.O_DSCP: lambda: bool(types >> (self.tos >> 2) & 1),
            fw.O_TCPFLAGS: lambda: self.bits(cmd, flags), fw.O_ESTAB: lambda: flags is not None and bool(flags & 0x14),
            fw.O_TCPWIN: lambda: self.ranges(cmd, self.tcp(14, 2)),
            fw.O_TCPDATALEN: lambda: self.ranges(cmd, None if flags is None else len(self.upper) - hlen),
            fw.O_ICMPTYPE: lambda: self.proto == 1 and bool(self.upper) and bool(types >> self.upper[0] & 1),
        }  # fmt: skip
        return bool(answers[op]())

    def matches(self, body: tuple[Insn, ...]) -> bool:
        """All instructions, but only one of those that are joined by "or"."""
        at = 0
        while at < len(body):
            found = False
            while True:
                cmd = body[at]
                found = found or self.says(cmd) != bool(cmd.flags & F_NOT)
                at += 1
                if not cmd.flags & F_OR:
                    break
            if not found:
                return False
        return True


def decide(rules: tuple[IpFwRule, ...], packet: Plain) -> bool:
    """Does it pass?  Rule by rule."""
    at = 0
    while True:
        one = rules[at]
        at += 1
        if not packet.matches(one.cmd[: one.act_ofs]):
            continue
        action = one.cmd[one.act_ofs]
        if action.opcode in (fw.O_ACCEPT, fw.O_DENY):
            return action.opcode == fw.O_ACCEPT
        if action.opcode == fw.O_SKIPTO:
            target: Any = action.data[0]
            at = next(i for i, r in enumerate(rules) if r.rulenum >= target)


@given(texts=rulesets, last=st.booleans(), sent=st.lists(st.tuples(packets(), st.booleans()), min_size=10, max_size=25))
@QUICK
def test_compiled_rules_decide_as_their_instructions_say(
    firewall: Firewall, texts: list[str], last: bool, sent: list[tuple[bytes, bool]]
) -> None:
    firewall.say("ipfw -q -f flush")
    firewall.load(texts, 100)
    firewall.load([f"{'allow' if last else 'deny'} ip from any to any"], 600)
    rules = firewall.rules()
    vnet = firewall.session.machine.kernel.vnet0
    pfil = vnet[Pfil]
    for data, incoming in sent:
        for ifp in (i for i in vnet.ifnets if i.xname in ("lo0", "vtnet0")):
            head = pfil.inet if data[0] >> 4 == 4 else pfil.inet6
            m = Mbuf(bytearray(data), 0, ifp if incoming else None)
            verdict = head.run_in(m, ifp) if incoming else head.run_out(m, ifp)
            assert (verdict == PFIL_PASS) == decide(rules, Plain(data, incoming, ifp.xname)), (data.hex(), incoming, ifp.xname)
