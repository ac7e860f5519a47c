# SPDX-License-Identifier: Apache-2.0
"""``python -m unflow script.py [arguments]``: runs a script that imports tensorflow.

In the script ``tensorflow``, ``tensorflow.lite``, ``tensorflow.compat.v1``,
``tflite_runtime.interpreter`` and ``ai_edge_litert.interpreter`` are unflow.
"""

import importlib
import sys

_ALIASES = {
    "tensorflow": "unflow",
    "tensorflow.errors": "unflow.errors",
    "tensorflow.lite": "unflow.lite",
    "tensorflow.compat": "unflow.compat",
    "tensorflow.compat.v1": "unflow.compat.v1",
    "tensorflow.compat.v1.lite": "unflow.lite",
    "tensorflow.compat.v1.errors": "unflow.errors",
}
# Packages of which nothing but the module `interpreter` is offered.
_INTERPRETERS = ("tensorflow.lite.python", "tflite_runtime", "ai_edge_litert")


def install_aliases():
    """Makes ``import tensorflow`` and its like find unflow, in this process."""
    for alias, name in _ALIASES.items():
        sys.modules[alias] = importlib.import_module(name)
    for name in _INTERPRETERS:
        package = type(sys)(name, "unflow in place of " + name)
        package.__path__ = []
        package.interpreter = sys.modules["tensorflow.lite"]
        sys.modules[name] = package
        sys.modules[name + ".interpreter"] = package.interpreter


def main(argv=None):
    """Runs argv[0] with argv[1:] as its arguments; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        out = sys.stdout if argv else sys.stderr
        out.write("usage: python -m unflow script.py [arguments]\n"
                  "Runs the script with unflow in place of tensorflow.\n")
        return 0 if argv else 2
    import os
    import runpy

    install_aliases()
    sys.argv = list(argv)
    sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
    runpy.run_path(argv[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
