"""How fast the recordings are replayed: commands per second in one process.

python benchmarks/replay.py [AREA ...]
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

from vshell.app import tune_memory
from vshell.labs.replay import replay
from vshell.machine import open_session

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"


def main(areas: list[str]) -> None:
    """All recordings, or those of some areas."""
    files = sorted(f for area in (areas or ["*"]) for f in GOLDEN.glob(f"{area}/*.t"))
    start = perf_counter()
    results = [replay(f, open_session) for f in files]
    took = perf_counter() - start
    commands = sum(len(r.steps) for r in results)
    slowest = sorted(results, key=lambda r: -r.seconds)[:5]
    print(f"{commands} commands of {len(files)} files in {took:.1f} s: {commands / took:.0f} commands per second")
    for r in slowest:
        print(f"  {r.seconds:6.2f} s  {Path(r.path).relative_to(GOLDEN)}")


if __name__ == "__main__":
    tune_memory()
    main(sys.argv[1:])
