"""The knobs of SCTP translation (libalias/alias_sctp.c).

DIFFERS: nobody here speaks SCTP, so associations are not followed: packets of it pass as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.kernel.kern.module import KernelModule, SysctlDecl, sysctl_proc

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.kern.kernel import Kernel

MAX = 0xFFFFFFFF
DEFAULTS = {
    "log_level": 0, "init_timer": 15, "up_timer": 300, "shutdown_timer": 15, "holddown_timer": 0, "hashtable_size": 2003,
    "error_on_ootb": 1, "accept_global_ootb_addip": 0, "initialising_chunk_proc_limit": 2, "chunk_proc_limit": 5,
    "param_proc_limit": 25, "track_global_addresses": 0,
}  # fmt: skip
MIN_HASH, MAX_HASH = 101, 1000001
MAX_TIMER, MAX_LOG, MAX_ADDRESSES = 600, 5, 100


def _knob(name: str, text: str, low: int = 0, high: int = MAX) -> SysctlDecl:
    def handler(self: AliasSctp, td: Any, new: Any) -> Any:
        if new is not None:
            # Of a range the nearest value; a switch is off unless it is 1.
            self.values[name] = int(new == 1) if high == 1 else min(max(new & MAX, low), high)
        return self.values[name]

    make: Callable[[Any], SysctlDecl] = sysctl_proc(f"net.inet.ip.alias.sctp.{name}", text, fmt="unsigned integer")
    return make(handler)


class AliasSctp(KernelModule):
    """net.inet.ip.alias.sctp."""

    _log = _knob(
        "log_level", "Level of detail (0 - default, 1 - event, 2 - info, 3 - detail, 4 - debug, 5 - max debug)", 0, MAX_LOG
    )
    _init = _knob("init_timer", "Timeout value (s) while waiting for (INIT-ACK|AddIP-ACK)", 1, MAX_TIMER)
    _up = _knob("up_timer", "Timeout value (s) to keep an association up with no traffic", 1, MAX_TIMER)
    _shutdown = _knob("shutdown_timer", "Timeout value (s) while waiting for SHUTDOWN-COMPLETE", 1, MAX_TIMER)
    _hold = _knob(
        "holddown_timer", "Hold association in table for this many seconds after receiving a SHUTDOWN-COMPLETE", 0, MAX_TIMER
    )
    _error = _knob(
        "error_on_ootb",
        "ErrorM sent on receipt of ootb packet:\n\t0 - none,\n\t1 - to local only,\n"
        "\t2 - to local and global if a partial association match,\n\t3 - to local and global (DoS risk)",
        0,
        3,
    )
    _accept = _knob(
        "accept_global_ootb_addip",
        "NAT response to receipt of global OOTB AddIP:\n\t0 - No response,\n"
        "\t1 - NAT will accept OOTB global AddIP messages for processing (Security risk)",
        0,
        1,
    )
    _track = _knob(
        "track_global_addresses",
        "Configures the global address tracking option within the NAT:\n\t0 - Global tracking is disabled,\n"
        "\t> 0 - enables tracking but limits the number of global IP addresses to this value",
        0,
        MAX_ADDRESSES,
    )
    _param = _knob(
        "param_proc_limit",
        "Number of parameters (in a chunk) that should be processed to find key parameters:\n\t> 1 (A high value is a DoS risk)",
        2,
    )

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.values = dict(DEFAULTS)

    @sysctl_proc(
        "net.inet.ip.alias.sctp.hashtable_size",
        "Size of hash tables used for NAT lookups (100 < prime_number > 1000001)",
        fmt="unsigned integer",
    )
    def _hash(self, td: Any, new: Any) -> Any:
        """Something like a prime number."""
        if new is not None:
            size = min(max(new & MAX, MIN_HASH), MAX_HASH) | 1
            while not all(size % factor for factor in (3, 5, 7, 11)):
                size += 2
            self.values["hashtable_size"] = size
        return self.values["hashtable_size"]

    @sysctl_proc(
        "net.inet.ip.alias.sctp.initialising_chunk_proc_limit",
        "Number of chunks that should be processed if there is no current association found:\n"
        "\t > 0 (A high value is a DoS risk)",
        fmt="unsigned integer",
    )
    def _initialising(self, td: Any, new: Any) -> Any:
        """Never more than what is looked at otherwise."""
        if new is not None:
            limit = max(new & MAX, 1)
            self.values["initialising_chunk_proc_limit"] = limit
            self.values["chunk_proc_limit"] = max(self.values["chunk_proc_limit"], limit)
        return self.values["initialising_chunk_proc_limit"]

    @sysctl_proc(
        "net.inet.ip.alias.sctp.chunk_proc_limit",
        "Number of chunks that should be processed to find key chunk:\n"
        "\t>= initialising_chunk_proc_limit (A high value is a DoS risk)",
        fmt="unsigned integer",
    )
    def _chunks(self, td: Any, new: Any) -> Any:
        """At least what is looked at in the beginning."""
        if new is not None:
            self.values["chunk_proc_limit"] = max(new & MAX, self.values["initialising_chunk_proc_limit"])
        return self.values["chunk_proc_limit"]
