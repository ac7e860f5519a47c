# SPDX-License-Identifier: Apache-2.0
"""zoo.py: whole models as users have them: Keras architectures with seeded random weights, converted by TensorFlow.

    zoo.py                       makes what the tests use, where it is missing
    zoo.py mobilenet_v2 [...]    only these;  --size full: as the benchmarks use them;  --list: names

Each model is converted to float32, float16 (weights), dynamic (int8 weights, float activations) and int8 (full, per
channel, int8 in and out). Files NAME-KIND.tflite go to $UNFLOW_ZOO or build-zoo/, `full` ones into full/ below it;
each architecture is a process of its own, for TensorFlow's memory is given back only by its end.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path(os.environ.get("UNFLOW_ZOO") or HERE.parents[1] / "build-zoo")
KINDS = ("float32", "float16", "dynamic", "int8")


# ---- architectures; `size` is "small" (tests) or "full" (benchmarks) --------------------------

def application(name, small):
    def make(tf, size):
        side = 224 if size == "full" else small
        return getattr(tf.keras.applications, name)(input_shape=(side, side, 3), weights=None, classes=100)
    return make


def transformer(tf, size):
    """Four encoder layers, eight heads, GELU."""
    length, width = (128, 256) if size == "full" else (32, 64)
    layers = tf.keras.layers
    x = inputs = layers.Input((length, width))
    for _ in range(4):
        attended = layers.MultiHeadAttention(8, width // 8)(x, x)
        x = layers.LayerNormalization()(x + attended)
        hidden = layers.Dense(width * 4, activation="gelu")(x)
        x = layers.LayerNormalization()(x + layers.Dense(width)(hidden))
    return tf.keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def unet(tf, size):
    """Three levels down and up again, by transposed convolutions."""
    side = 128 if size == "full" else 32
    layers = tf.keras.layers

    def block(x, filters):
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(
            layers.Conv2D(filters, 3, padding="same", activation="relu")(x))

    x = inputs = layers.Input((side, side, 3))
    skips = []
    for filters in (16, 32, 64):
        x = block(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = block(x, 128)
    for filters in (64, 32, 16):
        x = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(x)
        x = block(layers.Concatenate()([x, skips.pop()]), filters)
    return tf.keras.Model(inputs, layers.Conv2D(2, 1, activation="sigmoid")(x))


def recurrent(cell):
    def make(tf, size, unroll=False):
        steps, width = (64, 128) if size == "full" else (12, 32)
        layer = getattr(tf.keras.layers, cell)
        x = inputs = tf.keras.layers.Input((steps, 64))
        x = layer(width, return_sequences=True, unroll=unroll)(x)
        return tf.keras.Model(inputs, tf.keras.layers.Dense(10)(layer(width, unroll=unroll)(x)))
    return make


def mlp(tf, size):
    width = 2048 if size == "full" else 256
    x = inputs = tf.keras.layers.Input((width,))
    for _ in range(3):
        x = tf.keras.layers.Dense(width, activation="relu")(x)
    return tf.keras.Model(inputs, tf.keras.layers.Dense(10, activation="softmax")(x))


MODELS = {
    "mobilenet_v2": application("MobileNetV2", 64), "mobilenet_v3": application("MobileNetV3Small", 64),
    "efficientnet_b0": application("EfficientNetB0", 64), "resnet50": application("ResNet50", 64),
    "transformer": transformer, "unet": unet, "lstm": recurrent("LSTM"), "gru": recurrent("GRU"), "mlp": mlp,
}
RECURRENT = ("lstm", "gru")


# ---- functions with state, tables, control flow: made once, float32 -----------------------------

def train_module(tf):
    """On-device training: train, infer, save, restore over resource variables, without Flex."""
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.random.stateless_normal((6, 3), (1, 2)), name="w")
            self.b = tf.Variable(tf.zeros(3), name="b")

        @tf.function(input_signature=[tf.TensorSpec((4, 6), name="x"), tf.TensorSpec((4, 3), name="y")])
        def train(self, x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(x @ self.w + self.b - y))
            dw, db = tape.gradient(loss, [self.w, self.b])
            self.w.assign_sub(0.1 * dw)
            self.b.assign_sub(0.1 * db)
            return {"loss": loss}

        @tf.function(input_signature=[tf.TensorSpec((4, 6), name="x")])
        def infer(self, x):
            return {"y": x @ self.w + self.b}

        @tf.function(input_signature=[])
        def save(self):
            return {"w": tf.identity(self.w), "b": tf.identity(self.b)}

        @tf.function(input_signature=[tf.TensorSpec((6, 3), name="w"), tf.TensorSpec((3,), name="b")])
        def restore(self, w, b):
            self.w.assign(w)
            self.b.assign(b)
            return {"done": tf.constant(True)}

    return Module(), ("train", "infer", "save", "restore")


def table_module(tf):
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            words, numbers = tf.constant(["one", "two", "three"]), tf.constant([1, 2, 3], tf.int64)
            init = tf.lookup.KeyValueTensorInitializer
            self.words = tf.lookup.StaticHashTable(init(numbers, words), "?")
            self.numbers = tf.lookup.StaticHashTable(init(words, numbers), -1)

        @tf.function(input_signature=[tf.TensorSpec((3,), tf.int64, name="n")])
        def word(self, n):
            return {"word": self.words.lookup(n)}

        @tf.function(input_signature=[tf.TensorSpec((2,), tf.string, name="word")])
        def number(self, word):
            return {"n": self.numbers.lookup(word)}

    return Module(), ("word", "number")


def control_module(tf):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((), tf.bool, name="c"), tf.TensorSpec((3,), name="x")])
        def choose(self, c, x):
            return {"y": tf.cond(c, lambda: x * 2.0, lambda: tf.reverse(x, [0]) - 1.0)}

        @tf.function(input_signature=[tf.TensorSpec((), tf.int32, name="n"), tf.TensorSpec((3,), name="x")])
        def repeat(self, n, x):
            i, x = tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, tf.tanh(x) + tf.cast(i, tf.float32)),
                                 (tf.constant(0), x))
            return {"i": i, "y": x}

    return Module(), ("choose", "repeat")


MODULES = {"train": train_module, "table": table_module, "control": control_module}


# ---- making them -----------------------------------------------------------------------------------

def path_of(name, kind="float32", size="small"):
    return FOLDER / ("full" if size == "full" else "") / f"{name}-{kind}.tflite"


def seed_weights(np, model):
    """Batch normalization with statistics of its own, so that nothing folds to the identity."""
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([rng.uniform(0.7, 1.3, gamma.shape), rng.normal(0, 0.1, beta.shape),
                               rng.normal(0, 0.1, mean.shape), rng.uniform(0.7, 1.3, variance.shape)])


def convert_module(tf, name):
    module, keys = MODULES[name](tf)
    functions = [getattr(module, key).get_concrete_function() for key in keys]
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=dict(zip(keys, functions)))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(keys))
        converter.experimental_enable_resource_variables = True
        return converter.convert()


def convert_model(tf, np, shape, concrete, kind):
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        rng = np.random.default_rng(11)
        samples = [rng.uniform(-1, 1, shape).astype(np.float32) for _ in range(4)]
        converter.representative_dataset = lambda: ([s] for s in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def convert(name, size, kinds):
    """Writes the missing files of one architecture, in this process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np
    import tensorflow as tf

    tf.keras.utils.set_random_seed(7)
    if name in MODULES:
        return write(path_of(name, "float32", size), convert_module(tf, name))
    # make() asks for int8 of these alone. The converter's calibration dies by a signal on loops: full int8 is of the unrolled network.
    model = MODELS[name](tf, size, unroll=True) if name in RECURRENT and list(kinds) == ["int8"] else MODELS[name](tf, size)
    seed_weights(np, model)
    shape = (1, *model.inputs[0].shape[1:])
    function = tf.function(lambda x: model(x, training=False),
                           input_signature=[tf.TensorSpec(shape, tf.float32, name="x")])
    # Constants, not variables: converters leave variables without their initialiser.
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = convert_variables_to_constants_v2(function.get_concrete_function())
    for kind in kinds:
        if not path_of(name, kind, size).exists():
            write(path_of(name, kind, size), convert_model(tf, np, shape, concrete, kind))


