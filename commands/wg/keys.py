"""Keys: in base 64, made, and turned into public ones (encoding.c, genkey.c, pubkey.c)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from stat import S_IRWXO, S_ISREG

from vshell.abi.errno import KError
from vshell.userland.program import Program
from vshell.userland.slurp import random_bytes
from vshell.wire.curve25519 import clamp, public_key

BASE64_LEN = 44


def to_base64(key: bytes) -> str:
    """key_to_base64."""
    return b64encode(key).decode()


def from_base64(text: str | bytes) -> bytes | None:
    """key_from_base64."""
    try:
        key = b64decode(text, validate=True)
    except (Error, ValueError):
        return None
    return key if len(text) == BASE64_LEN and len(key) == 32 else None


def genkey(p: Program, args: list[str]) -> int:
    """wg genkey, wg genpsk."""
    if len(args) != 1:
        p.stderr.write(f"Usage: wg {args[0]}\n")
        return 1
    try:
        mode = p.sys.fstat(1).st_mode
    except KError:
        mode = 0
    if S_ISREG(mode) and mode & S_IRWXO:
        p.stderr.write("Warning: writing to world accessible file.\nConsider setting the umask to 077 and trying again.\n")
    key = random_bytes(p, 32)
    p.stdout.write(to_base64(clamp(key) if args[0] == "genkey" else key) + "\n")
    return 0


async def pubkey(p: Program, args: list[str]) -> int:
    """wg pubkey."""
    if len(args) != 1:
        p.stderr.write(f"Usage: wg {args[0]}\n")
        return 1
    text = await p.stdin.read()
    head, rest = text[:BASE64_LEN], text[BASE64_LEN:]
    key = from_base64(head)
    if len(head) < BASE64_LEN or (not rest.strip(b" \t\n\v\f\r\0") and key is None):
        p.stderr.write("wg: Key is not the correct length or format\n")
        return 1
    if rest.strip(b" \t\n\v\f\r\0") or key is None:
        p.stderr.write("wg: Trailing characters found after key\n")
        return 1
    p.stdout.write(to_base64(public_key(key)) + "\n")
    return 0
