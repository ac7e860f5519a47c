/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.h: front door of src/graph/, the IR: what a model is in memory.
 *
 * A model holds graphs (TFLite subgraphs); a graph holds values and nodes in
 * arrays of one arena, and never changes after open. Value i of a graph is
 * tensor i of the TFLite subgraph. Nodes are in an order in which they may run
 * one after the other. Sessions (exec/) keep everything that changes.
 */
#ifndef UFI_GRAPH_H
#define UFI_GRAPH_H

#include <pthread.h>
#include <stdatomic.h>

#include "ops/op.h"

/* A sparse constant as the file has it. */
typedef struct ufi_sparse {
  uf_sparsity parameters;
  const void *values;                  /* in the file, at any address */
  int64_t n_values;
} ufi_sparse;

typedef struct ufi_value {
  const char *name;
  uf_dtype dtype;
  uf_value_kind kind;
  int32_t rank;                        /* -1: unknown (resized at run time) */
  int64_t dims[UF_MAX_RANK];           /* as in the file */
  int32_t signature_rank;              /* 0: no shape_signature */
  int64_t dims_signature[UF_MAX_RANK]; /* -1: unknown */
  const uf_quant *quant;               /* NULL: none */
  const void *data;                    /* UF_VALUE_CONSTANT: dense bytes of that dtype and shape */
  size_t size;
  uf_buf *buf;                         /* constants that are not in the mapping (strings,
                                          densified): owned by the model; else NULL */
  int32_t producer;                    /* node, -1: none */
  bool is_sparse;
  _Atomic uint8_t asked;               /* as a node's, of a constant, for all nodes that use it */
  const ufi_sparse *sparse;            /* what the file stores of it; NULL: not sparse */
  const void *initial;                 /* UF_VALUE_STATE: first value in the file, or NULL: zeros
                                          (the zero point when quantized) */
} ufi_value;

#define UFI_PACKED_SLOTS 4

typedef struct ufi_node {
  const ufi_op_row *op;          /* NULL: not supported */
  const char *op_name;           /* "CONV_2D", or a custom op's name */
  const char *name;              /* its first output's name, for messages */
  const char *unsupported;       /* NULL, or why it cannot run */
  uf_status failure;             /* what running it then fails with; UF_OK: UNIMPLEMENTED */
  bool is_first_value;           /* its output is a state's `initial`: never runs */
  _Atomic uint8_t asked;         /* a bit for each slot whose weight was asked for (exec/pack.c) */
  int32_t version;
  const uf_dtype *dtypes;        /* of inputs, then outputs, as a signature says; NULL: the op itself checks */
  int32_t n_in, n_out, n_aux, n_controls;
  const int32_t *in, *out, *aux; /* value indices; -1 in `in`: omitted */
  const int32_t *controls;       /* nodes that must run before (TensorFlow) */
  void *attrs;
  /* made on demand, under the model's lock, then never changed: */
  _Atomic(const struct ufi_packed_item *) packed[UFI_PACKED_SLOTS];
  uf_buf *folded;                /* output 0 when all inputs are file constants */
  int32_t folded_rank;
  int64_t folded_dims[UF_MAX_RANK];
} ufi_node;

typedef struct ufi_graph {
  const char *name;
  int32_t n_values, n_nodes, n_inputs, n_outputs;
  ufi_value *values;
  ufi_node *nodes;
  const int32_t *inputs, *outputs;
  ufi_names *names;              /* value name to index */
  bool has_restart;              /* has nodes whose ops have a restart */
  bool has_dead;                 /* has Switch or Merge nodes: values may be dead in a run */
} ufi_graph;

typedef struct ufi_signature {
  const char *key;
  int32_t graph, n_inputs, n_outputs;
  const char **input_names, **output_names;
  int32_t *inputs, *outputs;
} ufi_signature;

typedef struct ufi_metadata {
  const char *name;
  const void *data;
  size_t size;
} ufi_metadata;

struct uf_model {
  atomic_int refs;
  ufi_arena *arena;              /* owns all that is pointed to below */
  uf_buf *file;                  /* the mapping; NULL for built models */
  uf_ops *ops;                   /* of the caller's own; NULL: none */
  char *path;
  const char *format, *description;
  int32_t version;
  int32_t n_graphs, n_signatures, n_metadata, n_unsupported;
  ufi_graph *graphs;
  ufi_signature *signatures;
  ufi_metadata *metadata;
  const char **unsupported;
  pthread_mutex_t lock;          /* for packed and folded */
  struct ufi_packing *packing;   /* packed weights (packing.h); NULL: none yet */
  const char *cache;             /* folder of a cache for them; NULL: none */
  atomic_bool unsaved;           /* some are not in it */
  struct ufi_zip *archive;       /* of the files packed behind it, under the lock; NULL: not looked at yet */
};

/* model.c: an empty model with refs 1, an arena and a lock; NULL: out of memory. */
uf_model *ufi_model_create(const char *path);
/* model.c: brings what was packed since the last time to the cache, if there is one. */
void ufi_model_save_packed(uf_model *model);
/* model.c: bytes that the arena of a model read from a file may take: a fixed
 * part and a part in proportion to the file, far above what real models need,
 * since tables that a small file shares can describe an enormous model. */
size_t ufi_model_limit(const uf_model *model);
/* model_files.c: lets go of the archive of packed files. */
void ufi_model_close_archive(uf_model *model);
/* verify.c: after the graphs are filled in: producers, node names, name maps,
 * arity against the op row, call cycles, the list of what is not supported. */
uf_status ufi_model_finish(uf_model *model, uf_error *error);
/* from_tflite.c: reads a whole .tflite file into model. */
uf_status ufi_model_from_tflite(uf_model *model, uf_buf *file, uf_error *error);

#endif
