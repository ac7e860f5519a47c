/* SPDX-License-Identifier: Apache-2.0
 *
 * unflow.h: every tensor out of TensorFlow, as memory you can read.
 *
 * Read it from top to bottom:
 *
 *   status, error    every call that can fail returns a uf_status and fills a
 *                    uf_error that the caller owns (NULL: message not wanted)
 *   dtype            one table: what each TensorFlow type is
 *   buf              reference-counted memory; what arrays are views of
 *   tensor           a view of typed memory: dtype, shape, data, owner
 *   model            a file, read and checked: graphs, values, nodes, signatures
 *   custom ops       ops of one's own, for models that have them
 *   session          one execution of a model: inputs, run, read any tensor
 *   state            variables, state tensors and tables as values
 *   builder          a graph made call by call instead of read from a file
 *   conversion       dequantize
 *   source           named arrays of any file: checkpoints, graphs, models, archives
 *   output           arrays to .npz, .npy, .safetensors and checkpoints
 *   archive          .npz and .npy files
 *
 * Rules for all of it. A function named *_create, *_open or *_read gives the
 * caller something to release; *_retain and *_release count references. `const
 * char *` results are UTF-8 (as the file has them), end in NUL and live as long as the object asked. Out
 * parameters come last, end in `_out`, and are written on success only.
 * A model may be used by many threads at once; a session by one at a time.
 */
#ifndef UNFLOW_H
#define UNFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UF_VERSION "0.1.0"

#if defined(UF_BUILDING) && defined(__GNUC__)
#define UF_API __attribute__((visibility("default")))
#else
#define UF_API
#endif

#if defined(__GNUC__)
#define UF_MUST_USE __attribute__((warn_unused_result))
#define UF_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define UF_MUST_USE
#define UF_PRINTF(a, b)
#endif

/* ---- status ------------------------------------------------------------ */

/* X(enum suffix, text, Python exception in unflow.errors). The names and
 * meanings are those of TensorFlow's status codes. */
#define UF_STATUS_LIST(X)                                              \
  X(OK, "ok", "")                                                      \
  X(CANCELLED, "cancelled", "CancelledError")                          \
  X(UNKNOWN, "unknown", "UnknownError")                                \
  X(INVALID_ARGUMENT, "invalid argument", "InvalidArgumentError")      \
  X(NOT_FOUND, "not found", "NotFoundError")                           \
  X(ALREADY_EXISTS, "already exists", "AlreadyExistsError")            \
  X(PERMISSION_DENIED, "permission denied", "PermissionDeniedError")   \
  X(RESOURCE_EXHAUSTED, "out of memory", "ResourceExhaustedError")     \
  X(FAILED_PRECONDITION, "failed precondition", "FailedPreconditionError") \
  X(OUT_OF_RANGE, "out of range", "OutOfRangeError")                   \
  X(UNIMPLEMENTED, "unimplemented", "UnimplementedError")              \
  X(INTERNAL, "internal error", "InternalError")                       \
  X(UNAVAILABLE, "unavailable", "UnavailableError")                    \
  X(DATA_LOSS, "damaged data", "DataLossError")                        \
  X(WRONG_TYPE, "wrong type", "WrongTypeError")

typedef enum uf_status {
#define X(name, text, exception) UF_##name,
  UF_STATUS_LIST(X)
#undef X
  UF_STATUS_COUNT
} uf_status;

UF_API const char *uf_status_text(uf_status status);
/* Name of the class in unflow.errors that this status becomes in Python. */
UF_API const char *uf_status_exception(uf_status status);

/* Where a failing call puts its words: `<where>: expected A, found B; what to
 * do`. Owned by the caller; every function takes NULL. Zero it once. */
typedef struct uf_error {
  uf_status status;
  char message[2048];
} uf_error;

/* ---- dtype ------------------------------------------------------------- */

/* X(enum suffix, name, bits per element, TFLite TensorType or -1,
 *   TensorFlow DataType or -1, NumPy dtype that holds every value exactly,
 *   whether ml_dtypes has one of this name, which then is the better one).
 * Sub-byte types are packed, low bits first. STRING elements are uf_string,
 * RESOURCE elements int64_t ids of a store. */
#define UF_DTYPE_LIST(X)                                               \
  X(INVALID, "invalid", 0, -1, 0, "", 0)                               \
  X(FLOAT32, "float32", 32, 0, 1, "float32", 0)                        \
  X(FLOAT16, "float16", 16, 1, 19, "float16", 0)                       \
  X(BFLOAT16, "bfloat16", 16, 18, 14, "float32", 1)                    \
  X(FLOAT64, "float64", 64, 10, 2, "float64", 0)                       \
  X(FLOAT8_E4M3FN, "float8_e4m3fn", 8, 21, 25, "float32", 1)           \
  X(FLOAT8_E5M2, "float8_e5m2", 8, 22, 24, "float32", 1)               \
  X(COMPLEX64, "complex64", 64, 8, 8, "complex64", 0)                  \
  X(COMPLEX128, "complex128", 128, 11, 18, "complex128", 0)            \
  X(INT8, "int8", 8, 9, 6, "int8", 0)                                  \
  X(INT16, "int16", 16, 7, 5, "int16", 0)                              \
  X(INT32, "int32", 32, 2, 3, "int32", 0)                              \
  X(INT64, "int64", 64, 4, 9, "int64", 0)                              \
  X(UINT8, "uint8", 8, 3, 4, "uint8", 0)                               \
  X(UINT16, "uint16", 16, 16, 17, "uint16", 0)                         \
  X(UINT32, "uint32", 32, 15, 22, "uint32", 0)                         \
  X(UINT64, "uint64", 64, 12, 23, "uint64", 0)                         \
  X(INT4, "int4", 4, 17, 29, "int8", 1)                                \
  X(UINT4, "uint4", 4, 20, 30, "uint8", 1)                             \
  X(INT2, "int2", 2, 19, 31, "int8", 1)                                \
  X(BOOL, "bool", 8, 6, 10, "bool", 0)                                 \
  X(STRING, "string", 128, 5, 7, "object", 0)                          \
  X(RESOURCE, "resource", 64, 13, 20, "object", 0)                     \
  X(VARIANT, "variant", 64, 14, 21, "object", 0)                       \
  X(QINT8, "qint8", 8, -1, 11, "int8", 0)                              \
  X(QUINT8, "quint8", 8, -1, 12, "uint8", 0)                           \
  X(QINT16, "qint16", 16, -1, 15, "int16", 0)                          \
  X(QUINT16, "quint16", 16, -1, 16, "uint16", 0)                       \
  X(QINT32, "qint32", 32, -1, 13, "int32", 0)                          \
  X(FLOAT8_E4M3FNUZ, "float8_e4m3fnuz", 8, -1, 26, "float32", 1)       \
  X(FLOAT8_E4M3B11FNUZ, "float8_e4m3b11fnuz", 8, -1, 27, "float32", 1) \
  X(FLOAT8_E5M2FNUZ, "float8_e5m2fnuz", 8, -1, 28, "float32", 1)       \
  X(UINT2, "uint2", 2, -1, 32, "uint8", 1)                             \
  X(FLOAT4_E2M1FN, "float4_e2m1fn", 4, -1, 33, "float32", 1)

