"""The instruction being put together, and the arguments that many options share (fill_* of sbin/ipfw/ipfw2.c)."""

from __future__ import annotations

from vshell.abi.ip_fw import F_NOT, F_OR, O_NOP, Insn
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.words import (
    DSCP,
    ETHERTYPES,
    EX_DATAERR,
    EXT6HDRS,
    ICMP6CODES,
    ICMPCODES,
    IPPROTO_ETHERTYPE,
)
from vshell.userland.cnumber import strtol
from vshell.userland.netdb import getprotobynumber, getservbyname

KEEP = F_NOT | F_OR


class Cmd:
    """An instruction under construction; one with size 0 is filled again by what comes next, flags included."""

    def __init__(self) -> None:
        self.opcode = 0
        self.flags = 0
        self.arg1 = 0
        self.data: tuple[object, ...] = ()
        self.size = 0

    def fill(self, opcode: int, arg1: int = 0, data: tuple[object, ...] = (), size: int = 1) -> None:
        """fill_cmd and its like."""
        self.opcode, self.arg1, self.data, self.size = opcode, arg1 & 0xFFFF, data, size

    def clear(self) -> None:
        """Forget even the flags."""
        self.flags = self.size = 0

    def freeze(self) -> Insn:
        """The record of it."""
        return Insn(self.opcode, self.flags, self.arg1, self.data, self.size)


def strtoul(text: str, base: int = 0) -> int:
    """The 32 low bits of strtoul(3)."""
    return strtol(text, base)[0] & 0xFFFFFFFF


def protocol_name(o: Options, proto: int) -> str | None:
    """The name getservbyname(3) wants, None for any protocol."""
    return getprotobynumber(o.p, proto)


def strtoport(o: Options, text: str, proto: int, base: int = 0) -> tuple[int, str]:
    """(port or Ethernet type, what follows); what follows is all of the text if there is no such name."""
    if not text:
        return 0, text
    if text[0].isascii() and text[0].isdigit():
        number, rest, _ = strtol(text, base)
        return number & 0xFFFF, rest
    i, name = 0, ""
    while i < len(text) and ((text[i].isascii() and text[i].isalnum()) or text[i] in "\\_."):
        if text[i] == "\\" and i + 1 < len(text):
            i += 1
            if text[i] != "\\":
                name += text[i]
        elif text[i] != "\\":
            name += text[i]
        i += 1
    if proto == IPPROTO_ETHERTYPE:
        return (ETHERTYPES[name], text[i:]) if name in ETHERTYPES else (0, text)
    found = getservbyname(o.p, name, protocol_name(o, proto) if proto else None)
    return (0, text) if found is None else (found[0], text[i:])


def fill_newports(o: Options, cmd: Cmd, text: str, proto: int) -> bool:
    """A list of ports, numbers or names, and ranges; False, with a warning for an odd separator, if it is none."""
    ports: list[object] = []
    more = bool(text)
    while more:
        low, rest = strtoport(o, text, proto)
        if rest == text:
            return False
        high = low
        if rest[:1] == "-":
            text = rest[1:]
            high, rest = strtoport(o, text, proto)
            if rest == text or rest[:1] not in ("", ","):
                return False
        elif rest[:1] not in ("", ","):
            o.warnx(f"port list: invalid separator <{rest[0]}> in <{text}>")
            return False
        ports.append((low, high))
        more, text = bool(rest), rest[1:]
    if len(ports) + 1 > 0x3F:
        o.errx(EX_DATAERR, "too many ports/ranges\n")
    if ports:
        cmd.data, cmd.size = tuple(ports), len(ports) + 1
    return bool(ports)


def fill_flags(o: Options, table: dict[str, int], text: str) -> tuple[int, int] | str:
    """(set, clear) of a list of flags, or the word that is none."""
    wanted = [0, 0]
    while text:
        which = 0
        if text.startswith("!"):
            text, which = text[1:], 1
        word, _, text = text.partition(",")
        if word not in table:
            return word
        wanted[which] |= table[word]
    return wanted[0], wanted[1]


def fill_flags_cmd(o: Options, cmd: Cmd, opcode: int, table: dict[str, int], text: str) -> None:
    """Flags as both halves of the argument."""
    found = fill_flags(o, table, text)
    if isinstance(found, str):
        o.errx(EX_DATAERR, f"invalid flag {found}")
    cmd.fill(opcode, found[0] & 0xFF | (found[1] & 0xFF) << 8)


