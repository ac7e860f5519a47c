/* SPDX-License-Identifier: Apache-2.0
 *
 * pending.c: formats whose readers are not there yet.
 */
#include "source/source.h"
static uf_status pending(const char *what, uf_error *error) {
  return ufi_fail(error, UF_UNIMPLEMENTED, "expected a V2 checkpoint, found %s", what);
}
uf_status ufi_open_tflite(ufi_file *file, const uf_filesystem *fs, uf_source **source_out, uf_error *error) { return pending("a tflite", error); }
uf_status ufi_open_npz(ufi_file *file, const uf_filesystem *fs, uf_source **source_out, uf_error *error) { return pending("npz", error); }
uf_status ufi_open_npy(ufi_file *file, const uf_filesystem *fs, uf_source **source_out, uf_error *error) { return pending("npy", error); }
uf_status ufi_open_npy_folder(const char *path, const uf_filesystem *fs, uf_source **source_out, uf_error *error) { return pending("npy", error); }
uf_status ufi_open_safetensors(ufi_file *file, const uf_filesystem *fs, uf_source **source_out, uf_error *error) { return pending("safetensors", error); }
