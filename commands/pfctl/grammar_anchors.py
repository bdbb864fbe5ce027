"""Inline anchors: where their rules are kept until their names are known (pfa_anchor, anchorrule, sbin/pfctl/parse.y)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.commands.pfctl.config import Anchor

if TYPE_CHECKING:
    from vshell.commands.pfctl.config import EthRule, Rule
    from vshell.commands.pfctl.grammar import Grammar

DEPTH = 64
"""PFCTL_ANCHOR_STACK_DEPTH."""


def open_brace(g: Grammar, ether: bool) -> None:
    """Step into an anchor: its rules are collected in one of a reserved name."""
    pf = g.pf
    if pf.asd >= DEPTH:
        g.p.errx(1, "pfa_anchor: anchors too deep")
    pf.asd += 1
    pf.bn += 1
    name = f"_{pf.bn}"
    if ether:
        pf.eanchor = pf.eastack[pf.asd] = pf.eanchors.create(name)
    else:
        pf.anchor = pf.astack[pf.asd] = pf.anchors.create(name)


def _move(source: Anchor, target: Anchor) -> None:
    """mv_rules."""
    for mine, theirs in zip(target.rules, source.rules, strict=True):
        target.match += len(theirs)
        mine += theirs
        theirs.clear()
    target.match += len(source.eth)
    target.eth += source.eth
    source.eth.clear()
    source.match = 0


def anchor_call(g: Grammar, r: Rule | EthRule, name: str | None, ether: bool = False) -> str:
    """The name a rule calls an anchor by; one with rules in braces gets its place now."""
    pf = g.pf
    stack, anchors, parent = (pf.eastack, pf.eanchors, pf.eparent) if ether else (pf.astack, pf.anchors, pf.parent)
    if stack[pf.asd + 1] is None:
        if name is None:
            g.fail("anchors without explicit rules must specify a name")
        return name
    if name is not None and "/" in name:
        g.fail("anchor paths containing '/' cannot be used for inline anchors.")
    last = pf.ealast if ether else pf.alast
    anchor, _ = anchors.setup(parent, name if name is not None else last.name)
    r.anchor = anchor
    if last is not anchor:
        if anchor.match:
            g.fail(f"inline anchor '{anchor.name}' already exists")
        _move(last, anchor)
        anchors.remove_if_empty(last)
    if ether:
        pf.ealast = anchor
    else:
        pf.alast = anchor
    return anchor.name
