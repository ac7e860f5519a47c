/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c: the store of resources, see resource.h.
 *
 * Variables and tables that have a name are few (tens to thousands) and live in one growing array of
 * pointers, so that ids and addresses stay what they are; their id is the index. All else (objects,
 * and what has no name) lives in slots that are used again: its id is the slot plus how often the slot
 * was used before, times 2^32, so that an old handle finds nothing rather than a stranger. A hash
 * table of ids finds names.
 *
 * An owned handle removes its resource when the last reference to its memory goes, on whatever thread
 * that happens; so slots come and go under a lock.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "ops/items.h"
#include "ops/resource.h"

typedef struct slot {
  ufi_resource *resource; /* NULL: free */
  int32_t uses;           /* from 1 */
} slot;

struct ufi_store {
  atomic_int refs;
  ufi_resource **items;
  int32_t n, capacity;
  slot *slots;
  int32_t n_slots, slot_capacity, n_free;
  int64_t *names;         /* ids by hash of the name, -1: free; a power of two */
  size_t name_room, n_names;
  pthread_mutex_t lock;
};

/* ---- life ------------------------------------------------------------------ */

ufi_store *ufi_store_create(void) {
  ufi_store *store = ufi_calloc(1, sizeof *store);
  if (store == NULL) return NULL;
  atomic_init(&store->refs, 1);
  pthread_mutex_init(&store->lock, NULL);
  return store;
}

ufi_store *ufi_store_retain(ufi_store *store) {
  if (store) atomic_fetch_add_explicit(&store->refs, 1, memory_order_relaxed);
  return store;
}

void ufi_resource_clear(ufi_resource *r) {
  uf_tensor_release(&r->value);
  uf_tensor_release(&r->keys);
  uf_buf_release(r->index);
  r->index = NULL;
  r->n_entries = 0;
  r->key_room = r->value_room = (struct ufi_table_room){0};
  if (r->object) r->type->release(r->object);
  r->object = NULL;
  r->initialized = false;
}

static void destroy_resource(ufi_resource *r) {
  if (r == NULL) return;
  ufi_resource_clear(r);
  uf_tensor_release(&r->special_keys);
  ufi_free(r->container);
  ufi_free(r->name);
  ufi_free(r);
}

void ufi_store_release(ufi_store *store) {
  if (store == NULL || atomic_fetch_sub_explicit(&store->refs, 1, memory_order_acq_rel) != 1) return;
  for (int32_t i = 0; i < store->n; i++) destroy_resource(store->items[i]);
  for (int32_t i = 0; i < store->n_slots; i++) destroy_resource(store->slots[i].resource);
  pthread_mutex_destroy(&store->lock);
  ufi_free(store->items);
  ufi_free(store->slots);
  ufi_free(store->names);
  ufi_free(store);
}

void ufi_store_reset(ufi_store *store) {
  for (int32_t i = 0; i < store->n; i++) ufi_resource_clear(store->items[i]);
  for (int32_t i = 0; i < store->n_slots; i++) {
    if (store->slots[i].resource) ufi_resource_clear(store->slots[i].resource);
  }
}

/* ---- look-up ---------------------------------------------------------------- */

int32_t ufi_store_count(const ufi_store *store) { return store->n; }

ufi_resource *ufi_store_at(ufi_store *store, int64_t id) {
  if (id >= 0 && id < store->n) return store->items[id];
  int64_t at = id & INT32_MAX, uses = id >> 32;
  if (uses < 1 || at >= store->n_slots || store->slots[at].uses != uses) return NULL;
  return store->slots[at].resource;
}

static size_t hash_name(const char *name) {
  uint64_t h = 0xcbf29ce484222325u; /* FNV-1a; the container is left out, so that it may be any */
  for (; *name; name++) h = (h ^ (uint8_t)*name) * 0x100000001b3u;
  return (size_t)(h ^ (h >> 29));
}

int64_t ufi_store_find(const ufi_store *store, const char *container, const char *name) {
  if (store->name_room == 0) return -1;
  for (size_t at = hash_name(name);; at++) {
    int64_t id = store->names[at & (store->name_room - 1)];
    if (id == -1) return -1;
    const ufi_resource *r = ufi_store_at((ufi_store *)store, id); /* NULL: removed since */
    if (r && strcmp(r->name, name) == 0 && (container == NULL || strcmp(r->container, container) == 0)) return id;
  }
}

