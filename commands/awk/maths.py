"""awk's arithmetic, mathematical functions, random numbers and time (run.c: arith, bltin)."""

from __future__ import annotations

import math
from collections.abc import Callable

from vshell.commands.awk.core import Core
from vshell.commands.awk.values import c_int
from vshell.userland.program import Program
from vshell.userland.random3 import RAND_MAX, Random


def whole_power(x: float, n: int) -> float:
    """run.c: ipow."""
    result = 1.0
    for bit in bin(n)[2:] if n > 0 else "":
        result = x * result * result if bit == "1" else result * result
    return result


class Maths(Core):
    """Numbers."""

    def __init__(self, p: Program, csv: bool) -> None:
        super().__init__(p, csv)
        self.random = Random()
        self.seed = 1.0

    # arithmetic ------------------------------------------------------------------------------------------------
    def divide(self, a: float, b: float, where: str = "") -> float:
        """a / b."""
        if b == 0:
            self.fatal(f"division by zero{' in /=' if where else ''}")
        return a / b

    def modulo(self, a: float, b: float, where: str = "") -> float:
        """a % b, with the sign of a."""
        if b == 0:
            self.fatal(f"division by zero in {where or 'mod'}")
        if math.isinf(a) or a != a or b != b:
            return float("nan")
        return math.fmod(a, b) + 0.0

    def power(self, a: float, b: float) -> float:
        """a ^ b; whole exponents by squaring, which rounds differently from pow(3)."""
        if b >= 0 and b.is_integer():
            return whole_power(a, c_int(b))
        try:
            result = a**b
            return result if isinstance(result, float) else self.domain("pow")
        except (OverflowError, ZeroDivisionError):
            return self.out_of_range("pow")

    def combine(self, op: str, a: float, b: float) -> float:
        """The operator of an assignment."""
        if op == "+":
            return a + b
        if op == "-":
            return a - b
        if op == "*":
            return a * b
        if op == "/":
            return self.divide(a, b, "/=")
        return self.modulo(a, b, "%=") if op == "%" else self.power(a, b)

    def domain(self, name: str) -> float:
        """errcheck, EDOM."""
        self.warning(f"{name} argument out of domain")
        return 1.0

    def out_of_range(self, name: str) -> float:
        """errcheck, ERANGE."""
        self.warning(f"{name} result out of range")
        return 1.0

    def math(self, name: str, function: Callable[[float], float], x: float) -> float:
        """A function of <math.h>."""
        try:
            return function(x)
        except ValueError:
            return self.domain(name)
        except OverflowError:
            return self.out_of_range(name)

    def log_(self, x: float) -> float:
        """log."""
        if x == 0:
            return self.out_of_range("log")
        return self.math("log", math.log, x)

    def exp_(self, x: float) -> float:
        """exp."""
        return self.math("exp", math.exp, x)

    def sqrt_(self, x: float) -> float:
        """sqrt."""
        return self.math("sqrt", math.sqrt, x)

    def sin_(self, x: float) -> float:
        """sin."""
        return math.sin(x) if math.isfinite(x) else float("nan")

    def cos_(self, x: float) -> float:
        """cos."""
        return math.cos(x) if math.isfinite(x) else float("nan")

    def int_(self, x: float) -> float:
        """int: towards zero."""
        return float(math.trunc(x)) + 0.0 if math.isfinite(x) else x

    def atan2_(self, y: float, x: float) -> float:
        """atan2."""
        return math.atan2(y, x)

    def compl_(self, x: float) -> float:
        """~x."""
        return float(~c_int(x))

    def and_(self, x: float, y: float) -> float:
        """x & y."""
        return float(c_int(x) & c_int(y))

    def or_(self, x: float, y: float) -> float:
        """x | y."""
        return float(c_int(x) | c_int(y))

    def xor_(self, x: float, y: float) -> float:
        """x ^ y."""
        return float(c_int(x) ^ c_int(y))

    def lshift_(self, x: float, y: float) -> float:
        """x << y in an int."""
        value = (c_int(x) << (c_int(y) & 31)) & 0xFFFFFFFF
        return float(value - (1 << 32) if value >> 31 else value)

    def rshift_(self, x: float, y: float) -> float:
        """x >> y in an int."""
        return float(c_int(x) >> (c_int(y) & 31))

    def two_arguments(self, name: str) -> float:
        """A function called with too few."""
        value = "1.0" if name == "atan2" else "0"
        self.warning(f"{name} requires two arguments; returning {value}")
        return float(value)

    def rand_(self) -> float:
        """rand."""
        return self.random.random() / RAND_MAX

    def srand_(self, seed: float | None = None) -> float:
        """srand: the seed that was."""
        if seed is None:
            seed = self.systime_()
        old, self.seed = self.seed, seed
        self.random.srandom(int(seed) if math.isfinite(seed) else 0)
        return old

    # time ------------------------------------------------------------------------------------------------------
    def systime_(self) -> float:
        """Seconds since the epoch."""
        return float(self.p.sys.clock_gettime() // 1_000_000_000)

    def strftime_(self, fmt: str, when: float | None = None) -> str:
        """strftime(format, seconds)."""
        from vshell.userland.strftime import localtime, strftime

        seconds = int(self.systime_() if when is None else when)
        return strftime(fmt, localtime(seconds, self.p.env))

    def mktime_(self, text: str) -> float:
        """mktime("YYYY MM DD HH MM SS")."""
        from calendar import timegm

        from vshell.userland.strftime import gmtime, mktime

        try:
            numbers = [int(word) for word in text.split()[:7]]
        except ValueError:
            return -1.0
        if len(numbers) < 6:
            return -1.0
        year, month = numbers[0] + (numbers[1] - 1) // 12, (numbers[1] - 1) % 12 + 1
        try:
            days = timegm((year, month, 1, 0, 0, 0, 0, 0, 0))
        except (ValueError, OverflowError):
            return -1.0
        wall = days + (numbers[2] - 1) * 86400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
        return float(mktime(gmtime(wall), self.p.env))
