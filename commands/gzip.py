"""gzip(1), gunzip, gzcat, zcat: compress and expand files (usr.bin/gzip/gzip.c).

Left out: expanding the formats of compress, pack, lzip and zstd.
"""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import O_CREAT, O_EXCL, O_WRONLY, S_IFDIR, S_IFMT, S_IFREG, Stat
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode, encode
from vshell.userland.strftime import localtime, strftime
from vshell.userland.textfile import read_file

NS = 1_000_000_000
VERSION = "FreeBSD gzip 20190107"
USAGE = """\
usage: {} [-123456789acdfhklLNnqrtVv] [-S .suffix] [<file> [<file> ...]]
 -1 --fast            fastest (worst) compression
 -2 .. -8             set compression level
 -9 --best            best (slowest) compression
 -c --stdout          write to stdout, keep original files
    --to-stdout
 -d --decompress      uncompress files
    --uncompress
 -f --force           force overwriting & compress links
 -h --help            display this help
 -k --keep            don't delete input files during operation
 -l --list            list compressed file contents
 -N --name            save or restore original file name and time stamp
 -n --no-name         don't save original file name or time stamp
 -q --quiet           output no warnings
 -r --recursive       recursively compress files in directories
 -S .suf              use suffix .suf instead of .gz
    --suffix .suf
 -t --test            test compressed file
 -V --version         display program version
 -v --verbose         print extra statistics
"""
LONGS = {
    "stdout": (NO, "c"), "to-stdout": (NO, "c"), "decompress": (NO, "d"), "uncompress": (NO, "d"), "force": (NO, "f"),
    "help": (NO, "h"), "keep": (NO, "k"), "list": (NO, "l"), "no-name": (NO, "n"), "name": (NO, "N"), "quiet": (NO, "q"),
    "recursive": (NO, "r"), "suffix": (REQUIRED, "S"), "test": (NO, "t"), "verbose": (NO, "v"), "version": (NO, "V"),
    "fast": (NO, "1"), "best": (NO, "9"), "ascii": (NO, "a"), "license": (NO, "L"),
}  # fmt: skip
SUFFIXES = (
    (".gz", ""), (".Z", ""), ("-gz", ""), ("-z", ""), ("_z", ""), (".taz", ".tar"), (".tgz", ".tar"), (".bz2", ""),
    (".tbz", ".tar"), (".tbz2", ".tar"), (".z", ""), (".xz", ""), (".lz", ""), (".zst", ""),
)  # fmt: skip
"""Ends of names, and what stands there when the file was expanded."""
ORIG_NAME = 8


class Failed(Exception):
    """What is wrong with a compressed file."""


def members(data: bytes) -> bytes:
    """Expand all members; Failed if something is wrong."""
    import zlib

    out = b""
    while data[:2] == b"\x1f\x8b":
        engine = zlib.decompressobj(31)
        try:
            out += engine.decompress(data)
        except zlib.error as e:
            text = str(e)
            raise Failed(
                "crc error" if "data check" in text else "length error" if "length check" in text else "data stream error"
            ) from None
        if not engine.eof:
            raise Failed("unexpected end of file")
        data = engine.unused_data
    return out


def expand(data: bytes) -> bytes | None:
    """Expand by what the file begins with; None if it is of no known format."""
    if data[:2] in (b"\x1f\x8b", b"\x1f\x9e"):
        return members(data)
    if data[:3] == b"BZh" or data[:4] == b"\xfd7zX":
        import bz2
        import lzma

        try:
            return bz2.decompress(data) if data[:1] == b"B" else lzma.decompress(data)
        except (OSError, ValueError, lzma.LZMAError):
            raise Failed("data error") from None
    return None


