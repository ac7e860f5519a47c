# SPDX-License-Identifier: Apache-2.0
"""Runs scripts with TensorFlow, each in a fork of one process that has imported it.

Usage: script_worker.py OUTPUT_FOLDER script.py ...: writes <name>.out (standard output) and <name>.err,
and in <name>.rc the exit status. A fork has its own default graph, seeds and variables, and costs no second
import. TensorFlow starts its threads with the first op, so that the parent has none to lose.
"""

import os
import pathlib
import runpy
import signal
import sys
import tempfile
import traceback

import tensorflow  # noqa: F401  what the forks inherit

SECONDS = 120  # for one script


def run_in_this_process(script, output, error):
    """Runs the script as __main__ in a new folder; returns the exit status."""
    for path, descriptor in ((output, 1), (error, 2)):
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(target, descriptor)
    signal.alarm(SECONDS)
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.argv = [str(script)]
        sys.path[0] = str(script.parent)
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # reported as Python itself would
            traceback.print_exc()
            status = 1
        os.chdir("/")
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def main(folder, scripts):
    folder = pathlib.Path(folder).resolve()
    for script in map(pathlib.Path, scripts):
        script = script.resolve()
        child = os.fork()
        if child == 0:
            status = 70
            try:
                status = run_in_this_process(script, folder / (script.stem + ".out"), folder / (script.stem + ".err"))
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        (folder / (script.stem + ".rc")).write_text(str(status))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
