/* SPDX-License-Identifier: Apache-2.0
 *
 * tflite_quant.c: a tensor's quantization parameters.
 *
 * Affine quantization: one scale and zero point for the tensor, or one for each
 * index of dimension quantized_dimension. Blockwise: the scales are another
 * tensor of the same subgraph, one for each block along the last dimension.
 * Scales are used where they lie in the file.
 *
 * The model promises: count is 1 or the extent of dimension `axis` (while the
 * shape is the file's); zero_points is never NULL.
 */
#include "graph/tflite.h"

/* n zeros that all quantizations without zero points share. */
static const int64_t *zeros(ufi_tflite *r, size_t n) {
  if (n > r->n_zeros) {
    const int64_t *more = ufi_tflite_array(r, n, sizeof *more);
    if (!more) return NULL;
    r->zeros = more;
    r->n_zeros = n;
  }
  return r->zeros;
}

/* Floats at `data`, in place when they are aligned. */
static const float *floats(ufi_tflite *r, const uint8_t *data, size_t n) {
  if ((uintptr_t)data % sizeof(float) == 0) return (const float *)(const void *)data;
  float *copy = ufi_tflite_array(r, n, sizeof *copy);
  if (copy) memcpy(copy, data, n * sizeof *copy);
  return copy;
}

/* One zero point stands for all scales; those that are missing are 0. */
static const int64_t *zero_points(ufi_tflite *r, const ufi_fb_vector *stored, size_t n) {
  if (stored->count == 0) return zeros(r, n);
  if (stored->count >= n && (uintptr_t)stored->data % sizeof(int64_t) == 0) {
    return (const int64_t *)(const void *)stored->data;
  }
  int64_t *copy = ufi_tflite_array(r, n, sizeof *copy);
  for (size_t i = 0; copy && i < n; i++) {
    if (stored->count == 1) copy[i] = ufi_fb_vec_i64(stored, 0);
    else if (i < stored->count) copy[i] = ufi_fb_vec_i64(stored, (uint32_t)i);
  }
  return copy;
}

/* Some converters write the weights' dimension into the bias, or one that the
 * tensor does not have; TFLite's kernels go by the count. -1: no dimension has
 * that extent. */
static int32_t find_axis(const ufi_value *value, int32_t axis, size_t count) {
  if (axis >= 0 && axis < value->rank && value->dims[axis] == (int64_t)count) return axis;
  for (int32_t d = 0; d < value->rank; d++) {
    if (value->dims[d] == (int64_t)count) return d;
  }
  return -1;
}

static uf_status read_affine(ufi_tflite *r, ufi_graph *graph, int32_t i,
                             const ufi_fb_table *table) {
  ufi_value *value = &graph->values[i];
  ufi_fb_vector scales = ufi_fb_vec(table, QUANT_SCALE, 4);
  ufi_fb_vector zero = ufi_fb_vec(table, QUANT_ZERO_POINT, 8);
  int32_t axis = ufi_fb_i32(table, QUANT_DIMENSION, 0);
  UFI_TRY(ufi_tflite_ok(r));
  if (scales.count == 0) return UF_OK;
  if (scales.count > 1) {
    UFI_TRY(ufi_tflite_spend(r, scales.count));
    int32_t found = find_axis(value, axis, scales.count);
    if (found < 0) {
      char shape[UFI_SHAPE_TEXT];
      return ufi_tflite_block(r, graph, i, ufi_tflite_text(r,
          "expected one scale, or one for each index of dimension %d of tensor '%.64s' %s, found "
          "%u scales", (int)axis, value->name, ufi_shape_text(value->rank, value->dims, shape),
          scales.count));
    }
    axis = found;
  }
  uf_quant *quant = ufi_tflite_array(r, 1, sizeof *quant);
  if (!quant) return UF_RESOURCE_EXHAUSTED;
  quant->count = scales.count;
  quant->axis = axis;
  quant->scales = floats(r, scales.data, scales.count);
  quant->zero_points = zero_points(r, &zero, scales.count);
  if (!quant->scales || !quant->zero_points) return UF_RESOURCE_EXHAUSTED;
  value->quant = quant;
  return UF_OK;
}

uf_status ufi_tflite_quant(ufi_tflite *r, ufi_graph *graph, int32_t i, const ufi_fb_table *tensor) {
  ufi_fb_table table = ufi_fb_sub(tensor, TENSOR_QUANTIZATION);
  uint8_t details = ufi_fb_u8(&table, QUANT_DETAILS_TYPE, DETAILS_NONE);
  UFI_TRY(ufi_tflite_ok(r));
  if (!table.fb || details == DETAILS_BLOCKWISE) return UF_OK;
  if (details == DETAILS_NONE || details == DETAILS_CUSTOM) return read_affine(r, graph, i, &table);
  return ufi_tflite_block(r, graph, i, ufi_tflite_text(r,
      "expected affine or blockwise quantization, found %s quantization in tensor '%.64s'",
      details == DETAILS_MULTI_AXIS ? "multi-axis" : "an unknown kind of",
      graph->values[i].name));
}

/* ---- blockwise -------------------------------------------------------------------- */

