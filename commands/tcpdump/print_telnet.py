"""tcpdump: commands of TELNET (print-telnet.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo

IAC, SB, SE, FIRST = 255, 250, 240, 236
COMMANDS = (
    "EOF", "SUSP", "ABORT", "EOR", "SE", "NOP", "DMARK", "BRK", "IP", "AO", "AYT", "EC", "EL", "GA", "SB", "WILL", "WONT", "DO",
    "DONT", "IAC",
)  # fmt: skip
OPTIONS = (
    "BINARY", "ECHO", "RCP", "SUPPRESS GO AHEAD", "NAME", "STATUS", "TIMING MARK", "RCTE", "NAOL", "NAOP", "NAOCRD", "NAOHTS",
    "NAOHTD", "NAOFFD", "NAOVTS", "NAOVTD", "NAOLFD", "EXTEND ASCII", "LOGOUT", "BYTE MACRO", "DATA ENTRY TERMINAL", "SUPDUP",
    "SUPDUP OUTPUT", "SEND LOCATION", "TERMINAL TYPE", "END OF RECORD", "TACACS UID", "OUTPUT MARKING", "TTYLOC", "3270 REGIME",
    "X.3 PAD", "NAWS", "TSPEED", "LFLOW", "LINEMODE", "XDISPLOC", "OLD-ENVIRON", "AUTHENTICATION", "ENCRYPT", "NEW-ENVIRON",
)  # fmt: skip
VERBS = {
    37: (("IS", "SEND", "REPLY", "NAME"), ("NULL", "KERBEROS_V4", "KERBEROS_V5", "SPX", "MINK", "SRP", "RSA", "SSL")),
    38: (
        ("IS", "SUPPORT", "REPLY", "START", "END", "REQUEST-START", "REQUEST-END", "END_KEYID", "DEC_KEYID"),
        ("NULL", "DES_CFB64", "DES_OFB64", "DES3_CFB64", "DES3_OFB64"),
    ),
}
PLAIN = (("IS", "SEND", "INFO"),)


def alternate(value: int) -> str:
    """%#x."""
    return f"0x{value:x}" if value else "0"


def parse(ndo: Ndo, at: int, left: int) -> tuple[int, str] | None:
    """telnet_parse: the length of a command and its text, None if it is not all there."""
    if left < 2 or ndo.u1(at) != IAC:
        return None
    c = ndo.u1(at + 1)
    if c == IAC:
        return 2, "IAC IAC"
    if c < FIRST:
        return None
    if not SB <= c < IAC:
        return 2, COMMANDS[c - FIRST]
    if left < 3:
        return None
    option = ndo.u1(at + 2)
    text = f"{COMMANDS[c - FIRST]} {OPTIONS[option] if option < len(OPTIONS) else alternate(option)}"
    if c != SB:
        return 3, text
    start = end = at + 3
    while left - 3 > end + 1 - start:
        if ndo.u1(end) == IAC and ndo.u1(end + 1) == SE:
            break
        end += 1
    if ndo.u1(end) != IAC:
        return None
    body = list(ndo.get(start, end - start))
    for names in VERBS.get(option, PLAIN):
        if body:
            value = body.pop(0)
            text += f" {names[value] if value < len(names) else alternate(value)}"
    return end + 2 - at, text + "".join(f" {alternate(c)}" for c in body) + " SE"


def telnet_print(ndo: Ndo, at: int, length: int) -> None:
    """All commands at the start of a segment."""
    ndo.protocol = "telnet"
    start = at
    hexed = ndo.X and ndo.v > 2
    first = True
    while length > 0 and ndo.u1(at) == IAC:
        found = parse(ndo, at, length)
        if found is None:
            break
        size, text = found
        if hexed:
            ndo.p("\nTelnet:" if first else "")
            ndo.hex_print("\n", at, size, at - start)
            ndo.p("\n\t\t\t\t" if size > 8 else " " * ((8 - size) * 3) + "\t")
        else:
            ndo.p(" [telnet " if first else ", ")
        ndo.p(text)
        first = False
        at, length = at + size, length - size
    if not first:
        ndo.p("\n" if hexed else "]")
