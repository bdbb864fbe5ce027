"""Signal numbers, names and texts (signal(3), sys/signal.h)."""

from __future__ import annotations

SIGNAMES = (  # noqa: SIM905 - easier to read than thirty lines
    "0 HUP INT QUIT ILL TRAP ABRT EMT FPE KILL BUS SEGV SYS PIPE ALRM TERM URG STOP TSTP CONT CHLD TTIN TTOU IO "
    "XCPU XFSZ VTALRM PROF WINCH INFO USR1 USR2 THR LIBRT"
).split()
"""sys_signame: index is the number, value the name without SIG."""

SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGEMT, SIGFPE, SIGKILL, SIGBUS = range(1, 11)
SIGSEGV, SIGSYS, SIGPIPE, SIGALRM, SIGTERM, SIGURG, SIGSTOP, SIGTSTP, SIGCONT, SIGCHLD = range(11, 21)
SIGTTIN, SIGTTOU, SIGIO, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGINFO, SIGUSR1 = range(21, 31)
SIGUSR2, SIGTHR, SIGLIBRT = range(31, 34)

SIG_DFL, SIG_IGN = 0, 1

_TEXTS = {
    1: "Hangup", 2: "Interrupt", 3: "Quit", 4: "Illegal instruction", 5: "Trace/BPT trap", 6: "Abort trap",
    7: "EMT trap", 8: "Floating point exception", 9: "Killed", 10: "Bus error", 11: "Segmentation fault",
    12: "Bad system call", 13: "Broken pipe", 14: "Alarm clock", 15: "Terminated", 16: "Urgent I/O condition",
    17: "Suspended (signal)", 18: "Suspended", 19: "Continued", 20: "Child exited", 21: "Stopped (tty input)",
    22: "Stopped (tty output)", 23: "I/O possible", 24: "Cputime limit exceeded", 25: "Filesize limit exceeded",
    26: "Virtual timer expired", 27: "Profiling timer expired", 28: "Window size changes",
    29: "Information request", 30: "User defined signal 1", 31: "User defined signal 2", 32: "Unknown signal",
    33: "Unknown signal",
}  # fmt: skip


def strsignal(number: int) -> str:
    """sys_siglist: the text of a signal."""
    return _TEXTS.get(number, f"Unknown signal: {number}")