/* The constant that blockwise quantization names; NULL: there is none like that. */
static const ufi_value *parameter(const ufi_graph *graph, int32_t index) {
  if (index < 0 || index >= graph->n_values) return NULL;
  const ufi_value *value = &graph->values[index];
  return value->kind == UF_VALUE_CONSTANT && value->data ? value : NULL;
}

static int64_t count_of(const ufi_value *value) {
  int64_t count = 1;
  for (int32_t d = 0; d < value->rank; d++) count *= value->dims[d];
  return count;
}

static const float *block_scales(ufi_tflite *r, const ufi_value *from, int64_t n) {
  if (from->dtype == UF_FLOAT32) return from->data; /* aligned, as all constants */
  float *scales = ufi_tflite_array(r, (size_t)n, sizeof *scales);
  const uint16_t *half = from->data;
  for (int64_t k = 0; scales && k < n; k++) scales[k] = ufi_half_to_float(half[k]);
  return scales;
}

static const int64_t *block_zeros(ufi_tflite *r, const ufi_value *from, int64_t n) {
  if (!from) return zeros(r, (size_t)n);
  int64_t *points = ufi_tflite_array(r, (size_t)n, sizeof *points);
  for (int64_t k = 0; points && k < n; k++) {
    switch (from->dtype) {
      case UF_INT8: points[k] = ((const int8_t *)from->data)[k]; break;
      case UF_UINT8: points[k] = ((const uint8_t *)from->data)[k]; break;
      case UF_INT32: points[k] = ((const int32_t *)from->data)[k]; break;
      default: points[k] = ((const int64_t *)from->data)[k]; break;
    }
  }
  return points;
}

/* Why these parameters do not fit the value, or NULL. */
static const char *check_blocks(const ufi_value *value, int32_t block, const ufi_value *scales,
                                bool wants_zeros, const ufi_value *zero) {
  if (block <= 0 || value->rank < 1) return "a block size or a shape that is impossible";
  int64_t last = value->dims[value->rank - 1];
  if (last % block != 0) return "a last dimension that is not a whole number of blocks";
  if (!scales || (scales->dtype != UF_FLOAT16 && scales->dtype != UF_FLOAT32)) {
    return "scales that are no float16 or float32 constant";
  }
  int64_t n = count_of(value) / block;
  if (count_of(scales) != n || n == 0) return "another number of scales than of blocks";
  if (!wants_zeros) return NULL;
  if (!zero || count_of(zero) != n) return "another number of zero points than of blocks";
  if (zero->dtype != UF_INT8 && zero->dtype != UF_UINT8 && zero->dtype != UF_INT32 &&
      zero->dtype != UF_INT64) {
    return "zero points that are no integers";
  }
  return NULL;
}

static uf_status read_blockwise(ufi_tflite *r, ufi_graph *graph, int32_t i,
                                const ufi_fb_table *table, int32_t axis) {
  ufi_value *value = &graph->values[i];
  int32_t block = ufi_fb_i32(table, BLOCKWISE_BLOCK_SIZE, 0);
  int32_t zero_index = ufi_fb_i32(table, BLOCKWISE_ZERO_POINTS, 0);
  int32_t scale_index = ufi_fb_i32(table, BLOCKWISE_SCALES, 0);
  ufi_fb_vector shape = ufi_fb_vec(table, BLOCKWISE_BLOCK_SHAPE, 4);
  UFI_TRY(ufi_tflite_ok(r));
  const ufi_value *scales = parameter(graph, scale_index);
  const ufi_value *zero = zero_index < 0 ? NULL : parameter(graph, zero_index);
  const char *wrong = shape.count > 0 ? "blocks of more than one dimension"
                      : check_blocks(value, block, scales, zero_index >= 0, zero);
  if (wrong) {
    return ufi_tflite_block(r, graph, i, ufi_tflite_text(r,
        "expected blockwise quantization with a scale for each block of the last dimension, found "
        "%s in tensor '%.64s'", wrong, value->name));
  }
  int64_t n = count_of(scales);
  UFI_TRY(ufi_tflite_spend(r, (size_t)n));
  uf_quant *quant = ufi_tflite_array(r, 1, sizeof *quant);
  if (!quant) return UF_RESOURCE_EXHAUSTED;
  *quant = (uf_quant){.count = n, .axis = axis, .block_size = block};
  quant->scales = block_scales(r, scales, n);
  quant->zero_points = block_zeros(r, zero, n);
  if (!quant->scales || !quant->zero_points) return UF_RESOURCE_EXHAUSTED;
  value->quant = quant;
  return UF_OK;
}

uf_status ufi_tflite_blockwise(ufi_tflite *r, ufi_graph *graph, int32_t i,
                               const ufi_fb_table *tensor) {
  ufi_fb_table table = ufi_fb_sub(tensor, TENSOR_QUANTIZATION);
  uint8_t details = ufi_fb_u8(&table, QUANT_DETAILS_TYPE, DETAILS_NONE);
  UFI_TRY(ufi_tflite_ok(r));
  if (!table.fb || details != DETAILS_BLOCKWISE) return UF_OK;
  ufi_fb_table blockwise = ufi_fb_sub(&table, QUANT_DETAILS);
  return read_blockwise(r, graph, i, &blockwise, ufi_fb_i32(&table, QUANT_DIMENSION, 0));
}
