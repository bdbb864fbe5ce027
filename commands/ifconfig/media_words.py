"""Words for media: names of subtypes and options, and how a medium is written (if_media.h, libifconfig's media part)."""

from __future__ import annotations

from vshell.abi.if_media import (
    IFM_AUTO,
    IFM_ETH_MASTER,
    IFM_ETH_RXPAUSE,
    IFM_ETH_TXPAUSE,
    IFM_ETHER,
    IFM_FDX,
    IFM_FLAG0,
    IFM_FLAG1,
    IFM_FLAG2,
    IFM_FLOW,
    IFM_HDX,
    IFM_IMASK,
    IFM_ISHIFT,
    IFM_LOOP,
    IFM_MANUAL,
    IFM_NONE,
    IFM_SUBTYPE,
    IFM_TYPE,
    IFM_X,
)  # fmt: skip

_ETHERNET = (
    "10baseT/UTP 10base2/BNC 10base5/AUI 100baseTX 100baseFX 100baseT4 100baseVG 100baseT2 1000baseSX 10baseSTP "
    "10baseFL 1000baseLX 1000baseCX 1000baseT homePNA 10Gbase-LR 10Gbase-SR 10Gbase-CX4 2500BaseSX 10Gbase-Twinax "
    "10Gbase-Twinax-Long 10Gbase-LRM Unknown 10Gbase-T 40Gbase-CR4 40Gbase-SR4 40Gbase-LR4 1000Base-KX Other "
    "10GBase-KX4 10GBase-KR 10GBase-CR1 20GBase-KR2 2500Base-KX 2500Base-T 5000Base-T PCIExpress-50G PCIExpress-25G "
    "1000Base-SGMII 10GBase-SFI 40GBase-XLPPI 1000Base-CX-SGMII 40GBase-KR4 10GBase-ER 100GBase-CR4 100GBase-SR4 "
    "100GBase-KR4 100GBase-LR4 56GBase-R4 100BaseT 25GBase-CR 25GBase-KR 25GBase-SR 50GBase-CR2 50GBase-KR2 "
    "25GBase-LR 10GBase-AOC 25GBase-ACC 25GBase-AOC 100M-SGMII 2500Base-X 5000Base-KR 25GBase-T 25GBase-CR-S "
    "25GBase-CR1 25GBase-KR-S 5000Base-KR-S 5000Base-KR1 25G-AUI 40G-XLAUI 40G-XLAUI-AC 40GBase-ER4 50GBase-SR2 "
    "50GBase-LR2 50G-LAUI2-AC 50G-LAUI2 50G-AUI2-AC 50G-AUI2 50GBase-CP 50GBase-SR 50GBase-LR 50GBase-FR "
    "50GBase-KR-PAM4 25GBase-KR1 50G-AUI1-AC 50G-AUI1 100G-CAUI4-AC 100G-CAUI4 100G-AUI4-AC 100G-AUI4 "
    "100GBase-CR-PAM4 100GBase-KR-PAM4 100GBase-CP2 100GBase-SR2 100GBase-DR 100GBase-KR2-PAM4 100G-CAUI2-AC "
    "100G-CAUI2 100G-AUI2-AC 100G-AUI2 200GBase-CR4-PAM4 200GBase-SR4 200GBase-FR4 200GBase-LR4 200GBase-DR4 "
    "200GBase-KR4-PAM4 200G-AUI4-AC 200G-AUI4 200G-AUI8-AC 200G-AUI8 400GBase-FR8 400GBase-LR8 400GBase-DR4 "
    "400G-AUI8-AC 400G-AUI8 50GBase-KR4 40GBase-LM4 100baseBX 1000baseBX 400GBase-SR8 400GBase-CR8"
)
"""Subtypes of Ethernet from number 3 on; - is one without a name."""

SUBTYPES = {IFM_AUTO: "autoselect", IFM_MANUAL: "manual", IFM_NONE: "none"}
SUBTYPES |= {IFM_X(number): name for number, name in enumerate(_ETHERNET.split(), 3) if name != "-"}

_ALIASES = (
    "10baseT=3 UTP=3 10UTP=3 BNC=4 10BNC=4 AUI=5 10AUI=5 100TX=6 100T4=8 100VG=9 100T2=10 10STP=12 10FL=13 1000SX=11 "
    "1000LX=14 1000CX=15 1000baseTX=16 1000TX=16 1000T=16 2500SX=21"
)
ALIASES = {"auto": IFM_AUTO} | {name: int(number) for name, _, number in (word.partition("=") for word in _ALIASES.split())}

OPTIONS = {
    IFM_FDX: "full-duplex", IFM_HDX: "half-duplex", IFM_FLOW: "flowcontrol", IFM_FLAG0: "flag0", IFM_FLAG1: "flag1",
    IFM_FLAG2: "flag2", IFM_LOOP: "hw-loopback", IFM_ETH_MASTER: "master", IFM_ETH_RXPAUSE: "rxpause",
    IFM_ETH_TXPAUSE: "txpause",
}  # fmt: skip
OPTION_ALIASES = {"fdx": IFM_FDX, "hdx": IFM_HDX, "flow": IFM_FLOW, "loop": IFM_LOOP, "loopback": IFM_LOOP}


def get_type(word: int) -> str | None:
    """The kind of medium."""
    return "Ethernet" if IFM_TYPE(word) == IFM_ETHER else None


def get_subtype(word: int) -> str | None:
    """The subtype."""
    return SUBTYPES.get(IFM_SUBTYPE(word))


def get_options(word: int) -> list[str]:
    """The options."""
    return [name for bit, name in OPTIONS.items() if word & bit]


def get_instance(word: int) -> int:
    """The instance."""
    return (word & IFM_IMASK) >> IFM_ISHIFT


def lookup_subtype(name: str) -> int | None:
    """The number of a subtype; case does not matter."""
    wanted = name.lower()
    for number, known in SUBTYPES.items():
        if known.lower() == wanted:
            return number
    return next((number for known, number in ALIASES.items() if known.lower() == wanted), None)


def lookup_option(name: str) -> int | None:
    """The bit of an option; case does not matter."""
    wanted = name.lower()
    for bit, known in OPTIONS.items():
        if known == wanted:
            return bit
    return OPTION_ALIASES.get(wanted)
