"""tcpdump: LLDP (print-lldp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, bittok2str
from vshell.commands.tcpdump.print_llc import OUIS

NAMES = {
    0: "End", 1: "Chassis ID", 2: "Port ID", 3: "Time to Live", 4: "Port Description", 5: "System Name",
    6: "System Description", 7: "System Capabilities", 8: "Management Address", 127: "Organization specific",
}  # fmt: skip
CHASSIS = {
    1: "Chassis component", 2: "Interface alias", 3: "Port component", 4: "MAC address", 5: "Network address",
    6: "Interface name", 7: "Local",
}  # fmt: skip
PORT = {
    1: "Interface alias", 2: "Port component", 3: "MAC address", 4: "Network Address", 5: "Interface Name",
    6: "Agent circuit ID", 7: "Local",
}  # fmt: skip
CAPABILITIES = (
    (1, "Other"), (2, "Repeater"), (4, "Bridge"), (8, "WLAN AP"), (0x10, "Router"), (0x20, "Telephone"), (0x40, "Docsis"),
    (0x80, "Station Only"),
)  # fmt: skip
NUMBERING = {2: "Interface Index", 3: "System Port Number"}
FAMILIES = {1: ("IPv4", 4), 2: ("IPv6", 16), 6: ("802", 6)}
IEEE_8021 = {
    1: "Port VLAN Id", 2: "Port and Protocol VLAN ID", 3: "VLAN name", 4: "Protocol Identity", 7: "Link aggregation",
    8: "Congestion Notification", 9: "ETS Configuration", 10: "ETS Recommendation",
    11: "Priority Flow Control Configuration", 12: "Application Priority", 13: "EVB", 14: "CDCP",
}  # fmt: skip
IEEE_8023 = {1: "MAC/PHY configuration/status", 2: "Power via MDI", 3: "Link aggregation", 4: "Max frame size"}
MDI = ((1, "PSE"), (2, "supported"), (4, "enabled"), (8, "can be controlled"))
SUPPORT = ((1, "supported"), (2, "enabled"))
PMD = (
    (0x4000, "10BASE-T hdx"), (0x2000, "10BASE-T fdx"), (0x1000, "100BASE-T4"), (0x800, "100BASE-TX hdx"),
    (0x400, "100BASE-TX fdx"), (0x200, "100BASE-T2 hdx"), (0x100, "100BASE-T2 fdx"), (0x80, "Pause for fdx links"),
    (0x40, "Asym PAUSE for fdx"), (0x20, "Sym PAUSE for fdx"), (0x10, "Asym and Sym PAUSE for fdx"),
    (8, "1000BASE-{X LX SX CX} hdx"), (4, "1000BASE-{X LX SX CX} fdx"), (2, "1000BASE-T hdx"), (1, "1000BASE-T fdx"),
)  # fmt: skip
MAU = {
    0: "Unknown", 10: "10BASET hdx", 11: "10BASET fdx", 15: "100BASETX hdx", 16: "100BASETX fdx", 21: "1000BASEX hdx",
    22: "1000BASEX fdx", 29: "1000BASET hdx", 30: "1000BASET fdx", 31: "10GBASEX",
}  # fmt: skip


class Cut(Exception):
    """A value is too short."""


def _need(size: int, wanted: int) -> None:
    if size < wanted:
        raise Cut


def lldp_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "lldp"
    ndo.p(f"LLDP, length {length}")
    try:
        while length >= 2 and ndo.ttest(at, 2):
            tlv = ndo.u2(at)
            kind, size = tlv >> 9, tlv & 0x1FF
            at, length = at + 2, length - 2
            if ndo.v:
                ndo.p(f"\n\t{NAMES.get(kind, 'Unknown')} TLV ({kind}), length {size}")
            if not kind or not size:
                return
            if not ndo.ttest(at, size) or length < size:
                raise Cut
            known = Value(ndo, kind, at, size).print()
            if ndo.v > 1 or (ndo.v and not known):
                ndo.unknown_data(at, "\n\t  ", size)
            at, length = at + size, length - size
        if length >= 2:
            raise Cut
    except Cut:
        ndo.trunc()


class Value:
    """A TLV; methods return False if it is to be dumped."""

    def __init__(self, ndo: Ndo, kind: int, at: int, size: int) -> None:
        self.ndo = ndo
        self.kind = kind
        self.at = at
        self.size = size

    def print(self) -> bool:
        """The value."""
        ndo, kind, at, size = self.ndo, self.kind, self.at, self.size
        if kind == 5:
            ndo.p(": ")
            ndo.printjnp(at, size)
        elif kind not in NAMES:
            return False
        elif ndo.v:
            return self.verbose()
        return True

    def verbose(self) -> bool:
        """The value with -v."""
        ndo, kind, at, size = self.ndo, self.kind, self.at, self.size
        if kind in (1, 2):
            return self.identifier()
        if kind == 3:
            _need(size, 2)
            ndo.p(f": TTL {ndo.u2(at)}s")
        elif kind in (4, 6):
            ndo.p(": " if kind == 4 else "\n\t  ")
            ndo.printjnp(at, size)
        elif kind == 7:
            _need(size, 4)
            for offset, name in ((0, "System "), (2, "Enabled")):
                bits = ndo.u2(at + offset)
                ndo.p(f"\n\t  {name} Capabilities [{bittok2str(CAPABILITIES, 'none', bits)}] (0x{bits:04x})")
        elif kind == 8:
            self.management()
        else:
            _need(size, 3)
            oui = ndo.u3(at)
            ndo.p(f": OUI {OUIS.get(oui, 'Unknown')} (0x{oui:06x})")
            if oui in (0x0080C2, 0x00120F):
                return size < 4 or (self.ieee8021() if oui == 0x0080C2 else self.ieee8023())
            return False
        return True

    def identifier(self) -> bool:
        """Of the chassis or the port."""
        ndo, at, size = self.ndo, self.at, self.size
        _need(size, 2)
        sub = ndo.u1(at)
        names, mac, network = (CHASSIS, 4, 5) if self.kind == 1 else (PORT, 3, 4)
        ndo.p(f"\n\t  Subtype {names.get(sub, 'Unknown')} ({sub}): ")
        if sub == mac:
            _need(size, 7)
            ndo.p(ndo.etheraddr(at + 1))
        elif sub == network:
            ndo.p(self.address(at + 1, size - 1))
        elif sub in names:
            ndo.printjnp(at + 1, size - 1)
        else:
            return False
        return True

    def address(self, at: int, size: int) -> str:
        """lldp_network_addr_print."""
        ndo = self.ndo
        _need(size, 1)
        family = ndo.u1(at)
        if family not in FAMILIES:
            return f"AFI Unknown ({family}), no AF printer !"
        name, width = FAMILIES[family]
        _need(size - 1, width)
        raw = ndo.get(at + 1, width)
        return f"AFI {name} ({family}): {ndo.ether(raw) if width == 6 else ndo.host(raw)}"

    def management(self) -> None:
        """lldp_mgmt_addr_tlv_print."""
        ndo, at, left = self.ndo, self.at, self.size
        size = ndo.u1(at)
        at, left = at + 1, left - 1
        _need(left, size)
        ndo.p(f"\n\t  Management Address length {size}, {self.address(at, size)}")
        at, left = at + size, left - size
        _need(left, 5)
        sub = ndo.u1(at)
        ndo.p(f"\n\t  {NUMBERING.get(sub, 'Unknown')} Interface Numbering ({sub}): {ndo.u4(at + 1)}")
        at, left = at + 5, left - 5
        if left:
            oid = ndo.u1(at)
            _need(left, 1 + oid)
            if oid:
                ndo.p(f"\n\t  OID length {oid}")
                ndo.printjnp(at + 1, oid)

    def ieee8021(self) -> bool:
        """lldp_private_8021_print."""
        ndo, at, size = self.ndo, self.at, self.size
        sub = ndo.u1(at + 3)
        ndo.p(f"\n\t  {IEEE_8021.get(sub, 'unknown')} Subtype ({sub})")
        if sub == 1 and size >= 6:
            ndo.p(f"\n\t    port vlan id (PVID): {ndo.u2(at + 4)}")
        elif sub == 2 and size >= 7:
            flags = ndo.u1(at + 4)
            text = bittok2str(((2, "supported"), (4, "enabled")), "none", flags)
            ndo.p(f"\n\t    port and protocol vlan id (PPVID): {ndo.u2(at + 5)}, flags [{text}] (0x{flags:02x})")
        elif sub == 3 and size >= 6:
            ndo.p(f"\n\t    vlan id (VID): {ndo.u2(at + 4)}")
            if size >= 7 and size >= 7 + ndo.u1(at + 6):
                ndo.p("\n\t    vlan name: ")
                ndo.printjnp(at + 7, ndo.u1(at + 6))
        elif sub == 4 and size >= 5 and size >= 5 + ndo.u1(at + 4):
            ndo.p("\n\t    protocol identity: ")
            ndo.printjnp(at + 5, ndo.u1(at + 4))
        elif sub == 7 and size >= 9:
            self.aggregation()
        return sub in (1, 2, 3, 4, 7)

    def aggregation(self) -> None:
        """Link aggregation."""
        ndo, at = self.ndo, self.at
        ndo.p(f"\n\t    aggregation status [{bittok2str(SUPPORT, 'none', ndo.u1(at + 4))}], ")
        ndo.p(f"aggregation port ID {ndo.u4(at + 5)}")

    def ieee8023(self) -> bool:
        """lldp_private_8023_print."""
        ndo, at, size = self.ndo, self.at, self.size
        sub = ndo.u1(at + 3)
        ndo.p(f"\n\t  {IEEE_8023.get(sub, 'unknown')} Subtype ({sub})")
        if sub == 1 and size >= 9:
            auto, pmd, mau = ndo.u1(at + 4), ndo.u2(at + 5), ndo.u2(at + 7)
            ndo.p(f"\n\t    autonegotiation [{bittok2str(SUPPORT, 'none', auto)}] (0x{auto:02x})")
            ndo.p(f"\n\t    PMD autoneg capability [{bittok2str(PMD, 'unknown', pmd)}] (0x{pmd:04x})")
            ndo.p(f"\n\t    MAU type {MAU.get(mau, 'unknown')} (0x{mau:04x})")
        elif sub == 2 and size >= 7:
            pairs = {1: "signal", 2: "spare"}.get(ndo.u1(at + 5), "unknown")
            power = f"class{ndo.u1(at + 6) - 1}" if 1 <= ndo.u1(at + 6) <= 5 else "unknown"
            ndo.p(
                f"\n\t    MDI power support [{bittok2str(MDI, 'none', ndo.u1(at + 4))}], power pair {pairs}, power class {power}"
            )
        elif sub == 3 and size >= 9:
            self.aggregation()
        elif sub == 4 and size >= 6:
            ndo.p(f"\n\t    MTU size {ndo.u2(at + 4)}")
        return sub in IEEE_8023
