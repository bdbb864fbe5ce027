"""Words of a filter expression (scanner.l): the longest match counts, of equally long ones the first rule."""

from __future__ import annotations

import re

from vshell.userland.addr import inet_pton6
from vshell.userland.pcap.icode import FilterError

M32 = 0xFFFFFFFF
_B = "[0-9A-Fa-f][0-9A-Fa-f]?"
_B2 = "[0-9A-Fa-f]{4}"
_W = "[0-9A-Fa-f]{1,4}"
_N = "(?:0[xX][0-9A-Fa-f]+|[0-9]+)"
MAC = re.compile(f"(?:{_B}:){{5}}{_B}|(?:{_B}-){{5}}{_B}|(?:{_B}\\.){{5}}{_B}|{_B2}\\.{_B2}\\.{_B2}|[0-9A-Fa-f]{{12}}")
NUM = re.compile(_N)
HID = re.compile(f"{_N}(?:\\.{_N}){{1,3}}")
V6 = re.compile(f"(?:{_W})?(?::(?:{_W})?)+(?::{_N}\\.{_N}\\.{_N}\\.{_N}|\\.{_N}\\.{_N}\\.{_N})?")
BOGUS = re.compile(f"{_B}:+(?:{_B}:+)+")
AID = re.compile(f"\\${_B}")
ID = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?")
ESCAPED = re.compile(r"\\[^ !()\n\t]+")

ALIASES = {
    "ether": "link", "ppp": "link", "slip": "link", "fddi": "link", "tr": "link", "wlan": "link", "es-is": "esis",
    "is-is": "isis", "dir": "direction", "address1": "addr1", "address2": "addr2", "address3": "addr3", "address4": "addr4",
    "length": "len", "on": "ifname", "rset": "ruleset", "rnr": "rulenum", "srnr": "subrulenum", "lsu": "lssu", "not": "!",
    "&&": "and", "||": "or", "==": "=",
}  # fmt: skip
_WORDS = (
    "dst src link arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp radio ip6 icmp6 ah esp atalk aarp decnet lat sca "
    "moprc mopdl iso esis isis l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui host net mask port portrange proto "
    "protochain gateway type subtype direction addr1 addr2 addr3 addr4 ra ta less greater byte broadcast multicast and or "
    "! len inbound outbound ifindex vlan mpls pppoed pppoes geneve lane llc metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic "
    "vpi vci connectmsg metaconnect ifname ruleset rulenum subrulenum reason action fisu lssu msu hfisu hlssu hmsu sio "
    "opc dpc sls hsio hopc hdpc hsls"
)
WORDS = frozenset(_WORDS.split())
ICMP = (
    "echoreply:0 unreach:3 sourcequench:4 redirect:5 echo:8 routeradvert:9 routersolicit:10 timxceed:11 paramprob:12 tstamp:13 "
    "tstampreply:14 ireq:15 ireqreply:16 maskreq:17 maskreply:18"
)
ICMP6 = (
    "destinationunreach:1 packettoobig:2 timeexceeded:3 parameterproblem:4 echo:128 echoreply:129 multicastlistenerquery:130 "
    "multicastlistenerreportv1:131 multicastlistenerdone:132 routersolicit:133 routeradvert:134 neighborsolicit:135 "
    "neighboradvert:136 redirect:137 routerrenum:138 nodeinformationquery:139 nodeinformationresponse:140 "
    "ineighbordiscoverysolicit:141 ineighbordiscoveryadvert:142 multicastlistenerreportv2:143 homeagentdiscoveryrequest:144 "
    "homeagentdiscoveryreply:145 mobileprefixsolicit:146 mobileprefixadvert:147 certpathsolicit:148 certpathadvert:149 "
    "multicastrouteradvert:151 multicastroutersolicit:152 multicastrouterterm:153"
)
TCP = "fin:1 syn:2 rst:4 push:8 ack:16 urg:32 ece:64 cwr:128"


def _constants() -> dict[str, int]:
    found = {"icmptype": 0, "icmpcode": 1, "icmp6type": 0, "icmp6code": 1, "tcpflags": 13}
    for prefix, text in (("icmp-", ICMP), ("icmp6-", ICMP6), ("tcp-", TCP)):
        for entry in text.split():
            name, _, value = entry.partition(":")
            found[prefix + name] = int(value)
    return found


