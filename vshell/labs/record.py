"""Write a transcript: commands run in a fresh machine, with their answers, in a form that `replay` takes."""

from __future__ import annotations

from collections.abc import Iterable

from vshell.labs.replay import PROLOGUE, Session, answer, script
from vshell.labs.transcript import NO_EOL


def transcribe(session: Session, commands: Iterable[str], markdown: bool) -> str:
    """The transcript, as a `console` block of Markdown or in cram form."""
    session.feed(PROLOGUE)
    lines: list[str] = []
    for i, command in enumerate(commands):
        first, *rest = command.split("\n")
        lines += [f"$ {first}", *(f"> {line}" for line in rest)]
        output, status = answer(session.feed(script(command, i)), i)
        if output is None:
            lines.append("[timeout]")
            continue
        body = output.split("\n")
        if body[-1]:
            body[-1] += NO_EOL
        else:
            body.pop()
        lines += body
        if status:
            lines.append(f"[{status}]")
    if markdown:
        return "\n".join(["```console", *lines, "```", ""])
    return "".join(f"  {line}\n" for line in lines)
