"""How long vshell takes to start, as multiples of P, the time of `python3 -c pass` in the same run.

python benchmarks/start.py [ROUNDS]
"""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

PROMPT = b"root@vhost:~ # "
EDITOR = b"\x1b[?2004h"
"""What the line editor sends when it is loaded and takes the keys that were hit since the prompt came."""


def program() -> list[str]:
    """The installed program beside this Python, or the module."""
    installed = shutil.which("vshell", path=str(Path(sys.executable).parent))
    return [installed] if installed else [sys.executable, "-m", "vshell"]


def run(command: list[str]) -> float:
    """Seconds from start to end."""
    start = perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return perf_counter() - start


def first_prompt(command: list[str], mark: bytes) -> float:
    """Seconds until `mark` is on the terminal."""
    start = perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], command)
    seen = b""
    while mark not in seen:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            raise SystemExit(f"no prompt came: {seen.decode(errors='replace')}") from None
        if b"\x1b[6n" in data:  # the editor asks where the cursor is
            os.write(terminal, b"\x1b[1;1R")
        seen += data
    took = perf_counter() - start
    os.write(terminal, b"\x04")
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return took


def main(rounds: int) -> None:
    """Interleaved, so that a slow moment of the machine hits all alike; the best of each counts."""
    vshell = program()
    python: list[float] = []
    true: list[float] = []
    plain: list[float] = []
    rich: list[float] = []
    editor: list[float] = []
    for _ in range(rounds):
        python.append(run([sys.executable, "-c", "pass"]))
        true.append(run([*vshell, "-c", "true"]))
        plain.append(first_prompt([*vshell, "--plain"], PROMPT))
        rich.append(first_prompt(vshell, PROMPT))
        editor.append(first_prompt(vshell, EDITOR))
    p = min(python)
    print(f"P, python3 -c pass:        {p * 1e3:7.1f} ms")
    named = ("vshell -c true", true), ("first prompt, --plain", plain), ("first prompt", rich), ("editor ready", editor)
    for name, times in named:
        print(f"{name + ':':26} {min(times) * 1e3:7.1f} ms  {min(times) / p:5.2f} P")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
