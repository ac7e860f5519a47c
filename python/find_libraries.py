# SPDX-License-Identifier: Apache-2.0
"""find_libraries.py COMPILER... -- NAME...: where the shared libraries are that a wheel carries.

For each NAME (as in -lNAME) whose shared library the compiler finds outside of
its own system's C library, one line: file name that programs ask for, path.
"""

import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def main():
    split = sys.argv.index("--")
    compiler, names = sys.argv[1:split], sys.argv[split + 1:]
    for name in names:
        path = output(*compiler, f"-print-file-name=lib{name}.so").strip()
        if "/" not in path:
            continue  # not there, or linked in
        soname = re.search(r"\(SONAME\).*\[(.*)\]", output("readelf", "-d", path))
        if soname:
            print(soname.group(1), path)


main()
