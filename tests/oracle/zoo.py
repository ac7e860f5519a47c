# SPDX-License-Identifier: Apache-2.0
"""zoo.py: whole models as users have them, with seeded random weights, converted by TensorFlow.

    zoo.py                       makes what the tests use, where it is missing
    zoo.py mobilenet_v2 [...]    only these;  --size full: as the benchmarks use them;  --list: names

Architectures are in zoo_keras.py (MODELS) and zoo_modules.py (MODULES: signatures, state, tables, control flow). Each is
converted to float32, float16 (weights), dynamic (int8 weights, float activations), int8 (full, per channel, int8 in and
out) and int16x8 (int16 activations), where the converter can, a few to the kinds of SOME: kinds_of(). Files NAME-KIND.tflite go to $UNFLOW_ZOO or
build-zoo/, `full` ones into full/ below it; processes convert a few architectures each, for TensorFlow's memory is given
back only by their end.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from zoo_keras import FULL, LOOPS, MODELS  # noqa: E402
from zoo_modules import CUSTOM, MODULES, calls_of  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("UNFLOW_ZOO") or HERE.parents[1] / "build-zoo")
INTEGER = ("int8", "int16x8")
# Of a few: uint8 in and out of an int8 network; one scale a tensor; three quarters of the weights zero, stored sparse.
SOME = {"uint8": ("mobilenet_v2", "autoencoder", "mlp"), "per_tensor": ("resnet50", "wavenet", "unet"),
        "sparse": ("mlp", "transformer"), "sparse_dynamic": ("mlp", "transformer"), "sparse_int8": ("mlp",)}
KINDS = ("float32", "float16", "dynamic", *INTEGER, *SOME)

# What TensorFlow 2.21's converter does not make, and why.
_INDICES = ("int16x8",)  # an integer input as an index: "Max and min for dynamic tensors should be recorded"
_NO_INPUTS = INTEGER  # calibration: "NULL SignatureDef inputs" for a signature without inputs
_DIES = INTEGER  # calibration ends by a signal: strings, a loop of convolutions
CANNOT = {"conv_lstm": _DIES, "table": _DIES, "text": _DIES, "string_lookup": _DIES, "train": _NO_INPUTS,
          "train_adam": _NO_INPUTS, "recommender": _INDICES, "decoder": _INDICES, "cache": _INDICES, "control": _INDICES,
          "nested": _INDICES}


def kinds_of(name):
    """The kinds that the converter makes of it."""
    return tuple(kind for kind in KINDS if kind not in CANNOT.get(name, ()) and name in SOME.get(kind, (name,)))


def path_of(name, kind="float32", size="small"):
    return FOLDER / ("full" if size == "full" else "") / f"{name}-{kind}.tflite"


# ---- one process that converts --------------------------------------------------------------------


def seed_weights(np, model):
    """Batch normalization with statistics of its own, so that nothing folds to the identity."""
    rng = np.random.default_rng(3)
    for layer in model._flatten_layers():
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([rng.uniform(0.7, 1.3, gamma.shape), rng.normal(0, 0.1, beta.shape),
                               rng.normal(0, 0.1, mean.shape), rng.uniform(0.7, 1.3, variance.shape)])
        elif type(layer).__name__ in ("PReLU", "Dense") and layer.get_weights():
            values = layer.get_weights()
            layer.set_weights([*values[:-1], rng.normal(0, 0.1, values[-1].shape)] if len(values) > 1 else values)


def prune(np, model):
    """Zeros in three of four blocks of 1 x 4 weights of each Dense layer."""
    rng = np.random.default_rng(17)
    for layer in model._flatten_layers():
        if type(layer).__name__ in ("Dense", "EinsumDense"):
            first, *rest = layer.get_weights()
            flat = first.reshape(first.shape[0], -1).T  # (units, inputs), as TFLite stores them
            kept = np.repeat(rng.uniform(size=(flat.shape[0], -(-flat.shape[1] // 4))) < 0.25, 4, 1)[:, :flat.shape[1]]
            layer.set_weights([(flat * kept).T.reshape(first.shape), *rest])


def sample(np, rng, shape, dtype):
    """An input: numbers from -1 to 1, or indices that every table of the architectures has."""
    if dtype.startswith("float"):
        return rng.uniform(-1, 1, shape).astype(dtype)
    return rng.integers(0, 8, shape).astype(dtype)


def configure(tf, converter, kind, samples, pure):
    """Sets a converter up. pure: integers only, in and out, or refused."""
    sets = tf.lite.OpsSet
    integer = {kind: sets.TFLITE_BUILTINS_INT8 for kind in ("int8", "uint8", "per_tensor", "sparse_int8")}
    integer |= {"int16x8": sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8}
    if kind not in ("float32", "sparse"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind.startswith("sparse"):
        converter.optimizations = [*converter.optimizations, tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    converter._experimental_disable_per_channel = kind == "per_tensor"
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind in integer:
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [integer[kind]] if pure else [integer[kind], sets.TFLITE_BUILTINS]
        if pure:
            converter.inference_input_type = converter.inference_output_type = {"uint8": tf.uint8, "int16x8": tf.int16}.get(kind, tf.int8)


def attempt(tf, make_converter, kind, samples):
    """The model; of integers alone if the converter can, else with what it leaves in floats."""
    for pure in (True, False) if "int" in kind or kind == "per_tensor" else (False,):
        converter = make_converter()
        configure(tf, converter, kind, samples, pure)
        try:
            return converter.convert()
        except Exception:
            if not pure:
                raise


def convert_module(tf, np, name, kinds):
    module, keys = MODULES[name](tf)
    functions = [getattr(module, key).get_concrete_function() for key in keys]

    def samples():
        for call in calls_of(name) * 2:
            if call:
                yield call

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=dict(zip(keys, functions)))

        def make_converter():
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(keys))
            converter.experimental_enable_resource_variables = True
            converter.allow_custom_ops = name in CUSTOM
            return converter

        for kind in kinds:
            yield kind, lambda: attempt(tf, make_converter, kind, samples)


def concrete_of(tf, model):
    """One function of all inputs, batch 1. Constants, not variables: converters leave variables without initialiser."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = [tf.TensorSpec((1, *t.shape[1:]), t.dtype, name=f"x{i}") for i, t in enumerate(model.inputs)]
    function = tf.function(lambda *x: model(x if len(x) > 1 else x[0], training=False), input_signature=specs)
    return specs, convert_variables_to_constants_v2(function.get_concrete_function())


