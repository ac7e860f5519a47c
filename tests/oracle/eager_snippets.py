# SPDX-License-Identifier: Apache-2.0
"""What test_tf_eager.py evaluates in both libraries, one expression a line.

A line that begins with "text:" is compared as printed; "error:" by the exception's text, too.
Others are compared by value, dtype and shape, and errors by their class.
"""

VALUES = r"""
# operators
C([1,2,3]) + 1
1 - C([1.,2.])
C([1,2,3]) * C([2,2,2])
C([7,-7]) / 2
C([7.,-7.]) / 2
C([7,-7]) // 2
C([7,-7]) % 3
C([7.5,-7.5]) % 2.
C([2,3]) ** 2
2. ** C([2.,3.])
-C([1,2])
abs(C([-1,2]))
abs(C([3+4j]))
~C([True,False])
~C([1,2])
C([True,False]) & True
C([True,False]) | C([False,False])
C([True,False]) ^ True
C([6,5]) & 3
C([6,5]) | 3
C([6,5]) ^ 3
C([[1.,2.]]) @ C([[1.],[2.]])
C([[1,2],[3,4]]) @ C([[1,2],[3,4]])
C([1,2]) < 2
C([1,2]) >= C([2,2])
C([1,2]) == [1,3]
C([1,2]) != [1,3]
C([1,2]) == [1,2,3]
C([1,2]) == None
np.array([1,2]) + C([1,2])
np.float32(2) * C([1.,2.])
C('a') + 'b'
'a' + C(['b','c'])
C([1,2], tf.uint8) + 300
C(1.5) > 1
C(1, tf.int64) + 1
C(1, tf.float64) / 3
C(1., tf.float16) * 3
C(1., tf.bfloat16) + 2
C(1) + 1.5
1.5 + C(1)
C(1) + C(1.5)
C([1,2]) / C([1.,2.])
C(1) == 'a'
bool(C(True)), int(C(3)), float(C(2.5)), complex(C(1+2j)), C(3).__index__()
[10,20,30][C(1)]
int(C([1,2]))
bool(C([1,2]))
len(C([[1],[2]]))
len(C(1))
[x.numpy() for x in C([1,2,3])]
list(C(1))
hash(C(1))
round(C(2.6).numpy())
C([1.,2.]).ndim, C([1.,2.]).shape.rank, C([1.]).shape.as_list()
np.asarray(C([1,2])), np.asarray(C([1,2]), np.float64), np.sum(C([1,2]))
# slices
X[0]
X[-1, 2]
X[1:]
X[:, 1]
X[..., 0]
X[:, tf.newaxis]
X[:, None, ::2]
X[::-1, ::-2]
X[tf.constant(1)]
X[C(0):C(1), 1:]
X[5]
X[0, 7]
X[1:1]
X['a']
X[1.5]
X[X > 3]
tf.reshape(tf.range(24), [2,3,4])[1, ..., 2]
tf.reshape(tf.range(24), [2,3,4])[:, 1:3, ::2]
C('abc')[0]
# constants
C([]), C([[]]), C(2**40), C([1,2.5]), C([1j]), C(True), C(b'x'), C(['a',b'b'])
C(np.arange(3)), C(np.float64(1)), C(np.array(['a','b']))
C([1,2], tf.float64), C(1.5, tf.float16), C([1,2], 'int8'), C(300, tf.uint8)
C(0, shape=[2,2]), C([1,2,3,4], shape=[2,2])
C([1,2], shape=[3])
C([1.5], tf.int32)
C('a', tf.int32)
C(1, tf.string)
C(1, tf.bool)
C(None)
C([1,None])
C([1,'a'])
C([True,1])
C([[1],[1,2]])
C({'a':1})
C(2**70)
tf.convert_to_tensor(C(1), tf.float32)
tf.convert_to_tensor([1,2], dtype_hint=tf.float32), tf.convert_to_tensor(np.float32(1))
tf.convert_to_tensor([C(1), C(2)]), tf.convert_to_tensor([[C(1), 2], [3, C(4)]])
tf.cast([1.7,-1.7], tf.int32), tf.cast([0,1,2], tf.bool), tf.cast(True, tf.float32), tf.cast([1+2j], tf.float32)
tf.cast([1.5], 'int64'), tf.cast(C([300]), tf.uint8), tf.cast(np.array([1,2]), tf.float16)
tf.is_tensor(C(1)), tf.is_tensor(1), tf.is_tensor(V([1.])), tf.is_tensor(np.array(1))
tf.saturate_cast([300., -5.], tf.uint8)
# arithmetic functions
tf.add(C(1.), 2), tf.subtract(5, 3), tf.multiply(C([1,2]), 3), tf.divide(7, 2), tf.divide([1,2],[3,4])
tf.math.floordiv(7, 2), tf.math.floormod(-7, 3), tf.pow(2., 3.), tf.math.divide_no_nan([1.,2.],[0.,4.])
tf.math.multiply_no_nan([1.,2.],[0.,4.]), tf.negative([1,-2]), tf.abs([-1.5,2.]), tf.sign([-2.,0.,3.])
tf.square([1,2,3]), tf.sqrt([1.,4.]), tf.math.rsqrt([1.,4.]), tf.math.reciprocal([2.,4.]), tf.exp([0.,1.])
tf.math.expm1([0.,1.]), tf.math.log([1.,2.]), tf.math.log1p([0.,1.]), tf.sin([0.,1.]), tf.cos([0.,1.]), tf.tan([0.,1.])
tf.asin([0.,.5]), tf.acos([0.,.5]), tf.atan([0.,1.]), tf.atan2([1.,2.],[3.,4.]), tf.sinh([1.]), tf.cosh([1.]), tf.tanh([1.])
tf.asinh([1.]), tf.acosh([2.]), tf.atanh([.5]), tf.sigmoid([0.,1.]), tf.math.log_sigmoid([0.,1.])
tf.math.erf([0.,1.]), tf.math.erfc([0.,1.]), tf.math.lgamma([1.,2.5]), tf.math.digamma([1.,2.5])
tf.math.ceil([1.2]), tf.floor([1.7]), tf.round([0.5,1.5,2.5]), tf.math.rint([0.5,1.5])
tf.maximum([1,5],[3,2]), tf.minimum([1,5],[3,2]), tf.math.squared_difference([1.,2.],[3.,5.])
tf.math.xdivy([0.,1.],[0.,2.]), tf.math.xlogy([0.,1.],[0.,2.])
tf.math.is_nan([1.,float('nan')]), tf.math.is_inf([1.,float('inf')]), tf.math.is_finite([1.,float('inf')])
tf.math.real([1+2j]), tf.math.imag([1+2j]), tf.math.conj([1+2j]), tf.math.angle([1+1j]), tf.complex([1.],[2.])
tf.cumsum([1,2,3]), tf.cumsum([1,2,3], exclusive=True, reverse=True), tf.math.cumprod([1.,2.,3.])
tf.add_n([C([1,2]),C([3,4]),C([5,6])]), tf.equal([1,2],[1,3]), tf.not_equal([1,2],[1,3]), tf.greater([1,2],[1,1])
tf.logical_and([True,False],[True,True]), tf.logical_not([True]), tf.math.logical_xor([True,False],[True,True])
tf.argmax([1,3,2]), tf.argmin([[1,3],[0,5]], axis=1), tf.argmax([[1,3],[0,5]], axis=0, output_type=tf.int32)
tf.reduce_sum([[1,2],[3,4]]), tf.reduce_sum([[1,2],[3,4]], 0), tf.reduce_sum([[1,2],[3,4]], axis=[1], keepdims=True)
tf.reduce_mean([1.,2.,4.]), tf.reduce_prod([1,2,3,4]), tf.reduce_max([[1,5],[3,2]], 1), tf.reduce_min([1.5,-2.])
tf.reduce_all([True,False]), tf.reduce_any([True,False]), tf.reduce_logsumexp([1.,2.,3.])
tf.math.reduce_variance([1.,2.,4.]), tf.math.reduce_std([1.,2.,4.]), tf.math.count_nonzero([0,1,2])
tf.math.bincount([1,1,3]), tf.math.bincount([1,1,3], minlength=6), tf.math.bincount([0,1],weights=[.5,.25])
tf.math.confusion_matrix([0,1,1],[0,1,0])
tf.math.segment_sum([1,2,3],[0,0,1]), tf.math.unsorted_segment_sum([1.,2.,3.],[1,0,1],3), tf.math.unsorted_segment_mean([1.,2.,3.],[1,0,1],2)
tf.math.top_k([1.,3.,2.], 2), tf.math.in_top_k([1,0],[[.1,.9],[.2,.8]],1)
tf.math.l2_normalize([3.,4.]), tf.math.zero_fraction([0.,1.,0.]), tf.math.polyval([1.,2.,3.], 2.)
tf.math.softplus([0.,1.]), tf.math.nextafter(1., 2.), tf.math.invert_permutation([2,0,1])
tf.add(1, C(2.))
tf.equal(1, C(2.))
# shapes
tf.reshape([1,2,3,4],[2,-1]), tf.expand_dims([1,2],0), tf.expand_dims([1,2],-1), tf.squeeze([[[1],[2]]]), tf.squeeze([[[1],[2]]],[2])
tf.reshape([1,2,3],[2,2])
tf.shape([[1,2]]), tf.shape([[1,2]], tf.int64), tf.rank([[1]]), tf.size([[1,2]]), tf.transpose([[1,2],[3,4]]), tf.transpose([[[1,2]]],[2,0,1])
tf.concat([[1,2],[3]],0), tf.concat([[[1]],[[2]]],1), tf.concat([C([1.])],0), tf.stack([1,2]), tf.stack([C([1,2]),C([3,4])],axis=1), tf.stack([1,2.])
tf.concat([[1],[2.]],0)
tf.unstack([[1,2],[3,4]]), tf.unstack([[1,2],[3,4]],axis=1), tf.split([1,2,3,4],2), tf.split([1,2,3,4],[1,3]), tf.split([[1,2]],2,axis=1)
tf.tile([1,2],[2]), tf.pad([[1]],[[1,1],[0,2]]), tf.pad([1,2,3],[[2,0]],'REFLECT'), tf.pad([1],[[1,1]],constant_values=9)
tf.fill([2,2],7), tf.zeros([2]), tf.zeros([1,2],tf.int32), tf.ones(3), tf.zeros_like([1,2]), tf.ones_like([1.,2.]), tf.zeros([], tf.string), tf.ones([2],tf.bool)
tf.eye(2), tf.eye(2,3), tf.eye(2,batch_shape=[2]), tf.one_hot([0,2],3), tf.one_hot([0,2],3,5,-1), tf.one_hot([[1]],2,axis=0), tf.one_hot([1],2,dtype=tf.int64)
tf.range(5), tf.range(1,5), tf.range(1.,2.,.25), tf.range(5,0,-2), tf.range(3, dtype=tf.float64), tf.linspace(0.,1.,5), tf.range(C(3,tf.int64))
tf.broadcast_to([1,2],[2,2]), tf.reverse([1,2,3],[0]), tf.roll([1,2,3],1,0), tf.slice([1,2,3,4],[1],[2]), tf.strided_slice([1,2,3,4],[0],[4],[2])
tf.gather([10,20,30],[2,0]), tf.gather([[1,2],[3,4]],[1],axis=1), tf.gather_nd([[1,2],[3,4]],[[0,1],[1,0]]), tf.gather([[1,2],[3,4]],[[0],[1]],batch_dims=1)
tf.gather([1,2,3],[5])
tf.boolean_mask([1,2,3],[True,False,True]), tf.boolean_mask([[1,2],[3,4]],[True,False]), tf.where([True,False,True]), tf.where([True,False],[1,2],[3,4]), tf.where(C([1,2])>1, 0., 1.)
tf.scatter_nd([[0],[2]],[5,6],[4]), tf.tensor_scatter_nd_update([1,2,3],[[1]],[9]), tf.tensor_scatter_nd_add([1,2,3],[[1]],[9])
tf.sequence_mask([1,3]), tf.sequence_mask([1,2],4,tf.int32), tf.repeat([1,2],2), tf.repeat([1,2],[1,3]), tf.repeat([[1,2]],2,axis=1), tf.meshgrid([1,2],[3,4,5])
tf.unique([1,1,2]), tf.unique_with_counts([1,1,2]), tf.sort([3,1,2]), tf.sort([3.,1.,2.],direction='DESCENDING'), tf.argsort([3,1,2]), tf.sort([[3,1],[2,5]],axis=0)
tf.searchsorted([1,3,5],[0,3,6]), tf.searchsorted([1,3,5],[3],side='right'), tf.dynamic_partition([1,2,3],[0,1,0],2), tf.dynamic_stitch([[0,2],[1]],[[1,3],[2]])
tf.nn.space_to_depth(tf.reshape(tf.range(16.),[1,4,4,1]),2), tf.nn.depth_to_space(tf.reshape(tf.range(16.),[1,2,2,4]),2), tf.space_to_batch_nd if False else 0
tf.bitcast(C(1.), tf.int32), tf.histogram_fixed_width([0.,1.,2.],[0.,2.],nbins=2), tf.clip_by_value([1,5,9],2,6), tf.clip_by_norm([3.,4.],1.), tf.clip_by_global_norm([C([3.]),C([4.])],1.)
tf.tensordot([[1.,2.]],[[3.],[4.]],1), tf.einsum('ij,jk->ik',C([[1.,2.]]),C([[3.],[4.]])), tf.einsum('ij->ji',C([[1.,2.]])), tf.einsum('i,i',C([1.,2.]),C([3.,4.])), tf.norm([3.,4.]), tf.norm([[1.,2.]],axis=1,ord=1)
tf.matmul([[1.,2.]],[[1.],[2.]]), tf.matmul([[1.],[2.]],[[1.],[2.]],transpose_a=True), tf.matmul(tf.ones([2,2,3]),tf.ones([2,3,1])), tf.linalg.matvec([[1.,2.]],[3.,4.])
tf.matmul([[1.,2.]],[[1.,2.]])
tf.linalg.trace([[1,2],[3,4]]), tf.linalg.diag([1,2]), tf.linalg.diag_part([[1,2],[3,4]]), tf.linalg.band_part([[1,2],[3,4]],0,-1), tf.linalg.inv([[2.,0.],[0.,4.]]), tf.linalg.det([[2.,0.],[0.,4.]])
tf.linalg.cholesky([[4.,2.],[2.,3.]]), tf.linalg.solve([[2.,0.],[0.,4.]],[[1.],[2.]]), tf.linalg.adjoint([[1+2j,3]]), tf.linalg.set_diag([[1,2],[3,4]],[9,9]), tf.linalg.cross([1.,0.,0.],[0.,1.,0.])
tf.bitwise.bitwise_and([6],[3]), tf.bitwise.bitwise_or([6],[3]), tf.bitwise.bitwise_xor([6],[3]), tf.bitwise.invert([6]), tf.bitwise.left_shift([1],[3]), tf.bitwise.right_shift([8],[2])
tf.identity([1,2]), tf.stop_gradient([1.]), tf.broadcast_static_shape(tf.TensorShape((2,1)),tf.TensorShape((1,3))), tf.identity_n([C(1),C(2.)]), tf.get_static_value(C([1]))
# nn
tf.nn.relu([-1.,2.]), tf.nn.relu([-1,2]), tf.nn.relu6([7.]), tf.nn.elu([-1.]), tf.nn.selu([-1.]), tf.nn.leaky_relu([-1.]), tf.nn.gelu([1.]), tf.nn.gelu([1.],approximate=True), tf.nn.silu([1.])
tf.nn.softmax([1.,2.]), tf.nn.log_softmax([1.,2.]), tf.nn.softmax([[1.,2.]],axis=0), tf.nn.bias_add([[1.,2.]],[1.,1.]), tf.nn.l2_loss([1.,2.]), tf.nn.moments(C([1.,2.,4.]),[0])
tf.nn.batch_normalization(C([[1.,2.]]),C([1.,1.]),C([1.,4.]),C([0.,1.]),C([1.,1.]),.001), tf.nn.embedding_lookup(C([[1.,2.],[3.,4.]]),[1,0])
tf.nn.conv2d(tf.ones([1,3,3,1]),tf.ones([2,2,1,1]),1,'VALID'), tf.nn.conv2d(tf.ones([1,3,3,1]),tf.ones([2,2,1,1]),[1,2,2,1],'SAME'), tf.nn.conv1d(tf.ones([1,4,1]),tf.ones([2,1,1]),1,'SAME')
tf.nn.depthwise_conv2d(tf.ones([1,3,3,1]),tf.ones([2,2,1,2]),[1,1,1,1],'VALID'), tf.nn.max_pool2d(tf.reshape(tf.range(16.),[1,4,4,1]),2,2,'VALID'), tf.nn.avg_pool2d(tf.reshape(tf.range(16.),[1,4,4,1]),2,2,'SAME'), tf.nn.max_pool1d(tf.reshape(tf.range(4.),[1,4,1]),2,2,'VALID')
tf.nn.conv2d_transpose(tf.ones([1,2,2,1]),tf.ones([2,2,1,1]),[1,4,4,1],2)
tf.nn.softmax_cross_entropy_with_logits([[0.,1.]],[[1.,2.]]), tf.nn.sparse_softmax_cross_entropy_with_logits([1],[[1.,2.]]), tf.nn.sigmoid_cross_entropy_with_logits([1.],[2.])
# strings
tf.strings.as_string([1,2]), tf.as_string([1.5]), tf.strings.to_number(['1.5']), tf.strings.lower(['AB']), tf.strings.upper(['ab']), tf.strings.length(['abc']), tf.strings.strip([' a '])
tf.strings.substr(['hello'],1,3), tf.strings.join(['a',['b','c']]), tf.strings.join([['a'],['b']],'-'), tf.strings.regex_replace(['aab'],'a+','x'), tf.strings.regex_full_match(['ab','b'],'a.*')
tf.strings.split(['a b','c']), tf.strings.split('a b c'), tf.strings.split(['a,b'],','), tf.strings.to_hash_bucket_fast(['a','b'],10), tf.strings.reduce_join([['a','b'],['c','d']],1,separator='-')
tf.strings.format('x={}', C([1,2])), tf.strings.unicode_decode(['aé'],'UTF-8'), tf.strings.unicode_split(['aé'],'UTF-8'), tf.strings.bytes_split(['ab','c']), tf.strings.ngrams(['a','b','c'],2), tf.strings.unicode_encode([[72,105]],'UTF-8')
tf.io.encode_base64('abc'), tf.io.decode_base64('YWJj'), tf.io.decode_raw(b'\x01\x00\x02\x00',tf.int16), tf.io.serialize_tensor(C([1])), tf.io.parse_tensor(tf.io.serialize_tensor(C([1.5])),tf.float32)
tf.strings.unicode_script([65]), tf.strings.unicode_transcode('a','UTF-8','UTF-16-BE')
# random
(tf.random.set_seed(1), tf.random.uniform([2]), tf.random.normal([3]), tf.random.uniform([2]), tf.random.uniform([2],0,10,tf.int32), tf.random.truncated_normal([2]))
(tf.random.set_seed(2), tf.random.uniform([2],seed=3), tf.random.uniform([2],seed=3), tf.random.normal([2],1.,2.,seed=4))
(tf.random.set_seed(5), tf.random.shuffle([1,2,3,4,5]), tf.random.categorical([[.1,.9]],3), tf.random.gamma([2],1.5), tf.random.poisson([3],2.))
tf.random.stateless_uniform([3],[1,2]), tf.random.stateless_normal([3],[1,2]), tf.random.stateless_uniform([3],[1,2],0,10,tf.int32), tf.random.stateless_truncated_normal([2],[3,4])
tf.random.Generator.from_seed(1).state, tf.random.Generator.from_seed(1).normal([3]), tf.random.Generator.from_seed(7).uniform([3]), tf.random.Generator.from_seed(7).uniform([3],0,9,tf.int32)
(lambda g: (g.normal([2]), g.normal([2]), g.state, g.make_seeds(1)))(tf.random.Generator.from_seed(3))
tf.random.split([1,2],2), tf.random.fold_in([1,2],3)
# images
tf.image.resize(tf.reshape(tf.range(16.),[4,4,1]),[2,2]), tf.image.resize(tf.reshape(tf.range(4.),[2,2,1]),[3,3]), tf.image.resize(tf.reshape(tf.range(4.),[2,2,1]),[3,3],'nearest'), tf.image.resize(tf.reshape(tf.range(16.),[4,4,1]),[3,3],'bicubic'), tf.image.resize(tf.reshape(tf.range(16.),[4,4,1]),[3,3],'area')
tf.image.flip_left_right(tf.reshape(tf.range(4),[2,2,1])), tf.image.flip_up_down(tf.reshape(tf.range(4),[2,2,1])), tf.image.rot90(tf.reshape(tf.range(4),[2,2,1])), tf.image.transpose(tf.reshape(tf.range(4),[2,2,1]))
tf.image.rgb_to_grayscale(tf.ones([1,1,3])), tf.image.grayscale_to_rgb(tf.ones([1,1,1])), tf.image.convert_image_dtype(C([[[255]]],tf.uint8),tf.float32), tf.image.convert_image_dtype([[[.5]]],tf.uint8), tf.image.adjust_brightness([[[.5]]],.1)
tf.image.adjust_contrast(tf.reshape(tf.range(4.),[2,2,1]),2.), tf.image.per_image_standardization(tf.reshape(tf.range(4.),[2,2,1])), tf.image.central_crop(tf.reshape(tf.range(16.),[4,4,1]),.5), tf.image.resize_with_crop_or_pad(tf.ones([2,2,1]),3,1), tf.image.pad_to_bounding_box(tf.ones([1,1,1]),1,1,3,3)
tf.image.rgb_to_hsv([[[.2,.4,.6]]]), tf.image.hsv_to_rgb([[[.2,.4,.6]]]), tf.image.adjust_saturation([[[.2,.4,.6]]],.5), tf.image.adjust_hue([[[.2,.4,.6]]],.1), tf.image.non_max_suppression([[0.,0.,1.,1.],[0.,0.,1.,1.1]],[.9,.8],2)
tf.image.crop_and_resize(tf.reshape(tf.range(16.),[1,4,4,1]),[[0.,0.,.5,.5]],[0],[2,2]), tf.image.total_variation(tf.reshape(tf.range(4.),[2,2,1])), tf.image.sobel_edges(tf.reshape(tf.range(16.),[1,4,4,1])), tf.image.psnr(tf.ones([2,2,1]),tf.zeros([2,2,1]),1.)
# signal
tf.signal.fft(C([1+0j,2,3,4])), tf.signal.rfft([1.,2.,3.,4.]), tf.signal.irfft(C([10+0j,-2+2j,-2],tf.complex64)), tf.signal.frame([1,2,3,4,5],3,1), tf.signal.hann_window(4), tf.signal.hamming_window(5)
tf.signal.stft(tf.range(8.),4,2), tf.signal.dct([1.,2.,3.]), tf.signal.dct([1.,2.,3.],norm='ortho'), tf.signal.idct([1.,2.,3.]), tf.signal.overlap_and_add([[1.,2.],[3.,4.]],1), tf.signal.fftshift([1,2,3])
tf.signal.linear_to_mel_weight_matrix(4,9), tf.signal.inverse_stft(tf.signal.stft(tf.range(8.),4,2),4,2)
# quantization
tf.quantization.fake_quant_with_min_max_args([.1,7.]), tf.quantization.fake_quant_with_min_max_vars([.1,7.],0.,6.), tf.quantization.quantize_and_dequantize([.1,.5],0.,1.) if hasattr(tf.quantization,'quantize_and_dequantize') else 0
# tables, lists
(lambda t: (t.lookup(C(['a','b','z'])), t.size(), t[C(['b'])]))(tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(['a','b'],[1,2]),-1))
(lambda t: (t.insert(C([1,2],tf.int64),C([1.,2.])), t.lookup(C([2,5],tf.int64)), t.size()))(tf.lookup.experimental.MutableHashTable(tf.int64,tf.float32,-1.))[1:]
(lambda t: t.lookup(C(['a','zz'])))(tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer(['a','b'],C([0,1],tf.int64)),3))
(lambda a: (a.write(0,1.).write(1,2.).stack(), a.size()))(tf.TensorArray(tf.float32,2))
tf.TensorArray(tf.int32,0,dynamic_size=True).unstack([1,2,3]).stack(), tf.TensorArray(tf.int32,3).unstack([1,2,3]).read(1)
tf.TensorArray(tf.float32,1).write(3,1.)
# control flow
tf.cond(C(True), lambda: 1, lambda: 2), tf.while_loop(lambda i: i<5, lambda i: (i+1,), (C(0),)), tf.case([(C(False), lambda: C(1)),(C(True), lambda: C(2))]), tf.switch_case(C(1),[lambda: C(5), lambda: C(6)])
tf.map_fn(lambda x: x*2, C([1,2,3])), tf.scan(lambda a,x: a+x, C([1,2,3])), tf.foldl(lambda a,x: a+x, C([1,2,3])), tf.foldr(lambda a,x: a-x, C([1,2,3])), tf.vectorized_map(lambda x: x+1, C([1,2]))
tf.while_loop(lambda i,s: i<3, lambda i,s: [i+1,s*2.], [C(0),C(1.)])
tf.nest.flatten({'b':[1,2],'a':(3,)}), tf.nest.map_structure(lambda x: x+1, {'a':[1,2]}), tf.nest.pack_sequence_as([1,[2]],[3,4])
tf.function(lambda x: x+1)(C(1)), tf.function(lambda x: x+1, input_signature=[tf.TensorSpec([None],tf.float32)])([1.,2.])
tf.function(lambda x: x+1).get_concrete_function(tf.TensorSpec([],tf.float32))(C(1.))
tf.numpy_function(lambda x: x+1, [C([1.])], tf.float32), tf.py_function(lambda x: x*2, [C(2)], tf.int32)
# raw ops
tf.raw_ops.AddV2(x=1,y=2), tf.raw_ops.Sum(input=[[1,2]],axis=1), tf.raw_ops.Squeeze(input=[[1]],axis=[0]), tf.raw_ops.Split(axis=0,value=[1,2],num_split=2), tf.raw_ops.Pack(values=[1,2],axis=0)
tf.raw_ops.AddV2(1,2)
tf.raw_ops.AddV2(x=1)
tf.raw_ops.AddV2(x=1,y=2.5)
tf.raw_ops.TopKV2(input=[1.,3.,2.],k=2), tf.raw_ops.Unique(x=[1,1,2]), tf.raw_ops.Cast(x=[1.5],DstT=tf.int32), tf.raw_ops.NoOp()
# variables
V([1.,2.]).numpy(), V([1.,2.]) + 1, V(3) * V(2), V([1.,2.])[0], V([[1,2],[3,4]])[1,:], float(V(2.5)), [x.numpy() for x in V([1,2])]
(lambda v: (v.assign([3.,4.]), v.assign_add([1.,1.]), v.assign_sub([.5,.5]), v.value(), v.read_value()))(V([1.,2.]))
(lambda v: (v[0].assign(9.), v[1:].assign([8.,7.]), v.numpy()))(V([1.,2.,3.]))
(lambda v,s: (v.scatter_add(s), v.scatter_sub(s), v.scatter_update(s), v.scatter_mul(s), v.scatter_max(s), v.scatter_min(s), v.scatter_div(s)))(V([1.,2.,3.]), tf.IndexedSlices(C([5.]),C([1])))
(lambda v: (v.scatter_nd_add([[0]],[5.]), v.scatter_nd_sub([[1]],[1.]), v.scatter_nd_update([[2]],[7.]), v.numpy()))(V([1.,2.,3.]))
(lambda v: (v.sparse_read([1,0]), v.gather_nd([[1]]), tf.gather(v,[1])))(V([1.,2.,3.]))
(lambda v: (v.batch_scatter_update(tf.IndexedSlices(C([[5.],[6.]]),C([[1],[0]])))))(V([[1.,2.],[3.,4.]]))
V([1.,2.]).assign([1.,2.,3.])
V(1.).assign('a')
V(1.).assign(C(1))
V()
V(1.).eval()
V(1.).initializer
hash(V(1.))
V(1., dtype=tf.float64), V(lambda: 5), V([1,2], trainable=False).trainable, V(1.,name='abc').name, V([1.]).shape, V([1.]).dtype, V(1.).trainable
V([[1.,2.]], shape=tf.TensorShape([None,2])).assign([[1.,2.],[3.,4.]])
np.asarray(V([1,2])), tf.convert_to_tensor(V([1.])), tf.reduce_sum(V([1.,2.])), tf.matmul(V([[1.]]),[[2.]]), tf.identity(V(1.)), V([1,2])==[1,3]
(lambda v: (tf.raw_ops.AssignVariableOp(resource=v.handle, value=5.), tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=tf.float32), v.is_initialized()))(V(1.))[1:]
V(5).count_up_to(6)
# ragged, sparse
tf.ragged.constant([[1],[2,3],[]]).to_tensor(), tf.ragged.constant([[1],[2,3]]).row_splits, tf.ragged.constant([[1],[2,3]]).row_lengths(), tf.ragged.constant([[1],[2,3]]).shape, tf.ragged.constant([['a'],['b','c']]).to_list()
tf.RaggedTensor.from_row_splits([1,2,3],[0,1,3]).values, tf.RaggedTensor.from_row_lengths([1,2,3],[2,1]).to_list(), tf.RaggedTensor.from_value_rowids([1,2,3],[0,0,2]).to_list(), tf.RaggedTensor.from_tensor([[1,2],[3,4]],lengths=[1,2]).to_list()
tf.ragged.constant([[1],[2,3]])[1], tf.ragged.constant([[1],[2,3]])[1:].to_list(), (tf.ragged.constant([[1],[2,3]])+1).to_list(), tf.reduce_sum(tf.ragged.constant([[1],[2,3]]),axis=1), tf.reduce_sum(tf.ragged.constant([[1],[2,3]])), tf.ragged.range([2,3]).to_list()
tf.ragged.constant([[1],[2,3]]).to_sparse(), tf.concat([tf.ragged.constant([[1],[2]]),tf.ragged.constant([[3,4]])],0).to_list(), tf.ragged.stack([[1],[2,3]]).to_list(), tf.gather([10,20,30,40],tf.ragged.constant([[1],[2,3]])).to_list()
tf.sparse.from_dense([[1,0],[0,2]]), tf.sparse.to_dense(tf.sparse.from_dense([[1,0],[0,2]])), tf.sparse.reorder(tf.SparseTensor([[1,0],[0,0]],[1,2],[2,2])), tf.sparse.reduce_sum(tf.sparse.from_dense([[1,0],[0,2]]),axis=0), tf.sparse.sparse_dense_matmul(tf.sparse.from_dense([[1.,0.],[0.,2.]]),[[1.],[2.]])
tf.sparse.slice(tf.sparse.from_dense([[1,0],[0,2]]),[0,0],[1,2]), tf.sparse.concat(0,[tf.sparse.from_dense([[1]]),tf.sparse.from_dense([[2]])]), tf.sparse.transpose(tf.sparse.from_dense([[1,5],[0,2]])), tf.sparse.add(tf.sparse.from_dense([[1]]),tf.sparse.from_dense([[2]])), tf.sparse.retain(tf.sparse.from_dense([[1,2]]),[True,False]), tf.sparse.reshape(tf.sparse.from_dense([[1,2]]),[2,1])
# assertions
tf.debugging.assert_equal([1],[1]), tf.debugging.assert_less([1],[2]), tf.debugging.check_numerics([1.],'m')
tf.debugging.assert_equal([1],[2])
tf.debugging.assert_greater([1],[2])
tf.debugging.assert_rank([[1]],1)
tf.debugging.assert_positive([-1])
tf.debugging.check_numerics([float('nan')],'m')
tf.debugging.assert_type(C(1),tf.float32)
tf.ensure_shape([1,2],[3])
# shapes and specs
tf.TensorShape([1,None]), tf.TensorShape(None), tf.TensorShape([2,3])[1:], tf.TensorShape([2])+[3], tf.TensorShape([2,3]).num_elements(), tf.TensorShape([None,2]).is_compatible_with([5,2]), tf.TensorShape([None,2]).merge_with([3,None]), tf.TensorShape([1])==[1]
tf.TensorSpec([None,2],tf.int32,'x'), tf.TensorSpec.from_tensor(C([1])), tf.TensorSpec([None],tf.float32).is_compatible_with(C([1.,2.]))
tf.as_dtype('float32'), tf.float32.size, tf.int8.max, tf.uint8.min, tf.float32.is_floating, tf.int32 == np.int32, tf.as_dtype(np.int64), tf.float16.as_numpy_dtype, tf.complex64.real_dtype, tf.dtypes.as_dtype('int8') if hasattr(tf.dtypes,'as_dtype') else 0
tf.io.parse_example(EXAMPLE, {'a': tf.io.FixedLenFeature([2],tf.int64),'b': tf.io.VarLenFeature(tf.string),'c': tf.io.FixedLenFeature([],tf.float32,1.5)})
tf.io.parse_single_example(EXAMPLE[0], {'a': tf.io.FixedLenFeature([2],tf.int64)})
"""

