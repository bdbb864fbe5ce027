"""What a replay found, for people (differences and a summary line) and for machines (JSON, JUnit XML)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vshell.labs.replay import FileResult, StepResult


def difference(result: FileResult, step: StepResult) -> Iterator[str]:
    """The lines that show how one command differs."""
    from difflib import unified_diff

    yield f"{result.path}:{step.step.line}: command {step.index} differs"
    yield from ("  $ " + step.step.command).replace("\n", "\n  > ").split("\n")
    if step.output is None:
        yield "  (the shell did not get to its end)"
        return
    old, new = (text.splitlines() for text in (step.expected, step.output))
    for line in list(unified_diff(old, new, n=2, lineterm=""))[2:]:
        yield "  " + line
    if old == new and step.expected != step.output:
        yield "  (only the newline at the end differs)"
    if step.status != step.step.status:
        yield f"  exit status {step.status}, expected {step.step.status}"


def differences(results: Iterable[FileResult]) -> Iterator[str]:
    """All differing commands of all files."""
    for result in results:
        for step in result.different:
            yield from difference(result, step)
            yield ""
        for panic in result.panics:
            yield f"{result.path}: vshell itself failed:"
            yield panic


def summary(results: Sequence[FileResult]) -> str:
    """The last line of a replay."""
    same = sum(len(r.counted) - len(r.different) for r in results)
    total = sum(len(r.counted) for r in results)
    whole = sum(not r.different for r in results)
    return f"{same}/{total} commands the same, {whole}/{len(results)} files whole"


def as_json(results: Sequence[FileResult]) -> str:
    """All results as JSON."""
    import json

    def row(s: StepResult) -> dict[str, Any]:
        return {
            "index": s.index,
            "line": s.step.line,
            "command": s.step.command,
            "same": s.same,
            "counted": s.counted,
            "expected": s.expected,
            "output": s.output,
            "expected_status": s.step.status,
            "status": s.status,
        }

    files = [
        {
            "file": r.path,
            "title": r.title,
            "seconds": round(r.seconds, 6),
            "panics": r.panics,
            "commands": [row(s) for s in r.steps],
        }
        for r in results
    ]
    return json.dumps(files, indent=1) + "\n"


def as_junit(results: Sequence[FileResult]) -> str:
    """All results as JUnit XML: a suite per file, a case per command."""
    import xml.etree.ElementTree as ET

    root = ET.Element("testsuites", name="vshell replay")
    for r in results:
        attributes = {"name": r.path, "tests": str(len(r.counted)), "failures": str(len(r.different)), "time": f"{r.seconds:.3f}"}
        suite = ET.SubElement(root, "testsuite", attributes)
        for s in r.counted:
            case = ET.SubElement(
                suite, "testcase", classname=r.path, name=_clean(f"{s.index}: {s.step.command}"), line=str(s.step.line)
            )
            if not s.same:
                ET.SubElement(case, "failure", message="differs").text = _clean("\n".join(difference(r, s)))
        if r.panics:
            ET.SubElement(suite, "system-err").text = _clean("\n".join(r.panics))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c if c in "\n\t" or (c >= " " and not "\ud800" <= c <= "\udfff") else "?" for c in text)
