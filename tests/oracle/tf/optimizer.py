# SPDX-License-Identifier: Apache-2.0
"""optimizer.py: Apply* and SparseApply*, on resources and on references."""

import itertools

import numpy as np
from tf_case import Chain, R

from variable import dtype_of, values

COUNTER = itertools.count()
REAL = ["float32", "float64", "float16", "bfloat16"]
COMPLEX = ["complex64", "complex128"]
S = {"lr": 0.1, "rho": 0.9, "epsilon": 1e-3, "l1": 0.05, "l2": 0.02, "l2_shrinkage": 0.03, "lr_power": -0.5, "momentum": 0.8, "alpha": 0.05,
     "beta1_power": 0.81, "beta2_power": 0.99, "beta1": 0.9, "beta2": 0.95, "beta": 0.9, "logbase": 1.0, "sign_decay": 0.5, "base": 1.1}
# name: variables, inputs behind them, attributes, dtypes, forms: R resource, r reference, S sparse resource, s sparse reference
OPS = {
    "GradientDescent": ("var", "alpha delta", {}, REAL + COMPLEX, "Rr"),
    "Adadelta": ("var accum accum", "lr rho epsilon grad", {}, REAL + COMPLEX, "RrS"),
    "ProximalGradientDescent": ("var", "alpha l1 l2 delta", {}, ["float32", "float64"], "R"),
    "ProximalAdagrad": ("var accum", "lr l1 l2 grad", {}, ["float32", "float64"], "R"),
    "AdagradDA": ("var any accum", "grad lr l1 l2 global_step", {}, ["float32", "float64"], "R"),
    "Adagrad": ("var accum", "lr grad", {"update_slots": (True, False)}, REAL + COMPLEX, "RrSs"),
    "AdagradV2": ("var accum", "lr epsilon grad", {"update_slots": (True, False)}, REAL + COMPLEX, "RS"),
    "Momentum": ("var any", "lr grad momentum", {"use_nesterov": (False, True)}, REAL + COMPLEX, "RrSs"),
    "KerasMomentum": ("var any", "lr grad momentum", {"use_nesterov": (False, True)}, REAL + COMPLEX, "RS"),
    "Adam": ("var any accum", "beta1_power beta2_power lr beta1 beta2 epsilon grad", {"use_nesterov": (False, True)}, REAL + COMPLEX, "Rr"),
    "AdamWithAmsgrad": ("var any accum accum", "beta1_power beta2_power lr beta1 beta2 epsilon grad", {}, ["float32", "float64", "float16"], "R"),
    "AdaMax": ("var any accum", "beta1_power lr beta1 beta2 epsilon grad", {}, ["float32", "float64", "float16"], "R"),
    "RMSProp": ("var accum any", "lr rho momentum epsilon grad", {}, REAL + COMPLEX, "RrS"),
    "CenteredRMSProp": ("var small accum any", "lr rho momentum epsilon grad", {}, REAL + COMPLEX, "RrS"),
    "AddSign": ("var any", "lr alpha sign_decay beta grad", {}, REAL, "R"),
    "PowerSign": ("var any", "lr logbase sign_decay beta grad", {}, REAL, "R"),
    "Ftrl": ("var accum any", "grad lr l1 l2 lr_power", {"multiply_linear_by_lr": (False, True)}, REAL, "RrSs"),
    "FtrlV2": ("var accum any", "grad lr l1 l2 l2_shrinkage lr_power", {"multiply_linear_by_lr": (False, True)}, REAL, "RrS"),
}
# Ftrl subtracts powers of nearly equal numbers: what float32 rounds there is divided by a small learning rate.
FTRL_FLOAT32 = (2e-5, 2e-5)
TOLERANCE = {"float32": (2e-5, 2e-6), "float64": (1e-11, 1e-12), "float16": (1e-2, 4e-3), "bfloat16": (8e-2, 3e-2), "complex64": (5e-5, 5e-6),
             "complex128": (1e-11, 1e-12)}

ROUNDS = 2


def slot(rng, kind, dtype, shape):
    v = values(rng, dtype, shape)
    if kind == "accum":
        v = (np.abs(v.astype("complex128")) + 0.5).astype(v.dtype)
    if kind == "small":
        v = (v * dtype_of(dtype).type(0.1)).astype(v.dtype)
    return v


