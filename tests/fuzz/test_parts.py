"""Parts of the kernel that have to be switched on, under packets which nearly make sense: they are delivered or dropped.

A machine routes between two networks on one wire; what a part adds is set up by a script.  The packets are drawn by
`random` from a seed, so that a failure comes back.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.fuzz.test_wire import Wire
from vshell.abi import bpf as B
from vshell.abi.errno import KError
from vshell.abi.fcntl import O_NONBLOCK, O_RDWR
from vshell.abi.netgraph import NG_CONTROL, NG_DATA, SockaddrNg
from vshell.abi.signal import SIG_IGN, SIGPIPE
from vshell.abi.socket import AF_NETGRAPH, SOCK_DGRAM
from vshell.wire.cksum import in_cksum, in_pseudo

NET = """
for n in 2 7 9; do arp -s 10.0.0.$n 02:00:00:00:00:05; ndp -s 2001:db8::$n 02:00:00:00:00:05; done
for n in 2 7 9; do arp -s 10.0.5.$n 02:00:00:00:00:05; done
route -q add -6 64:ff9b::/96 2001:db8::9; route -q add -6 fd00:1::/48 2001:db8::2; route -q add 192.0.2.0/24 10.0.5.2
nc -kl 21 > /dev/null & nc -kl 1723 > /dev/null & nc -kul 53 > /dev/null & nc -6kl 80 > /dev/null &
"""

NAT = """
kldload ipfw_nat alias_dummy alias_ftp alias_irc alias_nbt alias_pptp alias_skinny alias_smedia
ipfw -q nat 1 config if epair0a MORE redirect_port tcp 10.0.5.7:21 21 redirect_port udp 10.0.5.7:1000-1009 2000-2009 \\
  redirect_port tcp 10.0.5.2:80,10.0.5.9:80 80 redirect_addr 10.0.5.9 10.0.0.3 redirect_proto gre 10.0.5.7
ipfw -q add nat 1 ip4 from any to any via epair0a; ipfw -q add allow ip from any to any
"""

NAT64 = """
kldload ipfw_nptv6 ipfw_nat64; sysctl net.inet.ip.fw.nat64_direct_output=1 > /dev/null
ipfw -q table a create type addr valtype ipv6; ipfw -q table b create type addr valtype ipv4
ipfw -q table a add 10.0.5.0/24 2001:db8::7; ipfw -q table b add 2001:db8::7 10.0.5.7
ipfw -q nptv6 p create int_prefix fd00:1:: ext_prefix 2001:db8:1:: prefixlen 48
ipfw -q nat64lsn l create prefix4 192.0.2.0/28 prefix6 64:ff9b::/96 jmaxlen 3 log allow_private
ipfw -q nat64stl s create table4 a table6 b prefix6 2001:db8:64::/96 log allow_private
ipfw -q nat64clat c create clat_prefix 2001:db8:c::/96 plat_prefix 64:ff9b::/96 allow_private
ipfw -q add nptv6 p ip6 from any to any; ipfw -q add nat64stl s ip6 from any to 2001:db8:64::/96
ipfw -q add nat64stl s ip4 from any to 'table(a)' in; ipfw -q add nat64clat c ip6 from 64:ff9b::/96 to any
ipfw -q add nat64lsn l ip6 from any to 64:ff9b::/96 in; ipfw -q add nat64lsn l ip4 from any to 192.0.2.0/28
ipfw -q add nat64clat c ip4 from any to 198.51.100.0/24; ipfw -q add allow ip from any to any
"""

RULES = """
kldload ipfw; ipfw -q add set 1 count log ip from any to any; ipfw -q add reass ip from any to any in
ipfw -q add check-state :a; ipfw -q add count tcp from any to any setup tcpoptions mss,!sack tcpwin 0-1024 tcpflags syn
ipfw -q add count ip from any to any ipoptions rr,!ts iplen 20-60 ipttl 64 ipid 1 frag proto udp
ipfw -q add count ip6 from any to any ext6hdr frag,hopopt,route flow-id 1; ipfw -q add count icmp from any to any icmptypes 0,8
ipfw -q add count ip6 from any to any icmp6types 1,135; ipfw -q add count ip from any to any verrevpath diverted-loopback
ipfw -q add tcp-setmss 500 tcp from any to any; ipfw -q add setdscp ef ip from any to any
ipfw -q add skipto tablearg ip from any to 'table(x)'; ipfw -q add limit src-addr 3 :a tcp from any to me setup
ipfw -q add allow udp from any to any keep-state :a; ipfw -q add fwd 10.0.0.9 tcp from any to any 80
ipfw -q add unreach port udp from any to any; ipfw -q add reset tcp from any to any; ipfw -q add allow ip from any to any
"""

PIPES = """
kldload ipfw dummynet
dnctl pipe 1 config bw 10Kbit/s delay 5 queue 3 plr 0.1; dnctl pipe 2 config bw 1Mbit/s red 0.1/2/4/0.5 mask all
dnctl pipe 3 config bw 50Kbit/s codel ecn; dnctl pipe 4 config bw 50Kbit/s pie ecn burst 1000
n=1; for type in fifo wf2q+ rr qfq prio fq_codel fq_pie; do
  dnctl pipe 1$n config bw 100Kbit/s; dnctl sched 1$n config pipe 1$n type $type mask src-ip 0xff
  dnctl queue $n config sched 1$n weight $n mask dst-ip 0xff proto 0xff src-port 0x3; n=$((n + 1))
