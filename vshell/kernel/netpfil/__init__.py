"""Packet filters (sys/netpfil)."""