typedef enum uf_dtype {
#define X(name, text, bits, tflite, tf, numpy, ml) UF_##name,
  UF_DTYPE_LIST(X)
#undef X
  UF_DTYPE_COUNT
} uf_dtype;

/* "float32" and so on; "invalid" for what is no dtype. */
UF_API const char *uf_dtype_name(uf_dtype dtype);
/* Bits per element; 0 for UF_INVALID. */
UF_API int uf_dtype_bits(uf_dtype dtype);
/* The dtype of that name, or UF_INVALID. */
UF_API uf_dtype uf_dtype_from_name(const char *name);
/* The dtype of a TensorFlow DataType number; reference types (101 ...) are the
 * types they refer to. UF_INVALID for what is none. */
UF_API uf_dtype uf_dtype_from_tf(int64_t data_type);
/* TensorFlow's number for dtype, 0 for UF_INVALID. */
UF_API int32_t uf_dtype_tf(uf_dtype dtype);
/* TFLite's number for dtype, -1: a TFLite tensor cannot have it. */
UF_API int32_t uf_dtype_tflite(uf_dtype dtype);
/* The NumPy dtype that holds every value of dtype exactly: "float32" for bfloat16, "int8" for int4,
 * "object" for strings and handles; "" for UF_INVALID. *in_ml_dtypes_out (NULL is fine): whether
 * the package ml_dtypes has dtype itself under its own name. */
UF_API const char *uf_dtype_numpy(uf_dtype dtype, bool *in_ml_dtypes_out);

/* ---- buf --------------------------------------------------------------- */

/* Memory with a reference count (atomic) and a function that frees it. */
typedef struct uf_buf uf_buf;
typedef void (*uf_free_fn)(void *context);

/* size bytes, 64-byte aligned, uninitialised. NULL when out of memory. */
UF_API uf_buf *uf_buf_create(size_t size);
/* Wraps memory of the caller. free_fn(context) runs when the last reference
 * goes (NULL: never freed). NULL on out of memory: the caller still owns it. */
UF_API uf_buf *uf_buf_wrap(void *data, size_t size, uf_free_fn free_fn, void *context);
UF_API uf_buf *uf_buf_retain(uf_buf *buf); /* returns buf; NULL is fine */
UF_API void uf_buf_release(uf_buf *buf);   /* NULL is fine */
UF_API void *uf_buf_data(const uf_buf *buf);
UF_API size_t uf_buf_size(const uf_buf *buf);

/* ---- tensor ------------------------------------------------------------ */

#define UF_MAX_RANK 8

/* One element of a string tensor. The characters lie in the same buf. */
typedef struct uf_string {
  const char *data;
  size_t size;
} uf_string;

/* real = scale * (q - zero_point). count is 1 (whole tensor) or the extent of
 * dimension `axis`. Blockwise: block_size > 0, scales has one value for each
 * block of block_size along the last dimension, in row-major order. */
typedef struct uf_quant {
  int64_t count;               /* of scales and zero_points; 0: not quantized */
  const float *scales;
  const int64_t *zero_points;  /* never NULL when count > 0 */
  int32_t axis;
  int32_t block_size;
} uf_quant;

/* A view of typed memory, row-major and dense. `buf` is the reference that
 * keeps `data` alive (NULL: the caller knows better); uf_tensor_release drops
 * it. `quant` lives as long as the model. */
typedef struct uf_tensor {
  uf_dtype dtype;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  void *data;
  size_t size;              /* bytes */
  uf_buf *buf;
  const uf_quant *quant;    /* NULL: not quantized */
  bool read_only;           /* shared with a file or with the runtime */
} uf_tensor;

UF_API void uf_tensor_release(uf_tensor *tensor);
/* Number of elements (1 for a scalar). */
UF_API int64_t uf_tensor_count(const uf_tensor *tensor);

/* ---- model ------------------------------------------------------------- */

typedef struct uf_model uf_model;

typedef struct uf_ops uf_ops;

typedef struct uf_open_options {
  size_t struct_size;   /* sizeof(uf_open_options) */
  const char *name;     /* what messages call a model from memory; NULL: "<memory>" */
  uf_ops *ops;          /* ops of one's own, which the model retains; NULL: none */
  const char *cache;    /* a folder for packed weights; NULL: the environment's UNFLOW_CACHE; "": none */
} uf_open_options;

/* Kernels read weights in another order than files have them in. The first run of a model packs each
 * as it comes and keeps none, so that it ends soon; the second packs them to stay, which takes longer
 * than any run after it. With a cache the packed form is written to
 * a file of that folder, which must exist, and mapped by whoever opens the same content next with the
 * same build of the library and the same instruction set. Content is told apart by a keyed hash of
 * all of its bytes, never by name or time; every form is checked against its checksum before its
 * first use. What is damaged, or cannot be read or written, is packed as if there were no cache;
 * files appear whole, so that processes may share a folder, also one that is read-only to them. Any
 * file of it may be removed at any time. Whoever can write the folder decides what weights are
 * computed with: keep it as safe as the models. */

/* Opens and checks a .tflite file, mapped and never copied. NOT_FOUND,
 * PERMISSION_DENIED, INVALID_ARGUMENT (not a model) or DATA_LOSS (damaged).
 * Ops that are not supported do not make it fail, see uf_model_unsupported.
 * The caller releases the model; sessions keep it alive by themselves. */
UF_API uf_status uf_model_open(const char *path, const uf_open_options *options,
                               uf_model **model_out, uf_error *error) UF_MUST_USE;
/* The same from memory. The model keeps a reference to buf, whose bytes must
 * not change as long as it lives. */
UF_API uf_status uf_model_open_buf(uf_buf *buf, const uf_open_options *options,
                                   uf_model **model_out, uf_error *error) UF_MUST_USE;
UF_API uf_model *uf_model_retain(uf_model *model);
UF_API void uf_model_release(uf_model *model);

typedef struct uf_model_info {
  const char *path;         /* or the name from the options */
  const char *format;       /* "tflite", "built" */
  const char *description;  /* from the file, "" when absent */
  int32_t version;          /* schema version of the file */
  size_t file_size;
  int32_t n_graphs, n_signatures, n_metadata, n_unsupported;
} uf_model_info;
UF_API void uf_model_describe(const uf_model *model, uf_model_info *info_out);

typedef struct uf_graph_info {
  const char *name;
  int32_t n_values, n_nodes, n_inputs, n_outputs;
  const int32_t *inputs, *outputs; /* value indices */
} uf_graph_info;
/* OUT_OF_RANGE for an index that is none, here and below. */
UF_API uf_status uf_model_graph(const uf_model *model, int32_t graph,
                                uf_graph_info *info_out, uf_error *error);

typedef enum uf_value_kind {
  UF_VALUE_ACTIVATION, /* computed by a node, or an input */
  UF_VALUE_CONSTANT,   /* its bytes are in the file */
  UF_VALUE_STATE,      /* is_variable: keeps its value from run to run */
} uf_value_kind;

/* A list of UF_INT32, UF_UINT16 or UF_UINT8 numbers as it lies in the file,
 * little-endian, at any address. */
