# SPDX-License-Identifier: Apache-2.0
"""The functions of tf.* that are one op each, and where the others are.

A line:  names = Op param param=default param:argument ...
makes a function with these parameters, in this order, and `name`; each is the op's argument or
attribute of that name, or of the name after the colon.  names -> module: is written by hand there.
"""

TEXT = """
# ---- arithmetic ----
math.add add -> _functions
math.subtract subtract = Sub x y
math.multiply multiply -> _functions
math.divide divide -> _functions
math.truediv truediv -> _functions
math.floordiv floordiv = FloorDiv x y
math.mod math.floormod mod math.floormod = FloorMod x y
math.pow pow -> _functions
math.divide_no_nan = DivNoNan x y
math.multiply_no_nan = MulNoNan x y
math.negative negative = Neg x
math.abs abs -> _functions
math.sign sign = Sign x
math.square square = Square x
math.sqrt sqrt = Sqrt x
math.rsqrt = Rsqrt x
math.reciprocal = Reciprocal x
math.reciprocal_no_nan -> _functions
math.exp exp = Exp x
math.expm1 = Expm1 x
math.log = Log x
math.log1p = Log1p x
math.sin sin = Sin x
math.cos cos = Cos x
math.tan tan = Tan x
math.asin asin = Asin x
math.acos acos = Acos x
math.atan atan = Atan x
math.atan2 atan2 = Atan2 y x
math.sinh sinh = Sinh x
math.cosh cosh = Cosh x
math.tanh tanh nn.tanh = Tanh x
math.asinh asinh = Asinh x
math.acosh acosh = Acosh x
math.atanh atanh = Atanh x
math.sigmoid sigmoid nn.sigmoid = Sigmoid x
math.log_sigmoid -> _functions
math.erf = Erf x
math.erfc = Erfc x
math.erfinv = Erfinv x
math.ndtri = Ndtri x
math.erfcinv -> _functions
math.lgamma = Lgamma x
math.digamma = Digamma x
math.igamma = Igamma a x
math.igammac = Igammac a x
math.betainc = Betainc a b x
math.zeta = Zeta x q
math.polygamma = Polygamma a x
math.bessel_i0 = BesselI0 x
math.bessel_i1 = BesselI1 x
math.bessel_i0e = BesselI0e x
math.bessel_i1e = BesselI1e x
math.special.bessel_j0 = BesselJ0 x
math.special.bessel_j1 = BesselJ1 x
math.special.bessel_y0 = BesselY0 x
math.special.bessel_y1 = BesselY1 x
math.special.bessel_k0 = BesselK0 x
math.special.bessel_k1 = BesselK1 x
math.special.bessel_k0e = BesselK0e x
math.special.bessel_k1e = BesselK1e x
math.special.dawsn = Dawsn x
math.special.expint = Expint x
math.special.fresnel_cos = FresnelCos x
math.special.fresnel_sin = FresnelSin x
math.special.spence = Spence x
math.ceil = Ceil x
math.floor floor = Floor x
math.rint = Rint x
math.round round -> _functions
math.maximum maximum = Maximum x y
math.minimum minimum = Minimum x y
math.squared_difference = SquaredDifference x y
math.xdivy = Xdivy x y
math.xlogy = Xlogy x y
math.xlog1py = Xlog1py x y
math.nextafter = NextAfter x1 x2:x2
math.is_nan = IsNan x
math.is_inf = IsInf x
math.is_finite = IsFinite x
math.real math.imag math.angle math.conj -> _functions
complex dtypes.complex math.complex -> _functions
math.cumsum cumsum -> _functions
math.cumprod = Cumprod x axis=0 exclusive=False reverse=False
math.cumulative_logsumexp = CumulativeLogsumexp x axis=0 exclusive=False reverse=False
math.accumulate_n -> _functions
math.add_n add_n -> _functions
math.bincount -> _functions
math.confusion_matrix -> _functions
math.equal equal math.not_equal not_equal -> _functions
math.greater greater = Greater x y
math.greater_equal greater_equal = GreaterEqual x y
math.less less = Less x y
math.less_equal less_equal = LessEqual x y
math.approximate_equal = ApproximateEqual x y tolerance=1e-05
math.logical_and logical_and = LogicalAnd x y
math.logical_or logical_or = LogicalOr x y
math.logical_not logical_not = LogicalNot x
math.logical_xor -> _functions
math.argmax argmax math.argmin argmin -> _functions
math.reduce_sum reduce_sum math.reduce_mean reduce_mean math.reduce_prod reduce_prod -> _functions
math.reduce_max reduce_max math.reduce_min reduce_min math.reduce_all reduce_all -> _functions
math.reduce_any reduce_any math.reduce_logsumexp reduce_logsumexp -> _functions
math.reduce_euclidean_norm math.reduce_variance math.reduce_std math.count_nonzero -> _functions
strings.reduce_join -> _functions
math.segment_sum = SegmentSum data segment_ids
math.segment_mean = SegmentMean data segment_ids
math.segment_prod = SegmentProd data segment_ids
math.segment_max = SegmentMax data segment_ids
math.segment_min = SegmentMin data segment_ids
math.unsorted_segment_sum = UnsortedSegmentSum data segment_ids num_segments
math.unsorted_segment_prod = UnsortedSegmentProd data segment_ids num_segments
math.unsorted_segment_max = UnsortedSegmentMax data segment_ids num_segments
math.unsorted_segment_min = UnsortedSegmentMin data segment_ids num_segments
math.unsorted_segment_mean math.unsorted_segment_sqrt_n -> _functions
math.invert_permutation = InvertPermutation x
math.top_k nn.top_k = TopKV2 input k=1 sorted=True
math.in_top_k nn.in_top_k = InTopKV2 targets predictions k
math.polyval math.lbeta math.l2_normalize linalg.l2_normalize nn.l2_normalize -> _functions
math.zero_fraction nn.zero_fraction math.softplus nn.softplus math.softsign nn.softsign -> _functions
math.scalar_mul scalar_mul math.sobol_sample -> _functions
# ---- shapes ----
reshape = Reshape tensor shape
expand_dims -> _functions
squeeze = Squeeze input axis:squeeze_dims=[]
rank size shape shape_n broadcast_static_shape -> _functions
transpose -> _functions
identity = Identity input
identity_n = IdentityN input
stop_gradient = StopGradient input
concat stack unstack split -> _functions
tile = Tile input multiples
pad -> _functions
fill = Fill dims value
zeros ones zeros_like ones_like eye linalg.eye one_hot range linspace -> _functions
broadcast_to = BroadcastTo input shape
broadcast_dynamic_shape = BroadcastArgs shape_x:s0 shape_y:s1
reverse = ReverseV2 tensor axis
reverse_sequence -> _functions
roll = Roll input shift axis
slice = Slice input_:input begin size
strided_slice -> _functions
gather gather_nd batch_gather -> _functions
boolean_mask where -> _functions
scatter_nd = ScatterNd indices updates shape
tensor_scatter_nd_update = TensorScatterUpdate tensor indices updates
tensor_scatter_nd_add = TensorScatterAdd tensor indices updates
tensor_scatter_nd_sub = TensorScatterSub tensor indices updates
tensor_scatter_nd_max = TensorScatterMax tensor indices updates
tensor_scatter_nd_min = TensorScatterMin tensor indices updates
sequence_mask repeat -> _functions
meshgrid -> _functions
unique = Unique x out_idx="int32"
unique_with_counts = UniqueWithCounts x out_idx="int32"
sort argsort searchsorted -> _functions
dynamic_partition = DynamicPartition data partitions num_partitions
dynamic_stitch = DynamicStitch indices data

space_to_batch_nd space_to_batch = SpaceToBatchND input block_shape paddings
batch_to_space = BatchToSpaceND input block_shape crops
nn.space_to_depth = SpaceToDepth input block_size data_format="NHWC"
nn.depth_to_space = DepthToSpace input block_size data_format="NHWC"
bitcast = Bitcast input type
histogram_fixed_width = HistogramFixedWidth values value_range nbins=100 dtype="int32"
clip_by_value clip_by_norm linalg.clip_by_norm clip_by_global_norm linalg.global_norm -> _functions
tensordot linalg.tensordot einsum linalg.einsum matmul linalg.matmul norm linalg.norm -> _functions
linalg.matvec linalg.trace linalg.diag linalg.diag_part linalg.tensor_diag linalg.adjoint -> _functions
linalg.band_part = MatrixBandPart input num_lower num_upper
linalg.set_diag -> _functions
linalg.tensor_diag_part = DiagPart input
linalg.tensor_diag = Diag diagonal
linalg.inv = MatrixInverse input adjoint=False
linalg.det = MatrixDeterminant input
linalg.slogdet = LogMatrixDeterminant input
linalg.cholesky = Cholesky input
linalg.solve = MatrixSolve matrix rhs adjoint=False
linalg.triangular_solve = MatrixTriangularSolve matrix rhs lower=True adjoint=False
linalg.expm = MatrixExponential input
linalg.logm = MatrixLogarithm input
linalg.sqrtm = MatrixSquareRoot input
linalg.qr = Qr input full_matrices=False
linalg.lu = Lu input output_idx_type="int32"
linalg.cross = Cross a b
linalg.eigh linalg.eigvalsh linalg.eig linalg.eigvals linalg.svd linalg.lstsq linalg.pinv -> _functions
linalg.cholesky_solve linalg.logdet linalg.matrix_rank linalg.matrix_transpose linalg.normalize -> _functions
linalg.global_norm  -> _functions
# ---- bitwise ----
bitwise.bitwise_and = BitwiseAnd x y
bitwise.bitwise_or = BitwiseOr x y
bitwise.bitwise_xor = BitwiseXor x y
bitwise.invert = Invert x
bitwise.left_shift = LeftShift x y
bitwise.right_shift = RightShift x y
# ---- neural networks ----
nn.relu = Relu features
nn.relu6 = Relu6 features
nn.elu = Elu features
nn.selu = Selu features
nn.leaky_relu = LeakyRelu features alpha=0.2
nn.crelu nn.gelu nn.silu nn.swish nn.softmax nn.log_softmax math.softmax math.log_softmax -> _nn
nn.bias_add nn.xw_plus_b nn.dropout nn.moments nn.batch_normalization nn.fused_batch_norm nn.embedding_lookup -> _nn
nn.l2_loss = L2Loss t
nn.local_response_normalization nn.lrn = LRN input depth_radius=5 bias=1 alpha=1 beta=0.5
nn.conv1d nn.conv2d nn.conv3d nn.conv2d_transpose nn.conv1d_transpose nn.conv3d_transpose -> _nn
nn.convolution nn.depthwise_conv2d nn.separable_conv2d nn.atrous_conv2d nn.pool -> _nn
nn.max_pool nn.max_pool1d nn.max_pool2d nn.max_pool3d nn.avg_pool nn.avg_pool1d nn.avg_pool2d -> _nn
nn.avg_pool3d nn.max_pool_with_argmax nn.dilation2d nn.erosion2d -> _nn
nn.softmax_cross_entropy_with_logits nn.sparse_softmax_cross_entropy_with_logits -> _nn
nn.sigmoid_cross_entropy_with_logits nn.weighted_cross_entropy_with_logits nn.log_poisson_loss -> _nn
nn.normalize_moments nn.sufficient_statistics nn.scale_regularization_loss -> _nn
nn.ctc_greedy_decoder nn.ctc_beam_search_decoder -> _nn
# ---- strings ----
strings.as_string as_string = AsString input precision=-1 scientific=False shortest=False width=-1 fill=""
strings.to_number -> _strings
strings.lower = StringLower input encoding=""
strings.upper = StringUpper input encoding=""
strings.length = StringLength input unit="BYTE"
strings.strip = StringStrip input
strings.substr = Substr input pos len unit="BYTE"
strings.regex_full_match strings.regex_replace -> _strings
strings.to_hash_bucket_fast = StringToHashBucketFast input num_buckets
strings.to_hash_bucket strings.to_hash_bucket_ = StringToHashBucket string_tensor:string_tensor num_buckets
strings.to_hash_bucket_strong = StringToHashBucketStrong input num_buckets key
strings.unicode_script = UnicodeScript input
strings.unicode_transcode = UnicodeTranscode input input_encoding output_encoding errors="replace" replacement_char=65533 replace_control_characters=False
strings.join strings.format strings.split strings.ngrams strings.bytes_split strings.unicode_encode -> _strings
strings.unicode_decode strings.unicode_split strings.unsorted_segment_join -> _strings
io.encode_base64 = EncodeBase64 input pad=False
io.decode_base64 = DecodeBase64 input
fingerprint = Fingerprint data method="farmhash64"
# ---- files and formats ----
io.read_file = ReadFile filename
io.write_file = WriteFile filename contents
io.matching_files = MatchingFiles pattern
io.decode_raw -> _strings
io.decode_csv = DecodeCSV records record_defaults field_delim="," use_quote_delim=True na_value="" select_cols=[]
io.decode_compressed = DecodeCompressed bytes compression_type=""
io.parse_tensor = ParseTensor serialized out_type
io.serialize_tensor = SerializeTensor tensor
io.decode_json_example = DecodeJSONExample json_examples
io.is_jpeg image.is_jpeg -> _image
io.decode_image image.decode_image -> _image
io.decode_png image.decode_png = DecodePng contents channels=0 dtype="uint8"
io.decode_jpeg image.decode_jpeg = DecodeJpeg contents channels=0 ratio=1 fancy_upscaling=True try_recover_truncated=False acceptable_fraction=1.0 dct_method=""
io.decode_bmp image.decode_bmp = DecodeBmp contents channels=0
io.decode_gif image.decode_gif = DecodeGif contents
io.encode_png image.encode_png = EncodePng image compression=-1
io.encode_jpeg image.encode_jpeg = EncodeJpeg image format="" quality=95 progressive=False optimize_size=False chroma_downsampling=True density_unit="in" x_density=300 y_density=300 xmp_metadata=""
io.extract_jpeg_shape image.extract_jpeg_shape = ExtractJpegShape contents output_type="int32"
io.parse_example io.parse_single_example io.FixedLenFeature io.VarLenFeature io.RaggedFeature -> _parse
io.FixedLenSequenceFeature io.SparseFeature -> _parse
io.gfile -> _gfile
# ---- images ----
image.resize image.rgb_to_grayscale image.grayscale_to_rgb image.flip_left_right image.flip_up_down -> _image
image.rot90 image.transpose image.adjust_brightness image.adjust_contrast image.adjust_gamma -> _image
image.adjust_hue image.adjust_saturation image.per_image_standardization image.convert_image_dtype -> _image
image.central_crop image.crop_to_bounding_box image.pad_to_bounding_box image.resize_with_pad -> _image
image.resize_with_crop_or_pad image.crop_and_resize image.non_max_suppression image.ResizeMethod -> _image
image.total_variation image.psnr image.sobel_edges image.image_gradients image.extract_patches -> _image
image.combined_non_max_suppression image.non_max_suppression_with_scores -> _image
image.rgb_to_hsv = RGBToHSV images
image.hsv_to_rgb = HSVToRGB images
image.draw_bounding_boxes = DrawBoundingBoxesV2 images boxes colors
# ---- random ----
random.set_seed random.uniform random.normal random.truncated_normal random.gamma random.poisson -> _random
random.categorical random.shuffle random.get_global_generator random.set_global_generator -> _random
random.Generator random.Algorithm random.create_rng_state random.split random.fold_in -> _random
random.stateless_uniform random.stateless_normal random.stateless_truncated_normal -> _random
random.stateless_categorical random.stateless_gamma random.stateless_poisson random.stateless_binomial -> _random
random.experimental.Generator random.experimental.stateless_split random.experimental.stateless_fold_in -> _random
# ---- signals ----
signal.fft = FFT input
signal.ifft = IFFT input
signal.fft2d = FFT2D input
signal.ifft2d = IFFT2D input
signal.fft3d = FFT3D input
signal.ifft3d = IFFT3D input
signal.rfft signal.irfft signal.rfft2d signal.irfft2d signal.stft signal.inverse_stft signal.frame -> _signal
signal.overlap_and_add signal.hann_window signal.hamming_window signal.dct signal.idct -> _signal
signal.linear_to_mel_weight_matrix signal.mfccs_from_log_mel_spectrograms signal.fftshift signal.ifftshift -> _signal
audio.decode_wav = DecodeWav contents desired_channels=-1 desired_samples=-1
audio.encode_wav = EncodeWav audio sample_rate
# ---- quantization ----
quantization.fake_quant_with_min_max_args = FakeQuantWithMinMaxArgs inputs min=-6 max=6 num_bits=8 narrow_range=False
quantization.fake_quant_with_min_max_vars = FakeQuantWithMinMaxVars inputs min max num_bits=8 narrow_range=False
quantization.fake_quant_with_min_max_vars_per_channel = FakeQuantWithMinMaxVarsPerChannel inputs min max num_bits=8 narrow_range=False
quantization.quantize_and_dequantize -> _nn
quantization.dequantize = Dequantize input min_range max_range mode="MIN_COMBINED" narrow_range=False axis=-1
quantization.quantize = QuantizeV2 input min_range max_range T mode="MIN_COMBINED" round_mode="HALF_AWAY_FROM_ZERO" narrow_range=False axis=-1
saturate_cast dtypes.saturate_cast -> _functions
# ---- structures ----
as_dtype dtypes.as_dtype DType dtypes.DType TensorShape -> _dtypes
Tensor -> _core
Variable VariableSynchronization VariableAggregation -> _variable
constant convert_to_tensor cast dtypes.cast is_tensor -> _convert
executing_eagerly -> _mode
TensorSpec IndexedSlices type_spec_from_value TypeSpec RaggedTensorSpec SparseTensorSpec -> _specs
SparseTensor sparse.SparseTensor RaggedTensor -> _composite
sparse.from_dense sparse.to_dense sparse.reorder sparse.reset_shape sparse.slice sparse.concat -> _composite
sparse.add sparse.sparse_dense_matmul sparse.retain sparse.fill_empty_rows sparse.reduce_sum -> _composite
sparse.reshape sparse.split sparse.transpose sparse.mask sparse.to_indicator sparse.reduce_max -> _composite
sparse.map_values sparse.segment_sum sparse.segment_mean sparse.segment_sqrt_n sparse.softmax -> _composite
sparse.expand_dims sparse.eye -> _composite
ragged.constant ragged.stack ragged.range ragged.boolean_mask ragged.map_flat_values -> _composite
lookup.StaticHashTable lookup.StaticVocabularyTable lookup.KeyValueTensorInitializer -> _lookup
lookup.TextFileInitializer lookup.TextFileIndex lookup.experimental.MutableHashTable -> _lookup
lookup.experimental.DenseHashTable -> _lookup
TensorArray -> _control
cond case switch_case while_loop map_fn scan foldl foldr vectorized_map -> _control
function py_function numpy_function autograph.experimental.do_not_convert -> _function
autograph.to_graph init_scope recompute_grad custom_gradient -> _function
Module name_scope device -> _module
zeros_initializer ones_initializer constant_initializer -> _variable_scope
nest.flatten nest.map_structure nest.pack_sequence_as nest.assert_same_structure nest.is_nested -> _nest
debugging.assert_equal assert_equal debugging.assert_less assert_less debugging.assert_greater -> _debugging
assert_greater debugging.assert_rank assert_rank debugging.assert_shapes debugging.assert_type -> _debugging
debugging.assert_near debugging.assert_none_equal debugging.assert_less_equal -> _debugging
debugging.assert_greater_equal debugging.assert_positive debugging.assert_negative -> _debugging
debugging.assert_non_negative debugging.assert_non_positive debugging.assert_integer -> _debugging
debugging.assert_all_finite debugging.check_numerics debugging.Assert Assert debugging.is_numeric_tensor -> _debugging
debugging.assert_rank_at_least debugging.assert_rank_in debugging.assert_scalar print ensure_shape -> _debugging
group get_static_value tuple timestamp -> _functions
guarantee_const = GuaranteeConst input
edit_distance -> _composite
math.nan_to_num -> _functions
sets.intersection sets.union sets.difference sets.size -> _composite
config.threading.set_intra_op_parallelism_threads config.threading.get_intra_op_parallelism_threads -> _config
config.threading.set_inter_op_parallelism_threads config.threading.get_inter_op_parallelism_threads -> _config
saved_model.load saved_model.contains_saved_model -> _loader
saved_model.SERVING saved_model.TRAINING saved_model.GPU saved_model.TPU -> _loader_v1
make_ndarray make_tensor_proto -> _nodes
io.write_graph graph_util.import_graph_def import_graph_def -> _graph_io
"""
