# SPDX-License-Identifier: Apache-2.0
"""make_model.py: makes the two models of the demo. Needs TensorFlow (the demo does not).

digits.tflite       a perceptron over 8x8 images whose weights and momenta are resource variables, with signatures
                      train(images, labels) -> loss, correct      one step of gradient descent
                      infer(images) -> scores, digit
                      weights() -> every variable                 what save() is elsewhere, without a file
                      restore(...) -> done                        sets every weight
digits_int8.tflite  a small convolutional network, trained here, quantized to int8 per channel

    python make_model.py
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BATCH, HIDDEN, RATE, MOMENTUM = 20, 48, 0.1, 0.9


class Digits(tf.Module):
    """64 -> 48 -> 10, cross entropy, gradient descent with momentum; the gradients are written out."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(5)
        shapes = {"hidden_kernel": (64, HIDDEN), "hidden_bias": (HIDDEN,), "out_kernel": (HIDDEN, 10), "out_bias": (10,)}
        self.weights_, self.momenta = {}, {}
        for name, shape in shapes.items():
            first = rng.normal(0, shape[0] ** -0.5, shape) if len(shape) == 2 else np.zeros(shape)
            self.weights_[name] = tf.Variable(first.astype(np.float32), name=name)
            self.momenta[name] = tf.Variable(np.zeros(shape, np.float32), name="momentum_" + name)
        self.steps = tf.Variable(np.int32(0), name="steps", trainable=False)

    def forward(self, images):
        x = tf.reshape(images, (-1, 64)) / 16.0
        hidden = tf.nn.relu(x @ self.weights_["hidden_kernel"] + self.weights_["hidden_bias"])
        return x, hidden, hidden @ self.weights_["out_kernel"] + self.weights_["out_bias"]

    @tf.function(input_signature=[tf.TensorSpec([BATCH, 8, 8], tf.float32, "images"),
                                  tf.TensorSpec([BATCH], tf.int32, "labels")])
    def train(self, images, labels):
        x, hidden, scores = self.forward(images)
        probability = tf.nn.softmax(scores)
        target = tf.one_hot(labels, 10)
        loss = -tf.reduce_mean(tf.reduce_sum(target * tf.math.log(probability + 1e-7), 1))
        correct = tf.reduce_sum(tf.cast(tf.equal(tf.argmax(scores, 1, tf.int32), labels), tf.int32))
        slope = (probability - target) / BATCH
        back = tf.matmul(slope, self.weights_["out_kernel"], transpose_b=True) * tf.cast(hidden > 0, tf.float32)
        gradients = {"hidden_kernel": tf.matmul(x, back, transpose_a=True), "hidden_bias": tf.reduce_sum(back, 0),
                     "out_kernel": tf.matmul(hidden, slope, transpose_a=True), "out_bias": tf.reduce_sum(slope, 0)}
        for name, gradient in gradients.items():
            momentum = MOMENTUM * self.momenta[name] - RATE * gradient
            self.momenta[name].assign(momentum)
            self.weights_[name].assign(self.weights_[name] + momentum)
        self.steps.assign(self.steps + 1)
        return {"loss": loss, "correct": correct}

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8], tf.float32, "images")])
    def infer(self, images):
        scores = self.forward(images)[2]
        return {"scores": tf.nn.softmax(scores), "digit": tf.argmax(scores, 1, tf.int32)}

    @tf.function(input_signature=[])
    def weights(self):
        return {name: tf.identity(variable) for name, variable in self.weights_.items()}

    @tf.function(input_signature=[tf.TensorSpec((64, HIDDEN), tf.float32, "hidden_kernel"),
                                  tf.TensorSpec((HIDDEN,), tf.float32, "hidden_bias"),
                                  tf.TensorSpec((HIDDEN, 10), tf.float32, "out_kernel"),
                                  tf.TensorSpec((10,), tf.float32, "out_bias")])
    def restore(self, hidden_kernel, hidden_bias, out_kernel, out_bias):
        given = {"hidden_kernel": hidden_kernel, "hidden_bias": hidden_bias, "out_kernel": out_kernel,
                 "out_bias": out_bias}
        for name, value in given.items():
            self.weights_[name].assign(value)
            self.momenta[name].assign(tf.zeros_like(value))
        return {"done": tf.constant(True)}


def trainable_model():
    module = Digits()
    functions = {key: getattr(module, key) for key in ("train", "infer", "weights", "restore")}
    concrete = [f.get_concrete_function() for f in functions.values()]
    folder = HERE / "saved"
    tf.saved_model.save(module, str(folder), signatures=dict(zip(functions, concrete)))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=list(functions))
    converter.experimental_enable_resource_variables = True
    data = converter.convert()
    import shutil

    shutil.rmtree(folder)
    return data


def quantized_model(images, labels):
    tf.keras.utils.set_random_seed(5)
    model = tf.keras.Sequential([
        tf.keras.layers.Input((8, 8, 1), batch_size=1, name="image"),
        tf.keras.layers.Conv2D(12, 3, activation="relu", name="conv"),
        tf.keras.layers.MaxPooling2D(2),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(10, name="scores"),
    ])
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    x = images.astype(np.float32)[..., None] / 16
    loop = model.optimizer
    loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loop.learning_rate = 0.01
    rng = np.random.default_rng(5)
    flexible = tf.keras.Sequential([tf.keras.layers.Input((8, 8, 1))] + model.layers)
    for _ in range(40):
        for part in np.array_split(rng.permutation(len(x)), len(x) // 40):
            with tf.GradientTape() as tape:
                loss = loss_of(labels[part], flexible(x[part]))
            loop.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[i:i + 1]] for i in range(100))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def main():
    data = np.load(HERE / "digits.npz")
    (HERE / "digits.tflite").write_bytes(trainable_model())
    (HERE / "digits_int8.tflite").write_bytes(quantized_model(data["images"][:400], data["labels"][:400]))
    for name in ("digits.tflite", "digits_int8.tflite"):
        print(name, (HERE / name).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
