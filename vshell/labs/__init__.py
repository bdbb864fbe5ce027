"""Labs: files of commands with the answers they must get, and what is done with them."""
