"""The two forms of a transcript."""

from __future__ import annotations

from vshell.labs.transcript import Step, parse_cram, parse_markdown

CRAM = (
    """\
A title
of two lines

  $ echo one
  one
  $ for i in 1 2
  > do echo $i; done
  1
  2
  $ printf x; false
  x (no-eol)
  [1]

prose between
  not a command
  $ sleep 100
  [timeout]
  $ echo; echo end
"""
    + "  \n  end\n"
)

MARKDOWN = """\
# A title

```console
$ echo one
one

$ false
[1]
```

Text with `code`, and another language:

```sh
$ not run
```

~~~~console
$ echo '```'
```
~~~~
"""


def test_cram() -> None:
    """Commands, continuations, statuses, missing newlines."""
    t = parse_cram(CRAM)
    assert t.title == "A title"
    assert t.steps == [
        Step("echo one", "one\n", 0, 4),
        Step("for i in 1 2\ndo echo $i; done", "1\n2\n", 0, 6),
        Step("printf x; false", "x", 1, 10),
        Step("sleep 100", "", None, 16),
        Step("echo; echo end", "\nend\n", 0, 18),
    ]


def test_markdown() -> None:
    """Only blocks marked console count; empty lines in them are output."""
    t = parse_markdown(MARKDOWN)
    assert t.title == "A title"
    assert [(s.command, s.output, s.status) for s in t.steps] == [
        ("echo one", "one\n\n", 0),
        ("false", "", 1),
        ("echo '```'", "```\n", 0),
    ]


def test_nothing() -> None:
    """A file without commands."""
    assert parse_cram("").steps == parse_markdown("text\n").steps == []
