/* SPDX-License-Identifier: Apache-2.0
 *
 * fingerprint.h: the hash functions of TensorFlow, bit for bit.
 */
#ifndef UFI_FINGERPRINT_H
#define UFI_FINGERPRINT_H

#include "base/base.h"

/* FarmHash's Fingerprint64. */
uint64_t ufi_fingerprint64(const void *data, size_t size);
/* TensorFlow's Hash64: MurmurHash64A with its seed. */
uint64_t ufi_hash64(const void *data, size_t size);
/* SipHash-2-4. */
uint64_t ufi_siphash(const uint64_t key[2], const void *data, size_t size);

#endif
