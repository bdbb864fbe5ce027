"""Pygments lexers for what one reads and writes around a FreeBSD network; pyproject.toml publishes them as entry points."""