typedef struct uf_index_list {
  uf_dtype dtype;
  int64_t count;
  const void *data;
} uf_index_list;

/* A level of the tree that holds a sparse constant: every index below
 * dense_size, or (compressed, CSR) for entry p of the level above the indices
 * from indices[segments[p]] to indices[segments[p + 1] - 1]. */
typedef struct uf_sparse_level {
  bool is_dense;
  int32_t dense_size;                    /* 0 when compressed */
  uf_index_list segments, indices;       /* of count 0 when dense */
} uf_sparse_level;

/* How a sparse constant is stored, which is TACO's format: the dimensions and,
 * after them, the insides of blocks (block b cuts dimension block_map[b]) are
 * the levels of a tree, from the root down as traversal_order says. The stored
 * values (uf_model_sparse_values) are its leaves. Lives as long as the model. */
typedef struct uf_sparsity {
  int32_t n_levels, n_blocks;            /* n_levels: rank + n_blocks */
  const int32_t *traversal_order;        /* (n_levels) */
  const int32_t *block_map;              /* (n_blocks) */
  const uf_sparse_level *levels;         /* (n_levels) */
} uf_sparsity;

typedef struct uf_value_info {
  const char *name;
  uf_dtype dtype;
  uf_value_kind kind;
  int32_t rank;                          /* -1: unknown */
  int64_t dims[UF_MAX_RANK];             /* as in the file; 1 where unknown */
  int32_t signature_rank;                /* 0 when the file has no shape_signature */
  int64_t dims_signature[UF_MAX_RANK];   /* -1 where unknown */
  const uf_quant *quant;                 /* NULL: none */
  int32_t producer;                      /* node index, -1: none */
  bool is_sparse;
  const uf_sparsity *sparsity;           /* NULL: not sparse, or the file says nothing valid */
} uf_value_info;
UF_API uf_status uf_model_value(const uf_model *model, int32_t graph, int32_t value,
                                uf_value_info *info_out, uf_error *error);
/* Index of the value of that name in graph; NOT_FOUND lists near names. */
UF_API uf_status uf_model_find_value(const uf_model *model, int32_t graph, const char *name,
                                     int32_t *value_out, uf_error *error);
/* A constant's bytes as they lie in the file (read-only view that keeps the
 * model's memory alive). Sparse constants come dense. FAILED_PRECONDITION if
 * the value is no constant. */
UF_API uf_status uf_model_constant(uf_model *model, int32_t graph, int32_t value,
                                   uf_tensor *tensor_out, uf_error *error) UF_MUST_USE;
/* The values that a sparse constant stores, a vector in the order of its
 * uf_sparsity (read-only, keeps the model's memory alive). FAILED_PRECONDITION
 * if the value is not sparse. */
UF_API uf_status uf_model_sparse_values(uf_model *model, int32_t graph, int32_t value,
                                        uf_tensor *tensor_out, uf_error *error) UF_MUST_USE;

typedef struct uf_node_info {
  const char *op;           /* "CONV_2D"; a custom op's own name */
  const char *name;         /* what messages call the node */
  int32_t version;
  bool supported;
  int32_t n_inputs, n_outputs;
  const int32_t *inputs, *outputs; /* value indices; -1: omitted optional input */
} uf_node_info;
UF_API uf_status uf_model_node(const uf_model *model, int32_t graph, int32_t node,
                               uf_node_info *info_out, uf_error *error);
/* The i-th reason why something in this model will not run: one line with op,
 * node and tensor names. NULL past the end. */
UF_API const char *uf_model_unsupported(const uf_model *model, int32_t i);

typedef struct uf_signature_info {
  const char *key;
  int32_t graph;
  int32_t n_inputs, n_outputs;
  const char *const *input_names, *const *output_names;
  const int32_t *inputs, *outputs; /* value indices in that graph */
} uf_signature_info;
UF_API uf_status uf_model_signature(const uf_model *model, int32_t i,
                                    uf_signature_info *info_out, uf_error *error);
/* Metadata entry i: its name and bytes (view into the file). */
UF_API uf_status uf_model_metadata(const uf_model *model, int32_t i, const char **name_out,
                                   const void **data_out, size_t *size_out, uf_error *error);
/* What the entry TFLITE_METADATA says (TensorFlow Lite Support's metadata_schema.fbs): name, description,
 * author, what each input and output means, how inputs are normalised, which packed files go with them. As
 * JSON text in UTF-8, without a NUL; fields are called as in the schema, the kind of a union's table is
 * NAME_type (as flatc writes JSON), absent fields are left out. NOT_FOUND: the model has no such entry; DATA_LOSS: it is damaged. The
 * caller releases the text. */
UF_API uf_status uf_model_metadata_json(const uf_model *model, uf_buf **text_out,
                                        uf_error *error) UF_MUST_USE;
/* Files packed behind the model as a ZIP archive (labels.txt, vocab.txt ...); 0 when there is none. DATA_LOSS:
 * the archive is damaged. Any thread may ask. */
UF_API uf_status uf_model_file_count(uf_model *model, int32_t *n_out, uf_error *error);
/* File i: its name, name_size bytes without a NUL that live as long as the model, and its size unpacked. */
UF_API uf_status uf_model_file(uf_model *model, int32_t i, const char **name_out, size_t *name_size_out,
                               uint64_t *size_out, uf_error *error);
/* Its bytes, checked against their CRC-32: a part of the mapping when they are stored, else unpacked. The
 * caller releases them. UNIMPLEMENTED: encrypted, or packed by another method than deflate. */
UF_API uf_status uf_model_file_read(uf_model *model, int32_t i, uf_buf **bytes_out,
                                    uf_error *error) UF_MUST_USE;

/* ---- custom ops ---------------------------------------------------------- */

/* What an op of one's own is given: a node of the file, and values. Lives as long as the function
 * that it was given to runs. */
typedef struct uf_op_call {
  size_t struct_size;
  const char *op, *node;      /* the op's name; what messages call the node */
  void *context;              /* of the definition */
  void *state;                /* what init made of this node */
  int32_t version;
  const void *options;        /* custom_options, as the file has them: a FlexBuffer mostly */
  size_t options_size;
  int32_t n_inputs, n_outputs;
  /* Views. An omitted input has dtype UF_INVALID. rank is -1 while a shape is not known (in init), data
   * NULL while a value is not (in prepare; constants are known). To keep an input's value for longer,
   * retain its buf; where that is NULL, copy. */
  const uf_tensor *inputs;
  /* dtype as the file says. In eval data is there, once the shape was said, and is to be written:
   * strings by elements that point to characters which live until this node's next call, or free. */
  uf_tensor *outputs;
  bool in_eval;
  uf_error *error;            /* may be NULL */
  void *internal;
} uf_op_call;

enum {
  UF_OP_PURE = 1, /* outputs depend on inputs and options alone: computed once when all inputs are constants */
};

/* An op that files name as a custom op (custom_code): four functions and a context for them. They may be
 * called from any thread, for several sessions at once, but for one node of one session (one `state`) by
 * one thread at a time. Failing, they return a status and say why (uf_op_call_fail); where that is
 * UNIMPLEMENTED or WRONG_TYPE from prepare, the node counts as not supported, and what does not depend
 * on it still runs. They must not call the session that runs them. */