done
for n in 1 2 3 4 5 6 7; do ipfw -q add prob 0.2 queue $n ip from any to any; done
for n in 1 2 3 4; do ipfw -q add prob 0.4 pipe $n ip from any to any; done; ipfw -q add allow ip from any to any
"""

TCP = "sysctl net.inet.tcp.tolerate_missing_ts=1 net.inet.tcp.ecn.enable=1 > /dev/null"

SCRIPTS = {
    "nat": NAT.replace("MORE", "log"),
    "nat_strict": NAT.replace("MORE", "log deny_in same_ports unreg_only reset"),
    "nat64": NAT64,
    "rules": RULES,
    "pipes": PIPES,
    "tcp": TCP,
}

SEEN = "ipfw -a list; ipfw nat show; ipfw -d list; dnctl sched show; dnctl queue show; ngctl list; netstat -s; sleep 400\n"

ADDRESSES4 = [
    bytes(map(int, a.split(".")))
    for a in (
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "10.0.0.7",
        "10.0.0.9",
        "10.0.5.1",
        "10.0.5.2",
        "10.0.5.7",
        "10.0.5.9",
        "192.0.2.1",
        "192.0.2.5",
        "198.51.100.1",
        "224.0.0.1",
        "255.255.255.255",
        "127.0.0.1",
        "0.0.0.0",
    )
]
ADDRESSES6 = [
    bytes.fromhex(a)
    for a in (
        "20010db8" + 11 * "00" + "01",
        "20010db8" + 11 * "00" + "02",
        "20010db8" + 11 * "00" + "07",
        "0064ff9b" + 8 * "00" + "0a000509",
        "0064ff9b" + 8 * "00" + "c0000205",
        "fd000001" + 11 * "00" + "02",
        "20010db80001" + 9 * "00" + "02",
        16 * "00",
        "20010db80064" + 6 * "00" + "0a000507",
        "20010db8000c" + 6 * "00" + "0a000507",
        "ff02" + 13 * "00" + "01",
        "fe80" + 13 * "00" + "02",
    )
]
PORTS = (0, 20, 21, 53, 69, 80, 137, 138, 139, 554, 1000, 1723, 2000, 2005, 6667, 5060, 7070, 32768, 65535)
TEXTS = (
    b"",
    b"PORT 10,0,5,7,7,208\r\n",
    b"EPRT |1|10.0.5.7|2000|\r\n",
    b"227 Entering Passive Mode (10,0,5,7,8,9)\r\n",
    b"229 Entering Extended Passive Mode (|||6446|)\r\n",
    b"PRIVMSG x :\x01DCC CHAT chat 167773447 5000\x01\r\n",
    b"PRIVMSG x :\x01DCC SEND f 167773447 5001 77\x01\r\n",
    b"PORT 1,2,3",
    b"PORT 999,1,1,1,1,1\r\n",
    b"EPRT |2|::1|99999|\r\n",
    b"SETUP rtsp://x RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=6970-6971\r\n\r\n",
    bytes.fromhex("009c00011a2b3c4d0007000000010002") + bytes(140),
    bytes.fromhex("00080000000100000203040500000050"),
    bytes.fromhex("110a00010a000507008a00bb0000") + b" " + 32 * b"A" + b"\0" + bytes(40),
    b"\xff" * 60,
)
PROTOCOLS = (1, 1, 6, 6, 6, 17, 17, 17, 47, 132, 4, 41, 2, 50, 58, 44, 0, 43, 60, 255)


class Packets:
    """Draws packets."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def noise(self, most: int = 60) -> bytes:
        """Some bytes."""
        return self.random.randbytes(self.random.randrange(most))

    def tcp(self) -> bytes:
        """A segment with options, its checksum 0."""
        random = self.random
        options = random.choice(
            (
                b"",
                b"\2\4\5\xb4",
                b"\2\4\5\xb4\1\3\3\7\4\2\x08\x0a" + bytes(8),
                b"\x05\x0a" + random.randbytes(8),
                b"\2",
                b"\x08\x0a\0",
                b"\2\0",
                b"\x22\x02",
                b"\xfd\4\xf9\x89",
                self.noise(40),
            )
        )
        options = (options + bytes(-len(options) % 4))[:40]
        offset = (20 + len(options)) // 4 if random.random() < 0.9 else random.randrange(16)
        flags = random.choice((2, 16, 18, 24, 17, 4, 20, random.randrange(256)))
        numbers = random.choice((0, 1, random.getrandbits(32))).to_bytes(4, "big") + random.getrandbits(32).to_bytes(4, "big")
        return self.ports() + numbers + bytes((offset << 4, flags, 4, 0, 0, 0, 0, 0)) + options + random.choice(TEXTS)

    def ports(self) -> bytes:
        """Two."""
        return b"".join(self.random.choice(PORTS).to_bytes(2, "big") for _ in range(2))

    def upper(self, protocol: int, deep: bool = True) -> bytes:
        """What stands behind the header of IP."""
        random = self.random
        if protocol == 6:
            return self.tcp()
        if protocol == 17:
            text = random.choice(TEXTS) or self.noise()
            size = len(text) + 8 if random.random() < 0.9 else random.randrange(100)
            return self.ports() + size.to_bytes(2, "big") + b"\0\0" + text
        if protocol in (1, 58):
            kind = random.choice((0, 8, 3, 4, 5, 11, 12, 13, 1, 2, 128, 129, 135, 136, 137))
            inner = self.ip4(False) if deep and protocol == 1 else self.ip6(False) if deep else self.noise()
            return bytes((kind, random.randrange(6), 0, 0)) + random.randbytes(4) + inner[: random.choice((28, 48, 200))]
        if protocol == 47:
            return random.choice((b"\x20\x01\x88\x0b", b"\x30\x81\x88\x0b", b"\0\0\x08\0")) + b"\0\x10\0\1" + self.noise()
        if protocol == 132:
            return self.ports() + self.noise(8) + random.choice((b"\1\0\0\x14", b"\2\0\0\x14", b"\0\3\0\x10")) + self.noise()
        if protocol in (4, 41) and deep:
            return self.ip4(False) if protocol == 4 else self.ip6(False)
        return self.noise()

    def ip4(self, deep: bool = True) -> bytes:
        """A packet of IPv4."""
        random = self.random
        protocol = random.choice(PROTOCOLS)
        src, dst = random.choice(ADDRESSES4), random.choice(ADDRESSES4)
        data = bytearray(self.upper(protocol, deep))
        if random.random() < 0.8:
            at = {1: 2, 6: 16, 17: 6}.get(protocol)
            if at is not None and len(data) > at + 2:
                pseudo = 0 if protocol == 1 else in_pseudo(src, dst, protocol, len(data))
                data[at : at + 2] = in_cksum(data, pseudo).to_bytes(2, "big")
        options = random.choice((b"", b"", b"", b"\x07\x07\4\0\0\0\0\0", b"\x44\x0c\5\0" + bytes(8), self.noise(12)))
        options += bytes(-len(options) % 4)
        offset = random.choice((0, 0, 0, 0x4000, 0x2000, random.getrandbits(16)))
        size = 20 + len(options) + len(data) if random.random() < 0.95 else random.randrange(90)
        head = bytes((0x45 + len(options) // 4, random.choice((0, 1, 2, 3)))) + size.to_bytes(2, "big")
        head += random.choice((b"\0\1", random.randbytes(2))) + offset.to_bytes(2, "big")
        return head + bytes((random.choice((64, 64, 1, 0)), protocol, 0, 0)) + src + dst + options + data

    def ip6(self, deep: bool = True) -> bytes:
        """A packet of IPv6."""
        random = self.random
        protocol = random.choice((58, *PROTOCOLS))
        src, dst = random.choice(ADDRESSES6), random.choice(ADDRESSES6)
        data = bytearray(self.upper(protocol, deep))
        at = {58: 2, 6: 16, 17: 6}.get(protocol)
        if random.random() < 0.8 and at is not None and len(data) > at + 2:
            number = int.from_bytes(src + dst + len(data).to_bytes(4, "big") + protocol.to_bytes(4, "big"), "big") % 0xFFFF
            data[at : at + 2] = in_cksum(data, number).to_bytes(2, "big")
        if random.random() < 0.2:
            fragment = bytes((protocol, 0)) + random.choice((0, 1, random.getrandbits(16))).to_bytes(2, "big") + b"\0\0\0\7"
            data[:0], protocol = fragment, 44
        if random.random() < 0.1:
            data[:0], protocol = bytes((protocol, random.choice((0, 0, 1)))) + b"\1\4\0\0\0\0", random.choice((0, 43, 60))
        size = len(data) if random.random() < 0.95 else random.randrange(90)
        return b"\x60\0\0\0" + size.to_bytes(2, "big") + bytes((protocol, random.choice((64, 255, 1)))) + src + dst + data

    def frame(self) -> bytes:
        """What follows the addresses of a frame."""
        tag = self.random.choice((b"", b"\x81\0\0\5"))
        packet = tag + (b"\x08\0" + self.ip4() if tag or self.random.random() < 0.6 else b"\x86\xdd" + self.ip6())
        return self.broken(packet) if self.random.random() < 0.2 else packet

    def broken(self, data: bytes) -> bytes:
        """With an octet changed or the end cut off."""
        changed = bytearray(data)
        if changed and self.random.random() < 0.5:
            changed[self.random.randrange(len(changed))] = self.random.randrange(256)
        return bytes(changed[: self.random.randrange(len(changed) + 1)] if self.random.random() < 0.5 else changed)


def said(wire: Wire, script: str) -> bytes:
    """Run commands."""
    out = wire.session.feed(script)
    assert not wire.kernel.panics, wire.kernel.panics[0]
    return out


@pytest.mark.parametrize("part", SCRIPTS)
def test_packets(part: str) -> None:
    """Packets in both directions through a part that looks into them."""
    wire, packets = Wire(), Packets(len(part))
    assert said(wire, f"{NET.strip()}\n{SCRIPTS[part].strip()}\n") == b""
    for _ in range(700):
        wire.send(b"", packets.frame())
    said(wire, SEEN)


GRAPHS: dict[str, tuple[str, ...]] = {
    # Lines for ngctl in whose node "me" (a socket's) hooks a, b, c end; the data is sent to them.
    "ppp": (
        "mkpeer me: ppp a link0",
        "name me:a n",
        "connect me: n: b link1",
        "connect me: n: c bypass",
        "mkpeer n: iface inet inet",
        "mkpeer n: vjc vjc_ip ip",
        "name n:vjc_ip v",
        "connect n: v: vjc_vjcomp vjcomp",
        "connect n: v: vjc_vjuncomp vjuncomp",
        "connect n: v: vjc_vjip vjip",
        "mkpeer n: deflate decompress decomp",
        "mkpeer n: mppc decrypt decomp",
        "msg n: setconfig { bund={ mrru=1600 enableMultilink=1 enableIP=1 enableDecompression=1 enableDecryption=1"
        " enableVJDecompression=1 } links=[ { enableLink=1 mru=1500 } { enableLink=1 mru=1500 } ] }",
        "msg n:decompress config { enable=1 windowBits=15 }",
        "msg n:decrypt config { enable=1 bits=0x40 }",
        "msg v: setconfig { enableDecomp=1 maxChannel=15 compressCID=1 }",
    ),
    "vjc": (
        "mkpeer me: vjc a vjcomp",
        "name me:a n",
        "connect me: n: b vjuncomp",
        "connect me: n: c ip",
        "msg n: setconfig { enableComp=1 enableDecomp=1 maxChannel=15 compressCID=1 }",
    ),
    "deflate": ("mkpeer me: deflate a decomp", "msg me:a config { enable=1 windowBits=15 }"),
    "pred1": ("mkpeer me: pred1 a decomp", "msg me:a config { enable=1 }"),
    "mppc": ("mkpeer me: mppc a decomp", "msg me:a config { enable=1 bits=0x41 }"),
    "mppe": ("mkpeer me: mppc a decomp", "msg me:a config { enable=1 bits=0x1000040 startkey=[ 1 2 3 4 5 6 7 8 ] }"),
    "pppoe": (
        "mkpeer me: pppoe a ethernet",
        "name me:a n",
        "connect me: n: b s1",
        "connect me: n: c s2",
        'msg n: pppoe_listen "s1"',
        'msg n: pppoe_connect "s2"',
    ),
    "l2tp": (
        "mkpeer me: l2tp a lower",
        "name me:a n",
        "connect me: n: b ctrl",
        "connect me: n: c session_0001",
        "msg n: setconfig { enabled=1 tunnel_id=1 peer_id=2 peer_win=4 }",
        "msg n: setsessconfig { session_id=1 peer_id=1 control_dseq=1 enable_dseq=1 }",
    ),
    "pptpgre": (
        "mkpeer me: pptpgre a lower",
        "name me:a n",
        "connect me: n: b session_0001",
        "msg n: setconfig { enabled=1 enableDelayedAck=1 cid=1 peerCid=16 recvWin=16 peerPpd=1 }",
    ),
    "async": (
        "mkpeer me: async a async",
        "name me:a n",
        "connect me: n: b sync",
        "msg n: setconfig { enabled=1 amru=1600 smru=1600 }",
    ),
    "netflow": (
        "mkpeer me: netflow a iface0",
        "name me:a n",
        "connect me: n: b export",
        "connect me: n: c export9",
        "msg n: setconfig { iface=0 conf=3 }",
    ),
    "netflow_raw": ("mkpeer me: netflow a iface0", "name me:a n", "connect me: n: b export", "msg n: setdlt { iface=0 dlt=12 }"),
    "nat": ("mkpeer me: nat a in", "name me:a n", "connect me: n: b out", "msg n: setaliasaddr 10.0.0.1"),
    "cisco": ("mkpeer me: cisco a downstream", "connect me: me:a b inet", "connect me: me:a c inet6"),
    "lmi": ("mkpeer me: frame_relay a downstream", "name me:a n", "mkpeer n: lmi dlci0 auto0", "connect me: n: b dlci16"),
    "rfc1490": ("mkpeer me: rfc1490 a downstream", "connect me: me:a b inet", "connect me: me:a c ppp"),
    "checksum": (
        "mkpeer me: checksum a in",
        "name me:a n",
        "connect me: n: b out",
        "msg n: setdlt 1",
        "msg n: setconfig { csum_flags=0xffffffff csum_offload=0 }",
    ),
    "tcpmss": (
        "mkpeer me: tcpmss a x",
        "name me:a n",
        "connect me: n: b y",
        'msg n: config { inHook="x" outHook="y" maxMSS=500 }',
    ),
    "car": ("mkpeer me: car a upper", "connect me: me:a b lower"),
    "vlan": (
        "mkpeer me: vlan a downstream",
        "name me:a n",
        "connect me: n: b v5",
        'msg n: addfilter { vlan=5 hook="v5" }',
        "connect me: n: c nomatch",
    ),
    "macfilter": ("mkpeer me: macfilter a ether", "connect me: me:a b default"),
    "etf": (
        "mkpeer me: etf a downstream",
        "name me:a n",
        "connect me: n: b nomatch",
        "connect me: n: c x",
        'msg n: setfilter { matchhook="x" ethertype=0x800 }',
    ),
}

STARTS = {
    "ppp": (
        "ff030021",
        "ff03003d",
        "003d",
        "3dc0",
        "21",
        "00fd",
        "fd",
        "0053",
        "002d",
        "002f",
        "c021",
        "80fd",
        "ff03c02101010004",
    ),
    "vjc": ("45", "70", "00", "ff", "7f0001"),
    "deflate": ("0000", "0001", "00fd0000", "fd0000"),
    "pred1": ("0010", "8010", "0004"),
    "mppc": ("a000", "8000", "c001"),
    "mppe": ("9000", "9001", "1000"),
    "async": ("7eff03", "ff03", "7e7d5e", "7e"),
    "pppoe": (
        "ffffffffffff020000000005886311090000",
        "ffffffffffff0200000000058863110700000008",
        "0200000000010200000000058863116500010004",
        "02000000000102000000000588641100000100040021",
        "02000000000102000000000588631119000100080101000001040000",
    ),
    "l2tp": ("c8020014000100000000000080080000", "c802000c0001000000000000", "4802000c00010001", "0002000100010000", "c80200ff"),
    "pptpgre": ("3001880b00100001", "3081880b0010000100000000", "2081880b0000000100000000"),
    "cisco": ("8f000800", "0f008035", "8f0086dd", "8f00803500000000"),
    "lmi": ("000103", "0c0103", "08000308007501010351010053020000"),
    "rfc1490": ("03cc", "0380800080c2", "03cf", "038e"),
    "vlan": ("ffffffffffff02000000000581000005", "ffffffffffff020000000005"),
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_nodes(graph: str) -> None:
    """Data into a node that is set up for it."""
    wire, packets = Wire(), Packets(len(graph))
    kind = graph.partition("_")[0]
    starts = [
        bytes.fromhex(text) for text in STARTS.get(kind, ("", 12 * "00" + "0800", 12 * "00" + "86dd", 12 * "00" + "81000005"))
    ]
    script = "\n".join(GRAPHS[graph])
    random = packets.random
    done: list[int] = []

    async def play(sysent: Any) -> int:
        control, data = sysent.socket(AF_NETGRAPH, SOCK_DGRAM, NG_CONTROL), sysent.socket(AF_NETGRAPH, SOCK_DGRAM, NG_DATA)
        sysent.bind(control, SockaddrNg("me"))
        sysent.sigaction(SIGPIPE, SIG_IGN)
        await sysent.connect(data, SockaddrNg("me:"))
        await sysent.nanosleep(10**9)
        for _ in range(400):
            body = random.choice((packets.ip4(), packets.ip6(), packets.noise(200)))
            body = packets.broken(random.choice(starts) + body)
            try:
                await sysent.sendto(data, body, SockaddrNg(random.choice("aaabc")))
            except KError as e:
                done.append(e.errno)
            else:
                done.append(0)
            if random.random() < 0.05:
                await sysent.nanosleep(random.randrange(3 * 10**9))
        return 0

    said(wire, "kldload ng_socket\n")
    process = wire.session.machine.process(play)
    assert said(wire, f"cat > /tmp/lines <<'EOF'\n{script}\nEOF\nngctl -f /tmp/lines\n") == b""
    wire.session.machine.finish(process)
    said(wire, "ngctl list; sleep 100; for n in n v me:a; do ngctl show $n:; ngctl msg $n: getstats; done\n")
    assert len(done) == 400


CODES = [
    *(0x00 | size | mode for size in (0, 8, 16) for mode in (0x20, 0x40)),
    0x00,
    0x80,
    0x60,
    0x01,
    0x61,
    0x81,
    0xB1,
    0x02,
    0x03,
    *(0x04 | op << 4 | src for op in range(11) for src in (0, 8)),
    0x84,
    0x05,
    *(0x05 | op << 4 | src for op in range(1, 5) for src in (0, 8)),
    0x07,
    0x87,
    0x16,
    0x06,
]


def program(random: Random) -> tuple[tuple[int, int, int, int], ...]:
    """A filter, most of the time one that may be used."""
    size = random.randrange(1, 12)
    body = [
        (
            random.choice(CODES),
            random.randrange(size),
            random.randrange(size),
            random.choice((0, 1, 12, 14, 30, 0xFFFFFFFF, random.getrandbits(32))),
        )
        for _ in range(size)
    ]
    # Jumps and places in memory that fit; one in ten programs stays as it is.
    if random.random() < 0.9:
        body = [
            (code, jt % (size - i), jf % (size - i), k % (size - i) if code == 5 else k % 16 if code in (2, 3, 0x60, 0x61) else k)
            for i, (code, jt, jf, k) in enumerate(body)
        ]
    return (*body, (6, 0, 0, random.choice((0, 40, 0xFFFFFFFF))))


def test_filters() -> None:
    """Any program, any packet, any write."""
    wire, packets = Wire(), Packets(1)
    random = packets.random
    taken = [0, 0, 0]

    async def play(sysent: Any) -> int:
        fd = sysent.open("/dev/bpf", O_RDWR | O_NONBLOCK)
        sysent.ioctl(fd, B.BIOCSETIF("epair0a"))
        sysent.ioctl(fd, B.BIOCIMMEDIATE(1))
        size = sysent.ioctl(fd, B.BIOCGBLEN())
        for _ in range(300):
            try:
                sysent.ioctl(fd, random.choice((B.BIOCSETF, B.BIOCSETF, B.BIOCSETWF))(program(random)))
                taken[0] += 1
            except KError:
                pass
            for _ in range(3):
                wire.send(b"", packets.frame())
            try:
                await sysent.write(fd, packets.broken(random.choice((b"\xff" * 6, wire.lladdr)) + bytes(6) + packets.frame()))
                taken[1] += 1
            except KError:
                pass
            try:
                taken[2] += bool(await sysent.read(fd, size))
            except KError:
                pass
            await sysent.nanosleep(random.randrange(10**7))
        return 0

    process = wire.session.machine.process(play)
    wire.session.machine.finish(process)
    said(wire, "netstat -B; ifconfig epair0a\n")
    assert all(count > 30 for count in taken), taken
