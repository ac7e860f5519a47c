# SPDX-License-Identifier: Apache-2.0
"""zoo_modules.py: functions with state, tables, loops and custom ops, under signatures, and the calls that tests make.

A maker takes tensorflow and gives (tf.Module, keys): each key is a function and becomes a signature. CALLS has for
each the calls, in order, of one interpreter; their results depend on what came before.
"""

import numpy as np


# ---- training on the device: train, infer, save, restore over resource variables, without Flex ----


def train_module(tf):
    """One layer, gradient descent."""
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.random.stateless_normal((6, 3), (1, 2)), name="w")
            self.b = tf.Variable(tf.zeros(3), name="b")

        @tf.function(input_signature=[tf.TensorSpec((4, 6), name="x"), tf.TensorSpec((4, 3), name="y")])
        def train(self, x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(x @ self.w + self.b - y))
            dw, db = tape.gradient(loss, [self.w, self.b])
            self.w.assign_sub(0.1 * dw)
            self.b.assign_sub(0.1 * db)
            return {"loss": loss}

        @tf.function(input_signature=[tf.TensorSpec((4, 6), name="x")])
        def infer(self, x):
            return {"y": x @ self.w + self.b}

        @tf.function(input_signature=[])
        def save(self):
            return {"w": tf.identity(self.w), "b": tf.identity(self.b)}

        @tf.function(input_signature=[tf.TensorSpec((6, 3), name="w"), tf.TensorSpec((3,), name="b")])
        def restore(self, w, b):
            self.w.assign(w)
            self.b.assign(b)
            return {"done": tf.constant(True)}

    return Module(), ("train", "infer", "save", "restore")


def train_adam_module(tf):
    """Two layers, cross entropy, Adam by hand: moments and a step count are variables, too."""
    shapes = ((8, 16), (16,), (16, 4), (4,))

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = [tf.Variable(tf.random.stateless_normal(s, (3, i)) * 0.3, name=f"w{i}") for i, s in enumerate(shapes)]
            self.m = [tf.Variable(tf.zeros(s), name=f"m{i}") for i, s in enumerate(shapes)]
            self.v = [tf.Variable(tf.zeros(s), name=f"v{i}") for i, s in enumerate(shapes)]
            self.t = tf.Variable(0.0, name="t")

        def logits(self, x):
            w, b, u, c = self.weights
            return tf.maximum(x @ w + b, 0.0) @ u + c  # the gradient of relu itself needs Flex

        @tf.function(input_signature=[tf.TensorSpec((5, 8), name="x"), tf.TensorSpec((5,), tf.int32, name="label")])
        def train(self, x, label):
            with tf.GradientTape() as tape:
                log_p = tf.nn.log_softmax(self.logits(x))
                loss = -tf.reduce_mean(tf.reduce_sum(log_p * tf.one_hot(label, 4), 1))
            t = self.t.assign_add(1.0)
            rate = 0.01 * tf.sqrt(1.0 - 0.999 ** t) / (1.0 - 0.9 ** t)
            for w, m, v, g in zip(self.weights, self.m, self.v, tape.gradient(loss, self.weights)):
                m.assign(0.9 * m + 0.1 * g)
                v.assign(0.999 * v + 0.001 * g * g)
                w.assign_sub(rate * m / (tf.sqrt(v) + 1e-7))
            return {"loss": loss, "t": tf.identity(self.t)}

        @tf.function(input_signature=[tf.TensorSpec((5, 8), name="x")])
        def infer(self, x):
            return {"p": tf.nn.softmax(self.logits(x))}

        @tf.function(input_signature=[])
        def save(self):
            return {f"{k}{i}": tf.identity(v) for k, vs in (("w", self.weights), ("m", self.m)) for i, v in enumerate(vs)}

    return Module(), ("train", "infer", "save")


