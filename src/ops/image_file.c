/* SPDX-License-Identifier: Apache-2.0
 *
 * image_file.c: files that are decoded here: BMP (uncompressed) and GIF (LZW, variable-length codes
 * from 3 to 12 bits; frames are drawn over the one before, as TensorFlow does it).
 */
#include "ops/host.h"
#include "ops/image_codec.h"

/* ---- pictures -------------------------------------------------------------------------------- */

uf_status ufi_picture_alloc(ufi_ctx *ctx, ufi_picture *p) {
  size_t bytes = p->wide ? 2 : 1;
  const bool good = p->frames >= 0 && p->height > 0 && p->width > 0 && p->channels > 0 &&
                    ufi_mul_size(bytes, (size_t)p->frames, &bytes) && ufi_mul_size(bytes, (size_t)p->height, &bytes) &&
                    ufi_mul_size(bytes, (size_t)p->width, &bytes) && ufi_mul_size(bytes, (size_t)p->channels, &bytes) &&
                    bytes < (size_t)1 << 31 && bytes <= ufi_host_max_bytes(ctx);
  p->data = NULL;
  if (!good)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a picture of less than 2 GiB, found %lld x %lld, %lld times",
                        (long long)p->height, (long long)p->width, (long long)p->frames);
  p->data = ufi_calloc(bytes ? bytes : 1, 1);
  return p->data ? UF_OK : ufi_no_memory(ctx->error, bytes);
}

void ufi_picture_free(ufi_picture *p) {
  ufi_free(p->data);
  p->data = NULL;
}

uf_status ufi_no_codec(ufi_ctx *ctx, const char *what, const char *library) {
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected an unflow built with %s, found one without: install %s and its "
                      "headers, and build with -Dimages=enabled, to read and write %s", library, library, what);
}

/* ---- BMP ----------------------------------------------------------------------------------------- */

static uf_status bad_bmp(ufi_ctx *ctx, const char *what) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an uncompressed BMP file, found %s", what);
}

uf_status ufi_bmp_decode(ufi_ctx *ctx, uf_string file, int32_t channels, ufi_picture *p) {
  const uint8_t *data = (const uint8_t *)file.data;
  *p = (ufi_picture){.frames = 1};
  if (file.size < 32 || memcmp(data, "BM", 2) != 0) return bad_bmp(ctx, "another header");
  const uint32_t start = ufi_load32(data + 10), bits = ufi_load16(data + 28);
  const int64_t height = (int32_t)ufi_load32(data + 22);
  p->width = (int32_t)ufi_load32(data + 18);
  p->height = height < 0 ? -height : height;
  p->channels = bits / 8;
  if (bits != 8 && bits != 24 && bits != 32) return bad_bmp(ctx, "another number of bits a pixel");
  if (channels != 0 && channels != p->channels)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d channels, found a BMP file with %lld", (int)channels,
                        (long long)p->channels);
  if (p->width <= 0 || p->height <= 0) return bad_bmp(ctx, "a size of 0");
  const size_t line = ((size_t)p->width * bits + 31) / 32 * 4;
  if (start > file.size || (file.size - start) / line < (size_t)p->height - 1 ||
      file.size - start < line * ((size_t)p->height - 1) + (size_t)(p->width * p->channels))
    return bad_bmp(ctx, "one that ends too early");
  UFI_TRY(ufi_picture_alloc(ctx, p));
  uint8_t *to = p->data;
  for (int64_t y = 0; y < p->height; y++) { /* the last row comes first when height is positive */
    const uint8_t *from = data + start + line * (size_t)(height < 0 ? y : p->height - 1 - y);
    for (int64_t x = 0; x < p->width; x++, from += p->channels, to += p->channels) {
      to[0] = from[p->channels > 1 ? 2 : 0];
      if (p->channels > 1) to[1] = from[1], to[2] = from[0];
      if (p->channels > 3) to[3] = from[3];
    }
  }
  return UF_OK;
}

/* ---- GIF ------------------------------------------------------------------------------------------ */

typedef struct gif {
  const uint8_t *at, *end;
  const uint8_t *global;     /* colours, NULL: none */
  int32_t n_global;
  int32_t transparent;       /* of the next frame, -1: none */
  int64_t width, height;
} gif;

