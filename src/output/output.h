/* SPDX-License-Identifier: Apache-2.0
 *
 * output.h: front door of src/output/, the last folder on the way of a byte: arrays
 * to files of other formats.
 *
 *   writer.c       uf_writer: which format, in which order; .npz
 *   npy_folder.c   a folder of .npy files      safetensors_write.c  .safetensors
 *   text.c         growing text and JSON       permute.c            axes in another order
 *   extract.c      uf_extract: from a source to a writer
 */
#ifndef UFI_OUTPUT_H
#define UFI_OUTPUT_H

#include "format/outfile.h"

/* What a format does. Tensors come in the order of the plan, `i` counts them. */
typedef struct ufi_target {
  const char *format;
  /* plan NULL: not known; for formats that need none. */
  uf_status (*create)(const char *path, int32_t level, const char *const *names,
                      const uf_tensor *plan, size_t n, void **impl_out, uf_error *error);
  uf_status (*add)(void *impl, size_t i, const char *name, const uf_tensor *tensor,
                   const ufi_flow *flow, uf_error *error);
  uf_status (*finish)(void *impl, uf_error *error); /* frees impl */
  void (*abandon)(void *impl);
} ufi_target;

extern const ufi_target ufi_target_npz, ufi_target_npy, ufi_target_safetensors;

/* uf_writer_add with what else is to be done to the bytes. */
uf_status ufi_writer_add(uf_writer *writer, const uf_tensor *tensor, const ufi_flow *flow,
                         uf_error *error);

/* ---- growing text (text.c) --------------------------------------------------- */

/* Zero it first, ufi_free(t.data) at the end. After a failure to allocate `failed` is set
 * and nothing is added any more. */
typedef struct ufi_text {
  char *data; /* ends in NUL once something was added */
  size_t size, capacity;
  bool failed;
} ufi_text;
void ufi_text_add(ufi_text *t, const char *data, size_t size);
void ufi_text_format(ufi_text *t, const char *format, ...) UF_PRINTF(2, 3);
/* A JSON string, quotes included. False: it is not UTF-8, and bytes became U+FFFD. */
bool ufi_text_json(ufi_text *t, const char *string);
void ufi_text_json_dims(ufi_text *t, int32_t rank, const int64_t *dims);
/* Length of the UTF-8 character at s, of which left bytes are there; 0: invalid. */
size_t ufi_utf8_length(const char *s, size_t left);

/* ---- axes (permute.c) --------------------------------------------------------- */

/* out's dimension i is in's dimension axes[i] (a permutation). Elements of `item` bytes. */
void ufi_permute(const void *in, size_t item, int32_t rank, const int64_t *dims,
                 const int32_t *axes, void *out);

#endif
