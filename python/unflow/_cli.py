# SPDX-License-Identifier: Apache-2.0
"""The command ``unflow`` of the wheel: hands over to the native program beside it, and does in
Python (_commands.py) what takes a Python package: URLs, Keras .h5 and .keras files."""

import os
import re
import sys

COMMANDS = ("ls", "extract", "verify", "diff")
_OPTION = re.compile(r"(?:-o|--output=)(?=.)")


def is_for_python(words):
    """Whether a command line is for _commands.py: one of COMMANDS with a file for it."""
    if not words or words[0] not in COMMANDS:
        return False
    words = [_OPTION.sub("", word, count=1) for word in words[1:]]
    return any(_is_python_file(word) for word in words if not word.startswith("-"))


def _is_python_file(word):
    if re.match(r"[A-Za-z][A-Za-z0-9+.:-]*://", word) or word.endswith((".h5", ".hdf5", ".keras")):
        return True
    try:
        with open(word, "rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n"
    except (OSError, ValueError):
        return False


def main():
    """The exit status; does not come back when the native program takes over."""
    if is_for_python(sys.argv[1:]):
        from ._commands import main as run

        return run(sys.argv[1:])
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "unflow")
    try:
        os.execv(program, ["unflow", *sys.argv[1:]])
    except FileNotFoundError:
        sys.stderr.write(f"unflow: expected the native program at {program}, found none; "
                         f"this package was built without it\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
