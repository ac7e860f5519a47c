# SPDX-License-Identifier: Apache-2.0
"""Images: resizing, flips, colours, boxes, PNG."""

import numpy as np
import tensorflow as tf

image = tf.reshape(tf.range(48, dtype=tf.float32), [4, 4, 3]) / 48.0


def show(name, value):
    value = np.asarray(value)
    print(name, value.shape, value.dtype, [f"{v:.4f}" for v in value.reshape(-1)[:8].astype(float) + 0.0])


show("bilinear", tf.image.resize(image, [2, 3]))
show("nearest", tf.image.resize(image, [8, 8], method="nearest"))
show("flip", tf.image.flip_left_right(image))
show("rot", tf.image.rot90(image))
show("crop", tf.image.central_crop(image, 0.5))
show("pad", tf.image.pad_to_bounding_box(image, 1, 1, 6, 6))
show("gray", tf.image.rgb_to_grayscale(image))
show("hsv", tf.image.rgb_to_hsv(image))
show("bright", tf.image.adjust_brightness(image, 0.1))
show("contrast", tf.image.adjust_contrast(image, 2.0))
show("uint8", tf.image.convert_image_dtype(image, tf.uint8))
show("crops", tf.image.crop_and_resize(image[tf.newaxis], [[0.0, 0.0, 1.0, 1.0]], [0], [2, 2]))
boxes = tf.constant([[0.0, 0.0, 1.0, 1.0], [0.0, 0.1, 1.0, 1.1], [2.0, 2.0, 3.0, 3.0]])
print(tf.image.non_max_suppression(boxes, [0.9, 0.8, 0.7], 3))
png = tf.io.encode_png(tf.image.convert_image_dtype(image, tf.uint8))
decoded = tf.io.decode_png(png)
print(decoded.shape, decoded.dtype, decoded[0, 0].numpy(), tf.image.decode_png(png, channels=1).shape)
show("sobel", tf.image.sobel_edges(image[tf.newaxis]))
show("psnr", tf.image.psnr(image, image + 0.1, 1.0))