typedef struct uf_op_definition {
  size_t struct_size;         /* sizeof(uf_op_definition) */
  const char *name;           /* copied */
  uint32_t flags;
  void *context;
  void (*free_context)(void *context); /* when nothing needs it any more; NULL is fine */
  /* Once for each node of a session, before its first prepare; NULL is fine. A fork of a session, and a
   * run that is repeated to read an intermediate (never of this op in the graph that ran: its outputs are
   * kept), begin with states of their own. */
  uf_status (*init)(uf_op_call *call, void **state_out);
  void (*free)(void *context, void *state); /* NULL is fine */
  /* After each allocate, when shapes of inputs are known: says dtype and shape of each output by
   * uf_op_call_output, or nothing of one whose shape depends on data. NULL: nothing of any. */
  uf_status (*prepare)(uf_op_call *call);
  /* Computes the outputs; says the shapes that prepare did not, which gives outputs[i].data memory. */
  uf_status (*eval)(uf_op_call *call);
} uf_op_definition;

/* A set of such ops for uf_open_options, empty at first; counted references, used by any number of
 * models and threads. NULL: out of memory. */
UF_API uf_ops *uf_ops_create(void);
UF_API uf_ops *uf_ops_retain(uf_ops *ops);
UF_API void uf_ops_release(uf_ops *ops); /* NULL is fine */
/* Adds an op; models opened before do not see it. Where unflow itself has a custom op (or, for "Flex..."
 * names, an op of TensorFlow) of that name, the registered one is used. The definition is copied; on success
 * its context is the set's. INVALID_ARGUMENT: no name, no eval, or the name of a builtin op;
 * ALREADY_EXISTS: the name is there. */
UF_API uf_status uf_op_register(uf_ops *ops, const uf_op_definition *def, uf_error *error) UF_MUST_USE;

/* In prepare and eval: output i has this dtype (UF_INVALID: as the file says) and shape. A shape that
 * prepare said stays. INVALID_ARGUMENT, RESOURCE_EXHAUSTED. */
UF_API uf_status uf_op_call_output(uf_op_call *call, int32_t i, uf_dtype dtype, int32_t rank,
                                   const int64_t *dims) UF_MUST_USE;
/* Puts the words into call->error; returns status. The model, the op and the node are put before them. */
UF_API uf_status uf_op_call_fail(uf_op_call *call, uf_status status, const char *format, ...) UF_PRINTF(3, 4);
/* Values of options that are a FlexBuffer map; fallback when they have none such. A text is not
 * NUL-terminated, and has data NULL when there is none. */
UF_API int64_t uf_op_call_int(const uf_op_call *call, const char *key, int64_t fallback);
UF_API double uf_op_call_float(const uf_op_call *call, const char *key, double fallback);
UF_API uf_string uf_op_call_text(const uf_op_call *call, const char *key);

/* ---- session ----------------------------------------------------------- */

typedef struct uf_session uf_session;

typedef struct uf_session_options {
  size_t struct_size;    /* sizeof(uf_session_options) */
  int32_t n_threads;     /* 0: one */
  bool keep_all;         /* keep every intermediate instead of replaying */
  int64_t max_steps;     /* RESOURCE_EXHAUSTED once a run has evaluated that many nodes
                            (a hostile loop never ends by itself); 0: no limit */
  size_t max_bytes;      /* largest tensor or arena that may be allocated; 0: the
                            machine's memory */
} uf_session_options;

/* Nothing is planned or allocated before it is needed. The session retains the
 * model. */
UF_API uf_status uf_session_create(uf_model *model, const uf_session_options *options,
                                   uf_session **session_out, uf_error *error) UF_MUST_USE;
UF_API void uf_session_release(uf_session *session);
/* An independent session over the same model with a copy (by reference, copied
 * when written) of this one's state and inputs. */
UF_API uf_status uf_session_fork(uf_session *session, uf_session **session_out,
                                 uf_error *error) UF_MUST_USE;

/* Gives an input of the graph another shape; takes effect at the next
 * allocate. strict: only dimensions that the file leaves unknown may change.
 * INVALID_ARGUMENT names the input and both shapes. */
UF_API uf_status uf_session_resize(uf_session *session, int32_t graph, int32_t value,
                                   int32_t rank, const int64_t *dims, bool strict, uf_error *error);
/* Infers shapes, prepares kernels, plans memory. Done by run when needed;
 * cheap when nothing changed. INVALID_ARGUMENT: shapes, options or quantization
 * that an op cannot take; names op and tensors. What unflow does not have, ops or
 * types of them, does not fail here: the rest runs (uf_session_unsupported). */
UF_API uf_status uf_session_allocate(uf_session *session, int32_t graph, uf_error *error);
/* The same as TFLite does it: when an input of the graph got another shape after an earlier allocate,
 * its state tensors have their first values again and its random ops begin anew; and a node that unflow
 * does not have, or not for its types, is an error (UNIMPLEMENTED), though all else is allocated, runs and
 * can be read. */
UF_API uf_status uf_session_allocate_anew(uf_session *session, int32_t graph, uf_error *error);
/* True between an allocate and the next resize. */
UF_API bool uf_session_is_allocated(const uf_session *session, int32_t graph);

/* The i-th reason why something will not run, NULL past the end: first those of
 * uf_model_unsupported, then types and options that an op does not take, found
 * by preparing every graph for the shapes of its inputs (some milliseconds for
 * large models). Each names op, node and tensor; lives as long as the session. */
UF_API const char *uf_session_unsupported(uf_session *session, int32_t i);

/* Copies a value into an input, state tensor or variable handle. WRONG_TYPE or
 * INVALID_ARGUMENT name both dtypes or both shapes. Before an allocate, an
 * input takes the shape of what it is given when `resize` is true. */
UF_API uf_status uf_session_set(uf_session *session, int32_t graph, int32_t value,
                                const uf_tensor *tensor, bool resize, uf_error *error);
/* Runs the graph. On an error the state is as it was when the failing node
 * started; the outputs are not readable. */
UF_API uf_status uf_session_run(uf_session *session, int32_t graph, uf_error *error);
/* Runs only what the given values need, control inputs included; every one of
 * them is readable afterwards until the next run. */
UF_API uf_status uf_session_run_for(uf_session *session, int32_t graph, const int32_t *values,
                                    int32_t n_values, const int32_t *nodes, int32_t n_nodes,
                                    uf_error *error);

/* The current value of ANY tensor: inputs, outputs, constants, intermediates
 * of the last run (recomputed when their memory was reused), state tensors,
 * and for a resource handle the value it points to. The tensor is a read-only
 * view that owns a reference; the session never writes under it. The caller
 * releases it. FAILED_PRECONDITION: not run yet, or a variable that was never
 * assigned (named). */
UF_API uf_status uf_session_read(uf_session *session, int32_t graph, int32_t value,
                                 uf_tensor *tensor_out, uf_error *error) UF_MUST_USE;
