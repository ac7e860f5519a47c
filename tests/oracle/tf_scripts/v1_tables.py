# SPDX-License-Identifier: Apache-2.0
"""Lookup tables in graphs."""

import tensorflow as tf

v1 = tf.compat.v1
v1.disable_eager_execution()
table = tf.lookup.StaticHashTable(
    tf.lookup.KeyValueTensorInitializer(["one", "two", "three"], tf.constant([1, 2, 3], tf.int64)), -1)
word = v1.placeholder(tf.string, [None])
found = table.lookup(word)
size = table.size()
with open("names.txt", "w") as out:
    out.write("zero\none\ntwo\n")
lines = tf.lookup.StaticHashTable(
    tf.lookup.TextFileInitializer("names.txt", tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
                                  tf.string, tf.lookup.TextFileIndex.WHOLE_LINE), "?")
named = lines.lookup(tf.constant([2, 0, 9], tf.int64))
counts = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, 0)
insert = counts.insert(["x", "y"], [10, 20])
remove = counts.remove(tf.constant(["x"]))
read = counts.lookup(tf.constant(["x", "y", "z"]))
exported = counts.export()
print(len(v1.get_collection(v1.GraphKeys.TABLE_INITIALIZERS)), found.dtype, found.shape)
with v1.Session() as session:
    try:
        session.run(found, {word: ["one"]})
    except tf.errors.FailedPreconditionError as error:
        print(type(error).__name__)
    session.run(v1.tables_initializer())
    print(session.run(found, {word: ["two", "four"]}), session.run(size))
    print(session.run(named))
    print(session.run(read), session.run(insert), session.run(read))
    print(sorted(zip(*(a.tolist() for a in session.run(exported)))))
    session.run(remove)
    print(session.run(read), session.run(counts.size()))
