# SPDX-License-Identifier: Apache-2.0
"""The scripts of the two articles, word for word: with unflow in place of tensorflow by
`import unflow as tf`, and unchanged by `python -m unflow`."""

import re

import numpy as np
import pytest


def scripts(shared, article):
    (path,) = (p for p in (shared / "articles").iterdir() if article in p.read_text())
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.S)


LITE = 'title: "How to convert a TensorFlow Lite resource tensor to a NumPy array?"'
FULL = 'title: "How can I convert a TensorFlow resource tensor to a NumPy array?"'


@pytest.fixture(params=["import", "unchanged"])
def run(request, run_python, tmp_path):
    """Runs a script in tmp_path in one of the two ways; its output."""

    def run(text):
        script = tmp_path / "script.py"
        if request.param == "import":
            assert "import tensorflow as tf" in text
            script.write_text(text.replace("import tensorflow as tf", "import unflow as tf"))
            status, out, err = run_python(script)
        else:
            script.write_text(text)
            status, out, err = run_python("-m", "unflow", script)
        assert status == 0, err
        return out, err

    return run


@pytest.mark.parametrize("i, printed", [
    (0, "<class 'numpy.ndarray'>\n[1. 2. 3. 4.]\n"),
    (1, "<class 'numpy.ndarray'>\n[5 6 7 8]\n"),
    (2, "<class 'numpy.ndarray'>\n[[1. 2.]\n [3. 4.]]\n"),
])
def test_tensorflow_article(shared, run, i, printed):
    out, err = run(scripts(shared, FULL)[i])
    assert (out, err) == (printed, "")


def test_float_tensor(shared, run, models, tmp_path):
    (tmp_path / "my_model.tflite").write_bytes(models.article())
    out, err = run(scripts(shared, LITE)[0])
    lines = out.splitlines()
    assert lines[:2] == ["Output NumPy array shape: (2, 3)", "Output NumPy array dtype: float32"]
    assert err == ""
    values = np.array(re.findall(r"[\d.]+(?:e[+-]\d+)?", "".join(lines[2:])), float)
    assert values.shape == (6,) and (values >= 0).all() and (values <= 3).all() and values.any()


def test_quantized_tensor(shared, run, models, tmp_path):
    (tmp_path / "my_quantized_model.tflite").write_bytes(models.quantized())
    out, err = run(scripts(shared, LITE)[1])
    dtype = "float64" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else "float32"
    assert out == (f"Output NumPy array shape: (1, 4)\nOutput NumPy array dtype: {dtype}\n"
                   "[[-100. -100. -100. -100.]]\n")  # zeros, as the script does not invoke
    assert "before the first invoke" in err


def test_error_handling(shared, run, models, tmp_path):
    text = scripts(shared, LITE)[2]
    # the file is missing: NotFoundError is a ValueError too, and that clause comes first
    out, _ = run(text)
    assert out.startswith("Error: ") and "my_model.tflite" in out
    reordered = text.replace("except ValueError as e:", "except ZeroDivisionError as e:")
    assert run(reordered)[0] == "Error: Model file not found.\n"
    # the file is there: the script's own NameError ends in its last clause
    (tmp_path / "my_model.tflite").write_bytes(models.article())
    out, _ = run(text)
    assert out == "An unexpected error occurred: name 'output_index' is not defined\n"
    # a wrong index is a ValueError with the tensor's file
    out, _ = run("output_index = 99\n" + text)
    assert out.startswith("Error: ") and "my_model.tflite" in out and "99" in out


def test_runner_arguments(run_python, tmp_path):
    script = tmp_path / "s.py"
    script.write_text("import sys\nimport tensorflow.compat.v1 as tf1\nimport tensorflow as tf\n"
                      "from tensorflow.lite.python.interpreter import Interpreter\n"
                      "import tflite_runtime.interpreter as tflite\n"
                      "print(sys.argv[1:], __name__, Interpreter is tf.lite.Interpreter is "
                      "tflite.Interpreter, tf1.Session is tf.compat.v1.Session)\n")
    status, out, err = run_python("-m", "unflow", script, "a", "--b")
    assert (status, out, err) == (0, "['a', '--b'] __main__ True True\n", "")
    status, out, err = run_python("-m", "unflow")
    assert status == 2 and out == "" and err.startswith("usage:")
    assert run_python("-m", "unflow", "--help")[0] == 0
    assert run_python("-m", "unflow", tmp_path / "none.py")[0] != 0