/* A live, writable view of an input's or state tensor's own memory, for
 * callers that fill it in place. Valid until the next resize. */
UF_API uf_status uf_session_live(uf_session *session, int32_t graph, int32_t value,
                                 uf_tensor *tensor_out, uf_error *error) UF_MUST_USE;
/* Shape and dtype of a value as the session has them now, without data
 * (data NULL, buf NULL). */
UF_API uf_status uf_session_shape(uf_session *session, int32_t graph, int32_t value,
                                  uf_tensor *tensor_out, uf_error *error);
/* These values keep memory of their own from the next allocate on, so that
 * reading them costs nothing. n 0: none. */
UF_API uf_status uf_session_capture(uf_session *session, int32_t graph, const int32_t *values,
                                    int32_t n_values, uf_error *error);

typedef struct uf_memory_info {
  size_t arena;        /* bytes of the activation arenas */
  size_t arena_bound;  /* the largest sum of sizes alive at one time */
  size_t kept;         /* inputs, outputs, captures */
  size_t packed;       /* weights repacked for kernels and kept, shared by sessions: mostly from the second run on */
} uf_memory_info;
UF_API void uf_session_memory(const uf_session *session, uf_memory_info *info_out);

/* ---- state ------------------------------------------------------------- */

typedef enum uf_state_kind {
  UF_STATE_VARIABLE, /* a resource variable */
  UF_STATE_TENSOR,   /* an is_variable tensor, such as an LSTM's state */
  UF_STATE_TABLE,    /* a hash table */
} uf_state_kind;

typedef struct uf_state_info {
  const char *name;          /* shared name, or the state tensor's name */
  const char *container;     /* "" mostly */
  uf_state_kind kind;
  uf_dtype dtype;            /* values' dtype; UF_INVALID while unknown */
  uf_dtype key_dtype;        /* tables only */
  bool initialized;
  int32_t rank;              /* -1: unknown */
  int64_t dims[UF_MAX_RANK];
  int32_t graph, value;      /* state tensors: which; else -1 */
} uf_state_info;

/* Everything in the session that outlives a run. The order does not change
 * during a session's life (new resources come last). Initialiser subgraphs
 * (CALL_ONCE) run on the first call if they did not yet. */
UF_API uf_status uf_session_state_count(uf_session *session, int32_t *n_out, uf_error *error);
UF_API uf_status uf_session_state(uf_session *session, int32_t i, uf_state_info *info_out,
                                  uf_error *error);
/* Index of the variable, table or state tensor of that name. */
UF_API uf_status uf_session_find_state(uf_session *session, const char *name, int32_t *i_out,
                                       uf_error *error);
/* The value (tables: the values, in the order of the keys). */
UF_API uf_status uf_session_state_read(uf_session *session, int32_t i, uf_tensor *tensor_out,
                                       uf_error *error) UF_MUST_USE;
/* A table's keys. */
UF_API uf_status uf_session_state_keys(uf_session *session, int32_t i, uf_tensor *tensor_out,
                                       uf_error *error) UF_MUST_USE;
/* Assigns (copies). keys only for tables, whose content is replaced. */
UF_API uf_status uf_session_state_write(uf_session *session, int32_t i, const uf_tensor *keys,
                                        const uf_tensor *values, uf_error *error);
/* Back to the state of a new session: variables unassigned, initialisers to be
 * run again, state tensors at their first value, tables empty. */
UF_API void uf_session_reset(uf_session *session);
/* Only the is_variable tensors, as TFLite's ResetVariableTensors. */
UF_API void uf_session_reset_state_tensors(uf_session *session);

/* ---- builder ----------------------------------------------------------- */

/* A TensorFlow graph, made call by call or read from a GraphDef. Values are numbered: output k of
 * a node is value first_value + k. Models made of it (uf_builder_model) do not change when more
 * is added. Used by one thread at a time. */
typedef struct uf_builder uf_builder;

typedef enum uf_attr_kind {
  UF_ATTR_INT, UF_ATTR_FLOAT, UF_ATTR_BOOL, UF_ATTR_STRING, UF_ATTR_DTYPE, UF_ATTR_SHAPE,
  UF_ATTR_TENSOR, UF_ATTR_FUNC,
  /* lists; an empty list has n 0, whatever its kind */
  UF_ATTR_INTS, UF_ATTR_FLOATS, UF_ATTR_BOOLS, UF_ATTR_STRINGS, UF_ATTR_DTYPES, UF_ATTR_SHAPES,
  UF_ATTR_FUNCS,
} uf_attr_kind;
typedef struct uf_shape {
  int32_t rank;            /* -1: unknown */
  int64_t dims[UF_MAX_RANK]; /* -1: unknown */
} uf_shape;
typedef struct uf_attr {
  const char *name;
  uf_attr_kind kind;
  int64_t i;               /* INT, BOOL, DTYPE (a uf_dtype); given out, a STRING's size */
  double f;                /* FLOAT */
  const char *s;           /* STRING, NUL-terminated; FUNC: the function's name */
  int32_t rank;            /* SHAPE; -1: unknown */
  int64_t dims[UF_MAX_RANK];
  const uf_tensor *tensor; /* TENSOR: bytes are copied */
  size_t s_size;           /* STRING: its bytes, which may hold NULs; given in, 0 means strlen(s) */
  int32_t n;               /* lists: elements */
  const int64_t *ints;     /* INTS, BOOLS, DTYPES */
  const double *floats;    /* FLOATS */
  const uf_string *strings; /* STRINGS, FUNCS; each NUL-terminated, too */
  const uf_shape *shapes;  /* SHAPES */
} uf_attr;

UF_API uf_builder *uf_builder_create(void);
UF_API void uf_builder_release(uf_builder *builder);
/* Adds a node. inputs are value indices, controls node indices; attributes that the inputs tell or
 * that have a default may be left out. The index of its first output goes to *value_out (-1 if it
 * has none), the node's to *node_out. INVALID_ARGUMENT: what TensorFlow refuses at construction. */
UF_API uf_status uf_builder_add(uf_builder *builder, const char *op, const char *name,
                                const int32_t *inputs, int32_t n_inputs, const int32_t *controls,
                                int32_t n_controls, const uf_attr *attrs, int32_t n_attrs,
                                int32_t *node_out, int32_t *value_out, uf_error *error);
/* Gives an input another value: that of a Merge which a later NextIteration makes. */
UF_API uf_status uf_builder_set_input(uf_builder *builder, int32_t node, int32_t i, int32_t value,
                                      uf_error *error) UF_MUST_USE;
/* Reads a GraphDef (bytes; text, too) into the builder: all its nodes and functions, with `prefix`
 * ("" none) and "/" before their names. Inputs named in map_names ("node:0") come from map_values
 * instead. DATA_LOSS, INVALID_ARGUMENT naming node and input; the builder is then as it was but for
 * nodes that nothing names. */
typedef struct uf_import_options {
  size_t struct_size;
  const char *prefix;
  const char *const *map_names;
  const int32_t *map_values;
  int32_t n_map;
} uf_import_options;
UF_API uf_status uf_builder_import(uf_builder *builder, const void *bytes, size_t size,
                                   const uf_import_options *options, uf_error *error) UF_MUST_USE;

