# SPDX-License-Identifier: Apache-2.0
"""The command ``unflow`` of the wheel: hands over to the native program beside it.

What the native program has no reader or writer for, Keras files and URLs, goes to
_command.py, which has the same commands over h5py and fsspec.
"""

import os
import sys

_COMMANDS = ("diff", "extract", "ls", "verify")
_VALUES = ("--output=", "-o")  # options that may have their value in the same word


def _is_ours(word):
    for option in _VALUES:
        word = word.removeprefix(option)
    if word.endswith((".h5", ".hdf5", ".keras")):
        return True
    if word.startswith(("-", "*")):
        return False
    return "://" in word or _has_hdf5(word)


def _has_hdf5(path):
    """A file with HDF5 in it, whatever its name."""
    try:
        with open(path, "rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n"
    except (OSError, ValueError):
        return False


def _goes_to_python(arguments):
    return bool(arguments) and arguments[0] in _COMMANDS and any(map(_is_ours, arguments[1:]))


def main():
    """Does not come back, unless the command is one of _command.py's or there is no native
    program. Returns the exit status."""
    if _goes_to_python(sys.argv[1:]):
        from unflow._command import main as command

        return command(sys.argv[1:])
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "unflow")
    try:
        os.execv(program, ["unflow", *sys.argv[1:]])
    except FileNotFoundError:
        sys.stderr.write(f"unflow: expected the native program at {program}, found none; "
                         f"this package was built without it\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
