"""Text forms of addresses: inet(3), inet_pton(3), inet_net(3), ether_aton(3), link_addr(3).  Names are netdb.py's matter."""

from __future__ import annotations

from vshell.wire.ip import inet_ntoa as inet_ntoa
from vshell.wire.ip6 import is_linklocal as is_linklocal
from vshell.wire.ip6 import is_scoped as is_scoped
from vshell.wire.ip6 import masked as masked

_SPACE = " \t\n\v\f\r"


# IPv4 ----------------------------------------------------------------------------------------------------------


def inet_aton(text: str) -> bytes | None:
    """inet_aton(3): one to four numbers, decimal, octal or hexadecimal; the last fills the rest.  White space may follow."""
    if not text or not ("0" <= text[0] <= "9"):
        return None
    for i, c in enumerate(text):
        if c in _SPACE:
            text = text[:i]
            break
    parts = text.split(".")
    if len(parts) > 4:
        return None
    numbers = []
    for part in parts:
        number = _c_number(part)
        if number is None:
            return None
        numbers.append(number)
    value = 0
    for number in numbers[:-1]:
        if number > 0xFF:
            return None
        value = value << 8 | number
    left = 8 * (5 - len(numbers))
    if numbers[-1] >> left:
        return None
    return (value << left | numbers[-1]).to_bytes(4, "big")


def _c_number(text: str) -> int | None:
    """A whole number in C's notations."""
    try:
        if text[:2] in ("0x", "0X"):
            return int(text[2:], 16) if text.isascii() and text[2:].isalnum() else None
        if not (text.isascii() and text.isdigit()):
            return None
        return int(text, 8 if text[0] == "0" else 10)
    except ValueError:
        return None


def inet_pton4(text: str) -> bytes | None:
    """inet_pton(AF_INET): exactly four decimal numbers without leading zeros."""
    parts = text.split(".")
    if len(parts) != 4:
        return None
    for part in parts:
        if not (part.isascii() and part.isdigit()) or len(part) > 3 or int(part) > 255 or (len(part) > 1 and part[0] == "0"):
            return None
    return bytes(int(part) for part in parts)


# IPv6 ----------------------------------------------------------------------------------------------------------


def inet_pton6(text: str) -> bytes | None:
    """inet_pton(AF_INET6), without scope."""
    head, gap, tail = text.partition("::")
    front = _groups(head, not gap)
    back = _groups(tail, True) if gap else b""
    if front is None or back is None:
        return None
    if not gap:
        return front if len(front) == 16 else None
    if len(front) + len(back) > 14:
        return None
    return front + bytes(16 - len(front) - len(back)) + back


def _groups(text: str, last: bool) -> bytes | None:
    """Groups of hexadecimal digits, with an IPv4 address at the very end if `last`."""
    if not text:
        return b""
    out = b""
    parts = text.split(":")
    for i, part in enumerate(parts):
        if last and i == len(parts) - 1 and "." in part:
            four = inet_pton4(part)
            return out + four if four is not None else None
        if not 1 <= len(part) <= 4 or any(c not in "0123456789abcdefABCDEF" for c in part):
            return None
        out += int(part, 16).to_bytes(2, "big")
    return out


def inet_ntop6(addr: bytes) -> str:
    """inet_ntop(AF_INET6), without scope."""
    words = [addr[i] << 8 | addr[i + 1] for i in range(0, 16, 2)]
    base, length = _longest_zeros(words)
    if length < 2:
        base = -1
    out = ""
    i = 0
    while i < 8:
        if i == base:
            out += ":" if i == 0 else ""
            i += length
            out += ":"
            continue
        if i == 6 and base == 0 and (length == 6 or (length == 5 and words[5] == 0xFFFF)):
            return out + inet_ntoa(addr[12:])
        out += f"{words[i]:x}" + (":" if i < 7 else "")
        i += 1
    return out


def _longest_zeros(words: list[int]) -> tuple[int, int]:
    """(start, length) of the first longest run of zeros."""
    best, best_length, i = -1, 0, 0
    while i < 8:
        j = i
        while j < 8 and words[j] == 0:
            j += 1
        if j - i > best_length:
            best, best_length = i, j - i
        i = j + 1
    return best, best_length


def inet_ntop(addr: bytes) -> str:
    """An address of 4 or 16 octets."""
    return inet_ntoa(addr) if len(addr) == 4 else inet_ntop6(addr)


def inet_pton(text: str) -> bytes | None:
    """An address of either family."""
    return inet_pton6(text) if ":" in text else inet_pton4(text)


# prefixes ------------------------------------------------------------------------------------------------------


def plen2mask(plen: int, size: int = 4) -> bytes:
    """The netmask with that many leading ones, in `size` octets."""
    return (((1 << plen) - 1) << (size * 8 - plen)).to_bytes(size, "big")


# link level ----------------------------------------------------------------------------------------------------


def ether_aton(text: str) -> bytes | None:
    """ether_aton(3): six hexadecimal numbers with colons."""
    parts = text.split(":")
    if len(parts) != 6 or any(not 1 <= len(p) <= 2 or any(c not in "0123456789abcdefABCDEF" for c in p) for p in parts):
        return None
    return bytes(int(p, 16) for p in parts)


def ether_ntoa(addr: bytes) -> str:
    """ether_ntoa(3)."""
    return ":".join(f"{octet:02x}" for octet in addr)
