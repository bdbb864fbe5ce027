"""The ratchet over the recordings: which commands do not answer as the real system does yet.

    python tests/golden/ratchet.py           take commands that match now off the list; write the table
    python tests/golden/ratchet.py --all     also put commands that differ on it (only when recordings are added)

`not-yet.txt` lists them, `AREA/NAME.t INDEX` counted from 0.  It only shrinks.  README.md is made from it.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from vshell.labs.cli import Progress, run
from vshell.labs.replay import uncounted
from vshell.labs.transcript import load
from vshell.machine import open_session

GOLDEN = Path(__file__).resolve().parent
NOT_YET = GOLDEN / "not-yet.txt"
README = GOLDEN / "README.md"

HEAD = """\
# Recordings of a real FreeBSD 15.1

Each `AREA/NAME.t` is what a FreeBSD 15.1-RELEASE-p1 (GENERIC, amd64) answered to root's `sh` from a fresh
boot, in cram form. They are the specification and are never edited. Only what no two machines share (random
Ethernet addresses, round-trip times, kernel pointers, clock readings) is made equal before comparing; see
`vshell/labs/normalise.py`. `uncounted.txt` lists commands that two recordings of the same system did not
answer alike.

`not-yet.txt` lists the commands that vshell does not answer that way yet. It only shrinks: a command that
starts to match must leave it (`python tests/golden/ratchet.py`, which also makes this file).

| area | commands | the same | | files | whole |
|---|--:|--:|--:|--:|--:|
"""


def name_of(path: Path) -> str:
    """AREA/NAME.t."""
    return path.relative_to(GOLDEN).as_posix()


def recordings() -> list[Path]:
    """All recordings."""
    return sorted(GOLDEN.glob("*/*.t"))


def not_yet() -> dict[str, set[int]]:
    """The list: file to numbers of commands."""
    table: dict[str, set[int]] = {}
    if NOT_YET.exists():
        for line in NOT_YET.read_text().splitlines():
            name, index = line.split()
            table.setdefault(name, set()).add(int(index))
    return table


def write(table: dict[str, set[int]]) -> None:
    """Write the list and the table made from it."""
    NOT_YET.write_text("".join(f"{name} {i}\n" for name in sorted(table) for i in sorted(table[name])))
    README.write_text(render(table))


def render(table: dict[str, set[int]]) -> str:
    """README.md."""
    commands, same, files, whole = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for path in recordings():
        counted = len(load(path).steps) - len(uncounted(path))
        missing = len(table.get(name_of(path), ()))
        for area in (path.parent.name, "**all**"):
            commands[area] += counted
            same[area] += counted - missing
            files[area] += 1
            whole[area] += not missing
    rows = [
        f"| {a} | {commands[a]} | {same[a]} | {100 * same[a] / max(commands[a], 1):.1f} % | {files[a]} | {whole[a]} |\n"
        for a in sorted(commands, key=lambda a: (a == "**all**", a))
    ]
    return HEAD + "".join(rows)


def main(argv: list[str]) -> int:
    """Replay everything and bring the list up to date."""
    old = not_yet()
    new: dict[str, set[int]] = {}
    worse = 0
    paths = recordings()
    progress = Progress(len(paths))
    for path, result in zip(paths, run(paths, partial(open_session)), strict=True):
        name = name_of(path)
        different = {s.index for s in result.different}
        fresh = different - old.get(name, set())
        if fresh and "--all" not in argv:
            worse += len(fresh)
            progress.clear()
            print(f"{name}: matched before, differs now: {' '.join(map(str, sorted(fresh)))}")
            different -= fresh
        if different:
            new[name] = different
        progress.show(len(new))
    progress.clear()
    write(new)
    print(f"not yet: {sum(map(len, new.values()))} commands, before {sum(map(len, old.values()))}")
    return int(worse > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
