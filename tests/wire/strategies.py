"""What the tests of headers draw from."""

from __future__ import annotations

from hypothesis import strategies as st

byte = st.integers(0, 0xFF)
word = st.integers(0, 0xFFFF)
long = st.integers(0, 0xFFFFFFFF)
addr4 = st.binary(min_size=4, max_size=4)
addr6 = st.binary(min_size=16, max_size=16)
mac = st.binary(min_size=6, max_size=6)
payload = st.binary(max_size=200)