def train_momentum_module(tf):
    """A convolution's gradients written as products of patches; momentum; a running mean of what was seen."""
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.random.stateless_normal((6, 8), (5, 6)) * 0.3, name="w")
            self.u = tf.Variable(tf.random.stateless_normal((8, 2), (7, 8)) * 0.3, name="u")
            self.moved = [tf.Variable(tf.zeros_like(v), name=f"moved{i}") for i, v in enumerate((self.w, self.u))]
            self.mean = tf.Variable(tf.zeros(2), name="mean")

        def forward(self, x):
            patches = tf.concat([x[:, i:i + 8] for i in range(3)], -1)  # (n, 8, 6)
            hidden = tf.tanh(tf.reshape(patches, (-1, 6)) @ self.w)
            return tf.reduce_mean(tf.reshape(hidden, (-1, 8, 8)), 1) @ self.u

        @tf.function(input_signature=[tf.TensorSpec((3, 10, 2), name="x"), tf.TensorSpec((3, 2), name="y")])
        def train(self, x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(self.forward(x) - y))
            for v, m, g in zip((self.w, self.u), self.moved, tape.gradient(loss, [self.w, self.u])):
                m.assign(0.9 * m + g)
                v.assign_sub(0.01 * m)
            self.mean.assign(0.8 * self.mean + 0.2 * tf.reduce_mean(x, [0, 1]))
            return {"loss": loss, "mean": tf.identity(self.mean)}

        @tf.function(input_signature=[tf.TensorSpec((3, 10, 2), name="x")])
        def infer(self, x):
            return {"y": self.forward(x - self.mean)}

    return Module(), ("train", "infer")


# ---- streams ------------------------------------------------------------------------------------


def streaming_module(gru):
    """A cell whose state is resource variables: one step a call."""
    def make(tf):
        gates = 3 if gru else 4

        class Module(tf.Module):
            def __init__(self):
                super().__init__()
                self.w = tf.constant(np.random.default_rng(1).normal(0, 0.3, (32, 16 * gates)).astype(np.float32))
                self.r = tf.constant(np.random.default_rng(2).normal(0, 0.3, (16, 16 * gates)).astype(np.float32))
                self.h = tf.Variable(tf.zeros((1, 16)), name="h")
                self.c = tf.Variable(tf.zeros((1, 16)), name="c")

            @tf.function(input_signature=[tf.TensorSpec((1, 32), name="x")])
            def step(self, x):
                a, b = x @ self.w, self.h @ self.r
                if gru:
                    (az, ar, an), (bz, br, bn) = tf.split(a, 3, 1), tf.split(b, 3, 1)
                    z = tf.sigmoid(az + bz)
                    h = z * self.h + (1 - z) * tf.tanh(an + tf.sigmoid(ar + br) * bn)
                else:
                    i, f, g, o = tf.split(a + b, 4, 1)
                    c = self.c.assign(tf.sigmoid(f + 1) * self.c + tf.sigmoid(i) * tf.tanh(g))
                    h = tf.sigmoid(o) * tf.tanh(c)
                self.h.assign(h)
                return {"y": tf.identity(h)}

            @tf.function(input_signature=[tf.TensorSpec((1, 16), name="h")])
            def restart(self, h):
                self.h.assign(h)
                self.c.assign(tf.zeros((1, 16)))
                return {"sum": tf.reduce_sum(h)}

        return Module(), ("step", "restart")
    return make


def fused_lstm_module(tf):
    """Keras 2's LSTM as the converter knows it: one UNIDIRECTIONAL_SEQUENCE_LSTM, whose state is is_variable tensors."""
    steps, width, units = 5, 24, 16
    rng = np.random.default_rng(4)
    kernel, recurrent, bias = (rng.normal(0, 0.3, s).astype(np.float32) for s in ((width, 4 * units), (units, 4 * units), (4 * units,)))

    # The converter takes any function that implements "lstm_..." with these arguments and results for the layer.
    attributes = {"api_implements": "lstm_of_unflow", "api_preferred_device": "CPU", "time_major": False, "go_backwards": False}

    @tf.function(experimental_attributes=attributes, autograph=False)
    def lstm(inputs, init_h, init_c, kernel, recurrent_kernel, bias):
        h, c, ys = init_h, init_c, []
        for t in range(steps):
            i, f, g, o = tf.split(inputs[:, t] @ kernel + h @ recurrent_kernel + bias, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
            ys.append(h)
        return h, tf.stack(ys, 1), h, c, tf.constant(0.0)

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, steps, width), name="x")])
        def serve(self, x):
            zeros = tf.zeros((1, units))
            _, ys, _, _, _ = lstm(x, zeros, zeros, tf.constant(kernel), tf.constant(recurrent), tf.constant(bias))
            return {"y": tf.nn.softmax(tf.reshape(ys, (steps, units)) @ tf.constant(recurrent[:, :6]))}

    return Module(), ("serve",)


