# SPDX-License-Identifier: Apache-2.0
"""worker.py: one process that runs cases on one engine; started by engines.py, never by hand.

    worker.py ENGINE JOB RESULT START SECONDS

JOB is a pickled list of (model, inputs, steps, calls, keep_all), Case.job(). After each case the result is appended to RESULT, so that the
parent knows what a crash left: results come in order, the first missing one is what crashed. A case that takes longer
than SECONDS ends the process by SIGALRM, which the parent sees like a crash.

A result is ("ok", [[array of output 0, ...] of step 0, ...], details) or ("error", text, "open", "allocate" or
"invoke": where it was refused). details are those of get_tensor_details(), see plain_details(). With keep_all, calls are
those of zoo_run.observe(), whose dictionary is the result.
"""

import os
import pickle
import signal
import sys

import numpy as np

from zoo_run import plain


def tf_maker(reference):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import warnings

    warnings.simplefilter("ignore")
    import tensorflow as tf

    kinds = tf.lite.experimental.OpResolverType

    def open_with(kind, model, keep_all):
        return tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=kind, num_threads=1,
                                   experimental_preserve_all_tensors=keep_all)

    def make(model, keep_all=False):
        if not reference:
            return open_with(kinds.AUTO, model, keep_all)
        try:
            return open_with(kinds.BUILTIN_REF, model, keep_all)
        except ValueError as error:
            if "Didn't find op" not in str(error):
                raise
            # The reference resolver lacks hash tables; the other one has the same single kernel of them.
            return open_with(kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES, model, keep_all)

    return make


def litert_maker():
    """LiteRT's own reference kernels: newer than TensorFlow's, they take some types and ops more."""
    from ai_edge_litert import interpreter as litert

    def make(model, keep_all=False):
        return litert.Interpreter(model_content=model, num_threads=1, experimental_preserve_all_tensors=keep_all,
                                  experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)

    return make


def unflow_maker():
    try:
        import ml_dtypes  # noqa: F401  so that bfloat16 arrives as TensorFlow gives it
    except ImportError:
        pass
    from unflow.lite import Interpreter

    limits = {name: int(os.environ.get(f"UNFLOW_WORKER_{name.upper()}", "0")) for name in ("max_bytes", "max_steps")}

    def make(model, keep_all=False):
        return Interpreter(model_content=model, **limits)

    return make


def maker(engine):
    if engine == "unflow":
        return unflow_maker()
    if engine == "litert_ref":
        return litert_maker()
    return tf_maker(engine == "tf_ref")


def plain_details(interpreter):
    """What get_tensor_details(), get_input_details() and get_output_details() say, in values that compare by ==."""
    return {"tensors": {d["index"]: plain(d) for d in interpreter.get_tensor_details()},
            "inputs": [plain(d) for d in interpreter.get_input_details()],
            "outputs": [plain(d) for d in interpreter.get_output_details()]}


# Ops whose state a reset leaves as it is.
GO_ON = ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL")


def run_steps(interpreter, inputs, steps):
    out = []
    for _ in range(steps):
        for detail, array in zip(interpreter.get_input_details(), inputs):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        out.append([interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()])
    return out


def check_same(first, later):
    """The first run packs weights for itself, later ones keep them: not a bit may change."""
    for a, b in zip((a for step in first for a in step), (b for step in later for b in step), strict=True):
        if a.dtype != object and a.tobytes() != b.tobytes() or a.shape != b.shape:
            raise AssertionError("expected the same outputs as those of the first run, found others")


def run_graph(interpreter, inputs, steps, stage, again):
    details = interpreter.get_input_details()
    if len(details) != len(inputs):
        raise ValueError(f"the case has {len(inputs)} inputs, the model {len(details)}")
    for detail, array in zip(details, inputs):
        if tuple(detail["shape"]) != array.shape:
            interpreter.resize_tensor_input(detail["index"], array.shape)
    stage[0] = "allocate"
    interpreter.allocate_tensors()
    stage[0] = "invoke"
    out = run_steps(interpreter, inputs, steps)
    if again and not any(op["op_name"] in GO_ON for op in interpreter._get_ops_details()):
        for _ in range(2):
            interpreter.reset_all_variables()
            check_same(out, run_steps(interpreter, inputs, steps))
    return out


def run_calls(interpreter, calls):
    out, runners = [], {}
    for key, inputs in calls:
        if key not in runners:
            runners[key] = interpreter.get_signature_runner(key)
        values = runners[key](**inputs)
        out.append([values[name].copy() for name in sorted(values)])
    return out


def run_case(make, model, inputs, steps, calls, keep_all, again=False):
    stage = ["open"]
    try:
        interpreter = make(model, keep_all)
        if keep_all:
            import zoo_run
            return "ok", zoo_run.observe(interpreter, model, calls)
        values = run_calls(interpreter, calls) if calls else run_graph(interpreter, inputs, steps, stage, again)
        return "ok", values, {} if calls else plain_details(interpreter)
    except Exception as error:  # what the engine refuses is a result
        return "error", f"{type(error).__name__}: {error}", stage[0]


def main():
    engine, job, result, start, seconds = sys.argv[1:]
    with open(job, "rb") as file:
        cases = pickle.load(file)
    make = maker(engine)
    with open(result, "ab") as out:
        for case in cases[int(start):]:
            signal.alarm(int(seconds))
            pickle.dump(run_case(make, *case, again=engine == "unflow"), out)
            out.flush()
    signal.alarm(0)


if __name__ == "__main__":
    main()
