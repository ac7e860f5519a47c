# SPDX-License-Identifier: Apache-2.0
"""The command ``unflow`` of the wheel: hands over to the native program beside it."""

import os
import sys


def main():
    """Does not come back, unless there is no native program."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "unflow")
    try:
        os.execv(program, ["unflow", *sys.argv[1:]])
    except FileNotFoundError:
        sys.stderr.write(f"unflow: expected the native program at {program}, found none; "
                         f"this package was built without it\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