def cache_module(tf):
    """A decoder that keeps keys and values of past steps: caches go in and out, or stay in variables."""
    from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_dynamic_update_slice

    width, length = 32, 6
    rng = np.random.default_rng(8)
    q, k, v, out = (tf.constant(rng.normal(0, 0.3, (width, width)).astype(np.float32)) for _ in range(4))
    table = tf.constant(rng.normal(0, 1, (20, width)).astype(np.float32))

    def attend(x, keys, values, position):
        scores = tf.matmul(x @ q, keys, transpose_b=True) / np.sqrt(width)
        mask = tf.cast(tf.range(length) > position, tf.float32) * -1e9
        return x + tf.nn.softmax(scores + mask) @ values @ out

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.keys = tf.Variable(tf.zeros((length, width)), name="keys")
            self.values = tf.Variable(tf.zeros((length, width)), name="values")

        @tf.function(input_signature=[tf.TensorSpec((1,), tf.int32, name="token"), tf.TensorSpec((), tf.int32, name="position"),
                                      tf.TensorSpec((length, width), name="keys"), tf.TensorSpec((length, width), name="values")])
        def step(self, token, position, keys, values):
            x = tf.gather(table, token)
            at = tf.stack([position, 0])
            keys = xla_dynamic_update_slice(input=keys, update=x @ k, indices=at)
            values = xla_dynamic_update_slice(input=values, update=x @ v, indices=at)
            y = attend(x, keys, values, position) @ tf.transpose(table)
            return {"next": tf.argmax(y, 1, tf.int32), "logits": y, "keys_out": keys, "values_out": values}

        @tf.function(input_signature=[tf.TensorSpec((1,), tf.int32, name="token"), tf.TensorSpec((), tf.int32, name="position")])
        def keep(self, token, position):
            x = tf.gather(table, token)
            row = tf.cast(tf.equal(tf.range(length), position), tf.float32)[:, None]
            self.keys.assign(self.keys * (1 - row) + row * (x @ k))
            self.values.assign(self.values * (1 - row) + row * (x @ v))
            y = attend(x, self.keys, self.values, position) @ tf.transpose(table)
            return {"logits": y}

    return Module(), ("step", "keep")


# ---- words --------------------------------------------------------------------------------------


def table_module(tf):
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            words, numbers = tf.constant(["one", "two", "three"]), tf.constant([1, 2, 3], tf.int64)
            init = tf.lookup.KeyValueTensorInitializer
            self.words = tf.lookup.StaticHashTable(init(numbers, words), "?")
            self.numbers = tf.lookup.StaticHashTable(init(words, numbers), -1)

        @tf.function(input_signature=[tf.TensorSpec((3,), tf.int64, name="n")])
        def word(self, n):
            return {"word": self.words.lookup(n)}

        @tf.function(input_signature=[tf.TensorSpec((2,), tf.string, name="word")])
        def number(self, word):
            return {"n": self.numbers.lookup(word)}

    return Module(), ("word", "number")


WORDS = ["the", "a", "good", "bad", "film", "book", "very", "not", "was", "is", "fine", "dull"]


def text_module(tf):
    """Words to numbers, embeddings, their mean where there is a word, a class, and its name."""
    rng = np.random.default_rng(6)

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            init = tf.lookup.KeyValueTensorInitializer
            numbers = tf.range(1, len(WORDS) + 1, dtype=tf.int64)
            self.vocabulary = tf.lookup.StaticHashTable(init(tf.constant(WORDS), numbers), 0)
            self.names = tf.lookup.StaticHashTable(init(tf.range(2, dtype=tf.int64), tf.constant(["negative", "positive"])), "?")
            self.table = tf.constant(rng.normal(0, 1, (len(WORDS) + 1, 96)).astype(np.float32))
            self.w = tf.constant(rng.normal(0, 0.2, (96, 16)).astype(np.float32))
            self.u = tf.constant(rng.normal(0, 0.5, (16, 2)).astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec((1, 6), tf.string, name="words")])
        def classify(self, words):
            numbers = self.vocabulary.lookup(words)
            there = tf.cast(numbers > 0, tf.float32)[..., None]
            mean = tf.reduce_sum(tf.gather(self.table, numbers) * there, 1) / tf.maximum(tf.reduce_sum(there, 1), 1.0)
            logits = tf.nn.relu(mean @ self.w) @ self.u
            return {"p": tf.nn.softmax(logits), "label": self.names.lookup(tf.argmax(logits, 1))}

    return Module(), ("classify",)


