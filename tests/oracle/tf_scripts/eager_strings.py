# SPDX-License-Identifier: Apache-2.0
"""Strings: parts, joins, numbers, hashes."""

import tensorflow as tf

words = tf.constant(["apple pie", "Banana", "", "Grüße"])
print(words)
print(tf.strings.length(words), tf.strings.length(words, unit="UTF8_CHAR"))
print(tf.strings.upper(words), tf.strings.lower(["ÄB"], encoding="utf-8"))
print(tf.strings.join(["a", words], separator="-"))
print(tf.strings.substr(words, 0, 3))
print(tf.strings.split(words))
print(tf.strings.split(["a,b", "c"], sep=",").to_list())
print(tf.strings.strip(["  x ", "\ty\n"]))
print(tf.strings.reduce_join([["a", "b"], ["c", "d"]], axis=1, separator="+"))
print(tf.strings.to_number(["1.5", "-2"]), tf.strings.to_number("42", tf.int32))
print(tf.strings.as_string([1, 22]), tf.strings.as_string([1.0, 2.5], precision=2))
print(tf.strings.as_string([True, False]), tf.strings.as_string(7, width=3, fill="0"))
print(tf.strings.format("value {} of {}", (tf.constant([1, 2]), tf.constant(3))))
print(tf.strings.to_hash_bucket_fast(["a", "b"], 100), tf.strings.to_hash_bucket_strong(["a"], 100, [1, 2]))
print(tf.strings.unicode_decode("Grüße", "UTF-8"), tf.strings.unicode_encode([71, 252], "UTF-8"))
print(tf.strings.unicode_script([71, 1040]), tf.strings.unicode_transcode("a\xff", "UTF-8", "UTF-16-BE"))
print(tf.strings.ngrams(["a", "b", "c"], 2), tf.strings.bytes_split("abc"))
print(tf.io.encode_base64("hello"), tf.io.decode_base64("aGVsbG8"))
print(words[1] == "Banana", (words + "!").numpy(), words[3].numpy().decode())
print(tf.io.decode_raw("abcd", tf.uint8), tf.fingerprint([b"abc"]))
