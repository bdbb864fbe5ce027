"""Addresses, MAC addresses, interfaces and tables in rules (fill_ip, fill_ip6, fill_iface, fill_table of sbin/ipfw)."""

from __future__ import annotations

from vshell.abi.ip_fw import (
    F_NOT,
    O_IP6_DST,
    O_IP6_DST_MASK,
    O_IP6_DST_ME,
    O_IP6_SRC,
    O_IP6_SRC_MASK,
    O_IP6_SRC_ME,
    O_IP_DST,
    O_IP_DST_LOOKUP,
    O_IP_DST_MASK,
    O_IP_DST_ME,
    O_IP_DST_SET,
    O_IP_SRC,
    O_IP_SRC_LOOKUP,
    O_IP_SRC_MASK,
    O_IP_SRC_ME,
    O_IP_SRC_SET,
)
from vshell.abi.socket import AF_INET6
from vshell.commands.ipfw.cmdline import Options, substrcmp
from vshell.commands.ipfw.insn import Cmd, strtoul
from vshell.commands.ipfw.words import EX_DATAERR, EX_NOHOST, EX_USAGE, TVALUES, contigmask
from vshell.userland.addr import ether_aton, inet_aton, inet_pton6, plen2mask
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.netdb import gethostbyname

ALL = 0xFFFFFFFF
SIDE4 = {
    False: (O_IP_DST, O_IP_DST_MASK, O_IP_DST_ME, O_IP_DST_SET, O_IP_DST_LOOKUP),
    True: (O_IP_SRC, O_IP_SRC_MASK, O_IP_SRC_ME, O_IP_SRC_SET, O_IP_SRC_LOOKUP),
}
SIDE6 = {False: (O_IP6_DST, O_IP6_DST_MASK, O_IP6_DST_ME), True: (O_IP6_SRC, O_IP6_SRC_MASK, O_IP6_SRC_ME)}


def find_any(text: str, chars: str) -> int:
    """strpbrk(3) as an index, -1 if there is none."""
    return min((i for i in (text.find(c) for c in chars) if i >= 0), default=-1)


def check_name(name: str) -> bool:
    """ipfw_check_object_name: is it fit for a table, a state, an action?"""
    return 0 < len(name) < 64 and all(c.isascii() and (c.isalnum() or c in "_-.") for c in name)


def table_name_ok(name: str) -> bool:
    """table_check_name."""
    return check_name(name) and name != "all"


def fill_table(o: Options, cmd: Cmd, text: str, opcode: int) -> None:
    """table(NAME[,[KEY=]VALUE])."""
    close = text.find(")", 6)
    if close < 0:
        o.errx(EX_DATAERR, f"forgotten parenthesis: '{text}'")
    name, comma, value = text[6:close].partition(",")
    if not table_name_ok(name):
        o.errx(EX_DATAERR, f"Invalid table name: {name}")
    if not comma:
        cmd.fill(opcode, 0, (name,), 2)
        return
    key, equals, number = value.partition("=")
    if not equals:
        key, number = "tag", value
    elif key not in TVALUES:
        o.errx(EX_USAGE, f"format: unknown table value name {key}")
    cmd.fill(opcode, 0, (name, key, table_value(o, key, number)), 6)


def table_value(o: Options, key: str, text: str) -> int | bytes:
    """The value a table entry must have."""
    if key == "nh6":
        addr = inet_pton6(text)
        if addr is None:
            o.errx(EX_USAGE, "invalid IPv6 address provided")
        return addr
    if "." in text:
        addr = inet_aton(text)
        if addr is None:
            o.errx(EX_USAGE, "invalid IPv4 address provided")
        return int.from_bytes(addr, "big")
    return strtoul(text)


def lookup_host(o: Options, text: str) -> int:
    """An IPv4 address by number or name."""
    addr = inet_aton(text)
    if addr is None:
        found = gethostbyname(o.p, text) if text else []
        if not found:
            o.errx(EX_NOHOST, f"hostname ``{text}'' unknown")
        addr = found[0]
    return int.from_bytes(addr, "big")