TEXTS = r"""
C(1)
C([1,2])
C([[1.5,2.],[3.,4.]])
C('a')
C(['a','é'])
C(True)
C(1+2j)
C(1.1)
C([])
C(1, tf.int8)
C(1.5, tf.bfloat16)
C(np.float64(0.1))
C([float('nan'), float('inf')])
tf.zeros([2,0])
tf.range(2000)
V(1.)
V([1,2], name='w')
V([[1.,2.],[3.,4.]])
V('s')
V(1.).assign(2.)
V([1.,2.])[0]
tf.ragged.constant([[1],[2,3]])
tf.ragged.constant([['a'],['b','c']])
tf.ragged.constant([[[1],[2,3]],[[4]]])
tf.ragged.constant([[1.5],[]])
tf.sparse.from_dense([[1,0],[0,2]])
tf.TensorShape([1,None])
tf.TensorShape(None)
tf.float32
tf.TensorSpec([None,2],tf.int32,'x')
C([1,2]).shape
C(1).device
tf.raw_ops.TopKV2(input=[1.,3.,2.],k=2)
f"{C(1.5)} {C(3):03d} {C(1.5):.2f} {C([1,2])}"
tf.IndexedSlices(C([1.]),C([0])).__str__()
tf.constant(1).numpy(), type(tf.constant(1).numpy()).__name__, type(tf.constant([1]).numpy()).__name__, type(tf.constant('a').numpy()).__name__
"""

