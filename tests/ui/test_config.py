"""Settings: the file, what is wrong with it, and NO_COLOR."""

from __future__ import annotations

from pathlib import Path

import pytest

from vshell.shell.config import Config, ConfigError, config_path, load


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is no settings."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    config = load(tmp_path / "nothing")
    assert config.on("toolbar") and config.on("colours") and not config.on("mouse")
    assert config.text("edit-mode") == "emacs"


def test_file(tmp_path: Path) -> None:
    """Each kind of setting."""
    file = tmp_path / "config.toml"
    file.write_text('edit-mode = "vi"\ntoolbar = false\n')
    config = load(file)
    assert config.text("edit-mode") == "vi"
    assert not config.on("toolbar")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tolbar = true", "unknown setting tolbar"),
        ("toolbar = 1", "toolbar must be true or false"),
        ('edit-mode = "ed"', "edit-mode must be emacs or vi"),
        ("toolbar =", "Invalid value"),
        ("[toolbar]", "toolbar must be true or false"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, complaint: str) -> None:
    """They are told with the file's name."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as e:
        load(file)
    assert str(e.value).startswith(f"{file}: ")


def test_bytes_and_folders(tmp_path: Path) -> None:
    """What is no text is no traceback."""
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name in ("bytes", "."):
        with pytest.raises(ConfigError):
            load(tmp_path / name)


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org: any value that is not empty."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Config().on("colours")
    monkeypatch.setenv("NO_COLOR", "")
    assert Config().on("colours")


def test_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG base directories."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path() == tmp_path / "vshell" / "config.toml"
