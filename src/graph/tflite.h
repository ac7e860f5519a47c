/* SPDX-License-Identifier: Apache-2.0
 *
 * tflite.h: what the files that read a .tflite file share. Nobody else
 * includes it.
 *
 *   from_tflite.c     the model: version, operator codes, subgraphs, signatures
 *   tflite_sniff.c    what a file that is no TFLite model looks like
 *   tflite_tensors.c  tensors: names, types, shapes, constants
 *   tflite_quant.c    their quantization
 *   tflite_sparse.c   sparse constants made dense
 *   tflite_nodes.c    operators
 *   tflite_flex.c     custom operators that are TensorFlow's
 *
 * A file may lie. FlatBuffer tables, lists and strings may be shared, so that a
 * small file can describe an enormous model; three budgets, in proportion to
 * the file, stop that: list elements and name bytes walked (time), bytes of the
 * model's arena, and bytes of constants that need memory of their own.
 */
#ifndef UFI_TFLITE_H
#define UFI_TFLITE_H

#include "graph/graph.h"

/* Fields of the schema's tables, by position. A union takes two. */
enum {
  MODEL_VERSION, MODEL_OPERATOR_CODES, MODEL_SUBGRAPHS, MODEL_DESCRIPTION, MODEL_BUFFERS,
  MODEL_METADATA_BUFFER, MODEL_METADATA, MODEL_SIGNATURE_DEFS, MODEL_EXTERNAL_GROUPS,
  MODEL_EXTERNAL_BUFFERS,
};
enum { CODE_DEPRECATED_BUILTIN, CODE_CUSTOM, CODE_VERSION, CODE_BUILTIN };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS, GRAPH_NAME };
enum {
  TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BUFFER, TENSOR_NAME, TENSOR_QUANTIZATION, TENSOR_IS_VARIABLE,
  TENSOR_SPARSITY, TENSOR_SHAPE_SIGNATURE, TENSOR_HAS_RANK, TENSOR_VARIANTS,
  TENSOR_EXTERNAL_BUFFER,
};
enum {
  QUANT_MIN, QUANT_MAX, QUANT_SCALE, QUANT_ZERO_POINT, QUANT_DETAILS_TYPE, QUANT_DETAILS,
  QUANT_DIMENSION,
};
enum { DETAILS_NONE, DETAILS_CUSTOM, DETAILS_BLOCKWISE, DETAILS_MULTI_AXIS };
enum { BLOCKWISE_SCALES, BLOCKWISE_ZERO_POINTS, BLOCKWISE_BLOCK_SIZE, BLOCKWISE_BLOCK_SHAPE };
enum { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };
enum {
  OPERATOR_CODE, OPERATOR_INPUTS, OPERATOR_OUTPUTS, OPERATOR_OPTIONS_TYPE, OPERATOR_OPTIONS,
  OPERATOR_CUSTOM_OPTIONS, OPERATOR_CUSTOM_FORMAT, OPERATOR_MUTATING, OPERATOR_INTERMEDIATES,
  OPERATOR_LARGE_OFFSET, OPERATOR_LARGE_SIZE, OPERATOR_OPTIONS2_TYPE, OPERATOR_OPTIONS2,
};
enum { METADATA_NAME, METADATA_BUFFER };
enum { MAP_NAME, MAP_TENSOR };
enum { SIGNATURE_INPUTS, SIGNATURE_OUTPUTS, SIGNATURE_KEY, SIGNATURE_TAG, SIGNATURE_SUBGRAPH };
enum { SPARSITY_ORDER, SPARSITY_BLOCK_MAP, SPARSITY_DIMS };
enum { DIM_FORMAT, DIM_DENSE_SIZE, DIM_SEGMENTS_TYPE, DIM_SEGMENTS, DIM_INDICES_TYPE, DIM_INDICES };
enum { EXTERNAL_ID, EXTERNAL_GROUP, EXTERNAL_OFFSET, EXTERNAL_LENGTH };

/* BuiltinOperator CUSTOM: the operator code's custom_code is its name. */
#define UFI_TFLITE_CUSTOM 32

/* An operator code of the file, resolved. */
typedef struct ufi_tflite_code {
  const ufi_op_row *row;      /* NULL: not supported */
  const char *name;
  const char *unsupported;    /* why row is NULL */
  const uf_op_definition *user; /* the caller's own op; NULL: none */
  int32_t code, version;
} ufi_tflite_code;