def fill_dscp(o: Options, cmd: Cmd, opcode: int, text: str) -> None:
    """A set of DiffServ codepoints as a bit mask."""
    mask = 0
    for word in text.split(","):
        if word[:1].isalpha():
            if word not in DSCP:
                o.errx(EX_DATAERR, "Unknown DSCP code")
            code = DSCP[word]
        else:
            code = strtol(word)[0]
            if not 0 <= code <= 63:
                o.errx(EX_DATAERR, "Invalid DSCP value")
        mask |= 1 << code
    cmd.fill(opcode, 0, (mask,), 3)


def fill_mark(o: Options, cmd: Cmd, opcode: int, text: str) -> None:
    """VALUE[:MASK], or tablearg."""
    word, colon, rest = text.partition(":")
    value = 0 if word == "tablearg" else strtoul(word)
    mask = strtoul(rest) if colon else 0xFFFFFFFF
    if value & mask != value:
        shown = f"({c_hex(value)} & {c_hex(mask)}) = {c_hex(value & mask)} != {c_hex(value)}"
        o.errx(EX_DATAERR, f"Static mark value: some bits in value are set that will be masked out by mask {shown}")
    cmd.fill(opcode, 0 if word == "tablearg" else 0x8000, (value, mask), 3)


def c_hex(value: int) -> str:
    """printf("%#x")."""
    return f"{value:#x}" if value else "0"


def fill_icmptypes(o: Options, cmd: Cmd, opcode: int, text: str) -> None:
    """A list of ICMP types as a bit mask."""
    cmd.fill(opcode, 0, (_types(o, text, 31, "ICMP"),), 2)


def fill_icmp6types(o: Options, cmd: Cmd, opcode: int, text: str) -> None:
    """A list of ICMPv6 types as a bit mask; it forgets a "not" in front."""
    cmd.flags = 0
    cmd.fill(opcode, 0, (_types(o, text, 201, "ICMP6"),), 8)


def _types(o: Options, text: str, most: int, what: str) -> int:
    mask = 0
    while text:
        text = text.removeprefix(",")
        number, text, _ = strtol(text, 0)
        if text[:1] not in ("", ","):
            o.errx(EX_DATAERR, f"invalid {what} type")
        number &= 0xFF
        if number > most:
            o.errx(EX_DATAERR, f"{what} type out of range")
        mask |= 1 << number
    return mask


def fill_ext6hdr(o: Options, cmd: Cmd, opcode: int, text: str) -> None:
    """A list of extension headers."""
    mask = 0
    for word in text.split(","):
        if word not in EXT6HDRS:
            o.errx(EX_DATAERR, "invalid option for ipv6 exten header")
        mask |= EXT6HDRS[word]
    cmd.fill(opcode, mask)


def fill_flow6(o: Options, cmd: Cmd, opcode: int, text: str | None) -> None:
    """A list of IPv6 flow labels."""
    if text is None:
        o.errx(EX_DATAERR, "invalid ipv6 flow number (null)")
    flows: list[object] = []
    for word in text.split(","):
        number, rest, _ = strtol(word, 0)
        if rest:
            o.errx(EX_DATAERR, f"invalid ipv6 flow number {rest}")
        if number & 0xFFFFFFFF > 0xFFFFF:
            o.errx(EX_DATAERR, f"flow number out of range {rest}")
        flows.append(number)
    cmd.fill(opcode, len(flows), tuple(flows), 2 + len(flows))


def fill_comment(o: Options, cmd: Cmd, words: list[str]) -> None:
    """Everything after //."""
    if not words:
        cmd.opcode, cmd.size = O_NOP, 0
        return
    if sum(len(w) + 1 for w in words) > 84:
        o.errx(EX_DATAERR, "comment too long (max 80 chars)")
    text = " ".join(words)
    cmd.fill(O_NOP, 0, (text,), 1 + (len(text) + 4) // 4)


def reject_code(o: Options, text: str) -> int:
    """A code of ICMP unreachable by number or name."""
    return _code(o, text, ICMPCODES, "ICMP")


def unreach6_code(o: Options, text: str) -> int:
    """A code of ICMPv6 unreachable."""
    return _code(o, text, ICMP6CODES, "ICMPv6")


def _code(o: Options, text: str, table: dict[str, int], what: str) -> int:
    number, rest, error = strtol(text, 0)
    if error or rest or number >= 0x100:
        number = table.get(text, -1)
    if number < 0:
        o.errx(EX_DATAERR, f"unknown {what} unreachable code ``{text}''")
    return number