typedef struct gif_frame {
  int64_t left, top, width, height;
  const uint8_t *colors;
  int32_t n_colors;
  bool interlaced;
} gif_frame;

static uf_status bad_gif(ufi_ctx *ctx, const char *what) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a GIF file, found %s", what);
}

/* Behind a chain of blocks; false: the file ends before. */
static bool skip_blocks(gif *g) {
  while (g->at < g->end) {
    const size_t n = *g->at++;
    if (n == 0) return true;
    if (n > (size_t)(g->end - g->at)) return false;
    g->at += n;
  }
  return false;
}

static bool take_colors(gif *g, uint8_t flags, const uint8_t **colors, int32_t *n) {
  *n = 0;
  if (!(flags & 0x80)) return true;
  *n = 2 << (flags & 7);
  if ((size_t)*n * 3 > (size_t)(g->end - g->at)) return false;
  *colors = g->at;
  g->at += *n * 3;
  return true;
}

static bool open_gif(gif *g, uf_string file) {
  g->at = (const uint8_t *)file.data;
  g->end = g->at + file.size;
  if (file.size < 13 || memcmp(g->at, "GIF8", 4) != 0) return false;
  g->width = ufi_load16(g->at + 6);
  g->height = ufi_load16(g->at + 8);
  const uint8_t flags = g->at[10];
  g->at += 13;
  g->transparent = -1;
  return take_colors(g, flags, &g->global, &g->n_global);
}

/* The next frame's header; 1: there is one, 0: the end, -1: damaged. */
static int next_frame(gif *g, gif_frame *f) {
  while (g->at < g->end) {
    const uint8_t kind = *g->at++;
    if (kind == 0x3B) return 0;
    if (kind == 0x21) {
      if (g->end - g->at < 6) return -1;
      if (g->at[0] == 0xF9 && g->at[1] == 4) g->transparent = g->at[2] & 1 ? g->at[5] : -1;
      g->at++;
      if (!skip_blocks(g)) return -1;
      continue;
    }
    if (kind != 0x2C || g->end - g->at < 10) return -1;
    *f = (gif_frame){.left = ufi_load16(g->at), .top = ufi_load16(g->at + 2), .width = ufi_load16(g->at + 4),
                     .height = ufi_load16(g->at + 6), .colors = g->global, .n_colors = g->n_global};
    const uint8_t flags = g->at[8];
    const uint8_t *own = NULL;
    int32_t n = 0;
    f->interlaced = flags & 0x40;
    g->at += 9;
    if (!take_colors(g, flags, &own, &n)) return -1;
    if (n) f->colors = own, f->n_colors = n;
    return 1;
  }
  return -1;
}

enum { GIF_CODES = 4096 };

/* Codes stand for strings: a prefix and a last byte. */
typedef struct lzw {
  uint16_t prefix[GIF_CODES];
  uint8_t last[GIF_CODES], stack[GIF_CODES];
} lzw;

/* Bits from the chain of blocks, lowest first. */
typedef struct bit_source {
  gif *g;
  size_t left;             /* in the block */
  uint32_t bits;
  int n;
} bit_source;

static int take_code(bit_source *s, int width) {
  while (s->n < width) {
    if (s->left == 0) {
      if (s->g->at >= s->g->end || (s->left = *s->g->at) == 0 || s->left > (size_t)(s->g->end - s->g->at - 1)) return -1;
      s->g->at++;
    }
    s->bits |= (uint32_t)*s->g->at++ << s->n;
    s->n += 8;
    s->left--;
  }
  const int code = (int)(s->bits & ((1u << width) - 1));
  s->bits >>= width;
  s->n -= width;
  return code;
}

