/* SPDX-License-Identifier: Apache-2.0
 *
 * text_graph.h: graphs in protobuf's text format (.pbtxt), as messages.
 */
#ifndef UFI_TEXT_GRAPH_H
#define UFI_TEXT_GRAPH_H

#include "base/base.h"

/* The text of a GraphDef, MetaGraphDef or SavedModel as the bytes of that message, of
 * which it has the fields that graphdef.c reads. INVALID_ARGUMENT, with path and line, for
 * what is not such a text. */
uf_status ufi_text_graph(const char *text, size_t size, const char *path, uf_buf **message_out,
                         uf_error *error) UF_MUST_USE;

#endif
