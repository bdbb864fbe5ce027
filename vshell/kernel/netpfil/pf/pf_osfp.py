"""Operating systems told by their SYNs (netpfil/pf/pf_osfp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_pdesc import Pdesc

EOL, NOP, MSS, WSCALE, SACK, TS = 0, 1, 2, 3, 4, 8
EXACT, MOD_MSS, MOD_MTU, MODULUS, ANY = range(5)


class Fingerprint:
    """What the SYNs of a system look like: window, TTL, DF, size, options."""

    def __init__(self, name: tuple[str, str, str], shape: tuple[int, ...]) -> None:
        self.name = name
        self.shape = shape

    def fits(self, pd: Pdesc) -> bool:
        """pf_osfp_find."""
        kind, value, ttl, df, size = self.shape[:5]
        if pd.ttl > ttl or ttl - pd.ttl > 32 or bool(df) != bool(pd.df):
            return False
        if size not in (-1, pd.tot_len):
            return False
        options = list(pd.tcp_options())
        mss = next((v for k, v in options if k == MSS), 0)
        wanted = list(zip(self.shape[5::2], self.shape[6::2], strict=True))
        wanted = [(k, v) for k, v in wanted if k != 0xFF]
        if [k for k, _ in wanted] != [k for k, _ in options]:
            return False
        if any(v not in (-1, w) and k in (MSS, WSCALE) for (k, v), (_, w) in zip(wanted, options, strict=True)):
            return False
        window = pd.win
        if kind == EXACT:
            return window == value
        if kind == MOD_MSS:
            return bool(mss) and window in (mss * value, (mss + 12) * value)
        if kind == MOD_MTU:
            return bool(mss) and window == (mss + 40) * value
        return kind == ANY or (kind == MODULUS and bool(value) and not window % value)

    def is_called(self, wanted: str) -> bool:
        """Is it of the class, version or subtype a rule names?"""
        cls, version, subtype = (part.lower() for part in self.name)
        return wanted.lower() in (cls, f"{cls} {version}", f"{cls} {version} {subtype}", f"{cls} {subtype}")


def osfp_match(fingerprints: list[Fingerprint], pd: Pdesc, wanted: str) -> bool:
    """pf_osfp_match: only a SYN tells."""
    if pd.flags & 0x12 != 0x02:
        return False
    found = [f for f in fingerprints if f.fits(pd)]
    if wanted.lower() == "unknown":
        return not found
    return wanted.lower() == "any" or any(f.is_called(wanted) for f in found)