/* Writes n pixels of colour indices; false: damaged. */
static bool unpack_frame(gif *g, lzw *t, uint8_t *to, int64_t n) {
  if (g->at >= g->end) return false;
  const int start = *g->at++;
  if (start < 1 || start > 11) return false;
  const int clear = 1 << start;
  bit_source s = {.g = g};
  int width = start + 1, next = clear + 2, previous = -1, first = 0;
  for (int64_t at = 0; at < n;) {
    const int code = take_code(&s, width);
    if (code < 0 || code == clear + 1) return false;
    if (code == clear) {
      width = start + 1, next = clear + 2, previous = -1;
      continue;
    }
    if (code > next || (code == next && previous < 0) || (previous < 0 && code >= clear)) return false;
    int depth = 0, walk = code;
    if (code == next) { /* the string before and its own first byte */
      t->stack[depth++] = (uint8_t)first;
      walk = previous;
    }
    for (; walk >= clear && depth < GIF_CODES - 1; walk = t->prefix[walk]) t->stack[depth++] = t->last[walk];
    t->stack[depth++] = (uint8_t)walk;
    first = walk;
    while (depth > 0 && at < n) to[at++] = t->stack[--depth];
    if (previous >= 0 && next < GIF_CODES) {
      t->prefix[next] = (uint16_t)previous;
      t->last[next++] = (uint8_t)first;
      if (next == 1 << width && width < 12) width++;
    }
    previous = code;
  }
  g->at += s.left;
  return skip_blocks(g);
}

/* Row k of an interlaced frame lies at this one. */
static int64_t interlaced_row(int64_t k, int64_t height) {
  static const int64_t begin[4] = {0, 4, 2, 1}, step[4] = {8, 8, 4, 2};
  for (int pass = 0; pass < 4; pass++) {
    const int64_t rows = height > begin[pass] ? (height - begin[pass] + step[pass] - 1) / step[pass] : 0;
    if (k < rows) return begin[pass] + k * step[pass];
    k -= rows;
  }
  return height - 1;
}

static void draw_frame(const gif *g, const gif_frame *f, const uint8_t *codes, uint8_t *canvas) {
  for (int64_t k = 0; k < f->height; k++) {
    const int64_t y = f->top + (f->interlaced ? interlaced_row(k, f->height) : k);
    for (int64_t x = 0; x < f->width && y < g->height; x++) {
      const int32_t code = codes[k * f->width + x];
      if (f->left + x >= g->width || code == g->transparent || code >= f->n_colors) continue;
      memcpy(canvas + (y * g->width + f->left + x) * 3, f->colors + 3 * code, 3);
    }
  }
}

/* How many frames; 0: damaged before the first one ends. */
static int64_t count_frames(uf_string file) {
  gif g = {0};
  gif_frame f;
  int64_t n = 0;
  if (!open_gif(&g, file)) return 0;
  while (next_frame(&g, &f) == 1) {
    if (g.at >= g.end) break;
    g.at++;
    if (!skip_blocks(&g)) break;
    n++;
  }
  return n;
}

static uf_status draw_all(ufi_ctx *ctx, uf_string file, ufi_picture *p, lzw *table, uint8_t *codes) {
  gif g = {0};
  gif_frame f;
  const int64_t size = p->height * p->width * 3;
  if (!open_gif(&g, file)) return bad_gif(ctx, "another header");
  for (int64_t k = 0; k < p->frames; k++) {
    uint8_t *canvas = (uint8_t *)p->data + k * size;
    if (next_frame(&g, &f) != 1) return bad_gif(ctx, "damaged frames");
    if (k > 0) memcpy(canvas, canvas - size, (size_t)size);
    if (f.width * f.height > (int64_t)65535 * 4096 || f.width * f.height > p->height * p->width * 4 + 65536)
      return bad_gif(ctx, "a frame much larger than the picture");
    if (f.n_colors == 0) return bad_gif(ctx, "a frame without colours");
    if (!unpack_frame(&g, table, codes, f.width * f.height)) return bad_gif(ctx, "damaged data");
    draw_frame(&g, &f, codes, canvas);
    g.transparent = -1;
  }
  return UF_OK;
}

uf_status ufi_gif_decode(ufi_ctx *ctx, uf_string file, bool first_only, ufi_picture *p) {
  gif g = {0};
  *p = (ufi_picture){.frames = count_frames(file), .channels = 3};
  if (!open_gif(&g, file) || p->frames == 0) return bad_gif(ctx, "one without a whole frame");
  if (first_only) p->frames = 1;
  p->width = g.width;
  p->height = g.height;
  UFI_TRY(ufi_picture_alloc(ctx, p));
  const size_t room = (size_t)(p->height * p->width * 4 + 65536);
  lzw *table = ufi_malloc(sizeof *table + room);
  uf_status status = table ? draw_all(ctx, file, p, table, (uint8_t *)(table + 1)) : ufi_no_memory(ctx->error, room);
  ufi_free(table);
  if (status != UF_OK) ufi_picture_free(p);
  return status;
}