def write(path, data):
    """Whole or not at all."""
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def make(names, kinds=KINDS, size="small", say=print):
    """Makes what is missing; the files that could not be made."""
    lost = []
    if "int8" in kinds and len(kinds) > 1:
        apart = [name for name in names if name in RECURRENT]
        lost += make(apart, ("int8",), size, say)
        lost += make(apart, [kind for kind in kinds if kind != "int8"], size, say)
        names = [name for name in names if name not in apart]
    for name in names:
        wanted = [path_of(name, kind, size) for kind in (("float32",) if name in MODULES else kinds)]
        missing = [path for path in wanted if not path.exists()]
        if not missing:
            continue
        missing[0].parent.mkdir(parents=True, exist_ok=True)
        say(f"zoo: making {', '.join(path.name for path in missing)}", flush=True)
        command = [sys.executable, __file__, "--convert", name, "--size", size]
        result = subprocess.run(command + [w for kind in kinds for w in ("--kind", kind)], capture_output=True, text=True)
        still = [path for path in missing if not path.exists()]
        if still:
            say(f"zoo: {', '.join(path.name for path in still)}: {result.stderr.strip().splitlines()[-1:]}")
        lost += still
    return lost


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--size", default="small", choices=["small", "full"])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--convert", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.convert:
        convert(args.names[0], args.size, args.kind or KINDS)
        return 0
    if args.list:
        print("\n".join([*MODELS, *MODULES]))
        return 0
    return 1 if make(args.names or [*MODELS, *MODULES], args.kind or KINDS, args.size) else 0


if __name__ == "__main__":
    sys.exit(main())
