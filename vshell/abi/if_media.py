"""Media words: the kind, speed and options of a link packed in one number (net/if_media.h)."""

from __future__ import annotations

IFM_ETHER, IFM_IEEE80211 = 0x20, 0x80
IFM_AUTO, IFM_MANUAL, IFM_NONE = 0, 1, 2

IFM_NMASK, IFM_TMASK, IFM_IMASK, IFM_OMASK, IFM_MMASK, IFM_GMASK = (
    0xE0, 0x1F, 0xF0000000, 0x0000FF00, 0x00070000, 0x0FF00000,
)  # fmt: skip
IFM_ISHIFT = 28
IFM_INST_MAX = 15
IFM_ETH_XTYPE = 0x7800

IFM_FDX, IFM_HDX, IFM_FLOW, IFM_FLAG0, IFM_FLAG1, IFM_FLAG2, IFM_LOOP = (
    0x00100000, 0x00200000, 0x00400000, 0x01000000, 0x02000000, 0x04000000, 0x08000000,
)  # fmt: skip
IFM_ETH_MASTER, IFM_ETH_RXPAUSE, IFM_ETH_TXPAUSE = 0x100, 0x200, 0x400

IFM_AVALID, IFM_ACTIVE = 1, 2


def IFM_X(subtype: int) -> int:
    """An Ethernet subtype of 32 and up, with its high bits where the word has room for them."""
    return (subtype & 0x1F) | ((subtype >> 5) << 11)


IFM_10_T, IFM_100_TX, IFM_1000_T, IFM_10G_T = 3, 6, 16, 26


def IFM_TYPE(word: int) -> int:
    """The type of medium."""
    return word & IFM_NMASK


def IFM_SUBTYPE(word: int) -> int:
    """The subtype; for Ethernet with its extension."""
    mask = IFM_TMASK | IFM_ETH_XTYPE if word & IFM_NMASK == IFM_ETHER else IFM_TMASK
    return word & mask
