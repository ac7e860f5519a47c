/* SPDX-License-Identifier: Apache-2.0
 *
 * npy.h: NumPy's array files, to and from bytes in memory.
 */
#ifndef UFI_NPY_H
#define UFI_NPY_H

#include "base/base.h"

enum { UFI_NPY_HEADER_MAX = 320 };

/* A tensor as a .npy: header, then body. */
typedef struct ufi_npy {
  char header[UFI_NPY_HEADER_MAX];
  size_t header_size; /* a multiple of 64 */
  const void *body;   /* the tensor's own bytes where NumPy has its dtype */
  size_t body_size;
  uf_buf *converted;  /* else here; NULL otherwise */
} ufi_npy;

/* The caller releases npy_out->converted; body lives as long as that and the
 * tensor. WRONG_TYPE for resources and variants. */
uf_status ufi_npy_encode(const uf_tensor *tensor, ufi_npy *npy_out, uf_error *error) UF_MUST_USE;

/* What the header of a .npy says, without the array. */
typedef struct ufi_npy_info {
  uf_dtype dtype;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  uint64_t offset, size; /* of the array in the file */
  bool plain;            /* its bytes are as in memory; else only decode gives a tensor */
} ufi_npy_info;

enum { UFI_NPY_PREFIX = 12 };
/* Bytes of the header, of which the first UFI_NPY_PREFIX are there; 0: it is no .npy. */
uint64_t ufi_npy_header_size(const unsigned char head[UFI_NPY_PREFIX]);
/* The header lies in the first `size` of `total` bytes. The same failures as decode. */
uf_status ufi_npy_inspect(const void *head, size_t size, uint64_t total, ufi_npy_info *info_out,
                          uf_error *error) UF_MUST_USE;

/* The tensor in a .npy that buf holds whole. may_share: the tensor may be a
 * view of buf where no conversion is needed (buf must then be writable and
 * belong to nobody else); else it always has memory of its own. */
uf_status ufi_npy_decode(uf_buf *buf, bool may_share, uf_tensor *tensor_out,
                         uf_error *error) UF_MUST_USE;

#endif
