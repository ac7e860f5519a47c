# SPDX-License-Identifier: Apache-2.0
"""StableHLO's ops that LiteRT's interpreter has no kernel for, and what its kernels refuse of the others, beside NumPy; and
what LiteRT runs but not the TensorFlow that tests/oracle asks, beside LiteRT.

tests/oracle/stablehlo_models.py makes the models and says what comes out of them, after the StableHLO specification.
"""

import zlib

import numpy as np
import pytest

import unflow.lite

pytest.importorskip("flatbuffers")
models = pytest.importorskip("stablehlo_models")


def parts():
    return [pytest.param(part, id=part.__name__) for part in models.PARTS]


def outputs(interpreter, case):
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), case.inputs):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]).copy() for detail in interpreter.get_output_details()]


def difference(case, want, got):
    """Words, "" when all outputs are as they should be."""
    if len(want) != len(got):
        return f"{case.name}: expected {len(want)} outputs, found {len(got)}"
    for i, (x, y) in enumerate(zip(map(np.asarray, want), got)):
        if x.dtype != y.dtype or x.shape != y.shape:
            return f"{case.name}[{i}]: expected {x.dtype} {x.shape}, found {y.dtype} {y.shape}"
        good, error = case.tol.compare(x, y)
        if not good:
            return f"{case.name}[{i}]: differs by {error}: expected {x.ravel()[:8]}, found {y.ravel()[:8]}"
    return ""


@pytest.mark.parametrize("part", parts())
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_formulas(part):
    cases = list(part(np.random.default_rng(zlib.crc32(part.__name__.encode()))))
    words = [difference(case, want, outputs(unflow.lite.Interpreter(model_content=case.model), case)) for case, want in cases]
    wrong = [text for text in words if text]
    assert not wrong, f"{len(wrong)} of {len(cases)}: " + "\n".join(wrong[:20])
    assert len(cases) >= 3


def test_what_litert_runs_and_the_oracle_does_not():
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    kinds = litert.OpResolverType
    wrong, n = [], 0
    for case in models.newer(np.random.default_rng(5)):
        kind = kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if case.op == "STABLEHLO_AND" else kinds.BUILTIN_REF
        want = outputs(litert.Interpreter(model_content=case.model, experimental_op_resolver_type=kind), case)
        wrong.append(difference(case, want, outputs(unflow.lite.Interpreter(model_content=case.model), case)))
        n += 1
    assert n > 100 and not any(wrong), "\n".join(text for text in wrong if text)


def test_enough_formulas_for_each_op():
    """No op that no oracle runs goes without."""
    counts = {}
    for case, _ in models.formulas(np.random.default_rng(0)):
        counts[case.op] = counts.get(case.op, 0) + 1
    for op in ("LOGISTIC DIVIDE RESHAPE CLAMP CONCATENATE BROADCAST_IN_DIM CONVOLUTION SLICE REDUCE ABS COSINE EXPONENTIAL FLOOR "
               "LOG NEGATE OR POWER REMAINDER RSQRT SELECT SUBTRACT TANH COMPARE CONVERT DYNAMIC_SLICE DYNAMIC_UPDATE_SLICE IOTA "
               "DOT_GENERAL SORT WHILE TRANSPOSE CBRT").split():
        assert counts.get(f"STABLEHLO_{op}", 0) >= 6, f"{op}: {counts.get(f'STABLEHLO_{op}', 0)}"
