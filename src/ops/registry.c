/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.c: the rows of ops.def as a table, and the look-ups in it.
 *
 * Look-ups by TFLite's names walk the table: they happen once per operator code
 * of a file. Those by TensorFlow's names go through a hash made at the first.
 */
#include <pthread.h>

#include "ops/op.h"

#define OP(name, code, custom, tf, min_in, max_in, min_out, max_out, flags) \
  extern const ufi_op_def ufi_op_##name;
#include "ops/ops.def"
#undef OP

static const ufi_op_row rows[] = {
#define OP(name, code, custom, tf, min_in, max_in, min_out, max_out, flags) \
  {#name, &ufi_op_##name, code, custom, tf, min_in, max_in, min_out, max_out, flags},
#include "ops/ops.def"
#undef OP
  {0}, /* so that the table is never empty; not counted */
};
#define N_ROWS ((int32_t)UFI_COUNT(rows) - 1)

/* TFLite's BuiltinOperator, by its value, supported or not. */
static const char *const tflite_names[] = {
  "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
  "DEQUANTIZE", "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP",
  "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC",
  "LSH_PROJECTION", "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE",
  "RESIZE_BILINEAR", "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS",
  "SKIP_GRAM", "CALL", "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD",
  "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND",
  "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE",
  "BIDIRECTIONAL_SEQUENCE_RNN", "EXP", "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE",
  "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU", "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS",
  "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "SELECT", "SLICE", "SIN",
  "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG",
  "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN", "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX",
  "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT", "UNPACK", "REDUCE_MIN",
  "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE", "FILL", "FLOOR_MOD", "RANGE",
  "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS", "SPLIT_V",
  "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU",
  "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF",
  "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2",
  "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL", "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM",
  "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D", "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE",
  "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE",
  "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL",
  "BUCKETIZE", "RANDOM_UNIFORM", "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1",
  "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "ATAN2",
  "UNSORTED_SEGMENT_MIN", "SIGN", "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT", "STABLEHLO_LOGISTIC",
  "STABLEHLO_ADD", "STABLEHLO_DIVIDE", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM",
  "STABLEHLO_RESHAPE", "STABLEHLO_CLAMP", "STABLEHLO_CONCATENATE", "STABLEHLO_BROADCAST_IN_DIM",
  "STABLEHLO_CONVOLUTION", "STABLEHLO_SLICE", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_REDUCE",
  "STABLEHLO_ABS", "STABLEHLO_AND", "STABLEHLO_COSINE", "STABLEHLO_EXPONENTIAL",
  "STABLEHLO_FLOOR", "STABLEHLO_LOG", "STABLEHLO_MINIMUM", "STABLEHLO_NEGATE", "STABLEHLO_OR",
  "STABLEHLO_POWER", "STABLEHLO_REMAINDER", "STABLEHLO_RSQRT", "STABLEHLO_SELECT",
  "STABLEHLO_SUBTRACT", "STABLEHLO_TANH", "STABLEHLO_SCATTER", "STABLEHLO_COMPARE",
  "STABLEHLO_CONVERT", "STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE",
  "STABLEHLO_PAD", "STABLEHLO_IOTA", "STABLEHLO_DOT_GENERAL", "STABLEHLO_REDUCE_WINDOW",
  "STABLEHLO_SORT", "STABLEHLO_WHILE", "STABLEHLO_GATHER", "STABLEHLO_TRANSPOSE", "DILATE",
  "STABLEHLO_RNG_BIT_GENERATOR", "REDUCE_WINDOW", "STABLEHLO_COMPOSITE", "STABLEHLO_SHIFT_LEFT",
  "STABLEHLO_CBRT", "STABLEHLO_CASE",
};

const ufi_op_row *ufi_op_row_at(int32_t i) { return i >= 0 && i < N_ROWS ? &rows[i] : NULL; }

const ufi_op_row *ufi_op_by_tflite(int32_t code) {
  if (code < 0) return NULL; /* -1 in a row means that TFLite has no such op */
  for (int32_t i = 0; i < N_ROWS; i++) {
    if (rows[i].tflite_code == code) return &rows[i];
  }
  return NULL;
}

const ufi_op_row *ufi_op_by_custom(const char *name) {
  if (name[0] == 0) return NULL;
  for (int32_t i = 0; i < N_ROWS; i++) {
    if (strcmp(rows[i].custom_name, name) == 0) return &rows[i];
  }
  return NULL;
}

/* TensorFlow names to rows: made once, since graphs of many nodes ask for each. */
static ufi_names *tf_names;
static pthread_once_t tf_names_once = PTHREAD_ONCE_INIT;
static char tf_words[sizeof(
#define OP(name, code, custom, tf, min_in, max_in, min_out, max_out, flags) tf " "
#include "ops/ops.def"
#undef OP
)];

static void make_tf_names(void) {
  ufi_names *names = ufi_names_create(N_ROWS);
  char *to = tf_words;
  for (int32_t i = 0; names && i < N_ROWS; i++) {
    for (const char *at = rows[i].tf_names; *at; at += strspn(at, " ")) {
      size_t n = strcspn(at, " ");
      memcpy(to, at, n);
      to[n] = 0;
      if (!ufi_names_add(names, to, i)) return ufi_names_destroy(names);
      to += n + 1;
      at += n;
    }
  }
  tf_names = names;
}

const ufi_op_row *ufi_op_by_tf(const char *name) {
  pthread_once(&tf_names_once, make_tf_names);
  int32_t i = tf_names ? ufi_names_find(tf_names, name) : -1;
  return i < 0 ? NULL : &rows[i];
}

const ufi_op_row *ufi_op_row_by_name(const char *name) {
  for (int32_t i = 0; i < N_ROWS; i++) {
    if (strcmp(rows[i].name, name) == 0) return &rows[i];
  }
  return NULL;
}

const char *ufi_tflite_op_name(int32_t code) {
  return code >= 0 && code < (int32_t)UFI_COUNT(tflite_names) ? tflite_names[code] : NULL;
}

/* Builtins that no library can run, and what a node of theirs is told. */
static const struct gap { int32_t code; const char *why, *message; } gaps[] = {
  {29, "declared by TensorFlow Lite, but defined nowhere",
   "expected an op that is defined, found one that TensorFlow Lite declares but defines nowhere; convert the model "
   "again"},
  {32, "stands for custom ops, which run by their names", NULL},
  {51, "stands for nodes that a delegate took over in a running interpreter",
   "expected an op, found what stands for nodes that a delegate took over in some interpreter; save the model without "
   "it"},
  {127, "says that the code is in a newer field of the file",
   "expected an op, found what says that its code is in a newer field of the file, which is not there; the file is "
   "damaged"},
  {173, "calls code that is not in the model",
   "expected an op that the model defines, found a call of code outside of it; convert the model without custom calls"},
};

static const struct gap *gap_of(int32_t code) {
  for (size_t i = 0; i < UFI_COUNT(gaps); i++) {
    if (gaps[i].code == code) return &gaps[i];
  }
  return NULL;
}

const char *ufi_tflite_op_missing(int32_t code) {
  const struct gap *gap = gap_of(code);
  return gap && gap->message ? gap->message
                             : "expected an op of this library, found an op of TFLite that it does not have yet";
}

uf_dtype ufi_dtype_from_tflite(int32_t code) {
  static const struct { int32_t code; uf_dtype dtype; } table[] = {
#define X(name, text, bits, tflite, tf) {tflite, UF_##name},
    UF_DTYPE_LIST(X)
#undef X
  };
  for (size_t i = 0; code >= 0 && i < UFI_COUNT(table); i++) {
    if (table[i].code == code) return table[i].dtype;
  }
  return UF_INVALID;
}

const char *uf_op_name(int32_t i, int32_t *tflite_code_out, const char **tf_names_out) {
  const ufi_op_row *row = ufi_op_row_at(i);
  if (!row) return NULL;
  if (tflite_code_out) *tflite_code_out = row->tflite_code;
  if (tf_names_out) *tf_names_out = row->tf_names;
  return row->name;
}

static void fill_info(const ufi_op_row *row, uf_op_info *out) {
  *out = (uf_op_info){.name = row->name, .tflite_code = row->tflite_code, .custom_name = row->custom_name,
                      .tf_names = row->tf_names, .min_in = row->min_in, .max_in = row->max_in, .min_out = row->min_out,
                      .max_out = row->max_out};
}

bool uf_op_about(int32_t i, uf_op_info *out) {
  const int32_t n_builtins = (int32_t)UFI_COUNT(tflite_names);
  if (i < 0) return false;
  if (i < n_builtins) {
    const ufi_op_row *row = ufi_op_by_tflite(i);
    const struct gap *gap = gap_of(i);
    if (row) fill_info(row, out);
    else *out = (uf_op_info){.name = tflite_names[i], .tflite_code = i, .custom_name = "", .tf_names = "",
                             .missing = gap ? gap->why : "not in this library yet"};
    return true;
  }
  int32_t at = n_builtins;
  for (int32_t r = 0; r < N_ROWS; r++) {
    if (rows[r].tflite_code >= 0 || at++ < i) continue;
    fill_info(&rows[r], out);
    return true;
  }
  return false;
}