def _entry(o: Options, text: str) -> tuple[int, int, str | None]:
    """One item of a list: (address, mask, the rest from its separator on)."""
    at = find_any(text, "/:,{")
    mark = text[at] if at >= 0 else ""
    addr = lookup_host(o, text[:at] if at >= 0 else text)
    rest = text[at + 1 :]
    end = find_any(rest, ",{")
    arg = rest if end < 0 else rest[:end]
    mask = ALL
    if mark == ":":
        found = inet_aton(arg)
        if found is None:
            o.errx(EX_DATAERR, f"bad netmask ``{arg}''")
        mask = int.from_bytes(found, "big")
    elif mark == "/":
        width = atoi(arg)
        if width > 32:
            o.errx(EX_DATAERR, f"bad width ``{arg}''")
        # The processor shifts by the low five bits, so that /-1 is /31.
        mask = 0 if width == 0 else ALL << (32 - width & 31) & ALL
    elif mark == "{":
        return addr & 0xFFFFFF00, 0xFFFFFF00, text[at:]
    elif mark == ",":
        return addr, ALL, text[at:]
    return addr & mask, mask, rest[end:] if at >= 0 and end >= 0 else None


def _fill_set(o: Options, cmd: Cmd, base: int, mask: int, text: str, opcode: int) -> None:
    """ADDR/LEN{low-high,...}: a bit for each address of a small net."""
    width = contigmask(mask.to_bytes(4, "big"))
    if not 24 <= width <= 31:
        o.errx(EX_DATAERR, f"invalid set with mask {width}\n")
    count = 1 << (32 - width)
    low, bits, start = base & 0xFF, 0, -1
    high = low + count - 1
    while text[:1].isascii() and text[:1].isdigit():
        number, rest, _ = strtol(text, 0)
        if not low <= number <= high:
            o.errx(EX_DATAERR, f"addr {number} out of range [{low}-{high}]\n")
        number -= low
        if start == -1:
            start = number
        else:
            if start > number:
                o.errx(EX_DATAERR, f"invalid range {start + low}-{number + low}")
            if rest[:1] == "-":
                o.errx(EX_DATAERR, "double '-' in range")
        for i in range(start, number + 1):
            bits |= 1 << i
        start = number if rest[:1] == "-" else -1
        if rest[:1] == "}":
            break
        text = rest[1:]
    cmd.fill(opcode, count, (base, bits), 2 + (count + 31) // 32)


def add_ip(o: Options, cmd: Cmd, text: str, source: bool) -> None:
    """add_srcip, add_dstip; "any" leaves the instruction empty."""
    one, many, me, some, table = SIDE4[source]
    cmd.size = 0
    cmd.opcode = many
    if substrcmp(o, text, "any"):
        return
    if substrcmp(o, text, "me"):
        cmd.fill(me)
        return
    if text.startswith("table("):
        fill_table(o, cmd, text, table)
        return
    pairs: list[object] = []
    rest: str | None = text
    while rest is not None:
        addr, mask, rest = _entry(o, rest)
        if rest is not None and rest[0] == "{":
            if pairs:
                o.errx(EX_DATAERR, "address set cannot be in a list")
            _fill_set(o, cmd, addr, mask, rest[1:], some)
            return
        rest = rest[1:] if rest is not None else None
        if mask == 0:
            if cmd.flags & F_NOT and rest is None and not pairs:
                o.errx(EX_DATAERR, "not any never matches")
            return
        if mask == ALL and rest is None and not pairs:
            cmd.fill(one, 0, (addr,), 2)
            return
        pairs += (addr, mask)
    if len(pairs) + 1 > 0x3F:
        o.errx(EX_DATAERR, "address list too long")
    cmd.fill(many, 0, tuple(pairs), len(pairs) + 1)


def add_ip6(o: Options, cmd: Cmd, text: str, source: bool) -> None:
    """add_srcip6, add_dstip6.  A list of nothing but ::/0 has the size of "me6" and is taken for it."""
    one, many, me = SIDE6[source]
    cmd.size = 0
    if text == "any":
        return
    if text in ("me", "me6"):
        cmd.fill(me)
        return
    if text.startswith("table("):
        fill_table(o, cmd, text, SIDE4[source][4])
        return
    pairs: list[object] = []
    items = text.split(",")
    for i, item in enumerate(items):
        last = i == len(items) - 1
        addr, mask, width = _entry6(o, item)
        if width == 0:
            if cmd.flags & F_NOT and last and not pairs:
                o.errx(EX_DATAERR, "not any never matches")
            continue
        if width == 128 and last and not pairs:
            cmd.fill(one, 0, (addr,), 5)
            return
        pairs += (addr, mask)
    if len(pairs) * 4 + 1 > 0x3F:
        o.errx(EX_DATAERR, "address list too long")
    if pairs:
        cmd.fill(many, 0, tuple(pairs), 1 + 4 * len(pairs))
    else:
        cmd.fill(me)


def _entry6(o: Options, item: str) -> tuple[bytes, bytes, int]:
    host, slash, arg = item.partition("/")
    addr = inet_pton6(host)
    if addr is None:
        found = gethostbyname(o.p, host, AF_INET6) if host else []
        if not found:
            o.errx(EX_DATAERR, f'bad address "{host}"')
        addr = found[0]
    if slash and ":" in arg:
        given = inet_pton6(arg)
        if given is None:
            o.errx(EX_DATAERR, f'bad mask "{arg}"')
        mask, width = given, contigmask(given)
    else:
        width = atoi(arg) if slash else 128
        if not 0 <= width <= 128:
            o.errx(EX_DATAERR, f"bad width \"{arg}''")
        mask = plen2mask(width, 16)
    return bytes(a & m for a, m in zip(addr, mask, strict=True)), mask, width


def add_address(o: Options, cmd: Cmd, text: str, proto: int, source: bool) -> None:
    """add_src, add_dst: of the family the protocol or the first address says."""
    at = find_any(text, "/,")
    host = text[:at] if at >= 0 else text
    if proto == 41 or text == "me6" or inet_pton6(host) is not None:
        add_ip6(o, cmd, text, source)
    else:
        add_ip(o, cmd, text, source)


def fill_iface(o: Options, cmd: Cmd, opcode: int, text: str) -> None:
    """An interface by name, pattern, address or table; "any" is no condition."""
    if text == "any":
        cmd.clear()
        return
    if text.startswith("table("):
        close = text.find(")", 6)
        if close < 0:
            o.errx(EX_DATAERR, f"forgotten parenthesis: '{text}'")
        name = text[6:close].partition(",")[0]
        if not table_name_ok(name):
            o.errx(EX_DATAERR, f"Invalid table name: {name}")
        cmd.fill(opcode, 0, ("table", name), 6)
    elif not (text[:1].isascii() and text[:1].isdigit()):
        cmd.fill(opcode, 0, ("glob" if find_any(text, "*?[") >= 0 else "name", text[:15]), 6)
    else:
        addr = inet_aton(text)
        if addr is None:
            o.errx(EX_DATAERR, f"bad ip address ``{text}''")
        cmd.fill(opcode, 0, ("addr", addr), 6)


def mac_mask(o: Options, text: str) -> tuple[bytes, bytes]:
    """get_mac_addr_mask: ADDR[/LEN or &MASK], or any."""
    if text == "any":
        return bytes(6), bytes(6)
    at = find_any(text, "&/")
    addr = _mac(text if at < 0 else text[:at])
    if addr is None:
        o.errx(EX_DATAERR, "Incorrect MAC address")
    mask: bytes | None = b"\xff" * 6
    if at >= 0 and text[at] == "/":
        width, rest, _ = strtol(text[at + 1 :])
        if rest or not 0 <= width <= 48:
            o.errx(EX_DATAERR, "Incorrect mask length")
        mask = plen2mask(width, 6)
    elif at >= 0:
        mask = _mac(text[at + 1 :])
    if mask is None:
        o.errx(EX_DATAERR, "Incorrect mask")
    return bytes(a & m for a, m in zip(addr, mask, strict=True)), mask


def _mac(text: str) -> bytes | None:
    """ether_aton(3), which does not mind what follows the sixth number."""
    if any(c not in "0123456789abcdefABCDEF:" for c in text):
        return None
    return ether_aton(":".join(text.split(":")[:6]))
