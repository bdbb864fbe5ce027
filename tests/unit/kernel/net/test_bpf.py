"""bpf(4): what its ioctls answer, reading, writing, filters, and the interface that goes away."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

from vshell.abi import bpf as B
from vshell.abi.errno import EINVAL, ENETDOWN, ENXIO, EPERM, KError
from vshell.abi.fcntl import O_NONBLOCK, O_RDWR
from vshell.machine import Machine

ACCEPT = ((6, 0, 0, 0xFFFFFFFF),)
NOTHING = ((6, 0, 0, 0),)
FRAME = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x88\xb5" + bytes(46)


def play(
    script: Callable[[Any, int], Any],
    before: str = "ifconfig epair0 create > /dev/null; ifconfig epair0a up; ifconfig epair0b up",
) -> Any:
    """Run `script(system calls, a descriptor of /dev/bpf)` in a process of a machine."""
    machine = Machine()
    machine.run(before)
    got: list[Any] = []

    async def entry(sysent: Any) -> int:
        fd = sysent.open("/dev/bpf", O_RDWR | O_NONBLOCK)
        got.append(await script(sysent, fd))
        return 0

    process = machine.process(entry)
    machine.finish(process)
    assert len(got) == 1
    return got[0]


def errno(call: Callable[[], object]) -> int:
    """The error of a call."""
    with pytest.raises(KError) as caught:
        call()
    return caught.value.errno


async def refused(sys: Any, fd: int) -> int:
    """The error of a write."""
    try:
        await sys.write(fd, FRAME)
    except KError as e:
        return e.errno
    return 0


def test_a_descriptor_without_interface() -> None:
    async def script(sys: Any, fd: int) -> list[Any]:
        return [
            sys.ioctl(fd, B.BIOCGBLEN()),
            errno(lambda: sys.ioctl(fd, B.BIOCGDLT())),
            errno(lambda: sys.ioctl(fd, B.BIOCGETIF())),
            errno(lambda: sys.ioctl(fd, B.BIOCPROMISC())),
            errno(lambda: sys.ioctl(fd, B.BIOCSETIF(name="nosuch0"))),
        ]

    assert play(script) == [4096, EINVAL, EINVAL, EINVAL, ENXIO]


def test_the_interface_and_its_link_types() -> None:
    async def script(sys: Any, fd: int) -> list[Any]:
        sys.ioctl(fd, B.BIOCSBLEN(size=32768))
        sys.ioctl(fd, B.BIOCSETIF(name="epair0a"))
        return [
            sys.ioctl(fd, B.BIOCGETIF()),
            sys.ioctl(fd, B.BIOCGDLT()),
            tuple(sys.ioctl(fd, B.BIOCGDLTLIST())),
            sys.ioctl(fd, B.BIOCGBLEN()),
            errno(lambda: sys.ioctl(fd, B.BIOCSBLEN(size=4096))),
            errno(lambda: sys.ioctl(fd, B.BIOCSDLT(dlt=B.DLT_RAW))),
        ]

    assert play(script) == ["epair0a", B.DLT_EN10MB, (B.DLT_EN10MB,), 32768, EINVAL, EINVAL]


def test_what_was_written_is_read() -> None:
    async def script(sys: Any, fd: int) -> tuple[int, bytes]:
        sys.ioctl(fd, B.BIOCSETIF(name="epair0a"))
        sys.ioctl(fd, B.BIOCIMMEDIATE(on=1))
        sys.ioctl(fd, B.BIOCSHDRCMPLT(on=1))
        written = await sys.write(fd, FRAME)
        stat = sys.ioctl(fd, B.BIOCGSTATS())
        assert (stat.recv, stat.drop) == (1, 0)
        return written, await sys.read(fd, 4096)

    written, raw = play(script)
    assert written == len(FRAME)
    caplen, length, header = struct.unpack_from("<IIH", raw, 16)
    assert (caplen, length) == (len(FRAME), len(FRAME))
    assert raw[header : header + caplen] == FRAME
    assert len(raw) == header + caplen


@pytest.mark.parametrize(("program", "count"), [(ACCEPT, 1), (NOTHING, 0), ((), 1)])
def test_filters(program: tuple[Any, ...], count: int) -> None:
    async def script(sys: Any, fd: int) -> int:
        sys.ioctl(fd, B.BIOCSETIF(name="epair0a"))
        sys.ioctl(fd, B.BIOCSETF(program=program))
        await sys.write(fd, FRAME)
        waiting: int = sys.ioctl(fd, B.FIONREAD())
        return int(waiting > 0)

    assert play(script) == bool(count)


def test_programs_that_are_refused() -> None:
    async def script(sys: Any, fd: int) -> list[int]:
        found = []
        for program in (((5, 0, 0, 0xFFFFFFFF), *NOTHING), ((0, 0, 0, 0),), ((52, 0, 0, 0), *ACCEPT)):
            try:
                sys.ioctl(fd, B.BIOCSETF(program=program))
            except KError as e:
                found.append(e.errno)
        return found

    assert play(script) == [EINVAL] * 3


def test_a_filter_of_what_is_written_and_the_lock() -> None:
    async def script(sys: Any, fd: int) -> list[Any]:
        sys.ioctl(fd, B.BIOCSETIF(name="epair0a"))
        sys.ioctl(fd, B.BIOCSETWF(program=NOTHING))
        first = await refused(sys, fd)
        sys.ioctl(fd, B.BIOCLOCK())
        return [first, errno(lambda: sys.ioctl(fd, B.BIOCSETWF(program=ACCEPT))), errno(lambda: sys.ioctl(fd, B.BIOCPROMISC()))]

    assert play(script) == [EPERM, EPERM, EPERM]


def test_an_interface_that_is_down() -> None:
    async def down(sys: Any, fd: int) -> int:
        sys.ioctl(fd, B.BIOCSETIF(name="epair0a"))
        return await refused(sys, fd)

    assert play(down, "ifconfig epair0 create > /dev/null; ifconfig epair0a down") == ENETDOWN
