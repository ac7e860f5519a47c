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
    "tensorflow.lite.python": "unflow",
    "tensorflow.lite.python.interpreter": "unflow.lite",
    "tensorflow.compat": "unflow.compat",
    "tensorflow.compat.v1": "unflow.compat.v1",
    "tensorflow.compat.v1.lite": "unflow.lite",
    "tensorflow.compat.v1.errors": "unflow.errors",
    "tflite_runtime": "unflow",
    "tflite_runtime.interpreter": "unflow.lite",
    "ai_edge_litert": "unflow",
    "ai_edge_litert.interpreter": "unflow.lite",
}


def install_aliases():
    """Makes ``import tensorflow`` and its like find unflow, in this process."""
    for alias, name in _ALIASES.items():
        sys.modules[alias] = importlib.import_module(name)


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
