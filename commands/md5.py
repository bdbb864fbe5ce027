"""md5(1), sha1, sha224, sha256, sha384, sha512, their *sum forms and shasum (sbin/md5).

Left out: rmd160 and the skeins, and the time trial and self test (-t, -x).
"""

from __future__ import annotations

import re
from typing import NoReturn

from vshell.abi.errno import ENOENT, KError
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode, encode
from vshell.userland.textfile import read_file

NAMES = {
    "md5": "MD5", "sha1": "SHA1", "sha224": "SHA224", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512",
    "sha512t224": "SHA512t224", "sha512t256": "SHA512t256",
}  # fmt: skip
SIZES = {
    "md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128, "sha512t224": 56, "sha512t256": 64,
}  # fmt: skip
TRUNCATED = {"512224": "512t224", "512256": "512t256"}
"""What shasum calls them, and what they are called otherwise."""
BSD = {
    "check": (REQUIRED, "c"),
    "passthrough": (NO, "p"),
    "quiet": (NO, "q"),
    "reverse": (NO, "r"),
    "string": (REQUIRED, "s"),
}
GNU = {
    "binary": (NO, "b"),
    "check": (NO, "c"),
    "help": (NO, "?"),
    "ignore-missing": (NO, "ignore-missing"),
    "quiet": (NO, "q"),
    "status": (NO, "status"),
    "strict": (NO, "strict"),
    "tag": (NO, "tag"),
    "text": (NO, "t"),
    "version": (NO, "version"),
    "warn": (NO, "w"),
    "zero": (NO, "z"),
}
PERL = {**GNU, "algorithm": (REQUIRED, "a"), "UNIVERSAL": (NO, "U"), "01": (NO, "0")}


