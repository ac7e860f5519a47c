# SPDX-License-Identifier: Apache-2.0
"""zoo_keras.py: architectures as Keras users write them, each of a few layers and narrow.

A maker takes tensorflow and a size, "small" (tests) or "full" (benchmarks: only those in FULL), and gives a Keras
model. Weights are random; zoo.py seeds them. What each is for stands in ABOUT.
"""


def application(name, **small):
    def make(tf, size):
        options = {"input_shape": (224, 224, 3), "classes": 100} if size == "full" else small
        return getattr(tf.keras.applications, name)(weights=None, **options)
    return make


# ---- images -------------------------------------------------------------------------------------


def conv_norm(layers, x, filters, kernel=3, stride=1, act="relu", **options):
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False, **options)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(act)(x) if act else x


def efficientnet(tf, size):
    """Inverted bottlenecks with squeeze and excitation, swish; strides, a residual, 5 x 5."""
    if size == "full":
        return application("EfficientNetB0")(tf, size)
    layers = tf.keras.layers

    def block(x, filters, kernel, stride, expand):
        inside = x.shape[-1] * expand
        y = conv_norm(layers, x, inside, 1, act="swish")
        y = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False)(y)
        y = layers.Activation("swish")(layers.BatchNormalization()(y))
        squeezed = layers.GlobalAveragePooling2D(keepdims=True)(y)
        gate = layers.Conv2D(inside, 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="swish")(squeezed))
        y = conv_norm(layers, layers.Multiply()([y, gate]), filters, 1, act=None)
        return layers.Add()([x, y]) if stride == 1 and x.shape[-1] == filters else y

    x = inputs = layers.Input((32, 32, 3))
    x = conv_norm(layers, layers.Rescaling(0.5)(x), 8, 3, 2, "swish")
    for filters, kernel, stride in ((8, 3, 1), (16, 3, 2), (16, 5, 1), (24, 5, 2)):
        x = block(x, filters, kernel, stride, 4)
    x = layers.GlobalAveragePooling2D()(conv_norm(layers, x, 64, 1, act="swish"))
    return tf.keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def resnet(tf, size):
    """Bottlenecks with projections, additions, a padded 7 x 7 stem."""
    if size == "full":
        return application("ResNet50")(tf, size)
    layers = tf.keras.layers

    def block(x, filters, stride):
        y = conv_norm(layers, x, filters, 1, stride)
        y = conv_norm(layers, conv_norm(layers, y, filters), filters * 4, 1, act=None)
        if stride != 1 or x.shape[-1] != filters * 4:
            x = conv_norm(layers, x, filters * 4, 1, stride, None)
        return layers.Activation("relu")(layers.Add()([x, y]))

    x = inputs = layers.Input((32, 32, 3))
    x = layers.Conv2D(16, 7, strides=2, padding="valid")(layers.ZeroPadding2D(3)(x))
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(layers.Activation("relu")(layers.BatchNormalization()(x))))
    for filters, stride in ((8, 1), (8, 1), (16, 2), (16, 1)):
        x = block(x, filters, stride)
    return tf.keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def densenet(tf, size):
    """Concatenations that grow, average pooling, normalization before the convolution."""
    layers = tf.keras.layers

    def normal(x):
        return layers.Activation("relu")(layers.BatchNormalization()(x))

    x = inputs = layers.Input((24, 24, 3))
    x = layers.Conv2D(12, 3, strides=2, padding="same")(x)
    for _ in range(2):
        for _ in range(3):
            y = layers.Conv2D(8, 3, padding="same")(normal(layers.Conv2D(16, 1)(normal(x))))
            x = layers.Concatenate()([x, y])
        x = layers.AveragePooling2D(2)(layers.Conv2D(x.shape[-1] // 2, 1)(normal(x)))
    return tf.keras.Model(inputs, layers.Dense(10)(layers.Flatten()(normal(x))))


def shufflenet(tf, size):
    """Groups of channels, split, shuffled and joined; ReLU6; max pooling that pads."""
    layers, ops = tf.keras.layers, tf.keras.ops

    def shuffle(x):
        _, h, w, c = x.shape
        return layers.Reshape((h, w, c))(layers.Permute((1, 2, 4, 3))(layers.Reshape((h, w, 2, c // 2))(x)))

    x = inputs = layers.Input((32, 32, 3))
    x = layers.MaxPooling2D(3, 2, padding="same")(conv_norm(layers, x, 16, 3, 2, "relu6"))
    for _ in range(2):
        left, right = ops.split(x, 2, axis=-1)
        right = layers.DepthwiseConv2D(3, padding="same")(conv_norm(layers, right, 8, 1, act="relu6"))
        right = conv_norm(layers, right, 8, 1, act="relu6")
        x = shuffle(layers.Concatenate()([left, right]))
    return tf.keras.Model(inputs, layers.Dense(10)(layers.GlobalMaxPooling2D()(x)))


def unet(tf, size):
    """Levels down and up again, by transposed convolutions."""
    side, widths = (128, (16, 32, 64, 128)) if size == "full" else (16, (8, 12, 16, 24))
    layers = tf.keras.layers

    def block(x, filters):
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(
            layers.Conv2D(filters, 3, padding="same", activation="relu")(x))

    x = inputs = layers.Input((side, side, 3))
    skips = []
    for filters in widths[:-1]:
        x = block(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = block(x, widths[-1])
    for filters in widths[-2::-1]:
        x = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(x)
        x = block(layers.Concatenate()([x, skips.pop()]), filters)
    return tf.keras.Model(inputs, layers.Conv2D(2, 1, activation="sigmoid")(x))


def deeplab(tf, size):
    """Dilated convolutions side by side, bilinear resizing, the class of each pixel."""
    layers = tf.keras.layers
    x = inputs = layers.Input((33, 33, 3))
    x = conv_norm(layers, conv_norm(layers, x, 16, 3, 2), 16, 3, 2)
    branches = [conv_norm(layers, x, 8, 1)] + [conv_norm(layers, x, 8, 3, dilation_rate=r) for r in (2, 3)]
    whole = layers.Conv2D(8, 1, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    branches.append(layers.UpSampling2D((9, 9), interpolation="bilinear")(whole))
    x = layers.Conv2D(5, 1)(layers.Concatenate()(branches))
    x = tf.keras.ops.image.resize(x, (33, 33), interpolation="bilinear")
    return tf.keras.Model(inputs, [layers.Softmax()(x), layers.Lambda(lambda t: tf.argmax(t, -1))(x)])


def super_resolution(tf, size):
    """Sub-pixel convolution beside a nearest neighbour; PReLU."""
    layers = tf.keras.layers
    x = inputs = layers.Input((12, 12, 3))
    x = layers.PReLU(shared_axes=[1, 2], alpha_initializer="uniform")(layers.Conv2D(16, 5, padding="same")(x))
    y = layers.Conv2D(16, 3, padding="same")(x)
    x = layers.Add()([x, layers.LeakyReLU(negative_slope=0.1)(y)])
    x = layers.Lambda(lambda t: tf.nn.depth_to_space(t, 2))(layers.Conv2D(12, 3, padding="same")(x))
    x = layers.Add()([x, layers.UpSampling2D(2)(inputs)])
    return tf.keras.Model(inputs, layers.Lambda(lambda t: tf.clip_by_value(t, -1.0, 1.0))(x))


def style(tf, size):
    """Instance normalization out of means, reflecting padding, tanh."""
    layers = tf.keras.layers

    def normal(x):
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-3)

    def conv(x, filters):
        x = layers.Lambda(lambda t: tf.pad(t, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT"))(x)
        return layers.Conv2D(filters, 3)(x)

    x = inputs = layers.Input((14, 14, 3))
    x = layers.ReLU()(layers.Lambda(normal)(conv(x, 12)))
    x = layers.Add()([x, layers.Lambda(normal)(conv(x, 12))])
    return tf.keras.Model(inputs, layers.Activation("tanh")(conv(x, 3)))


def pose(tf, size):
    """Heat maps, and where the largest value of each lies."""
    layers = tf.keras.layers
    x = inputs = layers.Input((24, 24, 3))
    x = conv_norm(layers, x, 16, 3, 2)
    x = layers.SeparableConv2D(24, 3, strides=2, padding="same", activation="leaky_relu")(x)
    x = layers.Conv2DTranspose(16, 4, strides=2, padding="same", activation="relu")(x)
    maps = layers.Conv2D(5, 1)(x)
    flat = layers.Reshape((144, 5))(maps)
    best = layers.Lambda(lambda t: tf.argmax(t, 1, tf.int32))(flat)  # Keras's own argmax needs Flex
    where = layers.Lambda(lambda b: tf.stack([b // 12, b % 12], -1))(best)
    return tf.keras.Model(inputs, [maps, where, tf.keras.ops.max(flat, axis=1)])


def autoencoder(tf, size):
    """Strides down, transposed convolutions up: valid and same, with an activation."""
    layers = tf.keras.layers
    x = inputs = layers.Input((16, 16, 3))
    for filters in (12, 24):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    code = layers.Dense(16, name="code")(layers.Flatten()(x))
    x = layers.Reshape((3, 3, 24))(layers.Dense(216, activation="relu")(code))
    x = layers.Conv2DTranspose(16, 4, strides=2, padding="valid", activation="relu")(x)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="sigmoid")(x)
    return tf.keras.Model(inputs, [x, code])


def video(tf, size):
    """Three dimensions and a channel."""
    layers = tf.keras.layers
    x = inputs = layers.Input((6, 12, 12, 2))
    x = layers.Conv3D(8, 3, padding="same", activation="relu")(x)
    x = layers.Conv3D(12, (1, 3, 3), strides=(1, 2, 2))(x)
    x = layers.Conv3DTranspose(8, (2, 2, 2), strides=(2, 1, 1), activation="relu")(x)
    return tf.keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling3D()(x)))


def siamese(tf, size):
    """One tower twice, L2 normalization, the distance."""
    layers = tf.keras.layers
    a, b = layers.Input((16, 16, 1)), layers.Input((16, 16, 1))
    tower = tf.keras.Sequential([layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
                                 layers.Dense(24), layers.UnitNormalization()])
    x, y = tower(a), tower(b)
    return tf.keras.Model([a, b], [tf.keras.ops.sum(tf.keras.ops.square(x - y), axis=-1), layers.Dot(1)([x, y])])


# ---- sequences ----------------------------------------------------------------------------------


def transformer(tf, size):
    """Encoder layers with eight heads, GELU."""
    length, width, depth = (128, 256, 4) if size == "full" else (16, 32, 2)
    layers = tf.keras.layers
    x = inputs = layers.Input((length, width))
    for _ in range(depth):
        attended = layers.MultiHeadAttention(8, width // 8)(x, x)
        x = layers.LayerNormalization()(x + attended)
        hidden = layers.Dense(width * 4, activation="gelu")(x)
        x = layers.LayerNormalization()(x + layers.Dense(width)(hidden))
    return tf.keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def decoder(tf, size):
    """Token ids, positions, a causal mask, tied embedding."""
    layers, ops = tf.keras.layers, tf.keras.ops
    tokens = layers.Input((10,), dtype="int32")
    embed = layers.Embedding(40, 32)
    x = embed(tokens) + layers.Embedding(10, 32)(ops.arange(10))
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, 8)(y, y, use_causal_mask=True)
        x = x + layers.Dense(32)(layers.Dense(64, activation="silu")(layers.LayerNormalization()(x)))
    logits = layers.Lambda(lambda t: tf.matmul(t[0], t[1], transpose_b=True))([layers.LayerNormalization()(x), embed.embeddings])
    return tf.keras.Model(tokens, [logits, layers.Lambda(lambda t: tf.argmax(t, -1, tf.int32))(logits)])


def vit(tf, size):
    """Patches by a convolution, a class token, attention."""
    layers, ops = tf.keras.layers, tf.keras.ops
    x = inputs = layers.Input((16, 16, 3))
    x = layers.Reshape((16, 32))(layers.Conv2D(32, 4, strides=4)(x))
    x = layers.Concatenate(axis=1)([layers.Dense(32)(ops.mean(x, axis=1, keepdims=True)), x])
    x = x + layers.Embedding(17, 32)(ops.arange(17))
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(4, 8)(y, y)
    x = x + layers.Dense(32)(layers.Dense(48, activation="gelu")(layers.LayerNormalization()(x)))
    return tf.keras.Model(inputs, layers.Dense(10)(x[:, 0]))


def mixer(tf, size):
    """Dense layers along tokens and along channels: transposes in between."""
    layers = tf.keras.layers
    x = inputs = layers.Input((12, 32))
    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        y = layers.Dense(12)(layers.Dense(24, activation="gelu")(y))
        x = x + layers.Permute((2, 1))(y)
        x = x + layers.Dense(32)(layers.Dense(48, activation="softplus")(x))
    return tf.keras.Model(inputs, layers.Dense(6)(layers.GlobalMaxPooling1D()(x)))


def recurrent(cell):
    def make(tf, size, unroll=False):
        steps, width = (64, 128) if size == "full" else (6, 16)
        layer = getattr(tf.keras.layers, cell)
        x = inputs = tf.keras.layers.Input((steps, 64))
        x = layer(width, return_sequences=True, unroll=unroll)(x)
        return tf.keras.Model(inputs, tf.keras.layers.Dense(10)(layer(width, unroll=unroll)(x)))
    return make


def bidirectional(tf, size, unroll=False):
    """Both ways, reversed and joined; a tagger."""
    layers = tf.keras.layers
    x = inputs = layers.Input((6, 32))
    x = layers.Bidirectional(layers.LSTM(16, return_sequences=True, unroll=unroll))(x)
    x = layers.Bidirectional(layers.GRU(12, return_sequences=True, unroll=unroll), merge_mode="sum")(x)
    return tf.keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


def conv_lstm(tf, size):
    """Convolutions in a loop."""
    layers = tf.keras.layers
    x = inputs = layers.Input((3, 8, 8, 2))
    x = layers.ConvLSTM2D(6, 3, padding="same", return_sequences=True)(x)
    return tf.keras.Model(inputs, layers.Conv3D(1, 3, padding="same", activation="sigmoid")(x))


def ocr(tf, size, unroll=False):
    """Columns of an image as steps of a recurrent network."""
    layers = tf.keras.layers
    x = inputs = layers.Input((16, 24, 1))
    x = layers.MaxPooling2D(2)(conv_norm(layers, x, 8))
    x = layers.MaxPooling2D((4, 2))(conv_norm(layers, x, 12))
    x = layers.Reshape((6, 24))(layers.Permute((2, 1, 3))(x))
    x = layers.Bidirectional(layers.GRU(12, return_sequences=True, unroll=unroll))(x)
    return tf.keras.Model(inputs, layers.Dense(8, activation="log_softmax")(x))


def mlp(tf, size):
    width, depth = (2048, 3) if size == "full" else (128, 2)
    x = inputs = tf.keras.layers.Input((width,))
    for _ in range(depth):
        x = tf.keras.layers.Dense(width, activation="relu")(x)
    return tf.keras.Model(inputs, tf.keras.layers.Dense(10, activation="softmax")(x))


# ---- audio --------------------------------------------------------------------------------------


def keywords(tf, size):
    """Samples, a spectrogram, mel bands, their logarithm, depthwise convolutions."""
    layers = tf.keras.layers

    def front(samples):
        spectrum = tf.abs(tf.signal.stft(samples, 64, 32, fft_length=64))
        mel = tf.signal.linear_to_mel_weight_matrix(16, 33, 8000, 100.0, 3800.0)
        return tf.math.log(tf.tensordot(spectrum, mel, 1) + 1e-3)[..., None]

    x = inputs = layers.Input((512,))
    x = layers.Lambda(front)(x)
    x = conv_norm(layers, x, 16, (5, 3), 2)
    for _ in range(2):
        x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
        x = conv_norm(layers, x, 16, 1)
    x = layers.Dropout(0.2)(layers.AveragePooling2D(2)(x))
    return tf.keras.Model(inputs, layers.Dense(6, activation="softmax")(layers.Flatten()(x)))


def wavenet(tf, size):
    """Causal convolutions ever more dilated, gates of tanh and sigmoid, skips added."""
    layers = tf.keras.layers
    x = inputs = layers.Input((32, 1))
    x, skips = layers.Conv1D(16, 2, padding="causal")(x), []
    for rate in (1, 2, 4, 8):
        a = layers.Conv1D(16, 2, padding="causal", dilation_rate=rate, activation="tanh")(x)
        b = layers.Conv1D(16, 2, padding="causal", dilation_rate=rate, activation="sigmoid")(x)
        z = layers.Multiply()([a, b])
        skips.append(layers.Conv1D(16, 1)(z))
        x = layers.Add()([x, layers.Conv1D(16, 1)(z)])
    x = layers.Activation("relu")(layers.Add()(skips))
    return tf.keras.Model(inputs, layers.Conv1D(8, 1, activation="softmax")(x))


def denoise(tf, size):
    """A one-dimensional autoencoder: Conv1D, Conv1DTranspose, the error as a number."""
    layers, ops = tf.keras.layers, tf.keras.ops
    x = inputs = layers.Input((40, 2))
    for filters in (8, 16):
        x = layers.Conv1D(filters, 5, strides=2, padding="same", activation="selu")(x)
    x = layers.Conv1DTranspose(8, 4, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv1DTranspose(2, 4, strides=2, padding="same")(x)
    return tf.keras.Model(inputs, [x, ops.sqrt(ops.mean(ops.square(x - inputs), axis=(1, 2)))])


# ---- tables -------------------------------------------------------------------------------------


def recommender(tf, size):
    """Embeddings of a user and of an item, a dot product and a deep part."""
    layers = tf.keras.layers
    user, item = layers.Input((1,), dtype="int32"), layers.Input((3,), dtype="int32")
    u = layers.Flatten()(layers.Embedding(64, 32)(user))
    v = layers.GlobalAveragePooling1D()(layers.Embedding(96, 32)(item))
    deep = layers.Dense(32, activation="relu")(layers.Concatenate()([u, v]))
    return tf.keras.Model([user, item], layers.Dense(1, activation="sigmoid")(
        layers.Concatenate()([layers.Dot(1)([u, v]), deep])))


def wide_deep(tf, size):
    """One-hot columns, buckets and numbers: what tabular models do."""
    layers, ops = tf.keras.layers, tf.keras.ops
    kind, numbers = layers.Input((2,), dtype="int32"), layers.Input((6,))
    one_hot = layers.Flatten()(ops.one_hot(kind, 8))
    scaled = layers.Normalization(mean=[0.1, 0.2, 0.0, -0.3, 0.1, 0.5], variance=[1.0, 0.5, 2.0, 0.7, 1.2, 0.3])(numbers)
    above = ops.cast(numbers > 0.25, "float32") - ops.cast(ops.logical_and(numbers < -0.5, numbers > -0.9), "float32")
    powers = ops.concatenate([ops.square(scaled), ops.sqrt(ops.abs(scaled)), ops.exp(-scaled), ops.minimum(scaled, 0.5)], -1)
    x = layers.Concatenate()([one_hot, scaled, above, powers])
    for width in (48, 24):
        x = layers.Dense(width, activation="leaky_relu")(x)
    return tf.keras.Model([kind, numbers], layers.Dense(1)(x))


def graph_network(tf, size):
    """Nodes and an adjacency matrix: products of two activations."""
    layers = tf.keras.layers
    nodes, edges = layers.Input((9, 16)), layers.Input((9, 9))
    x = nodes
    for width in (32, 16):
        x = layers.Activation("relu")(layers.Lambda(lambda t: tf.matmul(t[0], t[1]))([edges, layers.Dense(width)(x)]))
    scores = layers.Lambda(lambda t: tf.matmul(t, t, transpose_b=True))(x)
    return tf.keras.Model([nodes, edges], [scores, layers.Dense(3)(tf.keras.ops.max(x, axis=1))])


def retrieval(tf, size):
    """A tower, normalized, against rows of candidates; the best, their scores and what stands in a table of them."""
    layers = tf.keras.layers
    rows, facts = (tf.random.stateless_normal(shape, seed) for shape, seed in (((40, 32), (1, 2)), ((40, 5), (3, 4))))

    def search(x):
        scores = tf.matmul(tf.nn.l2_normalize(x, -1), tf.nn.l2_normalize(rows, -1), transpose_b=True)
        best, where = tf.math.top_k(scores, 5)
        picked = tf.gather_nd(facts, where[..., None])
        return best, where, picked, tf.reduce_min(picked, 1), tf.cumsum(best, 1), tf.reverse(tf.sort(scores, 1)[:, :7], [1])

    x = inputs = layers.Input((24,))
    x = layers.Dense(32)(layers.Dense(48, activation="relu6")(x))
    return tf.keras.Model(inputs, list(layers.Lambda(search)(x)))


def point_cloud(tf, size):
    """Distances of all points to all, the nearest of each, what they have gathered and scattered into cells."""
    layers = tf.keras.layers
    points = layers.Input((12, 3))

    def neighbours(p):
        difference = p[:, :, None] - p[:, None]
        distance = tf.reduce_sum(difference * difference, -1)
        _, nearest = tf.math.top_k(-distance, 4)
        around = tf.gather(p, nearest, axis=1, batch_dims=1) - p[:, :, None]
        return tf.concat([tf.broadcast_to(p[:, :, None], (1, 12, 4, 3)), around], -1)

    def cells(t):
        points, features = t
        index = tf.cast(tf.floor((points[0, :, 0] + 1) * 1.999), tf.int32)
        scattered = tf.scatter_nd(index[:, None], features[0], (4, 24))
        return tf.stack([scattered, tf.math.unsorted_segment_max(features[0], index, 4)])[None]

    x = layers.Dense(24, activation="relu")(layers.Lambda(neighbours)(points))
    x = layers.Lambda(lambda t: tf.reduce_max(t, 2))(layers.Dense(24)(x))
    x = layers.Lambda(cells)([points, x])
    return tf.keras.Model(points, layers.Dense(4)(layers.Flatten()(layers.Lambda(lambda t: tf.maximum(t, -2.0))(x))))


def numeric(tf, size):
    """What features are made of by hand: rounding, angles, comparisons, products, any and all, windows."""
    layers = tf.keras.layers

    def features(x):
        angle = tf.stack([tf.sin(x * 3), tf.cos(x * 3), tf.math.atan2(x, x[:, ::-1] + 2), tf.sign(x)], -1)
        whole = tf.stack([tf.floor(x * 4), tf.math.ceil(x * 4), tf.round(x * 4), tf.math.floormod(x, 0.3)], -1)
        above = tf.logical_or(x > 0.5, tf.logical_not(x > -0.5))
        said = tf.cast(tf.stack([tf.reduce_any(above, 1), tf.reduce_all(above, 1)], -1), tf.float32)
        kept = tf.where(above, x, tf.zeros_like(x))
        windows = tf.stack([tf.reduce_prod(1 + x[:, i:i + 4] / 4, 1) for i in range(4)], -1)
        first, rest = tf.split(x, [3, 13], 1)
        return tf.concat([tf.reshape(angle, (1, 64)), tf.reshape(whole, (1, 64)), said, kept, windows, tf.nn.elu(first),
                          tf.add_n([rest, rest * rest, tf.abs(rest)]), tf.math.l2_normalize(x, 1)], 1)

    x = inputs = layers.Input((16,))
    return tf.keras.Model(inputs, layers.Dense(8)(layers.Lambda(features)(x)))


MODELS = {
    "mobilenet_v2": application("MobileNetV2", input_shape=(32, 32, 3), alpha=0.35, classes=10),
    "mobilenet_v3": application("MobileNetV3Small", input_shape=(32, 32, 3), alpha=0.35, classes=10),
    "efficientnet_b0": efficientnet, "resnet50": resnet, "densenet": densenet, "shufflenet": shufflenet, "unet": unet,
    "deeplab": deeplab, "super_resolution": super_resolution, "style": style, "pose": pose, "autoencoder": autoencoder,
    "video": video, "siamese": siamese, "transformer": transformer, "decoder": decoder, "vit": vit, "mixer": mixer,
    "lstm": recurrent("LSTM"), "gru": recurrent("GRU"), "bidirectional": bidirectional, "conv_lstm": conv_lstm,
    "ocr": ocr, "mlp": mlp, "keywords": keywords, "wavenet": wavenet, "denoise": denoise, "recommender": recommender,
    "wide_deep": wide_deep, "graph_network": graph_network, "retrieval": retrieval,
    "point_cloud": point_cloud, "numeric": numeric,
}
# With a loop; the converter's calibration dies by a signal on those, so that integer kinds are of the unrolled network.
LOOPS = ("lstm", "gru", "bidirectional", "ocr")
FULL = ("mobilenet_v2", "mobilenet_v3", "efficientnet_b0", "resnet50", "transformer", "unet", "lstm", "gru", "mlp")
