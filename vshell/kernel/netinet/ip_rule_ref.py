"""Where a packet that left a firewall's rules comes back to (struct ipfw_rule_ref of netinet/ip_var.h)."""

from __future__ import annotations

DIVERTED_IN, DIVERTED_OUT = 1, 2
"""What `info` says of a packet that a divert socket sent: the way it was going."""


class RuleRef:
    """It travels with the packet in m.tags["ipfw_rule"]."""

    __slots__ = ("chain_id", "info", "mark", "onepass", "rule_id", "rulenum", "slot")

    def __init__(self, chain_id: int, slot: int, rule_id: int, rulenum: int, info: int = 0, mark: int = 0) -> None:
        self.chain_id, self.slot, self.rule_id, self.rulenum = chain_id, slot, rule_id, rulenum
        self.info, self.mark = info, mark
        self.onepass = False
        """It need not come back at all."""
