"""tcpdump(8): filters, printers, captures.

data/filters.txt was made with libpcap 1.10.6, data/printed.txt of data/packets.txt with tcpdump 4.99.6.
"""
