"""Pictures of the terminal, as SVG: python -m tests.acceptance.pictures FOLDER."""

from __future__ import annotations

import sys
import tempfile
from html import escape
from pathlib import Path

from pyte.screens import Char

from tests.acceptance.test_screens import Screen

WIDTH, HEIGHT, MARGIN = 8.4, 18, 12
COLOURS = {
    "default": "#d8dee9", "black": "#3b4252", "red": "#ff7b72", "green": "#a3be8c", "brown": "#ebcb8b", "blue": "#81a1c1",
    "magenta": "#b48ead", "cyan": "#88c0d0", "white": "#9aa5b1",
}  # fmt: skip
BACKGROUND = "#1e222a"

NETWORK = """\
for j in pc1 r1 r2 pc2; do jail -c name=$j vnet persist; done
for i in 0 1 2; do ifconfig epair create; done > /dev/null
ifconfig epair0a vnet pc1; ifconfig -j pc1 epair0a 10.0.1.2/24; ifconfig epair0b vnet r1; ifconfig -j r1 epair0b 10.0.1.1/24
ifconfig epair1a vnet r1; ifconfig -j r1 epair1a 10.0.2.1/24; ifconfig epair1b vnet r2; ifconfig -j r2 epair1b 10.0.2.2/24
ifconfig epair2a vnet r2; ifconfig -j r2 epair2a 10.0.3.1/24; ifconfig epair2b vnet pc2; ifconfig -j pc2 epair2b 10.0.3.2/24
"""


def colour(name: str) -> str:
    """A colour of pyte's as one of SVG's."""
    return COLOURS.get(name.removeprefix("bright"), f"#{name}" if len(name) == 6 else COLOURS["default"])


def picture(screen: Screen) -> str:
    """The screen as it stands."""
    rows, columns = len(screen.lines()), screen.screen.columns
    width, height = round(columns * WIDTH + 2 * MARGIN), rows * HEIGHT + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>',
        '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">',
    ]
    for y in range(rows):
        line = [screen.screen.buffer[y][x] for x in range(columns)]
        x = 0
        while x < columns:
            end = x + 1
            while end < columns and style(line[end]) == style(line[x]):
                end += 1
            out += run("".join(c.data for c in line[x:end]), line[x], x, y)
            x = end
    return "\n".join([*out, "</g>", "</svg>", ""])


def style(c: Char) -> tuple[str, str, bool, bool]:
    """What makes a character look different."""
    return c.fg, c.bg, c.bold, c.reverse


def run(text: str, c: Char, x: int, y: int) -> list[str]:
    """Characters that look alike."""
    left, top = MARGIN + x * WIDTH, MARGIN + y * HEIGHT
    fore, back = colour(c.fg), None if c.bg == "default" else colour(c.bg)
    if c.reverse:
        fore, back = back or BACKGROUND, fore
    out = []
    if back is not None:
        out.append(f'<rect x="{left:.1f}" y="{top}" width="{len(text) * WIDTH:.1f}" height="{HEIGHT}" fill="{back}"/>')
    if text.strip():
        bold = ' font-weight="bold"' if c.bold else ""
        length = f'textLength="{len(text) * WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
        out.append(f'<text x="{left:.1f}" y="{top + 14}" fill="{fore}"{bold} {length}>{escape(text)}</text>')
    return out


def main(folder: Path) -> None:
    """A session, a menu of completions, a map."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        screen = Screen(Path(home), "xterm-256color", 80)
        screen.wait(" vhost | ")
        for line in NETWORK.splitlines():
            screen.child.send(line + "\r")
        screen.child.send("clear; vshell map\r")
        screen.wait("pc2 (jid 4)", "epair2b", " vhost | ")
        (folder / "map.svg").write_text(picture(screen))
        screen.child.send("clear; jexec r1\r")
        screen.wait(" r1 (jail 2), its own stack")
        screen.child.send("route add default 10.0.2.2\r")
        screen.wait("gateway 10.0.2.2")
        screen.child.send("netstat -rn -f inet\r")
        screen.wait("10.0.2.1 ", "status 0")
        screen.child.send("ping -c 2 10.0.2.2\r")
        screen.wait("round-trip", "status 0")
        (folder / "session.svg").write_text(picture(screen))
        screen.child.send("exit\r")
        screen.wait(" vhost | ")
        screen.child.send("clear\r")
        screen.wait(" vhost | ")
        screen.child.send("route \t")
        screen.wait("monitor")
        (folder / "completion.svg").write_text(picture(screen))
        screen.child.close(force=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
