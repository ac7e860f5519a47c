/* SPDX-License-Identifier: Apache-2.0
 *
 * extract.h: what `unflow extract` was asked for. cmd_extract.c reads the options;
 * extract_model.c writes what a .tflite and its runs give, extract_source.c what any
 * file of arrays holds.
 */
#ifndef UNFLOW_CLI_EXTRACT_H
#define UNFLOW_CLI_EXTRACT_H

#include "cli.h"

typedef struct extract_request {
  const char *path, *output;
  selection s;
  run_options run;
  naming naming;
  conversions conversions; /* a model's knows only dequantize */
  int level;
  bool json, no_verify;
  const char *of_source;   /* an option that is only for sources, NULL: none was given */
  const char *of_model;    /* one that is only for models */
} extract_request;

int extract_model(extract_request *request);
int extract_source(extract_request *request);
/* "wrote 3 arrays to x.npz" */
void extract_report(const extract_request *request, size_t n);

#endif
