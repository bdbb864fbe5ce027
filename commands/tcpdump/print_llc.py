"""tcpdump: LLC and SNAP (print-llc.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.commands.tcpdump.print_ether import ETHERTYPES, ether_within, ethertype_print, find

SAPS = {
    0: "Null", 0xFF: "Global", 0x02: "802.1B I", 0x03: "802.1B G", 0x06: "IP", 0x04: "SNA", 0x0E: "ProWay NM", 0x42: "STP",
    0x4E: "RS511", 0x7E: "ISO8208", 0x8E: "ProWay", 0xAA: "SNAP", 0xE0: "IPX", 0xF0: "NetBeui", 0xFE: "OSI",
}  # fmt: skip
COMMANDS = {3: "ui", 0xE3: "test", 0xAF: "xid", 0x63: "ua", 0x43: "disc", 0x0F: "dm", 0x6F: "sabme", 0x87: "frmr"}
FLAGS = {0: "Command", 1: "Response", 0x10: "Poll", 0x11: "Final", 0x100: "Poll", 0x101: "Final"}
SUPERVISORY = {0: "Receiver Ready", 1: "Receiver not Ready", 2: "Reject"}
CISCO = {0x2000: "CDP", 0x2003: "VTP", 0x2004: "DTP", 0x0111: "UDLD", 0x010B: "PVST", 0x010C: "VLAN Bridge"}
BRIDGED = {
    1: "Ethernet + FCS", 7: "Ethernet w/o FCS", 2: "802.4 + FCS", 8: "802.4 w/o FCS", 3: "Token Ring + FCS",
    9: "Token Ring w/o FCS", 4: "FDDI + FCS", 0xA: "FDDI w/o FCS", 5: "802.6 + FCS", 0xB: "802.6 w/o FCS", 0xE: "BPDU",
}  # fmt: skip
OUIS = {
    0: "Ethernet", 0x0C: "Cisco", 0x5E: "IANA", 0x81: "Nortel Networks SONMP", 0xF8: "Cisco bridged",
    0x80C2: "Ethernet bridged", 0xA03E: "ATM Forum", 0xE02F: "DOCSIS Spanning Tree", 0x080007: "Appletalk",
    0x009069: "Juniper", 0x080009: "Hewlett-Packard", 0x00120F: "IEEE 802.3 Private", 0x0012BB: "ANSI/TIA", 0x001B21: "DCBX",
    0x002320: "Nicira Networks", 0x5C16C7: "Big Switch Networks", 0xB0D2F5: "Vello Systems", 0x002481: "HP",
    0x0004EA: "HP-Labs", 0x748771: "Infoblox Inc", 0xA42305: "Open Networking Lab", 0x00049F: "Freescale",
    0x0015AD: "Netronome", 0x001018: "Broadcom", 0x00E004: "PMC-Sierra", 0xD0F0DB: "Ericsson",
}  # fmt: skip
PIDS = {0: ETHERTYPES, 0xF8: ETHERTYPES, 0x080007: ETHERTYPES, 0x0C: CISCO, 0x80C2: BRIDGED}
UI = 3


def _short(ndo: Ndo, at: int, caplen: int, size: int) -> int:
    ndo.trunc()
    ndo.default_print(at, caplen)
    return size


def llc_print(ndo: Ndo, at: int, length: int, caplen: int, src: int, dst: int) -> int:
    """A frame: the length of the header, negative if what follows is to be dumped.  `src` and `dst` are -1 if unknown."""
    ndo.protocol = "llc"
    if min(caplen, length) < 3:
        return _short(ndo, at, caplen, caplen if caplen < 3 else length)
    dsap_field, ssap_field, control = ndo.u1(at), ndo.u1(at + 1), ndo.u1(at + 2)
    unnumbered = control & 3 == 3
    hdrlen = 3 if unnumbered else 4
    if not unnumbered:
        if min(caplen, length) < 4:
            return _short(ndo, at, caplen, caplen if caplen < 4 else length)
        control = ndo.le2(at + 2)
    if ssap_field == 0xFF and dsap_field == 0xFF:
        ndo.p("IPX 802.3: " if ndo.e else "")
        return 0
    dsap, ssap = dsap_field & ~1, ssap_field & ~1
    if ndo.e:
        ndo.p(
            f"LLC, dsap {SAPS.get(dsap, 'Unknown')} (0x{dsap:02x}) {'Group' if dsap_field & 1 else 'Individual'}, "
            f"ssap {SAPS.get(ssap, 'Unknown')} (0x{ssap:02x}) {FLAGS[ssap_field & 1]}, "
            f"ctrl 0x{control:0{2 if unnumbered else 4}x}: "
        )
    at, length, caplen = at + hdrlen, length - hdrlen, caplen - hdrlen
    if control == UI and ssap == dsap:
        if ssap == 0xAA:
            known = snap_print(ndo, at, length, caplen, src, dst, 2)
            return hdrlen + 5 if known else -(hdrlen + 5)
        if ssap == 0x42:
            find(("print_stp", "stp_print"))(ndo, at, length)
            return hdrlen
        if ssap == 0x06:
            find(("print_ip", "ip_print"))(ndo, at, length)
            return hdrlen
    if not ndo.e:
        _addresses(ndo, ssap, dsap, src, dst)
    if unnumbered:
        return _unnumbered(ndo, at, length, caplen, control, ssap_field, hdrlen)
    flags = FLAGS.get((ssap_field & 1) | (control & 0x100), "?")
    received = control >> 9 & 0x7F
    if control & 3 == 1:
        what = SUPERVISORY.get(control >> 2 & 3, "?")
        ndo.p(f"Supervisory, {what}, rcv seq {received}, Flags [{flags}], length {length + hdrlen}")
        return hdrlen
    ndo.p(f"Information, send seq {control >> 1 & 0x7F}, rcv seq {received}, Flags [{flags}], length {length + hdrlen}")
    return -hdrlen


def _addresses(ndo: Ndo, ssap: int, dsap: int, src: int, dst: int) -> None:
    to = tok2str(SAPS, "Unknown DSAP 0x%02x", dsap)
    by = tok2str(SAPS, "Unknown SSAP 0x%02x", ssap)
    known = src >= 0 and dst >= 0
    if ssap == dsap:
        ndo.p(f"{ndo.etheraddr(src)} > {ndo.etheraddr(dst)} {to} " if known else f"{to} ")
    else:
        ndo.p(f"{ndo.etheraddr(src)} {by} > {ndo.etheraddr(dst)} {to} " if known else f"{by} > {to} ")


def _unnumbered(ndo: Ndo, at: int, length: int, caplen: int, control: int, ssap_field: int, hdrlen: int) -> int:
    flags = FLAGS.get((ssap_field & 1) | (control & 0x10), "?")
    ndo.p(f"Unnumbered, {tok2str(COMMANDS, '%02x', control & 0xEF)}, Flags [{flags}], length {length + hdrlen}")
    if control & ~0x10 != 0xAF:
        return -hdrlen
    if not length:
        return hdrlen
    if caplen < 1:
        ndo.trunc()
        return hdrlen
    if ndo.u1(at) == 0x81:
        if min(caplen, length) < 3:
            _short(ndo, at, caplen, 0)
        else:
            ndo.p(f": {ndo.u1(at + 1):02x} {ndo.u1(at + 2):02x}")
        return hdrlen
    return -hdrlen


def snap_print(ndo: Ndo, at: int, length: int, caplen: int, src: int, dst: int, pad: int) -> bool:
    """A SNAP header and what it announces; False if that is not known."""
    ndo.protocol = "snap"
    if not ndo.ttest(at, 5) or min(caplen, length) < 5:
        ndo.trunc()
        return True
    oui, pid = ndo.u3(at), ndo.u2(at + 3)
    at, length, caplen = at + 5, length - 5, caplen - 5
    name = PIDS.get(oui, {}).get(pid, "Unknown")
    maker = OUIS.get(oui, "Unknown")
    if ndo.e:
        ndo.p(f"oui {maker} (0x{oui:06x}), {'pid' if oui else 'ethertype'} {name} (0x{pid:04x}), length {length}: ")
    if oui in (0, 0xF8):
        if ethertype_print(ndo, pid, at, length, caplen):
            return True
    elif oui == 0x0C and pid in (0x2000, 0x010B, 0x010C):
        find(("print_cdp", "cdp_print") if pid == 0x2000 else ("print_stp", "stp_print"))(ndo, at, length)
        return True
    elif oui == 0x80C2 and pid in (1, 7, 0xE):
        if pid == 0xE:
            find(("print_stp", "stp_print"))(ndo, at, length)
        else:
            ndo.tcheck(at, pad)
            ether_within(ndo, at + pad, length - pad)
        return True
    if not ndo.e:
        if src >= 0 and dst >= 0:
            ndo.p(f"{ndo.etheraddr(src)} > {ndo.etheraddr(dst)} ")
        if oui:
            ndo.p(f"SNAP, oui {maker} (0x{oui:06x}), pid {name} (0x{pid:04x}), length {length}: ")
        else:
            ndo.p(f"SNAP, ethertype {name} (0x{pid:04x}), length {length}: ")
    return False