def convert_model(tf, np, name, size, kinds):
    made = {}
    for kind in kinds:
        unroll, sparse = kind in INTEGER and name in LOOPS, kind.startswith("sparse")
        if (unroll, sparse) not in made:
            tf.keras.utils.set_random_seed(7)
            model = MODELS[name](tf, size, unroll=True) if unroll else MODELS[name](tf, size)
            seed_weights(np, model)
            if sparse:
                prune(np, model)
            made[unroll, sparse] = concrete_of(tf, model)
        specs, concrete = made[unroll, sparse]

        def samples():
            rng = np.random.default_rng(11)
            for _ in range(4):
                yield [sample(np, rng, spec.shape, spec.dtype.name) for spec in specs]

        yield kind, lambda: attempt(tf, lambda: tf.lite.TFLiteConverter.from_concrete_functions([concrete]), kind, samples)


def convert(names, size, kinds):
    """Writes the missing files of some architectures, in this process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
    import numpy as np
    import tensorflow as tf

    for name in names:
        missing = [kind for kind in kinds if kind in kinds_of(name) and not path_of(name, kind, size).exists()]
        tf.keras.utils.set_random_seed(7)
        makers = convert_module(tf, np, name, missing) if name in MODULES else convert_model(tf, np, name, size, missing)
        for kind, maker in makers:
            try:
                data = maker()
            except Exception as error:
                print(f"{name} {kind}: {type(error).__name__}: {str(error)[-300:]}", file=sys.stderr, flush=True)
                continue
            write(path_of(name, kind, size), data)


def write(path, data):
    """Whole or not at all."""
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(data)
    os.replace(temporary, path)


# ---- making what is missing ---------------------------------------------------------------------------


def missing_of(pairs, size):
    return [(name, kind) for name, kind in pairs if not path_of(name, kind, size).exists()]


def run_process(pairs, size):
    """One process for some architectures; what it said to stderr."""
    names, kinds = list(dict.fromkeys(n for n, _ in pairs)), list(dict.fromkeys(k for _, k in pairs))
    command = [sys.executable, __file__, "--convert", *names, "--size", size, *(w for k in kinds for w in ("--kind", k))]
    return subprocess.run(command, capture_output=True, text=True).stderr


def make(pairs, size="small", say=print, jobs=2, together=6):
    """Makes the missing of [(name, kind)]; the list of those that could not be made. jobs processes at a time, each of
    which makes `together` architectures."""
    missing = missing_of(pairs, size)
    if not missing:
        return []
    path_of("x", size=size).parent.mkdir(parents=True, exist_ok=True)
    say(f"zoo: making {len(missing)} files of {len({n for n, _ in missing})} architectures", flush=True)
    names = list(dict.fromkeys(name for name, _ in missing))
    groups = [names[i:i + together] for i in range(0, len(names), together)]
    words = ""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for text in pool.map(lambda group: run_process([p for p in missing if p[0] in group], size), groups):
            words += text
        # Where a process died, each of the rest alone: what dies takes nothing with it.
        for text in pool.map(lambda pair: run_process([pair], size), missing_of(pairs, size)):
            words += text
    lost = missing_of(pairs, size)
    for name, kind in lost:
        said = [line for line in words.splitlines() if line.startswith(f"{name} {kind}:")]
        say(f"zoo: could not make {name} {kind}: {said[-1] if said else 'the process died'}", flush=True)
    return lost


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--size", default="small", choices=["small", "full"])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--convert", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    everything = FULL if args.size == "full" else [*MODELS, *MODULES]
    if args.convert:
        convert(args.names, args.size, args.kind or KINDS)
        return 0
    if args.list:
        print("\n".join(everything))
        return 0
    pairs = [(name, kind) for name in args.names or everything for kind in args.kind or KINDS if kind in kinds_of(name)]
    return 1 if make(pairs, args.size, together=1 if args.size == "full" else 6) else 0


if __name__ == "__main__":
    sys.exit(main())
