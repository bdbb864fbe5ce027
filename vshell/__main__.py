"""python -m vshell, and the program `vshell`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run with the given arguments, or those of the process."""
    from vshell.app import main as app

    return app(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
