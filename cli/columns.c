/* SPDX-License-Identifier: Apache-2.0
 *
 * columns.c: aligned tables. All cells are kept, then printed at once with the
 * widths of the widest; so a table of 15,000 rows is one pass over its text.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { COLUMNS_MAX = 12 };

struct table {
  const char *const *headers;
  const char *align;
  size_t columns;
  size_t width[COLUMNS_MAX];
  text cells;     /* each ends in NUL */
  size_t *widths; /* of each cell, in characters */
  size_t count, capacity;
};

static size_t width_of(const char *s) {
  size_t width = 0;
  for (; *s; s++) width += ((unsigned char)*s & 0xC0) != 0x80;
  return width;
}

table *table_create(const char *const *headers, const char *align) {
  table *t = xcalloc(1, sizeof *t);
  t->headers = headers;
  t->align = align;
  t->columns = strlen(align);
  for (size_t i = 0; i < t->columns; i++) t->width[i] = width_of(headers[i]);
  return t;
}

static void add_cell(table *t, const char *cell) {
  if (t->count == t->capacity) {
    t->capacity = t->capacity ? 2 * t->capacity : 256;
    t->widths = xrealloc(t->widths, t->capacity, sizeof *t->widths);
  }
  size_t width = width_of(cell), column = t->count % t->columns;
  t->width[column] = MAX(t->width[column], width);
  t->widths[t->count++] = width;
  text_add(&t->cells, cell, strlen(cell) + 1);
}

void table_cell(table *t, const char *format, ...) {
  char cell[512];
  va_list args;
  va_start(args, format);
  vsnprintf(cell, sizeof cell, format, args);
  va_end(args);
  add_cell(t, cell);
}

void table_text(table *t, text *cell) {
  add_cell(t, cell->data ? cell->data : "");
  free(cell->data);
  *cell = (text){0};
}

static void print_cell(const table *t, size_t column, const char *cell, size_t width, FILE *out) {
  int gap = (int)(t->width[column] - width);
  bool last = column + 1 == t->columns;
  if (t->align[column] == 'r') fprintf(out, "%*s%s", gap, "", cell);
  else if (last) fputs(cell, out);
  else fprintf(out, "%s%*s", cell, gap, "");
  fputs(last ? "\n" : "  ", out);
}

void table_free(table *t) {
  free(t->cells.data);
  free(t->widths);
  free(t);
}

void table_print(table *t, FILE *out) {
  bool color = colors(out);
  if (color) fputs("\033[1m", out);
  for (size_t i = 0; i < t->columns; i++)
    print_cell(t, i, t->headers[i], width_of(t->headers[i]), out);
  if (color) fputs("\033[0m", out);
  const char *cell = t->cells.data;
  for (size_t i = 0; i < t->count; i++) {
    print_cell(t, i % t->columns, cell, t->widths[i], out);
    cell += strlen(cell) + 1;
  }
  table_free(t);
}
