"""``python -m dynsparse`` and the command ``dynsparse``: the program takes the place of this process."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the program with the arguments of this process."""
    from dynsparse._native import DynsparseError
    from dynsparse._program import program

    try:
        path = program()
        os.execv(path, [path, *sys.argv[1:]])
    except (DynsparseError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
