"""dummynet: what a packet costs through a pipe, through a queue of WF2Q+ with 100 flows, and through FQ_CODEL, in Y
(see yardstick.py).

    python benchmarks/dummynet.py [PACKETS]

Without dummynet a packet costs what forwarding.py says: nothing looks for it.
"""

from __future__ import annotations

import sys
from time import perf_counter

from yardstick import yardstick

from vshell.app import tune_memory
from vshell.kernel.net.mbuf import Mbuf
from vshell.kernel.netpfil.ipfw.ip_dummynet_args import DnArgs
from vshell.kernel.netpfil.ipfw.ip_dummynet_io import TICK, dummynet_io
from vshell.machine import Machine
from vshell.wire.cksum import in_cksum

KINDS = {
    "a pipe": "pipe 1 config bw 1Gbit/s delay 20",
    "WF2Q+, 100 flows": "pipe 1 config bw 1Gbit/s; dnctl queue 1 config pipe 1 mask dst-port 0xffff",
    "FQ_CODEL, 100 flows": "pipe 1 config bw 1Gbit/s; dnctl sched 1 config type fq_codel; dnctl queue 1 config sched 1",
}


def packet(port: int) -> bytearray:
    """A UDP datagram."""
    head = bytearray(bytes((0x45, 0, 0, 92)) + bytes((0, 1, 0, 0, 64, 17, 0, 0)) + bytes((203, 0, 113, 9, 127, 0, 0, 1)))
    head[10:12] = in_cksum(head).to_bytes(2, "big")
    return head + (4000).to_bytes(2, "big") + port.to_bytes(2, "big") + (72).to_bytes(2, "big") + bytes(66)


def measure(commands: str, count: int) -> float:
    """Seconds a packet spends in dummynet; it is thrown away where it would go on."""
    machine = Machine()
    machine.run(f"kldload dummynet; dnctl {commands}")
    vnet = machine.kernel.vnet0
    from vshell.kernel.netpfil.ipfw.ip_dummynet import Dummynet

    dn, clock = vnet[Dummynet], machine.kernel.clock
    packets = [packet(port) for port in range(5000, 5100)]
    start = perf_counter()
    for i in range(count):
        flow = (False, 0x7F000001, 0xCB007109, 5000 + i % 100, 4000, 17, 0, 0)
        dummynet_io(dn, Mbuf(packets[i % 100], 0, vnet.loif), DnArgs(1, "queue" not in commands, True, None, flow))
        if i % 50 == 49:
            clock.now += TICK
            clock.run_due()
            machine.kernel.netisrq.clear()
    took = perf_counter() - start
    if dn.io_pkt_drop:
        raise SystemExit(f"{dn.io_pkt_drop} packets were dropped")
    return took / count


def main() -> None:
    """Print the costs."""
    tune_memory()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    y = yardstick()
    for name, commands in KINDS.items():
        print(f"{name}: {min(measure(commands, count) for _ in range(3)) / y:.2f} Y a packet")


if __name__ == "__main__":
    main()
