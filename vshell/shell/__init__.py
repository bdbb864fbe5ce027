"""The terminal and nothing else: front ends, the streams of the host, and the driver that keeps real time."""
