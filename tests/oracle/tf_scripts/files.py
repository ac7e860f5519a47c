# SPDX-License-Identifier: Apache-2.0
"""Reading and writing files."""

import tensorflow as tf

tf.io.write_file("notes.txt", "first line\nsecond line\n")
print(tf.io.read_file("notes.txt"))
print(tf.strings.split(tf.io.read_file("notes.txt"), "\n"))
tf.io.gfile.makedirs("a/b/c")
print(tf.io.gfile.exists("a/b"), tf.io.gfile.isdir("a/b"), tf.io.gfile.exists("a/z"))
with tf.io.gfile.GFile("a/b/data.txt", "w") as out:
    out.write("1,2.5,x\n3,4.5,y\n")
with tf.io.gfile.GFile("a/b/data.txt") as source:
    print(source.read())
print(tf.io.gfile.glob("a/b/*.txt"), sorted(tf.io.gfile.listdir("a/b")))
print(tf.io.matching_files("./*.txt"))
rows = tf.strings.split(tf.strings.strip(tf.io.read_file("a/b/data.txt")), "\n")
numbers, floats, texts = tf.io.decode_csv(rows, [[0], [0.0], [""]])
print(numbers, floats, texts)
print(tf.io.gfile.stat("notes.txt").length)
tf.io.gfile.remove("notes.txt")
print(tf.io.gfile.exists("notes.txt"))
saved = tf.io.serialize_tensor(tf.constant([[1.5, 2.5]]))
tf.io.write_file("tensor.bin", saved)
print(tf.io.parse_tensor(tf.io.read_file("tensor.bin"), tf.float32))
try:
    tf.io.read_file("gone.txt")
except tf.errors.NotFoundError as error:
    print(type(error).__name__)
