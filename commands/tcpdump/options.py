"""tcpdump's options, usage and version."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.pcap.dlt import MAXIMUM_SNAPLEN, datalink_name_to_val

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from vshell.userland.program import Program

SHORT = "aAbB:c:C:dDeE:fF:gG:hHi:Ij:JKlLm:M:nNOpqQ:r:s:StT:uUvV:w:W:xXy:Yz:Z:#"
LONG = {
    "buffer-size": (REQUIRED, "B"), "list-interfaces": (NO, "D"), "help": (NO, "h"), "interface": (REQUIRED, "i"),
    "monitor-mode": (NO, "I"), "time-stamp-type": (REQUIRED, "j"), "list-time-stamp-types": (NO, "J"),
    "micro": (NO, "micro"), "nano": (NO, "nano"), "time-stamp-precision": (REQUIRED, "precision"),
    "dont-verify-checksums": (NO, "K"), "list-data-link-types": (NO, "L"), "no-optimize": (NO, "O"),
    "no-promiscuous-mode": (NO, "p"), "direction": (REQUIRED, "Q"), "snapshot-length": (REQUIRED, "s"),
    "absolute-tcp-sequence-numbers": (NO, "S"), "packet-buffered": (NO, "U"), "linktype": (REQUIRED, "y"),
    "immediate-mode": (NO, "immediate"), "relinquish-privileges": (REQUIRED, "Z"), "count": (NO, "count"),
    "fp-type": (NO, "fp-type"), "number": (NO, "#"), "print": (NO, "print"), "time-t-size": (NO, "time-t-size"),
    "ip-oneline": (NO, "g"), "version": (NO, "version"),
}  # fmt: skip
VERSION = """tcpdump version 4.99.6
libpcap version 1.10.6 (64-bit time_t, with zerocopy and netmap support)
OpenSSL 3.5.6 7 Apr 2026
64-bit build, 64-bit time_t
"""
USAGE = """Usage: {0} [-AbdDefghHIJKlLnNOpqStuUvxX#] [ -B size ] [ -c count ] [--count]
\t\t[ -C file_size ] [ -E algo:secret ] [ -F file ] [ -G seconds ]
\t\t[ -i interface ] [ --immediate-mode ] [ -j tstamptype ]
\t\t[ -M secret ] [ --number ] [ --print ] [ -Q in|out|inout ]
\t\t[ -r file ] [ -s snaplen ] [ -T type ] [ --version ]
\t\t[ -V file ] [ -w file ] [ -W filecount ] [ -y datalinktype ]
\t\t[ --time-stamp-precision precision ] [ --micro ] [ --nano ]
\t\t[ -z postrotate-command ] [ -Z user ] [ expression ]
"""
_PACKET_TYPES = "vat wb rpc rtp rtcp snmp cnfp tftp aodv carp radius zmtp1 vxlan pgm pgm_zmtp1 lmp resp ptp someip domain"
PACKET_TYPES = _PACKET_TYPES.split()
TSTAMP_TYPES = {
    "host": "Host", "host_lowprec": "Host, low precision", "host_hiprec": "Host, high precision", "adapter": "Adapter",
    "adapter_unsynced": "Adapter, not synced with system time",
    "host_hiprec_unsynced": "Host, high precision, not synced with system time",
}  # fmt: skip
COUNTED = "AbefgHKnNSuvxXt"
UNITS = {"": 1_000_000, "k": 1024, "m": 1024**2, "g": 1024**3}


class Options:
    """What was asked for."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.ndo = Ndo(p)
        self.flags: dict[str, int] = {}
        """Options without argument -> how often."""
        self.values: dict[str, str] = {}
        """Options with an argument -> the last one."""
        self.count = -1
        self.buffer = 0
        self.file_size = 0
        self.seconds = 0
        self.files = 0
        self.snaplen = 0
        self.dlt = -1
        self.args: list[str] = []

    def on(self, key: str) -> bool:
        """Was it given?"""
        return key in self.flags

    def error(self, text: str) -> NoReturn:
        """Complain and exit."""
        self.p.stderr.write(f"{self.p.name}: {text}" + ("" if text.endswith("\n") else "\n"))
        self.p.exit(1)

    def warning(self, text: str) -> None:
        """Complain."""
        self.p.stderr.write(f"{self.p.name}: WARNING: {text}\n")


def parse(o: Options) -> bool:
    """Read the options; False if one of them has said all there is to say."""
    options = GetoptLong(o.p, SHORT, LONG)
    for key, argument in options:
        if key == "?":
            o.p.stderr.write(version(o.p) + USAGE.format(o.p.name))
            o.p.exit(1)
        if key in ("h", "version", "time-t-size", "fp-type"):
            text = {"h": version(o.p) + USAGE.format(o.p.name), "version": version(o.p), "time-t-size": "64\n"}
            o.p.stdout.write(text.get(key, "0x4e93312d = 1234567.000000\n"))
            return False
        if argument or key in "BcCEFGijmMQrsTVwWyzZ" or key == "precision":
            _valued(o, key, argument)
        else:
            o.flags[key] = o.flags.get(key, 0) + 1
            if key == "l":
                o.p.stdout.setvbuf("line")
    o.args = options.args
    _settle(o)
    _check(o)
    return True


def version(p: Program) -> str:
    """print_version."""
    return f"{p.name}{VERSION[7:]}"


def _valued(o: Options, key: str, text: str) -> None:
    """An option with an argument."""
    o.values[key] = text
    if key == "B":
        o.buffer = atoi(text) * 1024
        if o.buffer <= 0:
            o.error(f"invalid packet buffer size {text}")
    elif key == "c":
        o.count = atoi(text)
        if o.count <= 0:
            o.error(f"invalid packet count {text}")
    elif key == "C":
        o.file_size = _file_size(o, text)
    elif key == "G":
        o.seconds = atoi(text)
        if o.seconds < 0:
            o.error(f"invalid number of seconds {text}")
    elif key == "W":
        o.files = atoi(text)
        if o.files <= 0:
            o.error(f"invalid number of output files {text}")
    elif key == "s":
        number, rest, _ = strtol(text, 0)
        if not text or rest or rest == text or not 0 <= number <= MAXIMUM_SNAPLEN:
            o.error(f"invalid snaplen {text} (must be >= 0 and <= {MAXIMUM_SNAPLEN})")
        o.snaplen = number
    elif key == "m":
        o.p.stderr.write(f"{o.p.name}: ignoring option '-m {text}' (no libsmi support)\n")
    else:
        _named(o, key, text)


def _named(o: Options, key: str, text: str) -> None:
    """An option whose argument is one of some names."""
    if key == "j" and text.lower() not in TSTAMP_TYPES:
        o.error(f"invalid time stamp type {text}")
    elif key == "Q" and text.lower() not in ("in", "out", "inout"):
        o.error(f"unknown capture direction '{text}'")
    elif key == "T":
        if text.lower() not in PACKET_TYPES:
            o.error(f"unknown packet type '{text}'")
        o.ndo.packettype = text.lower()
    elif key == "y":
        o.dlt = datalink_name_to_val(text)
        if o.dlt < 0:
            o.error(f"invalid data link type {text}")
    elif key == "precision":
        if not text.startswith(("nano", "micro")):
            o.error("unsupported time stamp precision")
        o.ndo.nano = text.startswith("nano")


def _file_size(o: Options, text: str) -> int:
    """-C: millions of bytes, or a number with a unit."""
    number, rest, error = strtol(text, 10)
    if rest == text or error or number <= 0 or rest.lower() not in UNITS:
        o.error(f"invalid file size {text}")
    size = number * UNITS[rest.lower()]
    if size >= 1 << 63:
        o.error(f"file size {text} is too large")
    return size


def _settle(o: Options) -> None:
    """Hand the flags on to the printers."""
    ndo, flags = o.ndo, o.flags
    for key in COUNTED:
        setattr(ndo, key, flags.get(key, 0))
    ndo.q = flags.get("q", 0)
    ndo.suppress_default_print = ndo.q + ndo.x + ndo.X
    ndo.number = "#" in flags
    if "nano" in flags:
        ndo.nano = True
    elif "micro" in flags:
        ndo.nano = False


def _check(o: Options) -> None:
    """What does not go together."""
    ndo, given = o.ndo, o.values
    if ndo.A and ndo.x:
        o.error("-A and -x[x] are mutually exclusive.")
    if ndo.A and ndo.X:
        o.error("-A and -X[X] are mutually exclusive.")
    if ndo.x and ndo.X:
        o.error("-x[x] and -X[X] are mutually exclusive.")
    if o.file_size and "w" not in given:
        o.error("-C cannot be used without -w.")
    if o.seconds and "w" not in given:
        o.error("-G cannot be used without -w.")
    if "z" in given and ("w" not in given or not (o.file_size or o.seconds)):
        o.error("-z cannot be used without -w and (-C or -G).")


def check_more(o: Options) -> None:
    """What is found out after -D."""
    ndo, given = o.ndo, o.values
    if ndo.t > 5:
        o.error("only -t, -tt, -ttt, -tttt and -ttttt are supported")
    if ndo.f and ("V" in given or "r" in given):
        o.error("-f cannot be used with -V or -r.")
    if "V" in given and "r" in given:
        o.error("-V and -r are mutually exclusive.")
