"""Routing tables (sys/net/route): next hops, tables, and what changes them.

Layers, from below: nhop (next hops and groups), rib (one table: prefixes, look-up, listing), route_ctl (the rules of adding,
deleting and changing), route_tables (all tables of a stack, `fib_lookup`), route_ifaddrs (routes of addresses), route
(choosing interface and source, interfaces that go away), route_temporal (routes that expire).
"""