def string_lookup_module(tf):
    """Keras's own layer, with a number for words that it does not know, before a sum of one-hot rows."""
    layer = tf.keras.layers.StringLookup(vocabulary=WORDS)

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer
            self.w = tf.constant(np.random.default_rng(2).normal(0, 1, (len(WORDS) + 1, 3)).astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.string, name="words")])
        def bag(self, words):
            numbers = self.layer(words)
            return {"numbers": numbers, "y": tf.reduce_sum(tf.one_hot(numbers, len(WORDS) + 1), 1) @ self.w}

    return Module(), ("bag",)


# ---- control flow -------------------------------------------------------------------------------


def control_module(tf):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((), tf.bool, name="c"), tf.TensorSpec((3,), name="x")])
        def choose(self, c, x):
            return {"y": tf.cond(c, lambda: x * 2.0, lambda: tf.reverse(x, [0]) - 1.0)}

        @tf.function(input_signature=[tf.TensorSpec((), tf.int32, name="n"), tf.TensorSpec((3,), name="x")])
        def repeat(self, n, x):
            i, x = tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, tf.tanh(x) + tf.cast(i, tf.float32)),
                                 (tf.constant(0), x))
            return {"i": i, "y": x}

    return Module(), ("choose", "repeat")


def nested_module(tf):
    """Loops in branches in loops; a switch; what a loop changes is a variable; shapes that depend on data."""
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.total = tf.Variable(tf.zeros(3), name="total")

        @tf.function(input_signature=[tf.TensorSpec((), tf.int32, name="n"), tf.TensorSpec((3,), name="x")])
        def collatz(self, n, x):
            def even(n, x):
                return n // 2, tf.while_loop(lambda j, _: j < 2, lambda j, y: (j + 1, y * 0.5 + 1.0), (tf.constant(0), x))[1]

            def body(n, k, x):
                n, x = tf.cond(tf.equal(n % 2, 0), lambda: even(n, x), lambda: (3 * n + 1, tf.sin(x)))
                return n, k + 1, x

            n, k, x = tf.while_loop(lambda n, k, x: n > 1, body, (n, tf.constant(0), x))
            return {"k": k, "x": x}

        @tf.function(input_signature=[tf.TensorSpec((), tf.int32, name="i"), tf.TensorSpec((3,), name="x")])
        def switch(self, i, x):
            # tf.switch_case itself needs Flex
            return {"y": tf.cond(i < 1, lambda: x + 1.0, lambda: tf.cond(i < 2, lambda: tf.cumsum(x), lambda: tf.sort(x)))}

        @tf.function(input_signature=[tf.TensorSpec((), tf.bool, name="add"), tf.TensorSpec((3,), name="x")])
        def gather(self, add, x):
            self.total.assign(tf.where(add, self.total + x, self.total - x))
            return {"total": tf.identity(self.total)}

        @tf.function(input_signature=[tf.TensorSpec((8,), name="x"), tf.TensorSpec((), tf.int32, name="n")])
        def ragged(self, x, n):
            above = tf.boolean_mask(x, x > 0.0)
            return {"above": above, "sum": tf.reduce_sum(above), "head": x[:n], "tiled": tf.tile(x[:2], [n])}

    return Module(), ("collatz", "switch", "gather", "ragged")


def resizable_module(tf):
    """Sizes that are known when it is called: any batch, any picture."""
    rng = np.random.default_rng(12)
    w, u = (tf.constant(rng.normal(0, 0.3, s).astype(np.float32)) for s in ((3, 3, 2, 12), (12, 4)))

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 2), name="x")])
        def serve(self, x):
            y = tf.nn.relu(tf.nn.conv2d(x, w, 2, "SAME"))
            flat = tf.reshape(y, (tf.shape(y)[0], -1, 12))
            return {"map": y, "y": tf.nn.softmax(tf.reduce_mean(flat, 1) @ u), "n": tf.shape(flat)[1]}

    return Module(), ("serve",)


