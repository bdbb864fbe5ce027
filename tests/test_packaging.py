"""What a wheel and a source archive hold, however they are built."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import vshell

TOP = Path(__file__).resolve().parent.parent


def build(source: Path, target: str, to: Path) -> Path:
    """Build an archive of the project in `source`; returns its path."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(to)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (archive,) = to.iterdir()
    return archive


def names(wheel: Path) -> set[str]:
    """The files in a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as z:
        return {n for n in z.namelist() if ".dist-info/" not in n}


def sources(folder: str) -> set[str]:
    """The files under a folder of the project that belong in a package."""
    found = (p for p in (TOP / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(TOP).as_posix() for p in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build(TOP, "wheel", tmp_path_factory.mktemp("wheel"))


def test_wheel_content(wheel: Path) -> None:
    """commands and scenarios are folders of the package, and nothing lies beside it."""
    own = {n for n in sources("vshell") if not n.startswith(("vshell/commands", "vshell/scenarios"))}
    linked = {"vshell/" + n for folder in ("commands", "scenarios") for n in sources(folder)}
    assert names(wheel) == own | linked


def test_wheel_metadata(wheel: Path) -> None:
    """Version, licence and the program."""
    with zipfile.ZipFile(wheel) as z:
        info = f"vshell-{vshell.__version__}.dist-info"
        metadata = z.read(f"{info}/METADATA").decode()
        assert "License-Expression: BSD-2-Clause" in metadata
        assert "vshell = vshell.__main__:main" in z.read(f"{info}/entry_points.txt").decode()
        assert f"{info}/licenses/LICENSE" in z.namelist()


def test_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    """The program works from the wheel alone, without this checkout and without the libraries of the rich front end."""
    with zipfile.ZipFile(wheel) as z:
        z.extractall(tmp_path)
    code = "from vshell.__main__ import main; sys.exit(main(['-c', 'echo $((6*7)); exit 3']))"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    p = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (p.stdout, p.stderr, p.returncode) == (b"42\n", b"", 3)


def test_sdist(wheel: Path, tmp_path: Path) -> None:
    """A wheel built from the source archive is the same."""
    archive = build(TOP, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="tar")
    again = build(tmp_path / f"vshell-{vshell.__version__}", "wheel", tmp_path / "wheel")
    assert names(again) == names(wheel)
