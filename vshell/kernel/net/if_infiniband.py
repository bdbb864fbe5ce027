"""IP over InfiniBand (net/if_infiniband.c): frames of interfaces no machine here has; lagg(4) depends on the file."""

from __future__ import annotations

from vshell.kernel.kern.module import Kld

KLD = Kld(modules=("if_infiniband",), size=0x3000)