# ---- detection ----------------------------------------------------------------------------------


def detector(nms):
    """A head over two maps; boxes are chosen by TFLite_Detection_PostProcess, or by NON_MAX_SUPPRESSION_V5."""
    def make(tf):
        rng = np.random.default_rng(21)
        shapes = {"stem": (3, 3, 3, 16), "down": (3, 3, 16, 16), "again": (3, 3, 16, 16), "box": (3, 3, 16, 8), "class": (3, 3, 16, 8)}
        w = {key: tf.constant(rng.normal(0, 0.2, shape).astype(np.float32)) for key, shape in shapes.items()}
        # (y, x, h, w) of two boxes at each place of an 8 x 8 and a 4 x 4 map
        anchors = tf.constant(np.array([((i + 0.5) / n, (j + 0.5) / n, s, s * r) for n, s in ((8, 0.15), (4, 0.3))
                                        for i in range(n) for j in range(n) for r in (0.7, 1.4)], np.float32))
        attributes = {"max_detections": ("i", 6), "max_classes_per_detection": ("i", 1), "num_classes": ("i", 3),
                      "use_regular_nms": ("b", "false"), "nms_score_threshold": ("f", 0.3), "nms_iou_threshold": ("f", 0.5),
                      "y_scale": ("f", 10.0), "x_scale": ("f", 10.0), "h_scale": ("f", 5.0), "w_scale": ("f", 5.0)}
        implements = 'name: "TFLite_Detection_PostProcess" ' + " ".join(
            f'attr {{ key: "{key}" value {{ {kind}: {value} }} }}' for key, (kind, value) in attributes.items())

        @tf.function(experimental_implements=implements)
        def post(boxes, classes, anchors):
            return tf.zeros((1, 6, 4)), tf.zeros((1, 6)), tf.zeros((1, 6)), tf.zeros(1)

        def heads(image):
            x = tf.nn.relu6(tf.nn.conv2d(image, w["stem"], 2, "SAME"))
            one = tf.nn.relu6(tf.nn.conv2d(x, w["down"], 2, "SAME"))
            two = tf.nn.relu6(tf.nn.conv2d(one, w["again"], 2, "SAME"))
            boxes = tf.concat([tf.reshape(tf.nn.conv2d(m, w["box"], 1, "SAME"), (1, -1, 4)) for m in (one, two)], 1)
            classes = tf.concat([tf.reshape(tf.nn.conv2d(m, w["class"], 1, "SAME"), (1, -1, 4)) for m in (one, two)], 1)
            return boxes, tf.sigmoid(classes)

        class Module(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3), name="image")])
            def detect(self, image):
                boxes, classes = heads(image)
                if not nms:
                    names = ("boxes", "classes", "scores", "count")
                    return dict(zip(names, post(boxes, classes, anchors)))
                center = boxes[0, :, :2] / 10 * anchors[:, 2:] + anchors[:, :2]
                half = tf.exp(boxes[0, :, 2:] / 5) * anchors[:, 2:] / 2
                corners = tf.concat([center - half, center + half], -1)
                scores = tf.reduce_max(classes[0, :, 1:], -1)
                chosen, kept, count = tf.raw_ops.NonMaxSuppressionV5(
                    boxes=corners, scores=scores, max_output_size=6, iou_threshold=0.5, score_threshold=0.3,
                    soft_nms_sigma=0.3 if nms == "soft" else 0.0, pad_to_max_output_size=True)
                return {"boxes": tf.gather(corners, chosen), "kept": kept, "count": count,
                        "class": tf.argmax(tf.gather(classes[0, :, 1:], chosen), -1)}

        return Module(), ("detect",)
    return make


MODULES = {
    "train": train_module, "train_adam": train_adam_module, "train_momentum": train_momentum_module,
    "streaming_lstm": streaming_module(False), "streaming_gru": streaming_module(True), "fused_lstm": fused_lstm_module,
    "cache": cache_module, "table": table_module, "text": text_module, "string_lookup": string_lookup_module,
    "control": control_module, "nested": nested_module, "resizable": resizable_module, "detector": detector(None),
    "detector_nms": detector("hard"), "detector_soft": detector("soft"),
}
CUSTOM = ("detector",)  # with a custom op, on purpose