def chain(rng, op, form, dtype, shape, attrs, change=None):
    kinds, inputs = OPS[op][0].split(), OPS[op][1].split()
    sparse, ref = form in "Ss", form in "rs"
    name = ("" if ref else "Resource") + ("Sparse" if sparse else "") + "Apply" + op
    names = [f"o{next(COUNTER)}" for _ in kinds]
    steps = []
    for k, (kind, n) in enumerate(zip(kinds, names)):
        v = slot(rng, kind, dtype, shape)
        steps.append((f"v{k}", "VariableV2" if ref else "VarHandleOp", [], {"dtype": dtype, "shape": list(shape), "shared_name": n}))
        steps.append((f"a{k}" if ref else None, "Assign" if ref else "AssignVariableOp", [R(f"v{k}"), v], {}))
    args, at = [R(f"v{k}") for k in range(len(kinds))], None
    rows = np.arange(shape[0]) if not sparse else rng.permutation(shape[0])[:max(1, shape[0] // 2)]
    for i in inputs:
        if i in ("grad", "delta"):
            args.append(values(rng, dtype, (len(rows),) + shape[1:] if sparse else shape))
            if sparse:
                at = len(args)
                args.append(rows.astype(["int32", "int64"][rng.integers(2)]))
        elif i == "global_step":
            args.append(np.array(7, "int64"))
        else:
            args.append(np.array((change or {}).get(i, S[i])).astype(dtype_of(dtype)))
    tolerance = FTRL_FLOAT32 if "Ftrl" in name and dtype == "float32" else TOLERANCE[dtype]
    run = ("out" if ref else None, name, args, attrs)
    steps += [run, run]
    if ref:
        return Chain(steps + [(f"x{k}", "Identity", [R(f"v{k}")], {"T": dtype}) for k in range(0)], [f"a{k}" for k in range(len(kinds))],
                     tolerance=tolerance, graph=True)
    steps += [(f"x{k}", "ReadVariableOp", [R(f"v{k}")], {"dtype": dtype}) for k in range(len(kinds))]
    return Chain(steps, [f"x{k}" for k in range(len(kinds))], tolerance=tolerance)


def cases(rng):
    for op, (_, inputs, attrs, dtypes, forms) in OPS.items():
        for form in forms:
            for n, dtype in enumerate(dtypes * (1 if len(dtypes) > 4 else 2 if len(dtypes) > 2 else 5)):
                if form == "S" and "RMSProp" in op and dtype == "bfloat16":
                    continue  # TensorFlow has no such kernel
                shape = [(5,), (4, 3), (300,), (2, 3, 2), (1,)][(n + rng.integers(5)) % 5]
                options = {k: v[n % len(v)] for k, v in attrs.items()}
                yield chain(rng, op, form, dtype, shape, options)
                for k, v in attrs.items():
                    yield chain(rng, op, form, dtype, shape, {k: v[(n + 1) % len(v)]})
            if "l1" in inputs:
                yield chain(rng, op, form, "float32", (3, 4), {}, {"l1": 0.0})
                yield chain(rng, op, form, "float64", (3, 4), {}, {"l2": 0.0})
            if "lr_power" in inputs:
                for p in (-0.7, 0.0, 1.0):
                    yield chain(rng, op, form, "float32", (3, 4), {}, {"lr_power": p})
                yield chain(rng, op, form, "float32", (3, 4), {}, {"lr": -0.1})
            if form == "R":
                good = chain(rng, op, form, "float32", (3,), {})
                apply = [s for s in good.steps if s[1].startswith("ResourceApply")][0]
                small = [values(rng, "float32", (2,)) if isinstance(a, np.ndarray) and a.shape == (3,) else a for a in apply[2]]
                yield Chain([s for s in good.steps if s[1] in ("VarHandleOp", "AssignVariableOp")] + [(None, apply[1], small, apply[3])], [])
                fresh = [(s[0], s[1], s[2], {**s[3], "shared_name": f"o{next(COUNTER)}"}) for s in good.steps if s[1] == "VarHandleOp"]
                yield Chain(fresh + [apply], [])
