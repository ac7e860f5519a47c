#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_layers.py: who may include whom, checked over every `#include "..."`.

    base < format < kernels < ops < graph < plan < exec < source < output      (a folder includes itself and what is left of it)
    cli and python see unflow.h and their own headers only
    a source or header's name is used once in the tree; a .c file stays below 800 lines

Prints what is wrong and a closing line; exit status 1 when something is.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LAYERS = ["base", "format", "kernels", "ops", "graph", "plan", "exec", "source", "output"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
MAX_LINES = 800


def includes(path):
    return INCLUDE.findall(path.read_text())


def target(path, name):
    """The included file relative to src/, or None when it is not under src/."""
    for base in (path.parent, ROOT / "src", ROOT / "include"):
        found = (base / name).resolve()
        if found.exists():
            return found
    return None


def check_library(path):
    layer = path.relative_to(ROOT / "src").parts[0]
    if layer not in LAYERS:
        return [f"{path.relative_to(ROOT)}: expected a folder of {', '.join(LAYERS)}, found {layer}"]
    out = []
    for name in includes(path):
        found = target(path, name)
        if found is None or ROOT / "src" not in found.parents:
            continue
        other = found.relative_to(ROOT / "src").parts[0]
        if other in LAYERS and LAYERS.index(other) > LAYERS.index(layer):
            out.append(f"{path.relative_to(ROOT)}: includes {name}; {layer} may not know {other}")
    return out


def check_client(path, folder):
    out = []
    for name in includes(path):
        found = target(path, name)
        own = found is not None and ROOT / folder in found.parents
        if not own and pathlib.PurePath(name).name != "unflow.h":
            out.append(f"{path.relative_to(ROOT)}: includes {name}; {folder} sees unflow.h only")
    return out


def sources(folder):
    return sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in (".c", ".h"))


def check_names(paths):
    seen, out = {}, []
    for path in paths:
        if path.name in seen:
            out.append(f"{path.relative_to(ROOT)}: the name is used by {seen[path.name].relative_to(ROOT)} too")
        seen[path.name] = path
    return out


def check_size(path):
    lines = path.read_text().count("\n")
    if path.suffix == ".c" and lines >= MAX_LINES:
        return [f"{path.relative_to(ROOT)}: expected fewer than {MAX_LINES} lines, found {lines}"]
    return []


def main():
    library = sources("src")
    clients = [(p, folder) for folder in ("cli", "python") for p in sources(folder)]
    wrong = [w for p in library for w in check_library(p)]
    wrong += [w for p, folder in clients for w in check_client(p, folder)]
    everything = library + [p for p, _ in clients] + sources("tests") + sources("fuzz") + sources("include")
    wrong += check_names(everything)
    wrong += [w for p in library + [p for p, _ in clients] for w in check_size(p)]
    for line in wrong:
        print(line)
    bad = len({line.split(":")[0] for line in wrong})
    print(f"layers: {len(everything) - bad} passed, {bad} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
