"""vshell doc: write the manual as HTML into a folder of the machine.

The folder may be one of the host's (vshell --mount): then a browser can read it.
"""

from __future__ import annotations

from vshell.abi.errno import EEXIST, KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.userland.getopt import Getopt
from vshell.userland.manual import Manual, file_name, html, html_index, links, parse
from vshell.userland.program import Program

SYNOPSIS = "FOLDER"


async def main(p: Program, args: list[str]) -> int:
    """Write an index and all pages."""
    options = Getopt(p, ":", ["doc", *args])
    if list(options) or len(options.args) != 1:
        p.usage(f"usage: vshell doc {SYNOPSIS}", 2)
    folder = options.args[0]
    manual = Manual(p.sys)
    pages = [page for path in manual.paths() if (page := parse(manual.read(path))) is not None]
    heads = [page.heading for page in pages]
    known = links(heads)
    try:
        try:
            p.sys.mkdir(folder, 0o755)
        except KError as e:
            if e.errno != EEXIST:
                raise
        await _write(p, f"{folder}/index.html", html_index(heads))
        for page in pages:
            await _write(p, f"{folder}/{file_name(page.heading)}", html(page, known))
    except KError as e:
        p.err(1, e, f"doc: {folder}")
    p.stdout.write(f"{folder}/index.html and {len(pages)} pages\n")
    return 0


async def _write(p: Program, path: str, text: str) -> None:
    fd = p.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    rest = text.encode()
    while rest:
        rest = rest[await p.sys.write(fd, rest) :]
    p.sys.close(fd)
