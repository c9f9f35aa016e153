"""`qa` and `python -m qa`: the command line as a process of its own."""

import os
import sys
from typing import NoReturn

from qa.cli import main


def run() -> NoReturn:
    """Run one command and end the process with its exit code.

    Everything is written and closed by then. To take models and libraries apart piece by piece, as Python
    does at its end, would add a fifth of a second to each command.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