CONSTANTS = _constants()


class Token:
    """A word: its kind ("id", "num", "hid", "hid6", "eid", "aid", "end", "bad", or itself) and what it stands for."""

    __slots__ = ("kind", "text", "value")

    def __init__(self, kind: str, text: str, value: int = 0) -> None:
        self.kind = kind
        self.text = text
        self.value = value


def number(text: str) -> int | None:
    """stoulen: the value of C digits; None if they are none, FilterError for more than 32 bits."""
    if text[:2] in ("0x", "0X"):
        digits, base, limit = text[2:], 16, M32 >> 4
    elif text.startswith("0"):
        digits, base, limit = text[1:], 8, M32 >> 3
    else:
        digits, base, limit = text, 10, M32
    value = 0
    for i, c in enumerate(digits):
        digit = int(c, 16) if c in "0123456789abcdefABCDEF" else 99
        if digit >= base:
            return None
        if (base == 10 and value * 10 + digit > M32) or (base != 10 and value > limit):
            rest = len(digits) - i - 1
            raise FilterError(f"number {text[:rest]} overflows 32 bits")
        value = (value * base + digit) & M32
    return value


def _v6(text: str, at: int) -> int:
    """Where an IPv6 address ends; `at` if there is none."""
    found = V6.match(text, at)
    end = found.end() if found else at
    while end > at + 1:
        word = text[at:end]
        if ":" in word and word.count("::") <= 1 and inet_pton6(word) is not None:
            return end
        end -= 1
    return at


class Scanner:
    """The words of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.error: FilterError | None = None
        """The first complaint."""

    def next(self) -> Token:
        """The next word."""
        text = self.text
        while self.at < len(text) and text[self.at] in " \r\n\t":
            self.at += 1
        if self.at >= len(text):
            return Token("end", "")
        return self.longest(text, self.at)

    def longest(self, text: str, at: int) -> Token:
        """The longest match here."""
        best, kind = 1, text[at] if text[at] in "+-*/%:[]!<>()&|^=" else "bad"
        for word in (">=", "<=", "!=", "==", "<<", ">>", "&&", "||"):
            if text.startswith(word, at):
                best, kind = 2, ALIASES.get(word, word)
        found = ID.match(text, at)
        word = found.group() if found else ""
        if found and ALIASES.get(word, word) in WORDS and len(word) >= best:
            best, kind = len(word), ALIASES.get(word, word)
        for name, pattern in (("aid", AID), ("eid", MAC), ("num", NUM), ("hid", HID)):
            match = pattern.match(text, at)
            if match and len(match.group()) > best - (best == 1):
                best, kind = len(match.group()), name
        end = _v6(text, at)
        if end - at > best:
            best, kind = end - at, "hid6"
        match = BOGUS.match(text, at)
        if match and len(match.group()) > best:
            best, kind = len(match.group()), "bogus"
        if (found and len(word) >= best and kind not in ("aid", "eid", "num", "hid") and kind != ALIASES.get(word, word)) or (
            found and len(word) > best
        ):
            best, kind = len(word), "const" if word in CONSTANTS else "id"
        match = ESCAPED.match(text, at)
        if match:
            best, kind = len(match.group()), "escaped"
        self.at = at + best
        return self.token(kind, text[at : at + best])

    def token(self, kind: str, text: str) -> Token:
        """A word with its value."""
        if kind == "num":
            try:
                value = number(text)
                if value is None:
                    base = "hex" if text[:2] in ("0x", "0X") else "octal"
                    raise FilterError(f"number {text} contains non-{base} digit")
            except FilterError as e:
                self.complain(e)
                return Token("bad", text)
            return Token("num", text, value)
        if kind == "const":
            return Token("num", text, CONSTANTS[text])
        if kind == "escaped":
            return Token("id", text[1:])
        if kind == "bogus":
            self.complain(FilterError(f"bogus ethernet address {text}"))
            return Token("eid", text)
        return Token(kind, text)

    def complain(self, error: FilterError) -> None:
        """Keep the first error."""
        if self.error is None:
            self.error = error
