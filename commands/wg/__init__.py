"""wg(8): look at and change WireGuard interfaces (contrib/wireguard-tools)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from vshell.userland.program import Program, program

Main = Callable[[Program, list[str]], int | Coroutine[Any, Any, int]]

VERSION = "1.0.20250521"
COMMANDS = {
    "show": "Shows the current configuration and device information",
    "showconf": "Shows the current configuration of a given WireGuard interface, for use with `setconf'",
    "set": "Change the current configuration, add peers, remove peers, or change peers",
    "setconf": "Applies a configuration file to a WireGuard interface",
    "addconf": "Appends a configuration file to a WireGuard interface",
    "syncconf": "Synchronizes a configuration file to a WireGuard interface",
    "genkey": "Generates a new private key and writes it to stdout",
    "genpsk": "Generates a new preshared key and writes it to stdout",
    "pubkey": "Reads a private key from stdin and writes a public key to stdout",
}
USAGE = "".join(
    (
        "Usage: wg <cmd> [<args>]\n\nAvailable subcommands:\n",
        *(f"  {name}: {text}\n" for name, text in COMMANDS.items()),
        "You may pass `--help' to any of these subcommands to view usage.\n",
    )
)


@program("/usr/bin/wg")
def main(p: Program) -> int | Coroutine[Any, Any, int]:
    """The subcommands."""
    args = p.argv[1:] or ["show"]
    if len(args) == 1:
        if args[0] in ("-v", "--version", "version"):
            p.stdout.write(f"wireguard-tools v{VERSION} - https://git.zx2c4.com/wireguard-tools/\n")
            return 0
        if args[0] in ("-h", "--help", "help"):
            p.stdout.write(USAGE)
            return 0
    if args[0] not in COMMANDS:
        p.stderr.write(f"Invalid subcommand: `{args[0]}'\n{USAGE}")
        return 1
    return _command(args[0])(p, args)


def _command(name: str) -> Main:
    """The function of a subcommand."""
    if name in ("genkey", "genpsk", "pubkey"):
        from vshell.commands.wg import keys

        return keys.pubkey if name == "pubkey" else keys.genkey
    if name == "show":
        from vshell.commands.wg.show import show

        return show
    if name == "showconf":
        from vshell.commands.wg.show import showconf

        return showconf
    from vshell.commands.wg import change

    return change.set_ if name == "set" else change.setconf
