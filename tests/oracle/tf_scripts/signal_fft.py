# SPDX-License-Identifier: Apache-2.0
"""Fourier transforms and frames."""

import numpy as np
import tensorflow as tf

x = tf.constant([1.0, 2.0, 3.0, 4.0, 0.0, -1.0, -2.0, -3.0])


def show(name, value):
    value = np.asarray(value)
    print(name, value.shape, value.dtype)
    flat = value.reshape(-1)
    parts = np.stack([flat.real, flat.imag], -1).reshape(-1) if np.iscomplexobj(flat) else flat
    print("  ", [f"{v:.3f}" for v in np.round(parts, 3) + 0.0])


spectrum = tf.signal.rfft(x)
show("rfft", spectrum)
show("irfft", tf.signal.irfft(spectrum))
show("fft", tf.signal.fft(tf.cast(x, tf.complex64)))
show("ifft", tf.signal.ifft(tf.signal.fft(tf.cast(x, tf.complex64))))
show("fft2d", tf.signal.fft2d(tf.cast(tf.reshape(x, [2, 4]), tf.complex64)))
show("rfft2d", tf.signal.rfft2d(tf.reshape(x, [4, 2])))
show("abs", tf.abs(spectrum))
show("angle", tf.math.angle(tf.constant([1 + 1j, -1 + 0j])))
show("frame", tf.signal.frame(x, 4, 2))
show("hann", tf.signal.hann_window(8))
show("stft", tf.signal.stft(x, frame_length=4, frame_step=2))
show("dct", tf.signal.dct(x, norm="ortho"))
show("shift", tf.signal.fftshift(x))
show("overlap", tf.signal.overlap_and_add(tf.ones([3, 4]), 2))