typedef struct uf_built_node {
  const char *op, *name, *device;
  const int32_t *inputs, *controls; /* values; nodes */
  int32_t n_inputs, n_controls;
  const uf_attr *attrs;
  int32_t n_attrs, n_given; /* the first n_given were given, others told by inputs or defaults */
  int32_t first_value, n_outputs;
  bool runs;                /* unflow has the op */
} uf_built_node;
typedef struct uf_built_value {
  int32_t node, at;
  uf_dtype dtype;           /* of what a reference refers to */
  bool is_ref;
  uf_shape shape;           /* as far as it is known */
} uf_built_value;
/* What is there; borrowed for as long as the builder lives. */
UF_API int32_t uf_builder_count(const uf_builder *builder); /* nodes */
UF_API int32_t uf_builder_find(const uf_builder *builder, const char *name); /* node, -1: none */
UF_API uf_status uf_builder_node(const uf_builder *builder, int32_t node, uf_built_node *node_out,
                                 uf_error *error) UF_MUST_USE;
UF_API uf_status uf_builder_value(const uf_builder *builder, int32_t value, uf_built_value *value_out,
                                  uf_error *error) UF_MUST_USE;
/* Says more of a value's shape (tf.Tensor.set_shape). INVALID_ARGUMENT when it contradicts what is known. */
UF_API uf_status uf_builder_set_shape(uf_builder *builder, int32_t value, const uf_shape *shape,
                                      uf_error *error) UF_MUST_USE;

/* A function that nodes (PartitionedCall, If, While ...) name: a body with values that stand for
 * its arguments (outputs of _Arg or Placeholder nodes), its results, and nodes that must run
 * whenever it is called. */
typedef struct uf_function_info {
  size_t struct_size;
  const int32_t *inputs, *outputs, *effects;
  int32_t n_inputs, n_outputs, n_effects;
  const char *const *input_names, *const *output_names; /* NULL: none */
} uf_function_info;
/* The builder takes body over, when it succeeds. ALREADY_EXISTS. */
UF_API uf_status uf_builder_add_function(uf_builder *builder, const char *name, uf_builder *body,
                                         const uf_function_info *info, uf_error *error) UF_MUST_USE;
UF_API int32_t uf_builder_find_function(const uf_builder *builder, const char *name); /* -1: none */
UF_API uf_status uf_builder_get_function(uf_builder *builder, int32_t i, const char **name_out,
                                         uf_builder **body_out, uf_function_info *info_out,
                                         uf_error *error) UF_MUST_USE;

/* What a model is to compute: graph 0 has the fed values as inputs and the fetched ones as outputs,
 * in this order, and runs what they and the targets (nodes) need. Any value may be fed. */
typedef struct uf_prune {
  size_t struct_size;
  const int32_t *feeds, *fetches, *targets;
  int32_t n_feeds, n_fetches, n_targets;
} uf_prune;
/* The part of the graph that `what` needs (NULL: all nodes, no inputs) as a model; the caller
 * releases it. INVALID_ARGUMENT: a graph that cannot run in any order. Ops that unflow does not have
 * are no error before they run. */
UF_API uf_status uf_builder_model(uf_builder *builder, const uf_prune *what, uf_model **model_out,
                                  uf_error *error) UF_MUST_USE;
/* Sets the inputs of graph 0, runs it and gives its outputs, which the caller releases: what set, run
 * and read do, without a copy and without what reading intermediates afterwards needs. Outputs that
 * are handles come as handles. tensors of inputs are shared when they own their memory. */
UF_API uf_status uf_session_call(uf_session *session, const uf_tensor *const *inputs, int32_t n_inputs,
                                 uf_tensor *outputs_out, int32_t n_outputs, uf_error *error) UF_MUST_USE;
/* Makes `session` use the variables and tables of `other` (both then share
 * them). */
UF_API void uf_session_share_state(uf_session *session, uf_session *other);

/* ---- ops one by one ------------------------------------------------------ */

/* Where ops that are run one by one (TensorFlow's eager mode) have their resources: variables,
 * tables and all else that a handle can name. Used by one thread at a time. */
typedef struct uf_context uf_context;
UF_API uf_status uf_context_create(const uf_session_options *options, uf_context **context_out,
                                   uf_error *error) UF_MUST_USE;
UF_API uf_context *uf_context_retain(uf_context *context);
UF_API void uf_context_release(uf_context *context); /* NULL is fine */
/* Makes `session` use the context's resources, and its threads unless it has several of its own. */
UF_API void uf_context_share(uf_context *context, uf_session *session);
UF_API void uf_context_share_threads(uf_context *context, uf_session *session); /* only those */
/* The value behind a handle that an op of this context, or a session that shares it, gave: a
 * variable's value, retained. FAILED_PRECONDITION: not assigned yet; INVALID_ARGUMENT: not a handle
 * or not a variable's. */
UF_API uf_status uf_context_read(uf_context *context, const uf_tensor *handle, uf_tensor *tensor_out,
                                 uf_error *error) UF_MUST_USE;

/* One op with its attributes, ready to run any number of times, with inputs of these dtypes and
 * any shapes. Attributes that the inputs tell (T, N ...) or that have a default may be left out. The
 * name is for messages, and for resources that have no other. UNIMPLEMENTED: an op that unflow does
 * not have; INVALID_ARGUMENT: attributes or inputs that the op cannot have. */
typedef struct uf_op uf_op;
UF_API uf_status uf_op_create(uf_context *context, const char *op, const char *name, const uf_attr *attrs,
                              int32_t n_attrs, const uf_dtype *inputs, int32_t n_inputs,
                              uf_op **op_out, uf_error *error) UF_MUST_USE;
UF_API void uf_op_release(uf_op *op); /* NULL is fine */
UF_API int32_t uf_op_output_count(const uf_op *op);
/* Runs it. inputs: as many as were said. outputs_out has room for uf_op_output_count tensors, which
 * the caller releases; on failure there are none. */
UF_API uf_status uf_op_run(uf_op *op, const uf_tensor *const *inputs, uf_tensor *outputs_out,
                           uf_error *error) UF_MUST_USE;
/* What TensorFlow op `i` of the table takes and gives, as ops/tf_signature.h writes it, and
 * whether unflow can run it; NULL past the end. *stateful_out: it has effects or a state. */
UF_API const char *uf_tf_op(int32_t i, const char **inputs_out, const char **outputs_out,
                            const char **attrs_out, bool *stateful_out, bool *runs_out);
/* The index of an op's name in that table, -1: none. */
UF_API int32_t uf_tf_op_find(const char *op);

/* ---- conversion -------------------------------------------------------- */

/* float32 values of a quantized (or float16, bfloat16, integer) tensor; out
 * has uf_tensor_count(tensor) elements. With quant NULL in the tensor the
 * values are just cast. WRONG_TYPE for strings, resources, complex. */
UF_API uf_status uf_dequantize(const uf_tensor *tensor, float *out, uf_error *error);
/* One int8 (or uint8) per element of a packed int4, uint4, int2 or uint2 tensor, one code of
 * float4. */
UF_API uf_status uf_unpack(const uf_tensor *tensor, void *out, uf_error *error);