# ---- what tests call ----------------------------------------------------------------------------


def _words(*words):
    return np.array([[word.encode() for word in words]], object)


def _i32(n):
    return np.array(n, np.int32)


def _cache(r):
    empty = np.zeros((6, 32), np.float32)
    # The second step's cache is what a user would feed; that it is the first one's output does not matter here.
    return [("step", {"token": _i32([3]), "position": _i32(0), "keys": empty, "values": empty}),
            ("step", {"token": _i32([7]), "position": _i32(1), "keys": r((6, 32)), "values": r((6, 32))}),
            *[("keep", {"token": _i32([t]), "position": _i32(p)}) for p, t in enumerate((3, 7, 19))]]


CALLS = {
    "train": lambda r: [("train", {"x": r((4, 6)), "y": r((4, 3))}), ("infer", {"x": r((4, 6))}), ("save", {}),
                        ("restore", {"w": r((6, 3)), "b": r((3,))}), ("infer", {"x": r((4, 6))}), ("save", {})],
    "train_adam": lambda r: [*[("train", {"x": r((5, 8)), "label": _i32([0, 3, 1, 2, i])}) for i in range(3)],
                             ("infer", {"x": r((5, 8))}), ("save", {})],
    "train_momentum": lambda r: [*[("train", {"x": r((3, 10, 2)), "y": r((3, 2))}) for _ in range(3)], ("infer", {"x": r((3, 10, 2))})],
    "streaming_lstm": lambda r: [*[("step", {"x": r((1, 32))}) for _ in range(3)], ("restart", {"h": r((1, 16))}), ("step", {"x": r((1, 32))})],
    "streaming_gru": lambda r: [*[("step", {"x": r((1, 32))}) for _ in range(3)], ("restart", {"h": r((1, 16))}), ("step", {"x": r((1, 32))})],
    "fused_lstm": lambda r: [*[("serve", {"x": r((1, 5, 24))}) for _ in range(3)], None, ("serve", {"x": r((1, 5, 24))})],
    "cache": _cache,
    "table": lambda r: [("word", {"n": np.array([2, 9, 1], np.int64)}),
                        ("number", {"word": np.array([b"three", b"no"], object)})],
    "text": lambda r: [("classify", {"words": _words("the", "film", "was", "very", "good", "")}),
                       ("classify", {"words": _words("a", "dull", "book", "", "", "")}), ("classify", {"words": _words(*"uvwxyz")})],
    "string_lookup": lambda r: [("bag", {"words": _words("the", "film", "nobody", "is")})],
    "control": lambda r: [("choose", {"c": np.array(True), "x": r((3,))}), ("choose", {"c": np.array(False), "x": r((3,))}),
                          ("repeat", {"n": _i32(4), "x": r((3,))}), ("repeat", {"n": _i32(0), "x": r((3,))})],
    "nested": lambda r: [("collatz", {"n": _i32(6), "x": r((3,))}), ("collatz", {"n": _i32(1), "x": r((3,))}),
                         *[("switch", {"i": _i32(i), "x": r((3,))}) for i in (0, 1, 2, 9)],
                         *[("gather", {"add": np.array(b), "x": r((3,))}) for b in (True, True, False)],
                         *[("ragged", {"x": r((8,)), "n": _i32(n)}) for n in (3, 1)]],
    "resizable": lambda r: [("serve", {"x": r(shape)}) for shape in ((1, 8, 8, 2), (3, 8, 8, 2), (2, 7, 5, 2))],
    "detector": lambda r: [("detect", {"image": r((1, 32, 32, 3))}) for _ in range(2)],
    "detector_nms": lambda r: [("detect", {"image": r((1, 32, 32, 3))}) for _ in range(2)],
    "detector_soft": lambda r: [("detect", {"image": r((1, 32, 32, 3))}) for _ in range(2)],
}


def calls_of(name):
    """The calls of a module: (signature key, {name: array}), or None: reset_all_variables()."""
    rng = np.random.default_rng(9)
    return CALLS[name](lambda shape: rng.normal(size=shape).astype(np.float32))
