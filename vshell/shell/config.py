"""The user's settings: config.toml in the folder of vshell (XDG base directories)."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULTS: dict[str, bool | str] = {
    "edit-mode": "emacs",
    "toolbar": True,
    "suggestions": True,
    "complete-while-typing": False,
    "mouse": False,
    "colours": True,
    "title": True,
    "history": True,
    "host-editor": False,
}
"""Setting -> default: keys as in emacs or vi; a line of state below the prompt; the rest of a former line in grey; a menu
without the tab key; the mouse; colours; the terminal's title; the history file; edit(1) may run the editor of
this computer."""

CHOICES = {"edit-mode": ("emacs", "vi")}


class ConfigError(Exception):
    """The file cannot be used."""


class Config:
    """Settings."""

    def __init__(self, values: dict[str, bool | str] | None = None) -> None:
        self._values = {**DEFAULTS, **(values or {})}
        if os.environ.get("NO_COLOR"):
            self._values["colours"] = False

    def on(self, name: str) -> bool:
        """A setting that is true or false."""
        return bool(self._values[name])

    def text(self, name: str) -> str:
        """A setting that is a word."""
        return str(self._values[name])


def config_path() -> Path:
    """Where the file is."""
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "vshell" / "config.toml"


def load(path: Path) -> Config:
    """Read the file; no file is no settings.  ConfigError says what is wrong with it."""
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Config()
    except OSError as e:
        raise ConfigError(f"{path}: {e.strerror}") from None
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: {e}") from None
    import tomllib

    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{path}: {e}") from None
    for name, value in content.items():
        if name not in DEFAULTS:
            raise ConfigError(f"{path}: unknown setting {name}")
        if name in CHOICES:
            if value not in CHOICES[name]:
                raise ConfigError(f"{path}: {name} must be {' or '.join(CHOICES[name])}")
        elif not isinstance(value, bool):
            raise ConfigError(f"{path}: {name} must be true or false")
    return Config(content)