/* ---- source ------------------------------------------------------------- */

/* Named arrays of a file, whatever its format: a TensorFlow checkpoint (V2 "tensor
 * bundle" or V1 "tensor slices"), the constants of a GraphDef or MetaGraph, a
 * SavedModel (variables and constants), the weights of a .tflite, a .npz, a .npy or a
 * folder of them, a .safetensors. Opening reads an index's first bytes; the cost of
 * all else is in proportion to what is asked for. A source never changes and may be
 * used by many threads at once. */
typedef struct uf_source uf_source;

/* Where files are when they are not in the file system: every call is given
 * `context` and may come from any thread. */
typedef struct uf_filesystem {
  size_t struct_size; /* sizeof(uf_filesystem) */
  void *context;
  /* Size of the file at path; NOT_FOUND when there is none (or a folder). */
  uf_status (*size)(void *context, const char *path, uint64_t *size_out, uf_error *error);
  /* Exactly size bytes from offset on. */
  uf_status (*read)(void *context, const char *path, uint64_t offset, size_t size, void *out,
                    uf_error *error);
  /* Calls add(names, name) for each name in folder (no path before it); NOT_FOUND when
   * there is no such folder. */
  uf_status (*list)(void *context, const char *folder, void (*add)(void *names, const char *name),
                    void *names, uf_error *error);
  void (*free)(void *context); /* when the source is gone; NULL is fine */
} uf_filesystem;

typedef struct uf_source_options {
  size_t struct_size;              /* sizeof(uf_source_options) */
  const uf_filesystem *filesystem; /* copied; NULL: local files, mapped */
  const char *name;                /* what messages call a source from memory */
} uf_source_options;

/* Opens what is at path. For a checkpoint that may be its prefix, its .index, .meta or
 * any .data file, or the `checkpoint` file or the folder that has one; for a SavedModel
 * its folder or saved_model.pb. NOT_FOUND says what was found there instead,
 * INVALID_ARGUMENT: of no known format, DATA_LOSS: damaged. On success the source
 * owns options->filesystem's context; on failure the caller still does. */
UF_API uf_status uf_source_open(const char *path, const uf_source_options *options,
                                uf_source **source_out, uf_error *error) UF_MUST_USE;
/* The content of one file (graph, model, archive) from memory, which is shared. */
UF_API uf_status uf_source_open_buf(uf_buf *buf, const uf_source_options *options,
                                    uf_source **source_out, uf_error *error) UF_MUST_USE;
UF_API uf_source *uf_source_retain(uf_source *source);
UF_API void uf_source_release(uf_source *source);

typedef struct uf_source_info {
  const char *path;    /* as resolved: a checkpoint's prefix, a SavedModel's folder */
  const char *format;  /* "checkpoint", "checkpoint_v1", "saved_model", "meta_graph", "graph_def",
                          "tflite", "npz", "npy", "npy_folder", "safetensors" */
  const char *details; /* more in words: "2 shards, little-endian"; "" when nothing */
} uf_source_info;
UF_API void uf_source_describe(const uf_source *source, uf_source_info *info_out);

/* One array. Lives, as all it points to, as long as its source. */
typedef struct uf_entry {
  const char *name;      /* the key in the file; unique */
  uf_dtype dtype;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  uint64_t size;         /* bytes in the file; strings with their lengths; 0 where unknown */
  const char *file;      /* where these bytes are, when they are in one piece; else NULL */
  uint64_t offset;       /* their place in file */
  int32_t n_pieces;      /* slices that it is saved in; 1: whole */
  const uf_quant *quant; /* NULL: not quantized */
} uf_entry;

/* All entries in order of name (byte order; archives and models: in file order). The
 * first call reads the whole index. The array belongs to the source. */
UF_API uf_status uf_source_entries(uf_source *source, const uf_entry *const **entries_out,
                                   size_t *n_out, uf_error *error);
/* The entry of that name. Does not read the whole index of a checkpoint. NOT_FOUND
 * lists near names. */
UF_API uf_status uf_source_find(uf_source *source, const char *name, const uf_entry **entry_out,
                                uf_error *error);

/* The part start[i] to start[i] + extent[i] of each dimension. */
typedef struct uf_region {
  int64_t start[UF_MAX_RANK], extent[UF_MAX_RANK];
} uf_region;

enum {
  UF_READ_COPY = 1,   /* memory of its own, writable; else a view of the file where it can be */
  UF_READ_UNALIGNED = 4, /* a view also where the file's bytes are not aligned for their dtype, as
                            NumPy takes them; else those are copied */
  UF_READ_VERIFY = 2, /* check the checksum of what has one also for a view (copies always are) */
};
/* The value of an entry, or of a region of it (NULL: whole), of which only the bytes
 * needed are read. A view is read-only and keeps the mapping alive. Checksums are
 * checked when the whole entry is copied: DATA_LOSS names file, offset and entry. The
 * caller releases the tensor. */
UF_API uf_status uf_source_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                                int flags, uf_tensor *tensor_out, uf_error *error) UF_MUST_USE;
/* Copies of n entries at once, large ones by n_threads (0: as many as processors) in
 * parts. All or nothing: after a failure there is nothing to release. */
UF_API uf_status uf_source_read_all(uf_source *source, const uf_entry *const *entries, size_t n,
                                    int32_t n_threads, uf_tensor *tensors_out,
                                    uf_error *error) UF_MUST_USE;
/* Reads an entry for nothing but its checksums and structure. Formats without
 * checksums: that its bytes are all there. */
UF_API uf_status uf_source_verify(uf_source *source, const uf_entry *entry, uf_error *error);

typedef enum uf_role {
  UF_ROLE_VALUE,     /* a variable, weight or array */
  UF_ROLE_CONSTANT,  /* of a graph */
  UF_ROLE_SLOT,      /* what an optimizer keeps for a variable: m, v, momentum ... */
  UF_ROLE_OPTIMIZER, /* what it keeps for itself: iterations, learning_rate, global_step */
  UF_ROLE_AVERAGE,   /* ExponentialMovingAverage of a variable */
  UF_ROLE_META,      /* the object graph, save_counter: what saving adds */
} uf_role;
UF_API const char *uf_role_name(uf_role role); /* "value", "constant", "slot" ... */

/* An entry by the names that people know. */
typedef struct uf_variable {
  const uf_entry *entry;
  const char *name;           /* of the variable: "dense/kernel"; unique; the entry's name when
                                 the file knows no other */
  const char *path;           /* in the object graph: "model/layer-1/kernel"; NULL: none */
  const char *const *aliases; /* further paths to the same object */
  int32_t n_aliases;
  uf_role role;
  const char *slot;           /* SLOT: "m" */
  int32_t of;                 /* SLOT, AVERAGE: index of the variable it belongs to; else -1 */
  int32_t average;            /* index of this one's AVERAGE; -1: none */
} uf_variable;
/* One for each entry, in the order of entries. The first call decodes the object graph. */
UF_API uf_status uf_source_variables(uf_source *source, const uf_variable **variables_out,
                                     size_t *n_out, uf_error *error);

