/* SPDX-License-Identifier: Apache-2.0
 *
 * layers.h: the layers of known models that bench_kernels and bench_qgemm time.
 */
#ifndef UFI_BENCH_LAYERS_H
#define UFI_BENCH_LAYERS_H

#include <stdint.h>

typedef struct shape {
  const char *model;
  int64_t size, channels, kernel, stride, filters; /* filters 0: depthwise */
} shape;

static const shape shapes[] = {
    {"mobilenet_v2", 224, 3, 3, 2, 32},   {"mobilenet_v2", 112, 32, 3, 1, 0},
    {"mobilenet_v2", 112, 32, 1, 1, 16},  {"mobilenet_v2", 112, 16, 1, 1, 96},
    {"mobilenet_v2", 112, 96, 3, 2, 0},   {"mobilenet_v2", 56, 96, 1, 1, 24},
    {"mobilenet_v2", 56, 24, 1, 1, 144},  {"mobilenet_v2", 56, 144, 3, 1, 0},
    {"mobilenet_v2", 56, 144, 1, 1, 24},  {"mobilenet_v2", 56, 144, 3, 2, 0},
    {"mobilenet_v2", 28, 144, 1, 1, 32},  {"mobilenet_v2", 28, 32, 1, 1, 192},
    {"mobilenet_v2", 28, 192, 3, 1, 0},   {"mobilenet_v2", 28, 192, 1, 1, 32},
    {"mobilenet_v2", 28, 192, 3, 2, 0},   {"mobilenet_v2", 14, 192, 1, 1, 64},
    {"mobilenet_v2", 14, 64, 1, 1, 384},  {"mobilenet_v2", 14, 384, 3, 1, 0},
    {"mobilenet_v2", 14, 384, 1, 1, 64},  {"mobilenet_v2", 14, 384, 1, 1, 96},
    {"mobilenet_v2", 14, 96, 1, 1, 576},  {"mobilenet_v2", 14, 576, 3, 1, 0},
    {"mobilenet_v2", 14, 576, 1, 1, 96},  {"mobilenet_v2", 14, 576, 3, 2, 0},
    {"mobilenet_v2", 7, 576, 1, 1, 160},  {"mobilenet_v2", 7, 160, 1, 1, 960},
    {"mobilenet_v2", 7, 960, 3, 1, 0},    {"mobilenet_v2", 7, 960, 1, 1, 160},
    {"mobilenet_v2", 7, 960, 1, 1, 320},  {"mobilenet_v2", 7, 320, 1, 1, 1280},
    {"mobilenet_v2", 1, 1280, 1, 1, 1000},
    {"resnet50", 224, 3, 7, 2, 64},       {"resnet50", 56, 64, 1, 1, 64},
    {"resnet50", 56, 64, 3, 1, 64},       {"resnet50", 56, 64, 1, 1, 256},
    {"resnet50", 56, 256, 1, 1, 64},      {"resnet50", 56, 256, 1, 2, 512},
    {"resnet50", 28, 128, 3, 1, 128},     {"resnet50", 28, 128, 1, 1, 512},
    {"resnet50", 28, 512, 1, 1, 128},     {"resnet50", 28, 512, 1, 2, 1024},
    {"resnet50", 14, 256, 3, 1, 256},     {"resnet50", 14, 256, 1, 1, 1024},
    {"resnet50", 14, 1024, 1, 1, 256},    {"resnet50", 14, 1024, 1, 2, 2048},
    {"resnet50", 7, 512, 3, 1, 512},      {"resnet50", 7, 512, 1, 1, 2048},
    {"resnet50", 7, 2048, 1, 1, 512},     {"resnet50", 1, 2048, 1, 1, 1000},
    {"unet", 128, 3, 3, 1, 16},           {"unet", 128, 16, 3, 1, 16},
    {"unet", 64, 16, 3, 1, 32},           {"unet", 64, 32, 3, 1, 32},
    {"unet", 32, 64, 3, 1, 64},           {"unet", 16, 64, 3, 1, 128},
    {"unet", 16, 128, 3, 1, 128},         {"unet", 32, 128, 3, 1, 64},
    {"unet", 64, 64, 3, 1, 32},           {"unet", 128, 32, 3, 1, 16},
    {"mlp", 1, 2048, 1, 1, 2048},
};

#endif