class Digest:
    """Options and output."""

    def __init__(self, p: Program) -> None:
        self.p = p
        name = p.name
        self.mode = "perl" if name == "shasum" else "gnu" if name.endswith("sum") else "bsd"
        self.algorithm = "sha1" if self.mode == "perl" else name.removesuffix("sum")
        if self.algorithm not in NAMES:
            self.algorithm = "md5"
        self.style = "tagged" if self.mode == "bsd" else "gnu"
        self.mark = "*" if self.mode == "bsd" else " "
        self.flags: set[str] = set()
        self.string: str | None = None
        self.against: str | None = None
        self.end = "\n"
        self.failed = False
        self.wrong = 0
        self.malformed = 0

    def usage(self) -> NoReturn:
        """The usage text; exit 1."""
        if self.mode == "perl":
            self.p.usage("usage: shasum [-0bchqstUvw] [-a alg] [files ...]")
        if self.mode == "gnu":
            self.p.usage(f"usage: {self.algorithm}sum [-bctwz] [files ...]")
        self.p.usage(f"usage: {self.algorithm} [-pqrtx] [-c string] [-s string] [files ...]")

    def option(self, key: str, value: str) -> None:
        """One option."""
        bsd = self.mode == "bsd"
        if key == "c":
            self.flags.add("c")
            self.against = value if bsd else None
        elif key == "s" and self.mode != "perl":
            self.style, self.string = "bare", value
        elif key == "q":
            self.style = "bare"
            self.flags.add("q")
        elif key == "r":
            self.style = self.style if "q" in self.flags else "reverse"
        elif key == "tag":
            self.style = "tagged"
        elif key == "a":
            value = TRUNCATED.get(value, value)
            if f"sha{value}" not in NAMES:
                self.usage()
            self.algorithm = f"sha{value}"
        elif key in ("b", "t", "U", "0") and not bsd:
            self.mark = {"b": "*", "t": " ", "U": "U", "0": "^"}[key]
        elif key == "z":
            self.end = "\0"
        elif key in ("version", "v"):
            lead = f"{self.p.name} (FreeBSD) " if self.mode == "gnu" else ""
            self.p.stdout.write(f"{lead}15.1\n")
            self.p.exit(0)
        elif key in ("p", "w", "status", "strict", "ignore-missing", "s") or (bsd and key == "b"):
            self.flags.add("status" if key == "s" else key)
        else:
            self.usage()

    def label(self) -> str:
        """What a tagged line calls the algorithm; shasum writes SHA512/224."""
        name = NAMES[self.algorithm]
        return name.replace("t", "/") if self.mode == "perl" else name

    def sum(self, data: bytes) -> str:
        """The digest in hex."""
        from hashlib import new

        if self.mark == "U":
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif self.mark == "^":
            bits = bytes(c for c in data if c in b"01")
            if len(bits) % 8:
                self.p.errx(1, "input length was not a multiple of 8")
            data = int(bits or b"0", 2).to_bytes(len(bits) // 8, "big")
        return new(self.algorithm.replace("512t", "512_"), data).hexdigest()

    def show(self, digest: str, name: str) -> None:
        """MDOutput()."""
        p = self.p
        wrong = self.against is not None and self.against.lower() != digest
        self.wrong += wrong
        if "c" in self.flags and self.mode != "bsd":
            if "status" not in self.flags and ("q" not in self.flags or wrong):
                p.stdout.write(f"{name}: {'FAILED' if wrong else 'OK'}{self.end}")
            return
        text = {
            "bare": digest,
            "gnu": f"{digest} {self.mark}{name}",
            "reverse": f"{digest} {name}",
            "tagged": f"{self.label()} ({name}) = {digest}",
        }[self.style]
        p.stdout.write(text + (" [ Failed ]" if wrong and "q" not in self.flags else "") + self.end)

    async def file(self, name: str) -> None:
        """One file."""
        p = self.p
        try:
            data = await (p.stdin.read() if name == "-" else read_file(p, name))
        except KError as e:
            if e.errno != ENOENT or not {"c", "ignore-missing"} <= self.flags:
                p.warn(e, name)
                self.failed = True
            return
        self.show(self.sum(data), name)

    async def check(self, path: str) -> None:
        """gnu_check(): compare with the sums in a file."""
        p = self.p
        try:
            text = decode(await (p.stdin.read() if path == "-" else read_file(p, path)))
        except KError as e:
            p.err(1, e, path)
        size = SIZES[self.algorithm]
        tagged = re.compile(rf"{self.label()} \((.+)\) = ([0-9A-Fa-f]{{{size}}})")
        plain = re.compile(rf"([0-9A-Fa-f]{{{size}}}) ([ *U^]?)(.+)")
        for number, line in enumerate(text.rstrip("\n").split("\n"), 1):
            if m := tagged.fullmatch(line):
                self.against, name = m[2], m[1]
            elif m := plain.fullmatch(line):
                self.against, name = m[1], m[3]
                self.mark = m[2] or self.mark
            else:
                if "w" in self.flags:
                    kind = "SHA" if self.mode == "perl" else NAMES[self.algorithm]
                    p.warnx(f"{path}: {number}: improperly formatted {kind} checksum line")
                self.malformed += 1
                continue
            await self.file(name)

    def summary(self) -> int:
        """The warnings at the end of a check; the exit status."""
        warn = self.p.warnx if "status" not in self.flags else lambda text: None
        if self.malformed:
            many = self.malformed > 1
            warn(f"WARNING: {self.malformed} line{'s are' if many else ' is'} improperly formatted")
        if self.wrong:
            warn(f"WARNING: {self.wrong} computed checksum{'s' if self.wrong > 1 else ''} did NOT match")
        return int(bool(self.wrong or ("strict" in self.flags and self.malformed) or self.failed))


@program(
    "/sbin/md5", "/sbin/md5sum", "/sbin/sha1", "/sbin/sha1sum", "/sbin/sha224", "/sbin/sha224sum", "/sbin/sha256",
    "/sbin/sha256sum", "/sbin/sha384", "/sbin/sha384sum", "/sbin/sha512", "/sbin/sha512sum",
    "/sbin/sha512t224", "/sbin/sha512t224sum", "/sbin/sha512t256", "/sbin/sha512t256sum", "/sbin/shasum",
)  # fmt: skip
async def main(p: Program) -> int:
    """md5 [-pqrtx] [-c string] [-s string] [files ...]"""
    d = Digest(p)
    letters, longs = {"bsd": ("bc:pqrs:", BSD), "gnu": ("bctwz", GNU), "perl": ("0a:bchqstUvw", PERL)}[d.mode]
    getopt = GetoptLong(p, letters, longs)
    for key, value in getopt:
        d.option(key, value)
    args = getopt.args
    if "c" in d.flags and d.mode != "bsd":
        if not args:
            d.usage()
        for path in args:
            await d.check(path)
        return d.summary()
    if d.string is not None:
        d.show(d.sum(encode(d.string)), d.string)
    elif args and "p" not in d.flags:
        for name in args:
            await d.file(name)
    else:
        if d.mode == "bsd":
            d.style = "bare"
        data = await p.stdin.read()
        if "p" in d.flags:
            p.stdout.write(data)
        d.show(d.sum(data), "-")
    return 1 if d.failed else 2 if d.wrong else 0
