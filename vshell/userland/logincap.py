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
    environ.set("LANG", "C.UTF-8")
    environ.set("MM_CHARSET", "UTF-8")
    environ.set("MAIL", f"/var/mail/{user.name}")
    environ.set("BLOCKSIZE", "K")
    return environ.vars


def login_environment(user: Passwd, env: dict[str, str], clean: bool) -> dict[str, str]:
    """The environment of a command that jail(8) or jexec(8) runs as a user; `clean` keeps nothing but TERM."""
    if clean:
        env = {"TERM": env["TERM"]} if "TERM" in env else {}
    environ = Environ(setusercontext_env(user, env))
    environ.set("USER", user.name)
    environ.set("HOME", user.dir)
    environ.set("SHELL", user.shell or "/bin/sh")
    return environ.vars
