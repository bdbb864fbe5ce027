"""Which printer a link type has (the table in print.c)."""

from __future__ import annotations

from vshell.abi import bpf as B

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.commands.tcpdump.netdissect import Ndo

TABLE = {
    B.DLT_EN10MB: ("print_ether", "ether_print"), B.DLT_NULL: ("print_null", "null_if_print"),
    B.DLT_LOOP: ("print_null", "null_if_print"), B.DLT_RAW: ("print_null", "raw_if_print"),
    B.DLT_IPV4: ("print_null", "raw_if_print"), B.DLT_IPV6: ("print_null", "raw_if_print"),
    B.DLT_ENC: ("print_pflog", "enc_if_print"), B.DLT_PFLOG: ("print_pflog", "pflog_if_print"),
    B.DLT_PFSYNC: ("print_pfsync", "pfsync_if_print"), B.DLT_PPP: ("print_ppp", "ppp_if_print"),
    B.DLT_PPP_SERIAL: ("print_ppp", "ppp_hdlc_if_print"), B.DLT_PPP_ETHER: ("print_ppp", "pppoe_if_print"),
    B.DLT_LINUX_SLL: ("print_sll", "sll_if_print"), B.DLT_LINUX_SLL2: ("print_sll", "sll2_if_print"),
    B.DLT_C_HDLC: ("print_ppp", "chdlc_if_print"),
}  # fmt: skip


def if_printer(dlt: int) -> Callable[[Ndo, int, int, int], int] | None:
    """f(ndo, offset, length, bytes captured) -> length of the link-level header."""
    where = TABLE.get(dlt)
    if where is None:
        return None
    from importlib import import_module

    found: Callable[[Ndo, int, int, int], int] = getattr(import_module(f"vshell.commands.tcpdump.{where[0]}"), where[1])
    return found
