# SPDX-License-Identifier: Apache-2.0
"""A small text pipeline with tables and ragged tensors."""

import tensorflow as tf

text = tf.constant(["The cat sat.", "The dog sat; the cat ran!", ""])
clean = tf.strings.regex_replace(tf.strings.lower(text), r"[^a-z ]", "")
words = tf.strings.split(clean)
print(words)
print(words.row_lengths().numpy(), words.flat_values.shape)
vocabulary, index, counts = tf.unique_with_counts(words.flat_values)
print(vocabulary.numpy(), index.numpy(), counts.numpy())
order = tf.argsort(counts, direction="DESCENDING", stable=True)
for i in order[:3]:
    print(vocabulary[i].numpy().decode(), int(counts[i]))
table = tf.lookup.StaticHashTable(
    tf.lookup.KeyValueTensorInitializer(vocabulary, tf.range(tf.size(vocabulary), dtype=tf.int32)), -1)
ids = tf.ragged.map_flat_values(table.lookup, words)
print(ids)
dense = ids.to_tensor(default_value=-1)
print(dense)
hot = tf.reduce_sum(tf.one_hot(dense, tf.size(vocabulary)), axis=1)
print(hot.numpy().astype(int).tolist())
print(tf.reduce_sum(hot, axis=0).numpy() == counts.numpy())
similar = tf.matmul(hot, hot, transpose_b=True)
print(similar.numpy().tolist())
print(tf.strings.reduce_join(words, axis=1, separator="_"))
