"""vshell: a FreeBSD 15.1 shell with many network stacks (VIMAGE), in one Python process."""

__version__ = "0.1.0"
