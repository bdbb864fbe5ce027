"""less(1), more(1): show text; without a terminal to page on, a plain copy (contrib/less)."""

from __future__ import annotations

from vshell.abi.errno import EISDIR, KError
from vshell.userland.program import Program, program


@program("/usr/bin/less", "/usr/bin/more")
async def main(p: Program) -> int:
    """less [file ...]

    DIFFERS: on a terminal the text is shown whole, there is no paging.
    """
    paths = [word for word in p.argv[1:] if not (word.startswith(("-", "+")) and len(word) > 1)]
    status = 0
    for path in paths or ["-"]:
        try:
            fd = 0 if path == "-" else p.sys.open(path)
            while data := await p.sys.read(fd, 65536):
                await p.sys.write(1, data)
            if fd:
                p.sys.close(fd)
        except KError as e:
            text = f"{path} is a directory" if e.errno == EISDIR else f"{path}: {e}"
            p.stderr.write(text + "\n")
            status = 1
    return status
