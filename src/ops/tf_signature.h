/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_signature.h: what each TensorFlow op takes and gives, from the table
 * tf_signatures.def. It covers more ops than ops.def has rows for, so that a
 * graph's values have their dtypes even where an op cannot run.
 *
 *   arguments   name:type, separated by blanks. type is a dtype ("float32"), $T (that of
 *               attribute T), N*type (as many as attribute N says), @Tlist (one for each dtype in
 *               attribute Tlist); & behind it: a reference to a variable (TensorFlow 1).
 *   attributes  name:kind or name:kind=default. kind is int, float, bool, string, type, shape,
 *               tensor, func, or one of these with [] for a list. Defaults: shapes [2,-1] or ?,
 *               lists {a;b}, bytes that are none of a name as %XX.
 */
#ifndef UFI_TF_SIGNATURE_H
#define UFI_TF_SIGNATURE_H

#include "ops/op.h"

enum { UFI_SIG_STATEFUL = 1 };

typedef struct ufi_sig {
  const char *op, *inputs, *outputs, *attrs;
  uint32_t flags;
} ufi_sig;

/* NULL: not in the table. */
const ufi_sig *ufi_sig_of(const char *op);
const ufi_sig *ufi_sig_at(int32_t i); /* NULL past the end */

#define UFI_SIG_NAME 64
typedef struct ufi_sig_arg {
  char name[UFI_SIG_NAME];
  uf_dtype dtype;                /* UF_INVALID: an attribute says */
  char type_attr[UFI_SIG_NAME];  /* "" when none, as the next two */
  char number_attr[UFI_SIG_NAME];
  char list_attr[UFI_SIG_NAME];
  bool is_ref;
} ufi_sig_arg;
/* The argument at *text (a row's inputs or outputs at first), which moves on; false at the end. */
bool ufi_sig_next_arg(const char **text, ufi_sig_arg *arg_out);

typedef struct ufi_sig_attr {
  char name[UFI_SIG_NAME];
  uf_attr_kind kind;
  const char *fallback;          /* the default as the table has it; NULL: none, it must be given */
  size_t fallback_size;
} ufi_sig_attr;
bool ufi_sig_next_attr(const char **text, ufi_sig_attr *attr_out);
/* The default as an attribute; its memory and name are the arena's. */
uf_status ufi_sig_default(const ufi_sig_attr *from, ufi_arena *arena, uf_attr *attr_out,
                          uf_error *error) UF_MUST_USE;

/* One value that a node takes or gives. */
typedef struct ufi_sig_value {
  uf_dtype dtype;
  bool is_ref;
  int32_t arg, at;               /* which argument, which element of it */
} ufi_sig_value;
/* All values of arguments (a row's inputs or outputs) as a node's attributes make them.
 * INVALID_ARGUMENT: an attribute that says how many or what is missing or damaged. */
uf_status ufi_sig_expand(const char *arguments, const uf_attr *attrs, int32_t n_attrs, ufi_arena *arena,
                         ufi_sig_value **values_out, int32_t *n_out, uf_error *error) UF_MUST_USE;

/* Completes a node's attributes: what inputs' dtypes and number tell of T, N and Tlist, then
 * defaults. attrs has room for `capacity`. INVALID_ARGUMENT naming what is missing or contradicts
 * itself. dtypes NULL: nothing is told by inputs. */
uf_status ufi_sig_complete(const ufi_sig *sig, ufi_arena *arena, uf_attr *attrs, int32_t *n_attrs,
                           int32_t capacity, const uf_dtype *dtypes, int32_t n_inputs,
                           uf_error *error) UF_MUST_USE;
/* Attributes in the signature: what capacity above must exceed the given ones by at most. */
int32_t ufi_sig_attr_count(const ufi_sig *sig);

#endif
