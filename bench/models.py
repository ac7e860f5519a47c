# SPDX-License-Identifier: Apache-2.0
"""Models for the benchmarks: Keras architectures with random weights, as float32 and int8.

    python bench/models.py mobilenetv2 resnet50        # builds what is missing in build-zoo/

The weights are random (seed 7) and the statistics of batch normalization are moved a little away from 0 and 1, so
that values stay in range through the layers. int8 is full integer quantization, per channel, with int8 input and
output, calibrated on random images. Needs TensorFlow; each model is made in a process of its own.
"""
import argparse
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(os.environ.get("UNFLOW_ZOO", pathlib.Path(__file__).resolve().parent.parent / "build-zoo"))
MODELS = ("mobilenetv2", "resnet50")
KINDS = ("f32", "int8")


def path(model, kind):
    """Where the .tflite file of a model lies, made or not."""
    return FOLDER / f"{model}_{kind}.tflite"


def ensure(model):
    """Builds the files of a model that are missing; returns {kind: path}."""
    files = {kind: path(model, kind) for kind in KINDS}
    if not all(f.exists() for f in files.values()):
        FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, __file__, "--build", model], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    return files


def _keras_model(name):
    import numpy as np
    import tensorflow as tf

    tf.keras.utils.set_random_seed(7)
    make = {"mobilenetv2": tf.keras.applications.MobileNetV2, "resnet50": tf.keras.applications.ResNet50}[name]
    model = make(weights=None, input_shape=(224, 224, 3), classes=1000)
    rng = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma * rng.uniform(0.8, 1.2, gamma.shape), beta + rng.normal(0, 0.1, beta.shape),
                               mean + rng.normal(0, 0.1, mean.shape), variance * rng.uniform(0.8, 1.2, variance.shape)])
    return model


def _write(file, data):
    temporary = file.with_suffix(".part")
    temporary.write_bytes(data)
    os.replace(temporary, file)


def build(name):
    """Converts one model to all kinds (in this process, which imports TensorFlow)."""
    import numpy as np
    import tensorflow as tf

    model = _keras_model(name)
    # a function with a fixed batch: what an application would ship
    call = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((1, 224, 224, 3)))
    rng = np.random.default_rng(11)
    images = [rng.uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32) for _ in range(8)]
    for kind in KINDS:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([call], model)
        if kind == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([image] for image in images)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        _write(path(name, kind), converter.convert())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help=", ".join(MODELS))
    parser.add_argument("--build", metavar="MODEL", choices=MODELS, help="convert in this process")
    args = parser.parse_args()
    if args.build:
        build(args.build)
        return
    for model in args.models:
        for kind, file in ensure(model).items():
            print(f"{model} {kind}: {file} ({file.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