ERRORS = r"""
C(1) + 1.5
1.5 + C(1)
C(1) * 1.5
C(1) + C(1.5)
C([1,2]) / C([1.,2.])
C(1.5, tf.int32)
C('a', tf.int32)
C(1, tf.string)
C([1.5], tf.int32)
C([[1],[1,2]])
C([1,'a'])
C(None)
C([1,2], shape=[3])
tf.convert_to_tensor(C(1), tf.float32)
C([1,2,3])['a']
C([1,2,3])[1.0]
hash(C(1))
len(C(1))
list(C(1))
int(C([1,2]))
bool(C([1,2]))
C(1).graph
C(1).name
C(1).op
C(1).eval()
V([1.,2.]).assign([1.,2.,3.])
V(1.).assign('a')
V(1.).assign(C(1))
V()
hash(V(1.))
tf.raw_ops.AddV2(1,2)
tf.raw_ops.AddV2(x=1,y=C(2.))
tf.debugging.assert_equal([1],[2])
tf.debugging.assert_type(C(1),tf.float32)
tf.cast('1', tf.complex64) if False else C('a', tf.float32)
tf.TensorShape([2]).merge_with([3])
tf.TensorShape(None).as_list()
tf.expand_dims([1])
tf.boolean_mask([1,2],True)
tf.random.uniform([1],dtype=tf.int32)
"""
