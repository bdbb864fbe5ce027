"""What the primaries of find(1) share: options, the time, running programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from vshell.abi.errno import KError
from vshell.abi.fcntl import WEXITSTATUS, WIFEXITED
from vshell.abi.syscalls import Syscalls
from vshell.userland.execvp import execvp
from vshell.userland.program import Program

NS = 1_000_000_000


class Context:
    """One run of find."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.now = p.sys.clock_gettime() // NS
        self.status = 0
        self.follow = "P"
        self.depth = self.sort = self.xdev = self.xargs = self.quit = False
        self.output = False
        """True once a primary is there that does something: then -print is not implied."""
        self.size_in_blocks = True
        self.maxdepth = self.mindepth = -1
        self.regex_flags = 0
        self.pending: list[Callable[[], Awaitable[None]]] = []
        """What -exec ... {} + still has to run at the end."""

    @property
    def logical(self) -> bool:
        """True if all links are followed."""
        return self.follow == "L"

    def complain(self, text: str) -> None:
        """A warning that spoils the exit status."""
        self.p.stdout.flush()
        self.p.warnx(text)
        self.status = 1

    async def finish(self) -> None:
        """Run what was collected."""
        for run in reversed(self.pending):
            await run()

    async def run(self, argv: list[str], directory: str | None) -> bool:
        """Run a program and wait; True if it ended with status 0."""
        p = self.p
        await p.stdout.drain()
        env = p.env

        async def child(sys: Syscalls) -> int:
            try:
                if directory is not None:
                    sys.chdir(directory)
                execvp(sys, argv, env)
            except KError as e:
                sys.write_nowait(2, f"{p.name}: {argv[0]}: {e}\n".encode("utf-8", "surrogateescape"))
                return 1

        pid = p.sys.fork(child)
        _, status = await p.sys.wait4(pid)
        return WIFEXITED(status) and WEXITSTATUS(status) == 0

    async def confirm(self, argv: list[str]) -> bool:
        """-ok: ask."""
        self.p.stderr.write(f'"{" ".join(argv)}"? ')
        answer = await self.p.stdin.readline()
        if not answer.endswith(b"\n"):
            self.p.stderr.write("\n")
        return answer[:1] in (b"y", b"Y")
