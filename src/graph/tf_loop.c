/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_loop.c: frames of version 1 as LOOP nodes, see tf_lower.h.
 */
#include "graph/tf_lower.h"

uf_status ufi_work_loops(ufi_work *w, uf_error *error) {
  for (int32_t i = 0; i < w->n_nodes; i++) {
    if (strcmp(w->nodes[i].op, "Enter") == 0) return ufi_fail(error, UF_UNIMPLEMENTED, "expected no loops, found '%s'", w->nodes[i].name);
  }
  return UF_OK;
}
