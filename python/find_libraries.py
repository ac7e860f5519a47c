# SPDX-License-Identifier: Apache-2.0
"""find_libraries.py COMPILER... -- NAME...: where the shared libraries are that a wheel carries.

For each NAME (as in -lNAME) whose shared library the compiler finds outside of
its own system's C library, one line: file name that programs ask for, path. What such a
library needs in its turn follows it.
"""

import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


SYSTEM = re.compile(r"(lib(c|m|dl|rt|pthread|gcc_s)|ld-linux[^.]*)\.so")


def place_of(compiler, file_name):
    path = output(*compiler, f"-print-file-name={file_name}").strip()
    return path if "/" in path else None  # none: not there, or linked in


def add(compiler, path, found):
    """The library at path, under the name that programs ask for, and what it needs."""
    about = output("readelf", "-d", path)
    soname = re.search(r"\(SONAME\).*\[(.*)\]", about)
    if not soname or soname.group(1) in found:
        return
    found[soname.group(1)] = path
    for needed in re.findall(r"\(NEEDED\).*\[(.*)\]", about):
        place = None if SYSTEM.match(needed) else place_of(compiler, needed)
        if place:
            add(compiler, place, found)


def main():
    split, found = sys.argv.index("--"), {}
    compiler, names = sys.argv[1:split], sys.argv[split + 1:]
    for name in names:
        path = place_of(compiler, f"lib{name}.so")
        if path:
            add(compiler, path, found)
    for soname, path in found.items():
        print(soname, path)


main()
