"""Where things stand in `vshell graph`, and the SVG of it.

Stacks are cells of a grid, and what is in a stack are cells of a grid in it.  Two cells change places as long as that makes
the links shorter.  Links are drawn below the boxes, as arcs if there are several between the same two.
"""

from __future__ import annotations

from html import escape
from math import ceil, hypot, sqrt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.commands.vshell.graph import Edge, Graph, Group, Item

CHARACTER, LINE, SMALL = 6.7, 14, 5.0
PADDING, MARGIN, TITLE = 8, 22, 20
GAP, GROUP_GAP = (86, 44), (96, 60)
"""Between columns, where the names of two hooks have to find room, and between rows."""
PASSES, SWAPS_MAX = 12, 80
STYLE = (
    "text{font:11px ui-monospace,monospace;fill:#222}.title{font-weight:bold}.end{font-size:8px;fill:#555}"
    ".group{fill:#f4f6f8;stroke:#b8c0c8}.port{fill:#fff;stroke:#356}.node{fill:#fdf3d8;stroke:#a70}"
    ".down{stroke-dasharray:3 2;stroke:#999}.link{fill:none;stroke:#456;stroke-width:1.3}.dashed{stroke-dasharray:4 3}"
)


class Box:
    """A rectangle; its place is that of the upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.x = self.y = 0.0

    @property
    def center(self) -> tuple[float, float]:
        """The middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def border(self, x: float, y: float) -> tuple[float, float]:
        """Where a line from the middle to a point leaves the box."""
        cx, cy = self.center
        dx, dy = x - cx, y - cy
        scale = min(
            self.width / 2 / abs(dx) if dx else 1e9,
            self.height / 2 / abs(dy) if dy else 1e9,
            1.0,
        )  # fmt: skip
        return cx + dx * scale, cy + dy * scale


