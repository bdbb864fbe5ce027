"""getconf(1): configuration values of the system and of paths (usr.bin/getconf)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

EX_USAGE, EX_OSERR, EX_UNAVAILABLE = 64, 71, 69
USAGE = """\
usage: getconf -a [pathname]
       getconf [-v prog_env] system_var
       getconf [-v prog_env] path_var pathname
"""
POSIX = 200112
CS_PATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

ENVIRONMENTS = {
    "POSIX_V6_ILP32_OFF32": False, "POSIX_V6_ILP32_OFFBIG": False, "POSIX_V6_LP64_OFF64": True,
    "POSIX_V6_LPBIG_OFFBIG": False,
}  # fmt: skip
"""Programming environments and whether programs can be made for them."""

CONFSTR: dict[str, str] = {"PATH": CS_PATH, "POSIX_V6_WIDTH_RESTRICTED_ENVS": "POSIX_V6_LP64_OFF64"} | {
    f"{env}_{what}": "" for env, there in ENVIRONMENTS.items() if there for what in ("CFLAGS", "LDFLAGS", "LIBS")
}

LIMITS = {
    "CHAR_BIT": 8, "CHAR_MAX": 127, "CHAR_MIN": -128, "INT_MAX": 2**31 - 1, "INT_MIN": -(2**31), "LLONG_MIN": -(2**63),
    "LLONG_MAX": 2**63 - 1, "LONG_BIT": 64, "LONG_MAX": 2**63 - 1, "LONG_MIN": -(2**63), "MB_LEN_MAX": 6, "SCHAR_MAX": 127,
    "SCHAR_MIN": -128, "SHRT_MAX": 32767, "SHRT_MIN": -32768, "SSIZE_MAX": 2**63 - 1, "WORD_BIT": 32,
    "CHARCLASS_NAME_MAX": 14,
    "NL_ARGMAX": 4096, "ML_LANGMAX": 31, "NL_MSGMAX": 32767, "NL_NMAX": 1, "NL_SETMAX": 255, "NL_TEXTMAX": 2048, "NZERO": 0,
    "UCHAR_MAX": 255, "UINT_MAX": 2**32 - 1, "ULLONG_MAX": 2**64 - 1, "ULONG_MAX": 2**64 - 1, "USHRT_MAX": 65535,
    "_POSIX_CLOCKRES_MIN": 20000000, "_POSIX_AIO_LISTIO_MAX": 2, "_POSIX_AIO_MAX": 1, "_POSIX_ARG_MAX": 4096,
    "_POSIX_CHILD_MAX": 25,
    "_POSIX_DELAYTIMER_MAX": 32, "_POSIX_HOST_NAME_MAX": 255, "_POSIX_LINK_MAX": 8, "_POSIX_LOGIN_NAME_MAX": 9,
    "_POSIX_MAX_CANON": 255, "_POSIX_MAX_INPUT": 255, "_POSIX_MQ_OPEN_MAX": 8, "_POSIX_MQ_PRIO_MAX": 32,
    "_POSIX_NAME_MAX": 14,
    "_POSIX_NGROUPS_MAX": 8, "_POSIX_OPEN_MAX": 20, "_POSIX_PATH_MAX": 256, "_POSIX_PIPE_BUF": 512, "_POSIX_RE_DUP_MAX": 255,
    "_POSIX_RTSIG_MAX": 8, "_POSIX_SEM_NSEMS_MAX": 256, "_POSIX_SEM_VALUE_MAX": 32767, "_POSIX_SIGQUEUE_MAX": 32,
    "_POSIX_SSIZE_MAX": 32767, "_POSIX_STREAM_MAX": 8, "_POSIX_SS_REPL_MAX": 4, "_POSIX_SYMLINK_MAX": 255,
    "_POSIX_SYMLOOP_MAX": 8,
    "_POSIX_THREAD_DESTRUCTOR_ITERATIONS": 4, "_POSIX_THREAD_KEYS_MAX": 128, "_POSIX_THREAD_THREADS_MAX": 64,
    "_POSIX_TIMER_MAX": 32,
    "_POSIX_TTY_NAME_MAX": 9, "_POSIX_TZNAME_MAX": 6, "_POSIX2_BC_BASE_MAX": 99, "_POSIX2_BC_DIM_MAX": 2048,
    "_POSIX2_BC_SCALE_MAX": 99,
    "_POSIX2_BC_STRING_MAX": 1000, "_POSIX2_CHARCLASS_NAME_MAX": 14, "_POSIX2_COLL_WEIGHTS_MAX": 2,
    "_POSIX2_EXPR_NEXT_MAX": 32,
    "_POSIX2_LINE_MAX": 2048, "_POSIX2_RE_DUP_MAX": 255, "_XOPEN_IOV_MAX": 16, "_XOPEN_NAME_MAX": 255,
    "_XOPEN_PATH_MAX": 1024,
}  # fmt: skip

SYSCONF: dict[str, int | None] = {
    "AIO_LISTIO_MAX": 16, "AIO_MAX": 16384, "AIO_PRIO_DELTA_MAX": 0, "ARG_MAX": 524288, "ATEXIT_MAX": 2**31 - 1,
    "BC_BASE_MAX": 99,
    "BC_DIM_MAX": 2048, "BC_SCALE_MAX": 99, "BC_STRING_MAX": 1000, "CLK_TCK": 128, "COLL_WEIGHTS_MAX": 10,
    "DELAYTIMER_MAX": 2**31 - 1, "EXPR_NEST_MAX": 32, "GETGR_R_SIZE_MAX": None, "GETPW_R_SIZE_MAX": None,
    "HOST_NAME_MAX": 255,
    "IOV_MAX": 1024, "LINE_MAX": 2048, "LOGIN_NAME_MAX": 33, "MQ_OPEN_MAX": None, "MQ_PRIO_MAX": 64, "NGROUPS_MAX": 1023,
    "PAGESIZE": 4096, "PAGE_SIZE": 4096, "PASS_MAX": 128, "PTHREAD_DESTRUCTOR_ITERATIONS": 4, "PTHREAD_KEYS_MAX": 256,
    "PTHREAD_STACK_MIN": 2048, "PTHREAD_THREADS_MAX": None, "RE_DUP_MAX": 255, "RTSIG_MAX": 62, "SEM_NSEMS_MAX": None,
    "SEM_VALUE_MAX": 2**31 - 1, "SIGQUEUE_MAX": 128, "SYMLOOP_MAX": 32, "TIMER_MAX": 32, "TTY_NAME_MAX": 64,
    "TZNAME_MAX": 255,
    "_POSIX2_CHAR_TERM": 1, "_POSIX2_C_BIND": POSIX, "_POSIX2_C_DEV": POSIX, "_POSIX2_C_VERSION": None,
    "_POSIX2_FORT_DEV": None,
    "_POSIX2_FORT_RUN": 200112, "_POSIX2_LOCALEDEF": -1, "_POSIX2_SW_DEV": POSIX, "_POSIX2_UPE": POSIX,
    "_POSIX2_VERSION": 199212,
    "_POSIX_ASYNCHRONOUS_IO": POSIX, "_POSIX_BARRIERS": POSIX, "_POSIX_CLOCK_SELECTION": None, "_POSIX_CPUTIME": POSIX,
    "_POSIX_FSYNC": POSIX, "_POSIX_IPV6": 0, "_POSIX_JOB_CONTROL": 1, "_POSIX_MAPPED_FILES": POSIX, "_POSIX_MEMLOCK": None,
    "_POSIX_MEMLOCK_RANGE": POSIX, "_POSIX_MEMORY_PROTECTION": POSIX, "_POSIX_MESSAGE_PASSING": POSIX,
    "_POSIX_MONOTONIC_CLOCK": POSIX, "_POSIX_PRIORITIZED_IO": None, "_POSIX_PRIORITY_SCHEDULING": POSIX,
    "_POSIX_READER_WRITER_LOCKS": POSIX, "_POSIX_REALTIME_SIGNALS": POSIX, "_POSIX_REGEXP": 1, "_POSIX_SAVED_IDS": 1,
    "_POSIX_SEMAPHORES": POSIX, "_POSIX_SHARED_MEMORY_OBJECTS": POSIX, "_POSIX_SHELL": 1, "_POSIX_SPAWN": POSIX,
    "_POSIX_SPIN_LOCKS": POSIX, "_POSIX_SPORADIC_SERVER": None, "_POSIX_SYNCHRONIZED_IO": None, "_POSIX_THREADS": POSIX,
    "_POSIX_THREAD_ATTR_STACKADDR": POSIX, "_POSIX_THREAD_ATTR_STACKSIZE": POSIX, "_POSIX_THREAD_CPUTIME": POSIX,
    "_POSIX_THREAD_SAFE_FUNCTIONS": None, "_POSIX_TIMEOUTS": POSIX, "_POSIX_TIMERS": POSIX, "_POSIX_TRACE": None,
    "_POSIX_TYPED_MEMORY_OBJECTS": None, "_POSIX_VERSION": POSIX, "_POSIX_V6_ILP32_OFF32": None,
    "_POSIX_V6_ILP32_OFFBIG": None,
    "_POSIX_V6_LP64_OFF64": 0, "_POSIX_V6_LPBIG_OFFBIG": None, "_XOPEN_CRYPT": None, "_XOPEN_ENH_I18N": None,
    "_XOPEN_LEGACY": None,
    "_XOPEN_REALTIME": None, "_XOPEN_REALTIME_THREADS": None, "_XOPEN_SHM": 1, "_XOPEN_UNIX": None,
}  # fmt: skip

PATHCONF: dict[str, int | None] = {
    "ACL_EXTENDED": 0, "ACL_NFS4": 0, "ACL_PATH_MAX": 3, "CAP_PRESENT": 0, "FILESIZEBITS": 64, "INF_PRESENT": 0,
    "LINK_MAX": 32767,
    "MAC_PRESENT": 0, "MAX_CANON": None, "MAX_INPUT": None, "MIN_HOLE_SIZE": 32768, "NAME_MAX": 255, "PATH_MAX": 1024,
    "PIPE_BUF": 512, "POSIX_ALLOC_SIZE_MIN": 4096, "POSIX_REC_INCR_XFER_SIZE": 32768, "POSIX_REC_MAX_XFER_SIZE": -1,
    "POSIX_REC_MIN_XFER_SIZE": 32768, "POSIX_REC_XFER_ALIGN": 4096, "SYMLINK_MAX": 1024, "_POSIX_CHOWN_RESTRICTED": 1,
    "_POSIX_NO_TRUNC": 1, "_POSIX_VDISABLE": None, "_POSIX_ASYNC_IO": 200112, "_POSIX_PRIO_IO": 0, "_POSIX_SYNC_IO": 0,
}  # fmt: skip
"""None stands for a value that is not defined."""


def sysconf(p: Program, name: str) -> int | None:
    """sysconf(3); KeyError for an unknown name."""
    plain = name.removeprefix("_")
    if plain in ("NPROCESSORS_CONF", "NPROCESSORS_ONLN"):
        return int(p.sys.sysctl("hw.ncpu"))
    if name == "PHYS_PAGES":
        return int(p.sys.sysctl("hw.physmem")) // 4096
    if name in ("CHILD_MAX", "OPEN_MAX", "STREAM_MAX"):
        soft, _ = p.sys.getrlimit("nproc" if name == "CHILD_MAX" else "nofile")
        return soft if soft >= 0 else None
    return SYSCONF[name]


def shown(value: int | str | None) -> str:
    """A value as it is printed."""
    return "undefined" if value is None else str(value)


def every(p: Program, path: str | None) -> int:
    """-a."""
    if path is not None:
        p.sys.stat(path)
        p.stdout.write("".join(f"{name}: {shown(value)}\n" for name, value in PATHCONF.items()))
        return 0
    p.stdout.write("".join(f"{name}: {shown(value)}\n" for name, value in CONFSTR.items()))
    extra = ("CHILD_MAX", "NPROCESSORS_CONF", "NPROCESSORS_ONLN", "OPEN_MAX", "PHYS_PAGES", "STREAM_MAX")
    p.stdout.write("".join(f"{name}: {shown(sysconf(p, name))}\n" for name in sorted([*SYSCONF, *extra])))
    return 0


def system_value(p: Program, name: str) -> int | str | None:
    """A value of the system; exits if there is none of that name."""
    if name in LIMITS:
        return LIMITS[name]
    if name in CONFSTR or (name[:1] == "_" and name[1:] in CONFSTR):
        return CONFSTR[name if name in CONFSTR else name[1:]]
    try:
        return sysconf(p, name)
    except KeyError:
        p.errx(EX_USAGE, f"no such configuration parameter `{name}'")


@program("/usr/bin/getconf")
def main(p: Program) -> int:
    """getconf [-v prog_env] system_var"""
    all_ = False
    environment: str | None = None
    parsed = Getopt(p, "av:")
    for letter, value in parsed:
        if letter == "a":
            all_ = True
        elif letter == "v":
            environment = value
        else:
            p.usage(USAGE, EX_USAGE)
    args = parsed.args
    if (all_ and environment is not None) or not (all_ or args):
        p.usage(USAGE, EX_USAGE)
    try:
        if all_:
            return every(p, args[0] if args else None)
        if environment is not None and (there := ENVIRONMENTS.get(environment.removeprefix("_"))) is not True:
            if there is None:
                p.errx(EX_USAGE, f"invalid programming environment {environment}")
            p.errx(EX_UNAVAILABLE, f"environment {environment} is not available")
        if len(args) == 1:
            p.stdout.write(f"{shown(system_value(p, args[0]))}\n")
            return 0
        name = args[0].replace("TRUSTEDBSD_", "", 1)
        if name not in PATHCONF:
            p.errx(EX_USAGE, f"no such path configuration parameter `{args[0]}'")
        p.sys.stat(args[1])
        p.stdout.write(f"{shown(PATHCONF[name])}\n")
    except KError as e:
        p.err(EX_OSERR, e, f"pathconf: {args[0] if args else ''}")
    return 0