static void put_name(ufi_store *store, int64_t id) {
  const ufi_resource *r = ufi_store_at(store, id);
  if (r == NULL) return;
  size_t at = hash_name(r->name);
  while (store->names[at & (store->name_room - 1)] != -1) at++;
  store->names[at & (store->name_room - 1)] = id;
  store->n_names++;
}

/* Room for one more name, at most half full. */
static bool reserve_name(ufi_store *store) {
  if ((store->n_names + 1) * 2 <= store->name_room) return true;
  size_t old_room = store->name_room, room = UFI_MAX((size_t)32, old_room * 2);
  int64_t *old = store->names, *names = ufi_malloc(room * sizeof *names);
  if (names == NULL) return false;
  memset(names, 0xFF, room * sizeof *names);
  store->names = names;
  store->name_room = room;
  store->n_names = 0;
  for (size_t i = 0; i < old_room; i++) {
    if (old[i] != -1) put_name(store, old[i]);
  }
  ufi_free(old);
  return true;
}

/* ---- adding ------------------------------------------------------------------ */

static char *copy_text(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = ufi_malloc(size);
  if (copy) memcpy(copy, text, size);
  return copy;
}

static bool reserve(ufi_store *store, int32_t wanted) {
  if (wanted <= store->capacity) return true;
  int32_t capacity = UFI_MAX(16, store->capacity * 2);
  while (capacity < wanted) capacity *= 2;
  ufi_resource **items = ufi_realloc(store->items, (size_t)capacity * sizeof *items);
  if (items == NULL) return false;
  store->items = items;
  store->capacity = capacity;
  return true;
}

static ufi_resource *new_resource(uf_state_kind kind, const char *container, const char *name) {
  ufi_resource *r = ufi_calloc(1, sizeof *r);
  if (r == NULL) return NULL;
  r->kind = kind;
  r->rank = -1;
  r->container = copy_text(container);
  r->name = copy_text(name);
  if (r->container && r->name) return r;
  destroy_resource(r);
  return NULL;
}

/* A free slot, with room for it; -1: out of memory. Slots whose use count ran out stay empty. */
static int32_t free_slot(ufi_store *store) {
  for (int32_t i = store->n_slots - 1; i >= 0 && store->n_free; i--) {
    if (store->slots[i].resource || store->slots[i].uses == INT32_MAX) continue;
    store->n_free--;
    return i;
  }
  if (store->n_slots == store->slot_capacity) {
    int32_t capacity = UFI_MAX(16, store->slot_capacity * 2);
    slot *slots = ufi_realloc(store->slots, (size_t)capacity * sizeof *slots);
    if (slots == NULL) return -1;
    store->slots = slots;
    store->slot_capacity = capacity;
  }
  store->slots[store->n_slots] = (slot){0};
  return store->n_slots++;
}

/* Puts r into a slot; -1: out of memory. */
static int64_t put_slot(ufi_store *store, ufi_resource *r) {
  pthread_mutex_lock(&store->lock);
  int32_t at = free_slot(store);
  int64_t id = -1;
  if (at >= 0) {
    store->slots[at].resource = r;
    id = (int64_t)++store->slots[at].uses << 32 | at;
  }
  pthread_mutex_unlock(&store->lock);
  return id;
}

static const char *kind_text(uf_state_kind kind) {
  return kind == UF_STATE_TABLE ? "table" : kind == UF_STATE_VARIABLE ? "variable" : "object";
}

uf_status ufi_store_declare(ufi_store *store, uf_state_kind kind, const char *container, const char *name,
                            int64_t *id_out, uf_error *error) {
  int64_t id = ufi_store_find(store, container, name);
  if (id >= 0 && ufi_store_at(store, id)->kind != kind) {
    return ufi_fail(error, UF_ALREADY_EXISTS, "expected '%s' to name one kind of resource, found a %s and a %s", name,
                    kind_text(ufi_store_at(store, id)->kind), kind_text(kind));
  }
  if (id < 0) {
    bool listed = kind != UFI_STATE_OBJECT;
    bool room = reserve_name(store) && (!listed || reserve(store, store->n + 1));
    ufi_resource *r = room ? new_resource(kind, container, name) : NULL;
    if (r == NULL) return ufi_no_memory(error, sizeof *r);
    id = store->n;
    if (listed) store->items[store->n++] = r;
    else id = put_slot(store, r);
    if (id < 0) destroy_resource(r);
    if (id < 0) return ufi_no_memory(error, sizeof *r);
    put_name(store, id);
  }
  *id_out = id;
  return UF_OK;
}

