# SPDX-License-Identifier: Apache-2.0
"""Lookup tables, static and mutable."""

import tensorflow as tf

keys = tf.constant(["cat", "dog", "bird"])
table = tf.lookup.StaticHashTable(
    tf.lookup.KeyValueTensorInitializer(keys, tf.constant([10, 20, 30])), default_value=-1)
print(table.lookup(tf.constant(["dog", "fish"])))
print(table.size(), table.key_dtype, table.value_dtype)
print(table[tf.constant("bird")])

counts = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, default_value=0)
for word in "to be or not to be".split():
    counts.insert([word], counts.lookup([word]) + 1)
exported = dict(zip(*(t.numpy().tolist() for t in counts.export())))
print(sorted(exported.items()), counts.size().numpy())
counts.remove(tf.constant(["or", "missing"]))
print(counts.size().numpy(), counts.lookup(tf.constant(["or", "be"])).numpy())

with open("words.txt", "w") as out:
    out.write("red\ngreen\nblue\n")
colours = tf.lookup.StaticHashTable(
    tf.lookup.TextFileInitializer("words.txt", tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
                                  tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)
print(colours.lookup(tf.constant(["blue", "red", "pink"])))

vocabulary = tf.lookup.StaticVocabularyTable(
    tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64)), num_oov_buckets=2)
found = vocabulary.lookup(tf.constant(["a", "b", "c"]))
print(found[:2], bool(found[2] >= 2), vocabulary.size())
