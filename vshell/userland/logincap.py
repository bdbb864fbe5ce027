"""The part of setusercontext(3) that concerns the environment: what class "default" of login.conf sets."""

from __future__ import annotations

from vshell.userland.environ import Environ
from vshell.userland.pwd import Passwd

PATH = "/sbin /bin /usr/sbin /usr/bin /usr/local/sbin /usr/local/bin ~/bin"


def setusercontext_env(user: Passwd, env: dict[str, str]) -> dict[str, str]:
    """The environment after LOGIN_SETENV and LOGIN_SETPATH for a user of the default class.

    DIFFERS: the values are those of the login.conf that is installed; the file is not read.
    """
    environ = Environ(env)
    environ.set("PATH", ":".join(word.replace("~", user.dir) for word in PATH.split()))
    environ.set("MAIL", f"/var/mail/{user.name}")
    environ.set("BLOCKSIZE", "K")
    environ.set("LANG", "C.UTF-8")
    environ.set("MM_CHARSET", "UTF-8")
    return environ.vars
