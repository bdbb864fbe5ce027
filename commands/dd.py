"""dd(1): convert and copy a file (bin/dd)."""

from __future__ import annotations

from vshell.abi.errno import EINTR, EINVAL, ERANGE, ESPIPE, KError
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, S_IFBLK, S_IFCHR, S_IFMT, SEEK_CUR
from vshell.abi.signal import SIG_DFL, SIGINFO, SIGINT
from vshell.userland.cnumber import strtol
from vshell.userland.humanize import humanize_number
from vshell.userland.program import Program, program

SSIZE_MAX = 0x7FFFFFFFFFFFFFFF
UINTMAX_MAX = 0xFFFFFFFFFFFFFFFF
MULTIPLIERS = {"b": 512, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50, "w": 4}
OPERANDS = frozenset({
    "bs", "cbs", "conv", "count", "files", "fillchar", "ibs", "if", "iflag", "iseek", "obs", "of", "oflag", "oseek", "seek",
    "skip", "speed", "status",
})  # fmt: skip
CONVERSIONS = frozenset({
    "ascii", "block", "ebcdic", "fdatasync", "fsync", "ibm", "lcase", "noerror", "notrunc", "oldascii", "oldebcdic", "oldibm",
    "osync", "pareven", "parnone", "parodd", "parset", "sparse", "swab", "sync", "ucase", "unblock",
})  # fmt: skip
UNSUPPORTED = frozenset({"ascii", "ebcdic", "ibm", "oldascii", "oldebcdic", "oldibm"})
SPARE = {"ucase": "lcase", "lcase": "ucase", "block": "unblock", "unblock": "block"}