def ratio(size: int, packed: int) -> str:
    """How much was saved, in percent."""
    rest = size - packed // 2
    tenths = 0 if not size else -999 if rest < 0 else rest * 2000 // size - 1000
    if not size and packed:
        tenths = -999 if rest < 0 else 0
    text = f"{tenths:02d}" if tenths >= 0 else f"-{-tenths:02d}"
    return f"{text[:-1] + '.' + text[-1]:>5}%"


class Gzip:
    """Options and totals."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.level = 6
        self.suffixes = [SUFFIXES[0], *SUFFIXES]
        self.status = 0
        self.listed = False
        self.totals = (0, 0)

    def warn(self, text: str, error: KError | None = None) -> None:
        """maybe_warn, maybe_warnx: not with -q."""
        if "q" not in self.flags:
            if error is None:
                self.p.warnx(text)
            else:
                self.p.warn(error, text)
        self.status = self.status or 1

    def option(self, key: str, value: str) -> None:
        """One option."""
        p = self.p
        if key.isdigit():
            self.level = int(key)
        elif key == "V":
            p.stderr.write(VERSION + "\n")
            p.exit(0)
        elif key == "a":
            p.stderr.write(f"{p.name}: option --ascii ignored on this system\n")
        elif key == "S":
            if len(value) > 30:
                p.errx(1, f"incorrect suffix: '{value}': too long")
            self.suffixes[0] = (value, "") if value else self.suffixes[0]
            self.suffixes += [("", "")] if not value else []
        elif key in "h?L":
            p.stderr.write(VERSION + "\n" + USAGE.format(p.name))
            p.exit(0)
        else:
            self.flags |= {"l": {"l", "d"}, "t": {"t", "c", "d"}}.get(key, {key})
            self.flags -= {"N": {"n"}, "n": {"N"}}.get(key, set())

    # one file --------------------------------------------------------------------------------------------------
    def suffix(self, name: str) -> tuple[str, str] | None:
        """The suffix of a name."""
        return next((s for s in self.suffixes if name.endswith(s[0]) and len(name) > len(s[0])), None)

    def pack(self, data: bytes, name: str, mtime: int) -> bytes:
        """Compress."""
        import zlib

        if "n" in self.flags:
            name, mtime = "", 0
        engine = zlib.compressobj(self.level, zlib.DEFLATED, -15, 8)
        head = bytes([0x1F, 0x8B, 8, ORIG_NAME if name else 0]) + (mtime & 0xFFFFFFFF).to_bytes(4, "little")
        head += bytes([{1: 4, 9: 2}.get(self.level, 0), 3]) + (encode(name) + b"\0" if name else b"")
        tail = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
        return head + engine.compress(data) + engine.flush() + tail

    def free(self, path: str) -> bool:
        """May the output have this name?"""
        try:
            self.p.sys.stat(path)
        except KError:
            return True
        if "f" in self.flags:
            self.p.sys.unlink(path)
            return True
        self.warn(f"{path} already exists -- skipping")
        return False

    async def put(self, path: str, data: bytes, st: Stat, mtime: int) -> bool:
        """Write the output with the attributes of the input."""
        sys = self.p.sys
        try:
            fd = sys.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        except KError as e:
            self.warn(f"{'can' + chr(39) + 't open' if 'd' in self.flags else 'could not create output:'} {path}", e)
            return False
        while data:
            data = data[await sys.write(fd, data) :]
        sys.close(fd)
        sys.chown(path, st.st_uid, st.st_gid)
        sys.chmod(path, st.st_mode & 0o7777)
        sys.utimes(path, st.st_atime, mtime)
        return True

    def done(self, path: str) -> None:
        """The input is not needed any more."""
        if "k" not in self.flags:
            self.p.sys.unlink(path)

    async def compress(self, path: str, st: Stat) -> None:
        """file_compress()."""
        data = await read_file(self.p, path)
        out = path + self.suffixes[0][0]
        if "c" not in self.flags:
            suffix = self.suffix(path)
            if st.st_nlink > 1 and "f" not in self.flags:
                return self.warn(f"{path} has {st.st_nlink - 1} other links -- skipping")
            if "f" not in self.flags and suffix is not None and suffix[0]:
                return self.warn(f"{path} already has {suffix[0]} suffix -- unchanged")
            if not self.free(out):
                return None
        packed = self.pack(data, path.rpartition("/")[2], st.st_mtime // NS)
        if "c" in self.flags:
            self.p.stdout.write(packed)
        elif await self.put(out, packed, st, st.st_mtime):
            self.done(path)
        else:
            return None
        self.tell(path, "" if "c" in self.flags else out, len(data), len(packed))
        return None

    def tell(self, path: str, out: str, size: int, packed: int) -> None:
        """-v"""
        if "v" in self.flags and "t" not in self.flags:
            head = f"{path}:{chr(9) * (2 if len(encode(path)) < 7 else 1)}  " if path else ""
            tail = f" -- replaced with {out}" if out else ""
            self.p.stderr.write(f"{head}{ratio(size, packed)}{tail}\n")

    def tested(self, path: str, good: bool) -> None:
        """-tv"""
        if "t" in self.flags and "v" in self.flags:
            self.status = self.status or int(not good)
            self.p.stderr.write(f"{path}:{chr(9) * (2 if len(encode(path)) < 7 else 1)}  {'OK' if good else 'NOT OK'}\n")

    async def uncompress(self, path: str, st: Stat) -> None:
        """file_uncompress()."""
        data = await read_file(self.p, path)
        found = self.suffix(path)
        if found is None and not self.flags & {"c", "l"}:
            return self.warn(f"{path}: unknown suffix -- ignored")
        out = path[: len(path) - len(found[0])] + found[1] if found is not None else path
        if len(data) < 4:
            if "f" not in self.flags:
                self.warn(f"{path}: unexpected end of file")
            return self.tested(path, False)
        mtime = st.st_mtime
        if data[:2] == b"\x1f\x8b" and "N" in self.flags:
            mtime = int.from_bytes(data[4:8], "little") * NS or mtime
            if data[3] & ORIG_NAME and (name := decode(data[10:].partition(b"\0")[0]).rpartition("/")[2]):
                out = path[: path.rfind("/") + 1] + name
        if not self.flags & {"c", "l"}:
            if st.st_nlink > 1 and "f" not in self.flags:
                return self.warn(f"{path} has {st.st_nlink - 1} other links -- skipping")
            if not self.free(out):
                return None
        if "l" in self.flags and data[:2] == b"\x1f\x8b":
            return self.list(data, out, mtime)
        return await self.unpack(path, out, data, st, mtime)

    async def unpack(self, path: str, out: str, data: bytes, st: Stat, mtime: int) -> None:
        """Expand and write."""
        try:
            text = expand(data)
        except Failed as e:
            self.warn(str(e) if str(e) != "unexpected end of file" else f"{path}: {e}")
            self.warn(f"{path}: uncompress failed")
            return self.tested(path, False)
        if text is None:
            if "f" not in self.flags:
                self.warn(f"{path}: not in gzip format")
                return self.tested(path, False)
            text = data
        if "l" in self.flags:
            return self.warn("no -l for unknown filetypes")
        self.tested(path, True)
        if "c" in self.flags:
            self.p.stdout.write(text if "t" not in self.flags else b"")
        elif await self.put(out, text, st, mtime):
            self.done(path)
        else:
            return None
        self.tell(path, "" if "c" in self.flags else out, len(text), len(data))
        return None

    # lists -----------------------------------------------------------------------------------------------------
    def list(self, data: bytes | None, name: str, mtime: int = 0) -> None:
        """-l: a line; the totals if there are no data."""
        out = self.p.stdout
        if not self.listed:
            if "v" in self.flags:
                out.write("method  crc     date  time  ")
            if "q" not in self.flags:
                out.write("  compressed uncompressed  ratio uncompressed_name\n")
        self.listed = True
        packed, size = self.totals if data is None else (len(data), int.from_bytes(data[-4:], "little"))
        if "v" in self.flags:
            if data is None:
                out.write(" " * 28)
            else:
                when = strftime("%b %e %H:%M", localtime(mtime // NS, self.p.env))
                out.write(f"defla {int.from_bytes(data[-8:-4], 'little'):08x} {when:>11} ")
        self.totals = (self.totals[0] + packed, self.totals[1] + size)
        out.write(f"{packed:12d} {size:12d} {ratio(size, packed)} {name}\n")

    # operands --------------------------------------------------------------------------------------------------
    async def stream(self) -> None:
        """Standard input to standard output."""
        p = self.p
        if "d" not in self.flags and "f" not in self.flags and p.sys.isatty(1):
            return self.warn("standard output is a terminal -- ignoring")
        if "d" in self.flags and not self.flags & {"f", "l"} and p.sys.isatty(0):
            return self.warn("standard input is a terminal -- ignoring")
        st = p.sys.fstat(0)
        data = await p.stdin.read()
        if "d" not in self.flags:
            regular = st.st_mode & S_IFMT == S_IFREG
            packed = self.pack(data, "", (st.st_mtime if regular else p.sys.clock_gettime()) // NS)
            p.stdout.write(packed)
            return self.tell("", "", len(data), len(packed))
        if "l" in self.flags:
            return self.list(data, "(stdin)", st.st_mtime)
        if len(data) < 4:
            return self.warn("(stdin): unexpected end of file")
        try:
            text = expand(data)
        except Failed as e:
            self.warn(str(e) if str(e) != "unexpected end of file" else f"(stdin): {e}")
            return self.tested("(stdin)", False)
        if text is None and "f" not in self.flags:
            return self.warn("unknown compression format")
        text = data if text is None else text
        p.stdout.write(text if "t" not in self.flags else b"")
        self.tell("", "", len(text), len(data))
        return self.tested("(stdin)", True)

    async def path(self, path: str) -> None:
        """handle_pathname()."""
        sys = self.p.sys
        if path == "-":
            return await self.stream()
        name = path
        try:
            st = sys.stat(name)
        except KError as e:
            try:
                if "d" not in self.flags or e.errno != ENOENT:
                    raise
                name = path + self.suffixes[0][0]
                st = sys.stat(name)
            except KError as error:
                return self.warn(f"can't stat: {path}", error)
        if not self.flags & {"f", "c"}:
            st = sys.lstat(name)
        kind = st.st_mode & S_IFMT
        if kind == S_IFDIR:
            if "r" not in self.flags:
                return self.warn(f"{name} is a directory")
            for entry in sys.listdir(name):
                await self.path(f"{name.rstrip('/')}/{entry}")
        elif kind != S_IFREG:
            self.warn(f"{name} is not a regular file")
        else:
            try:
                await (self.uncompress(name, st) if "d" in self.flags else self.compress(name, st))
            except KError as e:
                self.warn(f"can't open {name}", e)
        return None


@program("/usr/bin/gzip", "/usr/bin/gunzip", "/usr/bin/gzcat", "/usr/bin/zcat")
async def main(p: Program) -> int:
    """gzip [-123456789cdfhklNnqrtVv] [-S .suffix] [file ...]"""
    g = Gzip(p)
    if p.name in ("gunzip", "gzcat", "zcat"):
        g.flags |= {"d"} if p.name == "gunzip" else {"c", "d"}
    getopt = GetoptLong(p, "123456789acdfhklLNnqrS:tVv", LONGS)
    for key, value in getopt:
        g.option(key, value)
    for path in getopt.args or ["-"]:
        await g.path(path)
    if "l" in g.flags and "q" not in g.flags and len(getopt.args) > 1:
        g.list(None, "(totals)")
    return g.status
