"""The manual: every program has a page, what a page says is so, and the programs that show pages."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

import pytest

from vshell.labs.replay import replay
from vshell.labs.report import differences
from vshell.machine import FILES, Machine, open_session
from vshell.shell.completion import Reader, complete
from vshell.userland.manual import FOLDER, TITLES, Page, html, links, options, parse, plain, section, text
from vshell.userland.programs import Programs

TOP = Path(__file__).resolve().parents[3]
PAGES = sorted(Path(FILES, FOLDER.lstrip("/")).glob("*.md"))
FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/libexec", "/libexec")
OTHERS = {"dnctl": set("abcdDefhiNpqStTx"), "ngctl": set("cl")}
"""Letters of another program in the same file; of commands within the program."""
WHOLE = frozenset(
    """arp divertcat dnctl fetch flowctl ifconfig ifmcstat inetd ip6addrctl ipfw jail jexec jls kldconfig kldload kldstat kldunload
    kldxref labhttpd nc ndp netstat ngctl nghook ping route rtadvctl rtadvd rtsold service setfib sockstat sysctl syslogd sysrc
    tcpdrop tcpdump traceroute traceroute6 vimage""".split()
)
"""Pages that tell all options."""


def page_of(path: Path) -> Page:
    """A page, which must be one."""
    page = parse(path.read_text("utf-8"))
    assert page is not None, path
    return page


BY_NAME: dict[str, Page] = {}
for _path in PAGES:
    _page = page_of(_path)
    for _name in (_page.heading.name, *_page.heading.names):
        if _page.heading.section in "18":
            BY_NAME.setdefault(_name, _page)


def strings(node: ast.expr, constants: dict[str, ast.expr]) -> list[str]:
    """The texts an expression may stand for."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Name):
        return strings(constants[node.id], constants) if node.id in constants else []
    if isinstance(node, ast.IfExp):
        return strings(node.body, constants) + strings(node.orelse, constants)
    if isinstance(node, ast.BinOp):
        return strings(node.left, constants) + strings(node.right, constants)
    return []


def optstrings(program: str) -> str:
    """The option strings of getopt in the source of a program, together; "" if it has none."""
    module = Programs._module(program)
    place = TOP / "commands" / module
    found: list[str] = []
    for file in sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
        tree = ast.parse(file.read_text("utf-8"))
        constants: dict[str, ast.expr] = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and len(node.args) > 1:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if "getopt" in name.lower():
                    found += strings(node.args[1], constants)
    return "".join(found)


def letters(page: Page) -> set[str]:
    """The letters among the options of a page."""
    return {o.letter[1] for o in options(page) if len(o.letter) == 2}


def test_every_program_has_a_page() -> None:
    """Also under its other names; none is of a program that is not there."""
    programs = Programs()
    names = {name for folder in FOLDERS for name in programs.listing(folder)}
    assert not sorted(names - BY_NAME.keys())
    assert not sorted(page.heading.name for page in BY_NAME.values() if page.heading.name not in names | {"builtin"})


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name.removesuffix(".md"))
def test_page(path: Path) -> None:
    """The form of a page, and that its options are those of its program."""
    page = page_of(path)
    head = page.heading
    assert path.name == f"{head.name}.{head.section}.md"
    assert head.name in head.names
    assert head.section in TITLES
    titles = [plain(block.text) for block in page.blocks if block.kind == "section"]
    assert "Description" in titles
    if head.section in "18":
        assert titles[:2] == ["Synopsis", "Description"]
        assert next(section(page, "Synopsis")).kind == "code"
    assert len(titles) == len(set(titles))
    assert all(len(line) <= 80 for line in text(page).splitlines() if not line.startswith(" " * 9)), head.name
    assert all(block.text or block.term for block in page.blocks)


@pytest.mark.parametrize("name", sorted({page.heading.name for page in BY_NAME.values()} - {"builtin", "vshell"}))
def test_options(name: str) -> None:
    """Options of a page are options of the program; some pages tell all of them."""
    page = BY_NAME[name]
    programs = Programs()
    owner = next((programs.listing(folder)[name] for folder in FOLDERS if name in programs.listing(folder)), name)
    known = optstrings(owner)
    if not known:
        pytest.skip("reads its options itself")
    assert not letters(page) - set(known)
    if name in WHOLE:
        assert not {c for c in known if c.isalnum() or c == "#"} - letters(page) - OTHERS.get(name, set())


@pytest.mark.parametrize("path", [p for p in PAGES if "```console" in p.read_text("utf-8")], ids=lambda p: p.stem)
def test_examples(path: Path) -> None:
    """The console blocks of a page say what the machine answers."""
    result = replay(path, partial(open_session))
    assert not result.different and not result.panics, "\n".join(differences([result]))
