"""Programs about processes, users and the machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.machine import Result

Run = Callable[..., Result]


def lines(result: Result) -> list[str]:
    """Everything it said."""
    return (result.stdout + result.stderr).decode().splitlines()


CASES = {
    "timeout": ("timeout 1 sleep 5; echo $?; timeout -s KILL 1 sleep 5; echo $?; timeout 5 false; echo $?", ["124", "124", "1"]),
    "timeout keeps the status": ("timeout --preserve-status 1 sleep 5; echo $?", ["143", "Terminated"]),
    "nice": (
        "nice -n 5 nice -n 3 sh -c 'ps -o nice= -p $$'; su -m nobody -c 'nice -n -1 true'",
        ["8", "nice: setpriority: Permission denied"],
    ),
    "env": (
        "env -i A=1 B=2 sh -c 'echo $A$B$HOME'; A=1 env -u A sh -c 'echo ${A-unset}'; env -i C=3 printenv",
        ["12", "unset", "C=3"],
    ),
    "env -S": ("env -S 'printf %s,%s\\n one \"two three\"'", ["one,two three"]),
    "printenv": ("X=1 printenv X; printenv NOSUCH; echo $?", ["1", "1"]),
    "date of a time": (
        "TZ=UTC date -r 86400 '+%Y-%m-%d %H:%M:%S %j %a'; date -j -u -f %Y-%m-%d -v +1m -v -1d 2024-01-31 +%F | cut -c1-10",
        ["1970-01-02 00:00:00 002 Fri", "2024-02-28"],
    ),
    "date of nonsense": ("date -j nonsense 2>&1 | head -1", ["date: illegal time format"]),
    "uname": ("uname -sm; uname -n; uname -r | cut -c1-12", ["FreeBSD amd64", "vhost", "15.1-RELEASE"]),
    "id": (
        "id; id -un nobody; id nosuch; echo $?; id -Gn operator",
        ["uid=0(root) gid=0(wheel) groups=0(wheel)", "nobody", "1", "operator", "id: nosuch: no such user"],
    ),
    "su": (
        "su -m nobody -c 'id -un; whoami'; su nosuch -c true; echo $?",
        ["nobody", "nobody", "1", "su: unknown login: nosuch"],
    ),
    "pw": (
        "pw groupadd lab; pw useradd ann -g lab -m -s /bin/sh; id ann; ls -d /home/ann; pw usermod ann -c 'Ann A';"
        " pw usershow ann;"
        " pw userdel ann -r; id ann; ls /home",
        [
            "uid=1001(ann) gid=1001(lab) groups=1001(lab)",
            "/home/ann",
            "ann:*:1001:1001::0:0:Ann A:/home/ann:/bin/sh",
            "id: ann: no such user",
        ],
    ),
    "pgrep and pkill": (
        "sleep 100 & sleep 200 & pgrep -f 'sleep 1' | wc -l | tr -d ' '; pkill -f 'sleep 2'; sleep 1;"
        " pgrep -l sleep | cut -d' ' -f2-;"
        " pgrep nosuch; echo $?; pgrep 2> /dev/null; echo $?",
        ["1", "sleep", "1", "2"],
    ),
    "ps": (
        "sleep 100 & ps -o comm= -o ppid= -p $!; ps -p 99999; echo $?; ps -o nosuch 2>&1 | head -1",
        ["sleep 641", "PID TT  STAT TIME COMMAND", "1", "ps: nosuch: keyword not found"],
    ),
    "killall": ("sleep 100 & killall sleep; wait; killall nosuch; echo $?", ["1", "No matching processes were found"]),
    "daemon": (
        "cd /tmp; daemon -p d.pid sleep 100; sleep 1; pgrep -F d.pid -l | cut -d' ' -f2; kill $(cat d.pid); sleep 1; ls d.pid",
        ["sleep", "ls: d.pid: No such file or directory"],
    ),
    "nohup": ("cd /tmp; nohup sh -c 'kill -HUP $$; echo alive'", ["alive"]),
    "limits": ("limits -n 50 sh -c 'ulimit -n'; limits -H -n | tail -1", ["50", "  openfiles               14094"]),
    "lockf": ("cd /tmp; lockf l sh -c 'lockf -t 0 l true; echo $?'", ["75", "lockf: l: already locked"]),
    "time": ("time -p true 2>&1 | cut -d' ' -f1", ["real", "user", "sys"]),
    "procstat": (
        "sleep 100 & procstat -h -c $! | tr -s ' ' | cut -d' ' -f3-; pargs $! | tail -1; pwdx $! | cut -d' ' -f3",
        ["sleep sleep 100", "argv[1]: 100", "/root"],
    ),
    "fstat": (
        "cd /tmp; sleep 100 < /etc/passwd & fstat /etc/passwd | awk '{print $2, $4, $NF}'",
        ["CMD FD NAME", "sleep 0 /etc/passwd"],
    ),
    "df and mount": (
        "mount -t tmpfs -o size=1m tmpfs /mnt; df -h /mnt | tail -1 | awk '{print $1, $NF}';"
        " mount -p | tail -1 | awk '{print $2, $3}';"
        " umount /mnt; umount /mnt; echo $?",
        ["tmpfs /mnt", "/mnt tmpfs", "1", "umount: /mnt: not a file system root directory"],
    ),
    "cpuset": (
        "cpuset -g; cpuset -l 99 true; echo $?",
        ["pid -1 mask: 0", "pid -1 domain policy: first-touch mask: 0", "1", "cpuset: setaffinity: Invalid argument"],
    ),
    "getent": (
        "getent passwd nobody; getent nosuch x 2> /dev/null; echo $?",
        ["nobody:*:65534:65534:Unprivileged user:/nonexistent:/usr/sbin/nologin", "1"],
    ),
    "logger": ("logger -s -t me hello 2>&1 | sed 's/.* me/me/'", ["me: hello"]),
    "rtprio": (
        "rtprio; idprio 5 rtprio; idprio 32 true",
        ["rtprio: normal priority", "rtprio: idle priority 5", "idprio: RTP_SET: Invalid argument"],
    ),
    "the limit on processes": (
        "su -m nobody -c 'ulimit -u 1; (true) && echo forked || echo not'",
        ["su: Cannot fork: Resource temporarily unavailable"],
    ),
    "script": (
        "cd /tmp; sleep 1 | script -q t sh -c 'tty; exit 3' | tr -d '\\r';"
        " (sleep 1; echo typed; sleep 1) | script -q /dev/null cat | tr -d '\\r\\b';"
        " tr -d '\\r' < t; sleep 1 | script -q t sh -c 'exit 3'; echo $?",
        ["/dev/pts/0", "typed", "typed", "^D/dev/pts/0", "3"],
    ),
    "script -p": (
        "cd /tmp; sleep 99 | script -qr t sh -c 'echo a; sleep 9; echo b' > t2; script -pq t | tr -d '\\r'",
        ["a", "b"],
    ),
    "a terminal that goes away": (
        "cd /tmp; (sleep 2) | script -q /dev/null sleep 100 & sleep 1; pkill script; sleep 1; pgrep sleep; echo $?",
        ["1"],
    ),
    "getconf": (
        "getconf NPROCESSORS_ONLN; getconf LONG_BIT; getconf NAME_MAX /; getconf FOO; echo $?",
        ["1", "64", "255", "64", "getconf: no such configuration parameter `FOO'"],
    ),
    "top": (
        "top -b 1 | sed -n '2p;7,8p' | cut -c1-15; top -o x 2> /dev/null; echo $?",
        ["6 processes:   ", "  PID USERNAME ", "  641 root     ", "1"],
    ),
    "capability mode": ("sleep 100 & sleep 1; ps -o state= -p $!; procstat -hs $! | awk '{print $10}'", ["SC", "C"]),
    "chroot": ("mkdir -p /tmp/r/bin; cp /bin/sh /bin/pwd /tmp/r/bin; chroot /tmp/r /bin/sh -c 'cd ..; pwd'", ["/"]),
}


@pytest.mark.parametrize("name", CASES)
def test_case(run: Run, name: str) -> None:
    """One row of the table."""
    commands, expected = CASES[name]
    assert lines(run(commands)) == expected


@pytest.mark.parametrize(
    "program", ["cp", "mv", "ln", "chmod", "chown", "mkdir", "rmdir", "touch", "rm", "basename", "dirname", "find"]
)
def test_usage(run: Run, program: str) -> None:
    """Without operands they explain themselves."""
    result = run(program)
    assert b"usage: " in result.stderr
    assert result.status in (1, 2, 64)
