"""The tokens of sh (bin/sh/mktokens)."""

from __future__ import annotations

(TEOF, TNL, TSEMI, TBACKGND, TAND, TOR, TPIPE, TLP, TRP, TENDCASE, TFALLTHRU, TREDIR, TWORD,
 TNOT, TCASE, TDO, TDONE, TELIF, TELSE, TESAC, TFI, TFOR, TIF, TTHEN, TUNTIL, TWHILE, TBEGIN, TEND) = range(28)  # fmt: skip

TOKNAME = (
    'end of file', 'newline', '";"', '"&"', '"&&"', '"||"', '"|"', '"("', '")"', '";;"', '";&"', 'redirection', 'word',
    '"!"', '"case"', '"do"', '"done"', '"elif"', '"else"', '"esac"', '"fi"', '"for"', '"if"', '"then"', '"until"',
    '"while"', '"{"', '"}"',
)  # fmt: skip

KEYWORDS = {
    "!": TNOT, "case": TCASE, "do": TDO, "done": TDONE, "elif": TELIF, "else": TELSE, "esac": TESAC, "fi": TFI,
    "for": TFOR, "if": TIF, "then": TTHEN, "until": TUNTIL, "while": TWHILE, "{": TBEGIN, "}": TEND,
}  # fmt: skip

TOKENDLIST = frozenset((TEOF, TRP, TENDCASE, TFALLTHRU, TDO, TDONE, TELIF, TELSE, TESAC, TFI, TTHEN, TEND))

CHKALIAS, CHKKWD, CHKNL = 1, 2, 4