uf_status ufi_store_add(ufi_store *store, uf_state_kind kind, const char *name, int64_t *id_out, uf_error *error) {
  ufi_resource *r = new_resource(kind, "", name);
  int64_t id = r ? put_slot(store, r) : -1;
  if (id < 0) {
    destroy_resource(r);
    return ufi_no_memory(error, sizeof *r);
  }
  *id_out = id;
  return UF_OK;
}

/* What is in a slot, which becomes free; NULL: nothing. */
static ufi_resource *take_slot(ufi_store *store, int64_t id) {
  pthread_mutex_lock(&store->lock);
  ufi_resource *r = ufi_store_at(store, id);
  if (r) {
    slot *s = &store->slots[id & INT32_MAX];
    s->resource = NULL;
    store->n_free += s->uses < INT32_MAX;
  }
  pthread_mutex_unlock(&store->lock);
  return r;
}

void ufi_store_remove(ufi_store *store, int64_t id) {
  if (id >> 32 == 0) { /* its id and name stay: who names it again finds it never assigned */
    ufi_resource *named = ufi_store_at(store, id);
    if (named) ufi_resource_clear(named);
    return;
  }
  while (id) {
    ufi_resource *r = take_slot(store, id);
    id = r ? r->child : 0;
    destroy_resource(r);
  }
}

/* ---- owned handles ----------------------------------------------------------- */

typedef struct owned {
  ufi_store *store;
  int64_t id;
} owned;

static void drop_owned(void *context) {
  owned *o = context;
  ufi_store_remove(o->store, o->id);
  ufi_store_release(o->store);
  ufi_free(o);
}

uf_status ufi_store_own(ufi_store *store, int64_t id, uf_buf **buf_out, uf_error *error) {
  owned *o = ufi_malloc(sizeof *o);
  if (o == NULL) return ufi_no_memory(error, sizeof *o);
  *o = (owned){ufi_store_retain(store), id};
  *buf_out = uf_buf_wrap(&o->id, sizeof o->id, drop_owned, o);
  if (*buf_out) return UF_OK;
  ufi_store_release(store);
  ufi_free(o);
  return ufi_no_memory(error, sizeof *o);
}

/* ---- clones ------------------------------------------------------------------- */

static ufi_resource *clone_resource(const ufi_resource *from) {
  ufi_resource *r = new_resource(from->kind, from->container, from->name);
  if (r == NULL) return NULL;
  char *container = r->container, *name = r->name;
  *r = *from;
  r->container = container;
  r->name = name;
  uf_buf_retain(r->value.buf);
  uf_buf_retain(r->keys.buf);
  uf_buf_retain(r->index);
  uf_buf_retain(r->special_keys.buf);
  if (from->object) r->object = from->type->clone(from->object);
  if (from->object == NULL || r->object) return r;
  destroy_resource(r);
  return NULL;
}

static bool clone_names(ufi_store *clone, const ufi_store *store) {
  if (store->name_room == 0) return true;
  clone->names = ufi_malloc(store->name_room * sizeof *clone->names);
  if (clone->names == NULL) return false;
  memcpy(clone->names, store->names, store->name_room * sizeof *clone->names);
  clone->name_room = store->name_room;
  clone->n_names = store->n_names;
  return true;
}

static bool clone_slots(ufi_store *clone, const ufi_store *store) {
  if (store->n_slots == 0) return true;
  clone->slots = ufi_calloc((size_t)store->n_slots, sizeof *clone->slots);
  if (clone->slots == NULL) return false;
  clone->slot_capacity = store->n_slots;
  for (; clone->n_slots < store->n_slots; clone->n_slots++) {
    const slot *from = &store->slots[clone->n_slots];
    slot *to = &clone->slots[clone->n_slots];
    to->uses = from->uses;
    clone->n_free += from->resource == NULL && from->uses < INT32_MAX;
    if (from->resource && (to->resource = clone_resource(from->resource)) == NULL) return false;
  }
  return true;
}

ufi_store *ufi_store_clone(const ufi_store *store) {
  ufi_store *clone = ufi_store_create();
  if (clone == NULL) return NULL;
  bool good = reserve(clone, store->n) && clone_names(clone, store);
  for (; good && clone->n < store->n; clone->n++) {
    clone->items[clone->n] = clone_resource(store->items[clone->n]);
    if (clone->items[clone->n] == NULL) good = false;
    if (!good) break;
  }
  pthread_mutex_lock(&((ufi_store *)store)->lock);
  good = good && clone_slots(clone, store);
  pthread_mutex_unlock(&((ufi_store *)store)->lock);
  if (good) return clone;
  ufi_store_release(clone);
  return NULL;
}