def arrange(count: int, links: list[tuple[int, int]], wide: float = 1.0) -> list[tuple[int, int]]:
    """(column, row) of each of `count` cells; linked ones near each other."""
    columns = max(ceil(sqrt(count * wide)), 1)
    rows = ceil(count / columns)
    places = [(i % columns, i // columns) for i in range(columns * rows)]
    order: list[int | None] = [*_walk(count, links), *[None] * (len(places) - count)]
    where = {cell: place for cell, place in zip(order, places, strict=True) if cell is not None}
    near: dict[int, list[int]] = {i: [] for i in range(count)}
    for a, b in links:
        if a != b:
            near[a].append(b)
            near[b].append(a)
    if count <= SWAPS_MAX:
        for _ in range(PASSES):
            if not _improve(order, places, where, near):
                break
    return [where[i] for i in range(count)]


def _walk(count: int, links: list[tuple[int, int]]) -> list[int]:
    """Cells in the order in which one comes across them."""
    near: dict[int, list[int]] = {i: [] for i in range(count)}
    for a, b in links:
        near[a].append(b)
        near[b].append(a)
    seen: dict[int, None] = {}
    for start in range(count):
        waiting = [start]
        while waiting:
            cell = waiting.pop(0)
            if cell not in seen:
                seen[cell] = None
                waiting += near[cell]
    return list(seen)


def _improve(
    order: list[int | None], places: list[tuple[int, int]], where: dict[int, tuple[int, int]], near: dict[int, list[int]]
) -> bool:
    """Swap what is better swapped; True if anything was."""

    def cost(*cells: int | None) -> int:
        total = 0
        for cell in cells:
            if cell is not None:
                x, y = where[cell]
                total += sum((where[n][0] - x) ** 2 + (where[n][1] - y) ** 2 for n in near[cell])
        return total

    changed = False
    for i in range(len(order)):
        for j in range(i + 1, len(order)):
            one, two = order[i], order[j]
            if one is None and two is None:
                continue
            before = cost(one, two)
            _put(where, one, places[j])
            _put(where, two, places[i])
            if cost(one, two) < before:
                order[i], order[j] = two, one
                changed = True
            else:
                _put(where, one, places[i])
                _put(where, two, places[j])
    return changed


def _put(where: dict[int, tuple[int, int]], cell: int | None, place: tuple[int, int]) -> None:
    if cell is not None:
        where[cell] = place


def place(boxes: list[Box], cells: list[tuple[int, int]], gaps: tuple[float, float], x: float, y: float) -> tuple[float, float]:
    """Put boxes into the cells of a grid whose corner is given; returns its width and height."""
    columns = max((c for c, _ in cells), default=-1) + 1
    rows = max((r for _, r in cells), default=-1) + 1
    widths = [max((b.width for b, cell in zip(boxes, cells, strict=True) if cell[0] == c), default=0) for c in range(columns)]
    heights = [max((b.height for b, cell in zip(boxes, cells, strict=True) if cell[1] == r), default=0) for r in range(rows)]
    for box, (column, row) in zip(boxes, cells, strict=True):
        box.x = x + sum(widths[:column]) + gaps[0] * column + (widths[column] - box.width) / 2
        box.y = y + sum(heights[:row]) + gaps[1] * row + (heights[row] - box.height) / 2
    return sum(widths) + gaps[0] * max(columns - 1, 0), sum(heights) + gaps[1] * max(rows - 1, 0)


class Picture:
    """A graph with places."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.boxes = {item.key: _box(item) for group in graph.groups for item in group.items}
        self.home = {item.key: i for i, group in enumerate(graph.groups) for item in group.items}
        self.frames: list[Box] = []
        self.cells: list[list[tuple[int, int]]] = []
        for group in graph.groups:
            self._inside(group)
        links = [(self.home[e.a], self.home[e.b]) for e in graph.edges]
        self.width, self.height = place(self.frames, arrange(len(self.frames), links, 1.4), GROUP_GAP, MARGIN, MARGIN)
        for frame, group, cells in zip(self.frames, graph.groups, self.cells, strict=True):
            place([self.boxes[i.key] for i in group.items], cells, GAP, frame.x + MARGIN, frame.y + MARGIN + TITLE)

    def _inside(self, group: Group) -> None:
        """Arrange what is in a group; the size of its frame becomes known."""
        keys = {item.key: i for i, item in enumerate(group.items)}
        links = [(keys[e.a], keys[e.b]) for e in self.graph.edges if e.a in keys and e.b in keys]
        cells = arrange(len(keys), links)
        self.cells.append(cells)
        width, height = place([self.boxes[item.key] for item in group.items], cells, GAP, 0, 0)
        title = len(group.title) * CHARACTER
        self.frames.append(Box(max(width, title) + 2 * MARGIN, height + 2 * MARGIN + TITLE))

    # drawing ---------------------------------------------------------------------------------------------------
    def svg(self) -> str:
        """The picture."""
        width, height = self.width + 2 * MARGIN, self.height + 2 * MARGIN
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}">',
            f"<style>{STYLE}</style>",
        ]
        for frame, group in zip(self.frames, self.graph.groups, strict=True):
            out.append(_rect(frame, "group", 8))
            out.append(_text(frame.x + 10, frame.y + 16, group.title, "title"))
        seen: dict[frozenset[str], int] = {}
        for edge in self.graph.edges:
            ends = frozenset((edge.a, edge.b))
            seen[ends] = seen.get(ends, -1) + 1
            out += self._link(edge, seen[ends])
        for group in self.graph.groups:
            for item in group.items:
                out += self._item(item)
        return "\n".join([*out, "</svg>"]) + "\n"

    def _link(self, edge: Edge, number: int) -> list[str]:
        """A line from border to border; the second and further ones between the same two bend."""
        one, two = self.boxes[edge.a], self.boxes[edge.b]
        kind = "link dashed" if edge.dashed else "link"
        if one is two:
            x, y = one.x + one.width, one.y + one.height / 2
            loop = f"M{x:.1f} {y - 5:.1f}c24 -14 24 24 0 10"
            return [f'<path class="{kind}" d="{loop}"/>', _text(x + 8, y - 10, edge.label, "end")]
        (x1, y1), (x2, y2) = one.center, two.center
        length = hypot(x2 - x1, y2 - y1) or 1
        bend = (number + 1) // 2 * 34 * (1 if number % 2 else -1)
        mx = (x1 + x2) / 2 - (y2 - y1) / length * bend
        my = (y1 + y2) / 2 + (x2 - x1) / length * bend
        (ax, ay), (bx, by) = one.border(mx, my), two.border(mx, my)
        out = [f'<path class="{kind}" d="M{ax:.1f} {ay:.1f}Q{mx:.1f} {my:.1f} {bx:.1f} {by:.1f}"/>']
        for x, y, text in ((ax, ay, edge.left), (bx, by, edge.right)):
            if text:
                away = hypot(mx - x, my - y) or 1
                step = min(8, away / 2)
                tx, ty = x + (mx - x) / away * step, y + (my - y) / away * step
                # Beside the line, on the side to which it goes; below it if it comes from above.
                left = len(text) * SMALL + 2 if mx < x - 1 else -2
                out.append(_text(tx - left, ty + (8 if my > y + 1 else -3), text, "end"))
        return out

    def _item(self, item: Item) -> list[str]:
        box = self.boxes[item.key]
        kind = item.kind if item.up else f"{item.kind} down"
        out = [_rect(box, kind, 12 if item.kind == "node" else 3)]
        for i, line in enumerate(item.lines):
            out.append(_text(box.x + PADDING, box.y + PADDING + LINE * (i + 0.75), line, "title" if not i else ""))
        return out


def _box(item: Item) -> Box:
    return Box(max(len(line) for line in item.lines) * CHARACTER + 2 * PADDING, len(item.lines) * LINE + 2 * PADDING)


def _rect(box: Box, kind: str, radius: int) -> str:
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    return f'<rect class="{kind}" {place} rx="{radius}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    if not text:
        return ""
    mark = f' class="{kind}"' if kind else ""
    return f'<text{mark} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def draw(graph: Graph) -> str:
    """The SVG of a graph."""
    return Picture(graph).svg()
