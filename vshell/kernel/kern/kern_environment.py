"""The kernel environment: what the boot loader hands over, and tunables (kenv(2), kern_environment.c)."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, ENAMETOOLONG, ENOENT, KError
from vshell.kernel.kern.kern_priv import PRIV_KENV_SET, PRIV_KENV_UNSET, priv_check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

KENV_MNAMELEN, KENV_MVALLEN = 128, 128


class EnvironmentCalls:
    """System calls on the kernel environment."""

    proc: Proc
    kernel: Kernel

    def kenv(self, action: str, name: str = "", value: str = "") -> dict[str, str]:
        """kenv(2): "get", "set" or "unset" a variable, or "dump" all; answers the variables concerned."""
        env = self.kernel.kenv
        if action == "dump":
            return dict(env)
        if action == "get":
            if name not in env:
                raise KError(ENOENT)
            return {name: env[name]}
        if action == "set":
            priv_check(self.proc, PRIV_KENV_SET)
            if len(name) >= KENV_MNAMELEN or len(value) >= KENV_MVALLEN:
                raise KError(ENAMETOOLONG)
            env[name] = value
        elif action == "unset":
            priv_check(self.proc, PRIV_KENV_UNSET)
            if env.pop(name, None) is None:
                raise KError(ENOENT)
        else:
            raise KError(EINVAL)
        return {}
