# SPDX-License-Identifier: Apache-2.0
"""The scripts of tf_scripts/ print under `python -m unflow` exactly what they print with TensorFlow."""

import difflib
import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
SCRIPTS = sorted((HERE / "tf_scripts").glob("*.py"))
FEWEST = 45
if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("TensorFlow is not installed", allow_module_level=True)


def environment(**more):
    """Unbuffered, so that what Python prints and what C prints come in the order of the script."""
    return dict(os.environ, PYTHONHASHSEED="0", PYTHONUNBUFFERED="1", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0",
                CUDA_VISIBLE_DEVICES="", **more)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What TensorFlow prints, by the script's name."""
    folder = tmp_path_factory.mktemp("tensorflow")
    done = subprocess.run([sys.executable, HERE / "script_worker.py", folder, *SCRIPTS],
                          capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr[-3000:]
    printed = {}
    for script in SCRIPTS:
        status = (folder / (script.stem + ".rc")).read_text()
        assert status == "0", f"{script.name} with TensorFlow: status {status}\n" \
            + (folder / (script.stem + ".err")).read_text()[-3000:]
        printed[script.stem] = (folder / (script.stem + ".out")).read_text()
    return printed


def printed_by_unflow(script, folder):
    path = os.environ.get("UNFLOW_PYTHONPATH") or os.environ.get("PYTHONPATH", "")
    done = subprocess.run([sys.executable, "-m", "unflow", script], capture_output=True, text=True,
                          env=environment(PYTHONPATH=os.path.abspath(path) if path else ""), cwd=folder, timeout=120)
    assert done.returncode == 0, f"{script.name}: status {done.returncode}\n{done.stdout}\n{done.stderr[-3000:]}"
    return done.stdout


def test_there_are_enough_scripts():
    assert len(SCRIPTS) >= FEWEST


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_prints_what_it_prints_with_tensorflow(script, expected, tmp_path):
    theirs, ours = expected[script.stem], printed_by_unflow(script, tmp_path)
    assert theirs.strip(), "the script prints nothing"
    assert ours == theirs, "\n".join(difflib.unified_diff(
        theirs.splitlines(), ours.splitlines(), "TensorFlow", "unflow", lineterm="", n=1))