/* A node of the graphs in a GraphDef, MetaGraph or SavedModel. */
typedef struct uf_graph_node {
  const char *name;          /* FUNCTION/NODE inside a function */
  const char *op;
  const char *device;
  const char *const *inputs; /* as in the file: "x", "x:1", "^control" */
  int32_t n_inputs, n_attrs;
} uf_graph_node;
/* The i-th node; OUT_OF_RANGE past the end (and for sources that have none). */
UF_API uf_status uf_source_node(uf_source *source, size_t i, uf_graph_node *node_out, uf_error *error);
/* Its j-th attribute. kind TENSOR: *tensor_out is to be released by the caller. A function or
 * placeholder is its name, a STRING. *n_out: -1 when it is no list; else the list's number of
 * elements, of which `at` says which one is given (beyond the end, and of an empty list: only
 * name and *n_out are set). */
UF_API uf_status uf_source_attr(uf_source *source, size_t i, int32_t j, int32_t at,
                                uf_attr *attr_out, uf_tensor *tensor_out, int32_t *n_out,
                                uf_error *error);

/* ---- output --------------------------------------------------------------- */

/* Calls as work goes on; returning false stops it with CANCELLED. */
typedef bool (*uf_progress_fn)(void *context, uint64_t done, uint64_t total);

/* One array to be written. */
typedef struct uf_output_item {
  const char *name;      /* under which it is stored */
  const uf_entry *entry; /* of the source */
  uf_dtype dtype;        /* UF_INVALID: as it is; else converted (numbers only) */
  bool dequantize;       /* float32 real values where the entry is quantized, before dtype */
  const int32_t *axes;   /* rank numbers: output dimension i is input dimension axes[i]; NULL: as is */
} uf_output_item;

typedef struct uf_output_options {
  size_t struct_size;
  const char *format;      /* "npz", "npy" (a folder), "safetensors"; NULL: by the ending of path */
  int32_t level;           /* npz: 0 stored, 1 to 12 compressed */
  bool verify;             /* check checksums on the way */
  int32_t n_threads;       /* writing needs one; for formats to come */
  uf_progress_fn progress; /* in bytes; NULL: none */
  void *progress_context;
} uf_output_options;

/* Writes the items, in order, to a file or folder that appears at path whole or not at
 * all. ALREADY_EXISTS: a name twice; CANCELLED, RESOURCE_EXHAUSTED (disk full): nothing is
 * left behind. Memory stays bounded by the largest item that has to be converted. */
UF_API uf_status uf_extract(uf_source *source, const uf_output_item *items, size_t n,
                            const char *path, const uf_output_options *options, uf_error *error);

/* The same array by array, for values that come from elsewhere. `plan` lists what will be
 * added, in order: name, dtype and shape of each (data is not looked at); it may be NULL but for
 * .safetensors, whose header comes first. options->progress is called as arrays are added.
 * Formats are those of uf_output_options.format. */
typedef struct uf_writer uf_writer;
UF_API uf_status uf_writer_create(const char *path, const uf_output_options *options,
                                  const char *const *names, const uf_tensor *plan, size_t n,
                                  uf_writer **writer_out, uf_error *error) UF_MUST_USE;
UF_API uf_status uf_writer_add(uf_writer *writer, const uf_tensor *tensor, uf_error *error);
UF_API uf_status uf_writer_finish(uf_writer *writer, uf_error *error); /* frees the writer */
UF_API void uf_writer_abandon(uf_writer *writer); /* NULL is fine; removes what was written */

/* A V2 checkpoint being written: prefix.index and n_shards files prefix.data-* (0: one).
 * Tensors may come in any order; names are unique. All files appear at finish. */
typedef struct uf_checkpoint_writer uf_checkpoint_writer;
UF_API uf_status uf_checkpoint_create(const char *prefix, int32_t n_shards,
                                      uf_checkpoint_writer **writer_out,
                                      uf_error *error) UF_MUST_USE;
UF_API uf_status uf_checkpoint_add(uf_checkpoint_writer *writer, const char *name,
                                   const uf_tensor *tensor, uf_error *error);
UF_API uf_status uf_checkpoint_finish(uf_checkpoint_writer *writer, uf_error *error);
UF_API void uf_checkpoint_abandon(uf_checkpoint_writer *writer); /* NULL is fine */

/* ---- archive ----------------------------------------------------------- */

/* A .npz file being written. It appears under its name whole, at
 * uf_npz_finish, or not at all. */
typedef struct uf_npz_writer uf_npz_writer;
/* level 0: stored; 1 to 12: compressed by libdeflate. */
UF_API uf_status uf_npz_create(const char *path, int level, uf_npz_writer **writer_out,
                               uf_error *error) UF_MUST_USE;
/* Adds `name`.npy. Strings become a NumPy bytes array of fixed width;
 * bfloat16 and float8 are written as void of their width (as ml_dtypes does),
 * packed types unpacked. ALREADY_EXISTS for a name used before. */
UF_API uf_status uf_npz_add(uf_npz_writer *writer, const char *name, const uf_tensor *tensor,
                            uf_error *error);
UF_API uf_status uf_npz_finish(uf_npz_writer *writer, uf_error *error); /* frees the writer */
UF_API void uf_npz_abandon(uf_npz_writer *writer); /* removes what was written */
/* One array as a .npy file, whole or not at all. */
UF_API uf_status uf_npy_save(const char *path, const uf_tensor *tensor, uf_error *error);
/* Reads a .npy file, or member `name` of a .npz (name NULL: the file is a
 * .npy). The tensor owns its memory. */
UF_API uf_status uf_npy_load(const char *path, const char *name, uf_tensor *tensor_out,
                             uf_error *error) UF_MUST_USE;
/* Names of the arrays in a .npz, without ".npy", in file order. The caller frees the array
 * with free(); the strings lie in the same block. */
UF_API uf_status uf_npz_names(const char *path, char ***names_out, int32_t *n_out, uf_error *error);

/* ---- about ------------------------------------------------------------- */

UF_API const char *uf_version(void);
/* The instruction set whose kernels run: "scalar", "avx2", "avx512".
 * UNFLOW_ISA in the environment caps it (read at first use). */
UF_API const char *uf_isa(void);
/* Ops: name of the i-th row, NULL past the end, and whether TFLite has it. */
UF_API const char *uf_op_name(int32_t i, int32_t *tflite_code_out, const char **tf_names_out);
/* What is known of an op. */
typedef struct uf_op_info {
  const char *name;         /* "CONV_2D" */
  int32_t tflite_code;      /* of TensorFlow Lite's builtin, -1: none */
  const char *custom_name;  /* of a custom op of TensorFlow Lite, else "" */
  const char *tf_names;     /* TensorFlow's ops that mean the same, separated by spaces */
  int32_t min_in, max_in, min_out, max_out; /* inputs and outputs; max -1: any number; 0 when missing */
  const char *missing;      /* NULL: it runs; else why it cannot */
} uf_op_info;
/* The i-th op: first every builtin of TensorFlow Lite by its code, whether it runs or not, then the
 * rows without one. false past the end. */
UF_API bool uf_op_about(int32_t i, uf_op_info *info_out);

#ifdef __cplusplus
}
#endif
#endif
