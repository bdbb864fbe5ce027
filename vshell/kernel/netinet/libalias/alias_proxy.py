"""Transparent proxies: packets for a service are sent to a server of ours instead (libalias/alias_proxy.c)."""

from __future__ import annotations

from vshell.abi.socket import IPPROTO_TCP, IPPROTO_UDP
from vshell.kernel.netinet.libalias.alias_db import AliasLink, Libalias
from vshell.kernel.netinet.libalias.alias_util import TH_RES1, adjust, get16, put16
from vshell.wire.ip import inet_ntoa

ENCODE_NONE, ENCODE_TCPSTREAM, ENCODE_IPHDR = 1, 2, 3
TYPES = {"encode_ip_hdr": ENCODE_IPHDR, "encode_tcp_stream": ENCODE_TCPSTREAM, "no_encode": ENCODE_NONE}
PROTOS = {"tcp": IPPROTO_TCP, "udp": IPPROTO_UDP}
OPTION_LEN = 8
MAX_COMMAND = 255


class ProxyEntry:
    """struct proxy_entry."""

    __slots__ = ("dst", "kind", "proto", "proxy_port", "rule", "server", "server_port", "src")

    def __init__(self) -> None:
        self.rule, self.kind, self.proto = 0, ENCODE_NONE, IPPROTO_TCP
        self.proxy_port = self.server_port = 0
        self.server = bytes(4)
        self.src = self.dst = (0, 0)
        """Address and mask."""


def proxy_check(la: Libalias, data: bytearray, off: int, dport: int) -> tuple[int, tuple[bytes, int]]:
    """ProxyCheck: how a packet is to be redirected, and where to; 0 if it is not."""
    for entry in la.proxyList:
        if entry.proxy_port not in (0, dport) or entry.proto != data[off + 9]:
            continue
        if data[off + 12 : off + 16] == entry.server:
            continue
        src, dst = int.from_bytes(data[off + 12 : off + 16], "big"), int.from_bytes(data[off + 16 : off + 20], "big")
        if src & entry.src[1] == entry.src[0] and dst & entry.dst[1] == entry.dst[0]:
            return entry.kind, (entry.server, entry.server_port or dport)
    return 0, (b"", 0)


def proxy_modify(lnk: AliasLink, data: bytearray, off: int, room: int, kind: int) -> None:
    """ProxyModify: tell the server where the packet was going."""
    if kind == ENCODE_IPHDR:
        _encode_ip_header(data, off)
    elif kind == ENCODE_TCPSTREAM:
        _encode_tcp_stream(lnk, data, off, room)


def _set_length(data: bytearray, off: int, length: int) -> None:
    adjust(data, off + 10, get16(data, off + 2) - length)
    put16(data, off + 2, length)


def _encode_tcp_stream(lnk: AliasLink, data: bytearray, off: int, room: int) -> None:
    """A line in front of the first data of the stream."""
    if lnk.acks is not None:
        return
    text = f"[DEST {inet_ntoa(lnk.proxy_addr)} {lnk.proxy_port}]"
    line = (text + ("\n" if len(text) % 2 else " \n")).encode()
    length = get16(data, off + 2)
    tc = off + ((data[off] & 15) << 2)
    start = tc + (data[tc + 12] >> 4 << 2)
    size = off + length - start
    if length + len(line) > room or size <= 0:
        return
    data[start:start] = line
    lnk.AddSeq(len(line), int.from_bytes(data[tc + 4 : tc + 8], "big"), size)
    _set_length(data, off, length + len(line))
    put16(data, tc + 16, 0)
    data[tc + 12] |= TH_RES1


def _encode_ip_header(data: bytearray, off: int) -> None:
    """An option with the address and the port."""
    if data[off] & 15 > 13:
        return
    tc = off + ((data[off] & 15) << 2)
    option = bytes((0x64, OPTION_LEN)) + data[off + 16 : off + 20] + data[tc : tc + 2]
    data[off + 20 : off + 20] = option
    acc = get16(data, off) - sum(get16(bytearray(option), i) for i in range(0, OPTION_LEN, 2))
    data[off] += OPTION_LEN >> 2
    adjust(data, off + 10, acc - get16(data, off))
    _set_length(data, off, get16(data, off + 2) + OPTION_LEN)


# rules ---------------------------------------------------------------------------------------------------------


def _inet_aton(text: str) -> bytes | None:
    parts = text.split(".")
    if len(parts) != 4 or not all(p.isascii() and p.isdigit() and int(p) < 256 for p in parts):
        return None
    return bytes(int(p) for p in parts)


def _number(text: str) -> int | None:
    """sscanf("%d")."""
    text = text.lstrip()
    end = 1 if text[:1] in ("-", "+") else 0
    while text[end : end + 1].isascii() and text[end : end + 1].isdigit():
        end += 1
    try:
        return int(text[:end])
    except ValueError:
        return None


def _prefix(text: str) -> tuple[int, int] | None:
    name, slash, bits = text.partition("/")
    addr = _inet_aton(name)
    count = _number(bits) if slash else 32
    if addr is None or count is None or not 0 <= count <= 32:
        return None
    mask = 0xFFFFFFFF << 32 - count & 0xFFFFFFFF
    return int.from_bytes(addr, "big") & mask, mask


def _keyword(entry: ProxyEntry, word: str, value: str, ports: dict[str, str]) -> bool:
    """One keyword with its value; False if that is wrong."""
    if word == "type" and value in TYPES:
        entry.kind = TYPES[value]
    elif word == "proto" and value in PROTOS:
        entry.proto = PROTOS[value]
    elif word == "port":
        ports["proxy"] = value
    elif word == "server":
        name, colon, port = value.partition(":")
        addr = _inet_aton(name)
        if addr is None or (colon and not port):
            return False
        entry.server = addr
        ports["server"] = port
    elif word == "rule":
        number = _number(value)
        if number is None or number < 0:
            return False
        entry.rule = number
    elif word in ("src", "dst"):
        prefix = _prefix(value)
        if prefix is None:
            return False
        setattr(entry, word, prefix)
    else:
        return False
    return True


def LibAliasProxyRule(la: Libalias, command: str) -> int:
    """`server ADDR[:PORT] [port N] [rule N] [proto P] [src ADDR[/N]] [dst ADDR[/N]] [type T]` or `delete N`; -1 if wrong."""
    command = command.lstrip(" \t")
    words = command.lower().split()
    if len(command) > MAX_COMMAND or not words:
        return -1
    entry = ProxyEntry()
    ports: dict[str, str] = {}
    for i in range(0, len(words) - 1, 2):
        if words[i] == "delete":
            return _delete(la, words[1]) if i == 0 else -1
        if not _keyword(entry, words[i], words[i + 1], ports):
            return -1
    if len(words) % 2 and words[-1] not in ("type", "port", "server", "rule", "delete", "proto", "src", "dst"):
        return -1
    for name, text in ports.items():
        number = _number(text) if text else 0
        if number is None:
            return -1
        setattr(entry, f"{name}_port", number & 0xFFFF)
    if entry.server == bytes(4):
        return -1
    at = next((i for i, other in enumerate(la.proxyList) if other.rule >= entry.rule), len(la.proxyList))
    la.proxyList.insert(at, entry)
    return 0


def _delete(la: Libalias, text: str) -> int:
    number = _number(text)
    left = [entry for entry in la.proxyList if entry.rule != number]
    if number is None or len(left) == len(la.proxyList):
        return -1
    la.proxyList = left
    return 0
