# SPDX-License-Identifier: Apache-2.0
"""Regular expressions on strings."""

import tensorflow as tf

lines = tf.constant(["GET /index.html 200", "POST /login 403", "GET /a/b?c=1 404", "broken"])
print(tf.strings.regex_full_match(lines, r"(GET|POST) \S+ \d{3}"))
print(tf.strings.regex_replace(lines, r"\d+", "N"))
print(tf.strings.regex_replace(lines, r"(\w+) (\S+) (\d+)", r"\3:\2"))
print(tf.strings.regex_replace(lines, r"[aeiou]", "_", replace_global=False))
status = tf.strings.regex_replace(lines, r"^.*?(\d+)?$", r"\1")
print(status)
print(tf.strings.regex_replace("a.b.c", r"\.", r"\\"))
print(tf.strings.regex_full_match(["abc", "abcd", ""], "[a-c]*"))
print(tf.strings.regex_replace(["tab\tand  space"], r"\s+", " "))
print(tf.strings.regex_replace(["CamelCaseName"], r"([a-z])([A-Z])", r"\1_\2"))
print(tf.strings.regex_full_match("Straße", r"Stra\p{L}e"))
print(tf.strings.regex_full_match("HELLO", "(?i)hello"))
pattern = "x{2,3}|y+?"
for text in ("xx", "xxx", "xxxx", "y", "yy", "x"):
    print(text, bool(tf.strings.regex_full_match(text, pattern)))
try:
    tf.strings.regex_full_match("a", "(")
except tf.errors.InvalidArgumentError as error:
    print(type(error).__name__)