class Dd:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.values: dict[str, str] = {}
        self.conv: set[str] = set()
        self.ibs = self.obs = 512
        self.cbs = 0
        self.count = self.skip = self.seek = 0
        self.has_count = False
        self.fill = 0
        self.status = ""
        self.append = False
        self.fullblock = False
        self.out_name, self.in_name = "stdout", "stdin"
        self.infd, self.outfd = 0, 1
        self.buffer = bytearray()
        self.stats = {"in_full": 0, "in_part": 0, "out_full": 0, "out_part": 0, "trunc": 0, "swab": 0, "bytes": 0}
        self.start = 0

    # arguments -----------------------------------------------------------------------------------------------------
    def number(self, name: str, text: str, *, signed: bool = False) -> int:
        """get_num and, with `signed`, get_off_t: a number with a multiplier, and products with x or *."""
        low, high = (-1 - SSIZE_MAX, SSIZE_MAX) if signed else (-UINTMAX_MAX, UINTMAX_MAX)
        number, rest, error = strtol(text, 0, low, high)
        if error == EINVAL:
            self.p.errx(1, f"{name}: invalid numeric value")
        if error:
            self.p.err(1, error, name)
        number = number if signed else number & UINTMAX_MAX
        if rest[:1].lower() in MULTIPLIERS:
            number *= MULTIPLIERS[rest[0].lower()]
            rest = rest[1:]
        if rest[:1] in ("*", "X", "x"):
            number *= self.number(name, rest[1:], signed=signed)
            rest = ""
        if not low <= number <= high:
            self.p.err(1, ERANGE, name)
        if rest:
            self.p.errx(1, f"{name}: illegal numeric value")
        return number

    def operand(self, word: str) -> None:
        """One name=value."""
        name, sep, value = word.partition("=")
        p = self.p
        if not sep:
            p.errx(1, f"unknown operand {name}")
        if name not in OPERANDS:
            if not value:
                p.errx(1, f"no value specified for {name}")
            p.errx(1, f"unknown operand {name}")
        if not value:
            p.errx(1, f"no value specified for {name}")
        if name in self.values and name not in ("conv", "iflag", "oflag"):
            p.errx(1, f"{name}: illegal argument combination or already set")
        self.values[name] = value
        if name in ("conv", "iflag", "oflag"):
            self.words(name, value)

    def words(self, name: str, value: str) -> None:
        """conv=, iflag= and oflag=: lists of words."""
        p = self.p
        for word in value.split(","):
            if name == "conv":
                if word not in CONVERSIONS:
                    p.errx(1, f"unknown conversion {word}")
                if SPARE.get(word) in self.conv:
                    p.errx(1, f"{word}: illegal conversion combination")
                self.conv.add(word)
            elif name == "iflag":
                if word not in ("direct", "fullblock"):
                    p.errx(1, f"unknown iflag {word}")
                self.fullblock = self.fullblock or word == "fullblock"
            elif word not in ("append", "direct", "fsync", "sync"):
                p.errx(1, f"unknown open flag {word}")
            else:
                self.append = self.append or word == "append"

    def settle(self) -> None:
        """The operands together."""
        p, v = self.p, self.values
        for name in ("ibs", "obs", "bs", "cbs"):
            if name in v:
                size = self.number(name, v[name])
                if not 1 <= size <= SSIZE_MAX:
                    p.errx(1, f"{name} must be between 1 and {SSIZE_MAX}")
                if name == "bs":
                    self.ibs = self.obs = size
                else:
                    setattr(self, name, size)
        if "bs" in v and ("ibs" in v or "obs" in v):
            p.warnx("bs supersedes ibs and obs")
        if "count" in v:
            self.count, self.has_count = self.number("count", v["count"]), True
            if self.count == UINTMAX_MAX:
                p.err(1, ERANGE, "count")
        for name in ("iseek", "skip"):
            self.skip = self.number(name, v[name], signed=True) if name in v else self.skip
        for name in ("oseek", "seek"):
            self.seek = self.number(name, v[name], signed=True) if name in v else self.seek
        if "fillchar" in v:
            if len(v["fillchar"]) != 1:
                p.errx(1, "need exactly one fill char")
            self.fill = ord(v["fillchar"]) & 0xFF
        if v.get("status", "none") not in ("none", "noxfer", "progress"):
            p.errx(1, f"unknown status {v['status']}")
        self.status = v.get("status", "")
        record = self.conv & {"block", "unblock"}
        if record and not self.cbs:
            p.errx(1, "record operations require cbs")
        if self.cbs and not record:
            p.errx(1, "cbs meaningless if not doing record operations")
        if self.conv & UNSUPPORTED:
            p.errx(1, f"unknown conversion {sorted(self.conv & UNSUPPORTED)[0]}")

    # files ---------------------------------------------------------------------------------------------------------
    async def open(self) -> None:
        """Open both files and go to where the copy begins."""
        p, v = self.p, self.values
        if "if" in v:
            self.in_name = v["if"]
            try:
                self.infd = p.sys.open(self.in_name)
            except KError as e:
                p.err(1, e, self.in_name)
        if "of" in v:
            self.out_name = v["of"]
            truncate = not (self.seek or "notrunc" in self.conv or self.append)
            flags = O_CREAT | (O_TRUNC if truncate else 0) | (O_APPEND if self.append else 0)
            try:
                try:
                    self.outfd = p.sys.open(self.out_name, O_RDWR | flags, 0o666)
                except KError:
                    self.outfd = p.sys.open(self.out_name, O_WRONLY | flags, 0o666)
            except KError as e:
                p.err(1, e, self.out_name)
        for count, size in ((self.skip, self.ibs), (self.seek, self.obs)):
            if not 0 <= count <= SSIZE_MAX // size:
                p.errx(1, f"seek offsets cannot be larger than {SSIZE_MAX}")
        if self.skip:
            await self.pass_by(self.infd, self.skip * self.ibs, self.in_name)
        if self.seek:
            try:
                p.sys.lseek(self.outfd, self.seek * self.obs, SEEK_CUR)
            except KError as e:
                p.err(1, e, self.out_name)
            if "of" in v and "notrunc" not in self.conv and not self.append:
                self.cut(self.seek * self.obs)

    def cut(self, size: int) -> None:
        """Drop what the output file holds behind the place where writing begins."""
        st = self.p.sys.fstat(self.outfd)
        if st.st_mode & S_IFMT not in (S_IFCHR, S_IFBLK):
            try:
                self.p.sys.ftruncate(self.outfd, size)
            except KError as e:
                self.p.err(1, e, f"truncating {self.out_name}")

    async def pass_by(self, fd: int, count: int, name: str) -> None:
        """Skip input: by seeking, else by reading."""
        try:
            self.p.sys.lseek(fd, count, SEEK_CUR)
            return
        except KError as e:
            if e.errno != ESPIPE:
                self.p.err(1, e, name)
        while count > 0:
            data = await self.p.sys.read(fd, min(count, 1 << 16))
            if not data:
                break
            count -= len(data)

    # copying -------------------------------------------------------------------------------------------------------
    async def block(self) -> bytes | None:
        """The next input block, None at the end."""
        data = b""
        while len(data) < self.ibs:
            try:
                more = await self.p.sys.read(self.infd, self.ibs - len(data))
            except KError as e:
                if e.errno == EINTR:
                    raise
                if "noerror" not in self.conv:
                    self.p.err(1, e, self.in_name)
                self.p.warn(e, self.in_name)
                self.report(always=True)
                more = b""
            data += more
            if not more or not self.fullblock:
                break
        if not data:
            return None
        if len(data) < self.ibs:
            self.stats["in_part"] += 1
            if "sync" in self.conv:
                filler = self.fill or (0x20 if self.conv & {"block", "unblock"} else 0)
                data = data.ljust(self.ibs, bytes((filler,)))
        else:
            self.stats["in_full"] += 1
        return data

    def convert(self, data: bytes) -> bytes:
        """Conversions of a block."""
        if "swab" in self.conv:
            if len(data) % 2:
                self.stats["swab"] += 1
            even = len(data) & ~1
            swapped = bytearray(data)
            swapped[0:even:2], swapped[1:even:2] = data[1:even:2], data[0:even:2]
            data = bytes(swapped)
        if "ucase" in self.conv:
            data = data.upper()
        elif "lcase" in self.conv:
            data = data.lower()
        if "parset" in self.conv:
            data = bytes(b | 0x80 for b in data)
        elif "parnone" in self.conv:
            data = bytes(b & 0x7F for b in data)
        elif self.conv & {"pareven", "parodd"}:
            odd = "parodd" in self.conv
            data = bytes(b & 0x7F | (0x80 if (b & 0x7F).bit_count() % 2 != odd else 0) for b in data)
        return data

    def records(self, data: bytes, final: bool) -> bytes:
        """conv=block and conv=unblock; what is incomplete waits in `self.rest`."""
        rest = getattr(self, "rest", b"") + data
        out = b""
        if "block" in self.conv:
            lines = rest.split(b"\n")
            self.rest = lines.pop()
            if final and self.rest:
                lines.append(self.rest)
                self.rest = b""
            for line in lines:
                self.stats["trunc"] += len(line) > self.cbs
                out += line[: self.cbs].ljust(self.cbs)
            return out
        while len(rest) >= self.cbs:
            out += rest[: self.cbs].rstrip(b" ") + b"\n"
            rest = rest[self.cbs :]
        if final and rest:
            out += rest.rstrip(b" ") + b"\n"
            rest = b""
        self.rest = rest
        return out

    async def put(self, data: bytes, final: bool = False) -> None:
        """Collect output blocks and write those that are full."""
        if "bs" in self.values and not self.conv & {"block", "unblock"} and not self.buffer:
            if data:
                await self.write(data)
            return
        self.buffer += data
        while len(self.buffer) >= self.obs or (final and self.buffer):
            chunk = bytes(self.buffer[: self.obs])
            del self.buffer[: self.obs]
            await self.write(chunk)

    async def write(self, data: bytes) -> None:
        """One output block, in as many pieces as the file takes it in."""
        while data:
            try:
                done = await self.p.sys.write(self.outfd, data)
            except KError as e:
                self.p.err(1, e, self.out_name)
            self.stats["out_full" if done == len(data) == self.obs else "out_part"] += 1
            self.stats["bytes"] += done
            data = data[done:]

    def report(self, always: bool = False) -> None:
        """summary(): what was copied."""
        if self.status == "none":
            return
        s = self.stats
        out = f"{s['in_full']}+{s['in_part']} records in\n{s['out_full']}+{s['out_part']} records out\n"
        if s["swab"]:
            out += f"{s['swab']} odd length swab {'block' if s['swab'] == 1 else 'blocks'}\n"
        if s["trunc"]:
            out += f"{s['trunc']} truncated {'block' if s['trunc'] == 1 else 'blocks'}\n"
        if self.status != "noxfer":
            seconds = max((self.p.sys.clock_gettime("uptime") - self.start) / 1e9, 1e-6)
            out += f"{s['bytes']} bytes transferred in {seconds:.6f} secs ({s['bytes'] / seconds:.0f} bytes/sec)\n"
        self.p.stderr.write(out)

    def terminate(self, number: int) -> None:
        """An interrupt: the summary, and the end it means."""
        self.report()
        self.p.sys.sigaction(number, SIG_DFL)
        self.p.sys.kill(self.p.sys.getpid(), number)

    def progress(self) -> None:
        """status=progress: where the copy has come to."""
        size = self.stats["bytes"]
        seconds = max((self.p.sys.clock_gettime("uptime") - self.start) / 1e9, 1e-6)
        text = f"  {size} bytes ({humanize_number(size, 7, 'B', decimal=True, divisor=1000)}, "
        rate = humanize_number(int(size / seconds), 7, "B", decimal=True, divisor=1000)
        text += f"{humanize_number(size, 7, 'iB', decimal=True)}) transferred {seconds:.3f}s, {rate}/s"
        self.p.stderr.write(f"{text}\r")

    async def run(self) -> int:
        """The exit status."""
        for word in self.p.argv[1:]:
            self.operand(word)
        self.settle()
        self.start = self.p.sys.clock_gettime("uptime")
        self.p.sys.sigaction(SIGINFO, lambda number: self.report())
        self.p.sys.sigaction(SIGINT, self.terminate)
        await self.open()
        blocks = 0
        while not self.has_count or blocks < self.count:
            data = await self.block()
            if data is None:
                break
            blocks += 1
            data = self.convert(data)
            await self.put(self.records(data, False) if self.conv & {"block", "unblock"} else data)
        if self.conv & {"block", "unblock"}:
            await self.put(self.records(b"", True))
        await self.put(b"", final=True)
        if self.status == "progress":
            self.progress()
            self.p.stderr.write("\n")
        self.report()
        return 0


@program("/bin/dd")
async def main(p: Program) -> int:
    """dd [operand=value ...]"""
    return await Dd(p).run()
