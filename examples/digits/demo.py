# SPDX-License-Identifier: Apache-2.0
"""demo.py: trains a .tflite model on this machine and reads everything in it as NumPy. Run by `make demo`.

No TensorFlow here: NumPy and unflow.
"""

import pathlib
import sys
import time

import numpy as np

import unflow

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS, BATCH = 30, 20


def accuracy(model, images, labels):
    return float(np.mean(model.signatures["infer"](images=images)["digit"] == labels))


def train(model, images, labels):
    rng = np.random.default_rng(1)
    step = model.signatures["train"]
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images)).reshape(-1, BATCH)
        losses = [step(images=images[part], labels=labels[part])["loss"] for part in order]
        if epoch in (0, 4, EPOCHS - 1):
            print(f"   epoch {epoch + 1:>2}: loss {np.mean(losses):.4f}")


def picture(image):
    return ["".join(" .:*#@"[min(int(v) // 3, 5)] * 2 for v in row) for row in image]


def variables(model):
    print("3. Every resource tensor, by name")
    for name, variable in model.variables.items():
        value = np.asarray(variable)
        text = f"mean {value.mean():+.4f}  largest {np.abs(value).max():.4f}" if value.ndim else f"= {value}"
        print(f"   {name:<24}{str(value.dtype):<9}{str(value.shape):<10}{text}")


def restored(model, images, labels):
    """The trained state in a second model, by way of the file's own `weights` and `restore` signatures."""
    fresh = unflow.open(HERE / "digits.tflite")
    before = accuracy(fresh, images, labels)
    fresh.signatures["restore"](**model.signatures["weights"]())
    print(f"   a fresh model: {before:.1%}; with the trained weights restored: {accuracy(fresh, images, labels):.1%}")


def quantized(images, labels):
    model = unflow.open(HERE / "digits_int8.tflite")
    scale, zero = (part[0] for part in model.tensors["serving_default_image:0"].quantization[:2])
    hits = 0
    for image, label in zip(images, labels):
        raw = np.clip(np.rint(image[None, ..., None] / 16 / scale) + zero, -128, 127).astype(np.int8)
        hits += int(np.argmax(next(iter(model.run(raw).values())))) == label
    print(f"   int8 network: {hits / len(images):.1%} of {len(images)} test images")
    weights = model.tensors["sequential_1/conv_1/convolution"]
    print(f"   {weights.name} {weights.dtype} {weights.shape}, {len(weights.quantization.scales)} scales")
    print(f"   raw        {np.asarray(weights)[0, 1, :, 0]}")
    print(f"   real       {weights.dequantize()[0, 1, :, 0]}")


def main():
    started = time.perf_counter()
    data = np.load(HERE / "digits.npz")
    images, labels = data["images"].astype(np.float32), data["labels"].astype(np.int32)
    test_images, test_labels = images[400:], labels[400:]
    model = unflow.open(HERE / "digits.tflite")

    print(f"unflow {unflow.__version__}: digits.tflite, 400 images to learn from, 200 to test; no TensorFlow\n")
    print("1. Before training")
    before = accuracy(model, test_images, test_labels)
    print(f"   accuracy {before:.1%}")
    print("2. Training through the model's `train` signature")
    train(model, images[:400], labels[:400])
    after = accuracy(model, test_images, test_labels)
    print(f"   accuracy {after:.1%}, after {int(model.variables['steps'])} steps")
    variables(model)
    restored(model, test_images, test_labels)
    print("4. A quantized tensor")
    quantized(test_images, test_labels)

    target = pathlib.Path("digits_weights.npz")
    np.savez(target, **{name: np.asarray(variable) for name, variable in model.variables.items()})
    print(f"5. Wrote {target}: {', '.join(np.load(target).files)}\n")
    guess = model.signatures["infer"](images=test_images[:5])["digit"]
    print("\n".join("   " + " ".join(rows) for rows in zip(*(picture(i) for i in test_images[:5]))))
    print("   " + " ".join(f"{f'read as {d}':^16}" for d in guess))
    print(f"\naccuracy {before:.1%} -> {after:.1%} in {time.perf_counter() - started:.1f} s")
    return 0 if after > 0.9 > before else 1


if __name__ == "__main__":
    sys.exit(main())