typedef struct ufi_tflite {
  uf_model *model;
  uf_error *error;
  const uint8_t *bytes;       /* the whole file; the FlatBuffer is in front */
  size_t size;
  ufi_fb fb;
  ufi_fb_vector buffers, external_buffers;
  ufi_tflite_code *codes;
  uint32_t n_codes;
  size_t work, work_limit;    /* elements and bytes walked */
  size_t arena_limit;
  size_t owned, owned_limit;  /* bytes of constants that are not in the file as they are */
  const int64_t *zeros;       /* zero points of quantizations that store none */
  size_t n_zeros;
  bool says_rank;             /* a tensor has has_rank set: then [] without it is no scalar */
  const char **blocked;       /* of the graph being read, by value: why ops cannot use it, or
                                 NULL; NULL as a whole: nothing is blocked */
} ufi_tflite;

/* The first error of the FlatBuffer reader, if any. */
uf_status ufi_tflite_ok(const ufi_tflite *r);
/* Takes from the budgets; DATA_LOSS or RESOURCE_EXHAUSTED when one is used up. */
uf_status ufi_tflite_spend(ufi_tflite *r, size_t units);
uf_status ufi_tflite_own(ufi_tflite *r, size_t bytes);
/* Arena memory, zeroed; NULL with r->error set when out of memory or budget. */
void *ufi_tflite_array(ufi_tflite *r, size_t count, size_t size);
/* Copies a list of int32 into the arena (the file may change under its
 * mapping; checked numbers must not). */
uf_status ufi_tflite_ints(ufi_tflite *r, const ufi_fb_table *table, int field,
                          const int32_t **out, int32_t *n_out);
/* A part of the file, by 64-bit offset. */
uf_status ufi_tflite_part(ufi_tflite *r, uint64_t offset, uint64_t size, const uint8_t **data_out,
                          size_t *size_out);
/* The bytes of buffer i: in the FlatBuffer or behind it. size 0: none. */
uf_status ufi_tflite_buffer(ufi_tflite *r, uint32_t i, const uint8_t **data_out, size_t *size_out);
/* Ops that take or make value i of the graph cannot run, for `reason` (in the
 * arena or static). The first reason stays. */
uf_status ufi_tflite_block(ufi_tflite *r, const ufi_graph *graph, int32_t i, const char *reason);
/* A printf into the arena; NULL when out of memory. */
const char *ufi_tflite_text(ufi_tflite *r, const char *format, ...) UF_PRINTF(2, 3);

/* INVALID_ARGUMENT: says what the file seems to be instead of a TFLite model. */
uf_status ufi_tflite_sniff(const uint8_t *bytes, size_t size, uf_error *error);

/* All tensors of one subgraph into graph->values. */
uf_status ufi_tflite_tensors(ufi_tflite *r, ufi_graph *graph, const ufi_fb_table *subgraph);
/* The quantization of one tensor. Blockwise quantization refers to other
 * tensors and is left to ufi_tflite_blockwise, when all of them are read. */
uf_status ufi_tflite_quant(ufi_tflite *r, ufi_graph *graph, int32_t i, const ufi_fb_table *tensor);
uf_status ufi_tflite_blockwise(ufi_tflite *r, ufi_graph *graph, int32_t i,
                               const ufi_fb_table *tensor);
/* The dense bytes of sparse constant i, whose stored values are `data`. */
uf_status ufi_tflite_densify(ufi_tflite *r, ufi_graph *graph, int32_t i,
                             const ufi_fb_table *sparsity, const uint8_t *data, size_t size);
/* All operators of one subgraph into graph->nodes. */
uf_status ufi_tflite_nodes(ufi_tflite *r, ufi_graph *graph, const ufi_fb_table *subgraph);
/* A custom op that is one of TensorFlow: its name begins with "Flex", or is known. */
bool ufi_is_flex(const ufi_tflite_code *code);
/* Gives it the row and attributes of that op, or says in node->unsupported why there are none. */
uf_status ufi_tflite_flex(ufi_tflite *r, const ufi_graph *graph, ufi_node *node, const ufi_tflite_attrs *from);

#endif
