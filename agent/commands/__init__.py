"""One module a command: keyword arguments in, exit code out."""
