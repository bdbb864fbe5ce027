"""wc(1): count lines, words, characters and the longest line (usr.bin/wc/wc.c)."""

from __future__ import annotations

from vshell.abi.errno import EILSEQ, KError
from vshell.abi.fcntl import S_IFMT, S_IFREG
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.userland.libxo import Xo

Counts = tuple[int, int, int, int]


async def count(p: Program, fd: int, flags: set[str], name: str) -> Counts:
    """Lines, words, characters or bytes, longest line."""
    if flags == {"c"}:
        st = p.sys.fstat(fd)
        if st.st_mode & S_IFMT == S_IFREG and st.st_size > 0:
            return 0, 0, st.st_size, 0
    data = await (p.stdin.read() if fd == 0 else read_all(p, fd))
    lines = data.count(b"\n")
    words = chars = longest = 0
    text = decode(data) if "m" in flags else ""
    try:
        text.encode()
    except UnicodeEncodeError:
        p.warn(EILSEQ, name)
    if "w" in flags:
        words = len(data.split())
    if "L" in flags:
        longest = max((len(line) for line in (text or decode(data)).split("\n")[:-1]), default=0)
        if "m" not in flags:
            longest = max((len(line) for line in data.split(b"\n")[:-1]), default=0)
    chars = len(text) if "m" in flags else len(data)
    return lines, words, chars, longest


FIELDS = (("l", "lines"), ("w", "words"), ("cm", "characters"), ("L", "long-lines"))


class Report:
    """The lines of output: plain, or through libxo(3) where an option asks for it."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.xo: Xo | None = None
        if any(word.startswith("--libxo") for word in p.argv):
            from vshell.userland.libxo import Xo

            self.xo = Xo(p, "1")
            p.argv[:] = self.xo.parse_args(list(p.argv))
            self.xo.open_container("wc")
            self.xo.open_list("file")

    def show(self, counts: Counts, name: str) -> None:
        """One line."""
        fields = [(key, n) for (letters, key), n in zip(FIELDS, counts, strict=True) if self.flags & set(letters)]
        if self.xo is None:
            self.p.stdout.write("".join(f" {n:7d}" for _, n in fields) + (f" {name}\n" if name else "\n"))
            return
        for key, n in fields:
            self.xo.emit(f" {{:{key}/%7ju/%ju}}", n)
        if name:
            self.xo.emit(" {:filename/%s}\n", name)
        else:
            self.xo.emit("\n")

    def instance(self, end: bool) -> None:
        """Around a file."""
        if self.xo is not None:
            (self.xo.close_instance if end else self.xo.open_instance)("file")

    def finish(self, total: Counts | None) -> None:
        """The sum, where there is one, and the end."""
        if self.xo is not None:
            self.xo.close_list("file")
            if total is not None:
                self.xo.open_container("total")
        if total is not None:
            self.show(total, "total")
        if self.xo is not None:
            if total is not None:
                self.xo.close_container("total")
            self.xo.close_container("wc")
            self.xo.finish()


@checks_stdout(1)
@program("/usr/bin/wc")
async def main(p: Program) -> int:
    """wc [--libxo] [-c | -m] [-Llw] [file ...]"""
    report = Report(p)
    flags: set[str] = report.flags
    options, operands = getopt_or_usage(p, "clmwL", "usage: wc [-c | -m] [-Llw] [file ...]")
    for letter, _ in options:
        if letter in "cm":
            flags -= {"c", "m"}
        flags.add(letter)
    flags |= {"l", "w", "c"} if not flags else set()
    errors = 0
    total: Counts = (0, 0, 0, 0)
    for path in operands or [""]:
        what, fd = "open", 0
        report.instance(False)
        try:
            if path:
                fd = p.sys.open(path)
            what = "read"
            counts = await count(p, fd, flags, path or "stdin")
            report.show(counts, path)
        except KError as e:
            p.warn(e, f"{path or 'stdin'}: {what}")
            errors += 1
            continue
        finally:
            if fd:
                p.sys.close(fd)
            report.instance(True)
        total = (total[0] + counts[0], total[1] + counts[1], total[2] + counts[2], max(total[3], counts[3]))
    report.finish(total if len(operands) > 1 else None)
    return int(errors > 0)
