"""vshell graph: DOT, Mermaid and SVG of the wiring."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from xml.etree import ElementTree

from vshell.machine import Result

Run = Callable[..., Result]
Box = tuple[float, float, float, float]

LAB = """
jail -c name=pc vnet persist; jail -c name=r vnet persist
printf 'mkpeer bridge a link0\\nname a sw\\nmsg sw: setpersistent\\n' | ngctl -f -
for i in 0 1; do ngctl mkpeer sw: eiface link$((i+1)) ether; done
ifconfig ngeth0 vnet pc; ifconfig ngeth1 vnet r; ifconfig -j pc ngeth0 10.0.0.1/24; ifconfig -j r ngeth1 10.0.0.2/24
ifconfig epair create > /dev/null; ifconfig epair0a vnet r; ifconfig epair0b 10.1.0.1/24
"""


def test_dot_has_stacks_nodes_and_hooks(run: Run) -> None:
    out = run(LAB + "vshell graph").stdout.decode()
    assert out.startswith("graph vshell {\n") and out.endswith("}\n")
    for part in ('label="pc";', '[label="sw\\nbridge", shape=ellipse]', '[taillabel="link1", headlabel="ether"]'):
        assert part in out
    assert out.count(" -- ") == 3
    assert "lo0" not in out


def test_mermaid_names_each_stack_once(run: Run) -> None:
    out = run(LAB + "vshell graph -t mermaid").stdout.decode()
    assert out.startswith("flowchart LR\n")
    assert out.count("subgraph") == out.count("  end\n") == 3
    assert '["ngeth0<br>10.0.0.1/24"]' in out and '|"link1 – ether"|' in out


def rects(root: ElementTree.Element, kinds: set[str]) -> list[Box]:
    """The rectangles of some classes: (x, y, width, height)."""
    found = root.iter("{http://www.w3.org/2000/svg}rect")
    return [
        (float(r.get("x", "")), float(r.get("y", "")), float(r.get("width", "")), float(r.get("height", "")))
        for r in found
        if set(r.get("class", "").split()) & kinds
    ]


def apart(a: Box, b: Box) -> bool:
    """Do two rectangles have nothing in common?"""
    return a[0] + a[2] < b[0] or b[0] + b[2] < a[0] or a[1] + a[3] < b[1] or b[1] + b[3] < a[1]


def inside(a: Box, b: Box) -> bool:
    """Is the first in the second?"""
    return b[0] <= a[0] and b[1] <= a[1] and a[0] + a[2] <= b[0] + b[2] and a[1] + a[3] <= b[1] + b[3]


def test_svg_puts_boxes_into_frames(run: Run) -> None:
    root = ElementTree.fromstring(run(LAB + "vshell graph -a -t svg").stdout)
    frames, boxes = rects(root, {"group"}), rects(root, {"port", "node"})
    assert len(frames) == 3 and len(boxes) == 10
    assert all(apart(a, b) for a, b in combinations(frames, 2))
    assert all(apart(a, b) for a, b in combinations(boxes, 2))
    assert all(sum(inside(box, frame) for frame in frames) == 1 for box in boxes)
    paper = (0.0, 0.0, float(root.get("width", "")), float(root.get("height", "")))
    assert all(inside(frame, paper) for frame in frames)


def test_the_file_says_how(run: Run) -> None:
    out = run(LAB + "vshell graph -o /tmp/a.svg; vshell graph -o /tmp/a.mmd r; head -c 4 /tmp/a.svg; head -2 /tmp/a.mmd").stdout
    assert out.decode() == '<svgflowchart LR\n  subgraph s0["r"]\n'


def test_errors(run: Run) -> None:
    for args, status in (("-t png", 2), ("-x", 2), ("nosuch", 1), ("-o /nosuch/file", 1)):
        result = run(f"vshell graph {args}")
        assert result.status == status and result.stderr
