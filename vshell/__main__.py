"""python -m vshell, and the program `vshell`."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def _open_standard_streams() -> None:
    """Where the caller has closed one of them, there is nothing to read and what is written is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free descriptor is the closed one.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - it stays open


def main(argv: Sequence[str] | None = None) -> int:
    """Run with the given arguments and return the exit status, or with those of the process and end it."""
    # A start makes tens of thousands of objects that all stay; looking for garbage among them is in vain.
    gc.set_threshold(50_000, 20, 20)
    from vshell.app import main as app

    if argv is not None:
        return app(argv)
    _open_standard_streams()
    status = app(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        pass
    # Taking the machine apart piece by piece would only cost time.
    os._exit(status)


if __name__ == "__main__":
    main()
