"""hexdump(1), hd: ASCII, decimal, hexadecimal, octal dump (usr.bin/hexdump); the engine is userland/hexdump, as for od(1)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.hexdump import skip_count
from vshell.userland.hexdump.display import Dump, Input
from vshell.userland.program import Program, program
from vshell.userland.textfile import read_lines

USAGE = """\
usage: hexdump [-bcCdovx] [-e fmt] [-f fmt_file] [-n length]
               [-s skip] [file ...]
       hd      [-bcdovx]  [-e fmt] [-f fmt_file] [-n length]
               [-s skip] [file ...]
"""
CANONICAL = ['"%08.8_Ax\\n"', '"%08.8_ax  " 8/1 "%02x " "  " 8/1 "%02x " ', '"  |" 16/1 "%_p" "|\\n"']
END = '"%07.7_Ax\\n"'
KNOWN = {
    "b": [END, '"%07.7_ax " 16/1 "%03o " "\\n"'],
    "c": [END, '"%07.7_ax " 16/1 "%3_c " "\\n"'],
    "C": CANONICAL,
    "d": [END, '"%07.7_ax " 8/2 "  %05u " "\\n"'],
    "o": [END, '"%07.7_ax " 8/2 " %06o " "\\n"'],
    "x": [END, '"%07.7_ax " 8/2 "   %04x " "\\n"'],
    "": [END, '"%07.7_ax " 8/2 "%04x " "\\n"'],
}


@program("/usr/bin/hexdump", "/usr/bin/hd")
async def main(p: Program) -> int:
    """hexdump [-bcCdovx] [-e fmt] [-f fmt_file] [-n length] [-s skip] [file ...]"""
    sources: list[str] = list(CANONICAL) if p.name == "hd" else []
    everything = False
    skip, length = 0, -1
    parsed = Getopt(p, "bcCde:f:n:os:vx")
    for letter, value in parsed:
        if letter == "e":
            sources.append(value)
        elif letter == "f":
            try:
                lines = [line.lstrip() for line in await read_lines(p, value)]
            except KError as e:
                p.err(1, e, value)
            sources += [line for line in lines if line and not line.startswith("#")]
        elif letter == "n":
            m = re.match(r"\s*([+-]?[0-9]+)", value)
            length = int(m[1]) if m else 0
            if length < 0:
                p.errx(1, f"{value}: bad length value")
        elif letter == "s":
            skip, _ = skip_count(value)
            if skip < 0:
                p.errx(1, f"{value}: bad skip value")
        elif letter == "v":
            everything = True
        elif letter == "?":
            p.usage(USAGE)
        else:
            sources += KNOWN[letter]
    dump = Dump(p, sources or KNOWN[""])
    dump.all = everything
    return await dump.run(Input(p, parsed.args, skip, length))
