/* SPDX-License-Identifier: Apache-2.0
 *
 * graphdef.h: a graph's file as graphdef.c found it, for graphdef_node.c.
 */
#ifndef UFI_GRAPHDEF_H
#define UFI_GRAPHDEF_H

#include "format/protobuf.h"
#include "format/tensor_proto.h"
#include "source/source.h"

typedef struct ufi_graph_attr {
  const char *name;
  ufi_bytes value;       /* AttrValue */
  const char **strings;  /* of those asked for; NULL: none was yet */
} ufi_graph_attr;

/* A node as uf_source_node gives it, made when it is first asked for. */
typedef struct ufi_graph_details {
  uf_graph_node node;
  ufi_graph_attr *attrs;
} ufi_graph_details;

typedef struct ufi_graph_place {
  ufi_bytes message;     /* NodeDef */
  const char *function;  /* that it is in; NULL: none */
  ufi_graph_details *details;
} ufi_graph_place;

typedef struct ufi_graph_file {
  ufi_file *file;        /* mapped, or in memory */
  ufi_file *remote;      /* where its large constants are, which memory has not; NULL: it has all */
  const uint8_t *data;   /* its bytes, which all messages lie in */
  size_t size;
  ufi_graph_place *nodes;
  size_t n_nodes, capacity;
  bool indexed;
} ufi_graph_file;

/* The bytes of a file that is read by ranges, zeros in place of large tensor_contents
 * (graphdef_remote.c). */
uf_status ufi_graph_fetch(ufi_file *file, uf_buf **bytes_out, uf_error *error);
/* True when the content may be among those. */
bool ufi_graph_is_away(const ufi_tensor_proto *proto);

/* Finds all nodes, once. Under the source's lock. */
uf_status ufi_graph_index(uf_source *source, uf_error *error);
/* The value of a TensorProto in the file, as uf_source_read. name is for messages. */
uf_status ufi_graph_tensor(uf_source *source, const char *name, ufi_bytes message,
                           const uf_region *region, int flags, uf_tensor *tensor_out,
                           uf_error *error);
/* ops->node and ops->attr. */
uf_status ufi_graph_node(uf_source *source, size_t i, uf_graph_node *node_out, uf_error *error);
uf_status ufi_graph_attribute(uf_source *source, size_t i, int32_t j, int32_t at, uf_attr *attr_out,
                              uf_tensor *tensor_out, int32_t *n_out, uf_error *error);

#endif
