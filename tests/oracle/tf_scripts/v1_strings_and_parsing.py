# SPDX-License-Identifier: Apache-2.0
"""Strings, CSV and examples inside a graph."""

import tensorflow as tf

v1 = tf.compat.v1
v1.disable_eager_execution()
lines = v1.placeholder(tf.string, [None])
number, name = tf.io.decode_csv(lines, [[0.0], ["none"]])
upper = tf.strings.upper(name)
joined = tf.strings.reduce_join(upper, separator="|")
parts = v1.string_split(lines, ",")
clean = tf.strings.regex_replace(name, "[0-9]+", "#")
buckets = tf.strings.to_hash_bucket_fast(name, 1000)
example = tf.io.serialize_tensor(number)
with v1.Session() as session:
    feed = {lines: ["1.5,ab12", "2,c", ",7"]}
    print(session.run([number, name], feed))
    print(session.run([upper, joined, clean], feed))
    print(session.run(buckets, feed))
    found = session.run(parts, feed)
    print(type(found).__name__, found.values.tolist(), found.dense_shape.tolist())
    print(session.run(tf.io.parse_tensor(example, tf.float32), feed))
    print(session.run(tf.strings.to_number(["3.5", "1e3"])))
    print(session.run(tf.strings.substr("abcdef", 2, 3)), session.run(tf.strings.as_string(number), feed))
    try:
        session.run(number, {lines: ["a,b"]})
    except tf.errors.InvalidArgumentError as error:
        print(type(error).__name__)
    try:
        session.run(tf.strings.to_number(["x"]))
    except tf.errors.InvalidArgumentError as error:
        print(type(error).__name__)
