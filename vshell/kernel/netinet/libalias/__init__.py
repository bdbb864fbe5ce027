"""libalias.ko: packet aliasing, the engine behind ipfw nat and ng_nat (sys/netinet/libalias).

alias_db.py keeps the links, alias.py changes the packets, alias_proxy.py redirects them to proxy servers; handlers of
protocols that carry addresses in their data come as files of their own (alias_ftp.ko ...).
"""

from vshell.kernel.kern.module import Kld

KLD = Kld(
    modules=("alias",),
    interfaces=("libalias",),
    files=("netinet.libalias.alias_db", "netinet.libalias.alias_sctp"),
    size=0x12000,
)
