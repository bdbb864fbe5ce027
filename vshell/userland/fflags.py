"""fflagstostr(3), strtofflags(3): file flags by name."""

from __future__ import annotations

FLAGS = (
    ("sappnd", 0x40000), ("sappend", 0x40000), ("arch", 0x10000), ("archived", 0x10000), ("schg", 0x20000),
    ("schange", 0x20000), ("simmutable", 0x20000), ("sunlnk", 0x100000), ("sunlink", 0x100000), ("uappnd", 0x4),
    ("uappend", 0x4), ("uchg", 0x2), ("uchange", 0x2), ("uimmutable", 0x2), ("nodump", 0x1), ("opaque", 0x8),
    ("uunlnk", 0x10), ("uunlink", 0x10), ("uarch", 0x800), ("uarchive", 0x800), ("hidden", 0x8000), ("uhidden", 0x8000),
    ("offline", 0x200), ("uoffline", 0x200), ("readonly", 0x1000), ("rdonly", 0x1000), ("urdonly", 0x1000),
    ("reparse", 0x400), ("ureparse", 0x400), ("sparse", 0x100), ("usparse", 0x100), ("system", 0x80), ("usystem", 0x80),
)  # fmt: skip
"""Names and bits; the first name of a bit is the one that is printed."""


def fflagstostr(flags: int) -> str:
    """The names of the flags that are set."""
    out = []
    for name, bit in FLAGS:
        if flags & bit:
            out.append(name)
            flags &= ~bit
    return ",".join(out)


def strtofflags(text: str) -> tuple[int, int, str]:
    """(bits to set, bits to clear, the word that is none or "")."""
    table = dict(FLAGS)
    set_, clear = 0, 0
    for word in text.replace("\t", ",").replace(" ", ",").split(","):
        if not word:
            continue
        if word in table and word != "nodump":
            set_ |= table[word]
        elif word.startswith("no") and word[2:] in table and word != "nonodump":
            clear |= table[word[2:]]
        elif word == "nodump":
            set_ |= 1
        elif word in ("dump", "nonodump"):
            clear |= 1
        else:
            return set_, clear, word
    return set_, clear, ""
