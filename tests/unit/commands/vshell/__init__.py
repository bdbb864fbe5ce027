"""The program vshell inside the machine."""
