// Search for the scale of a block of 32 weights (see ScaleSearch.swift).
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Levels are the integers lowest...highest.
typedef struct ck_levels {
  float lowest, highest;
} ck_levels;

// The scale s with the smallest sum of w[i] * (x[i] - s * q[i])^2 among those that the candidates lead to: each inverse
// scale gives every element its nearest level q, and the levels give the best scale by least squares. 0 when
// nothing is better than zeros. x[32], w[32] finite, w not negative, inverses[count] finite.
float ck_best_scale(const float *x, const float *w, ck_levels levels, const float *inverses, int64_t count);

// The sum of w[i] * (x[i] - s * q[i])^2 for the nearest levels; s not 0.
float ck_scale_error(const float *x, const float *w, ck_levels levels, float scale);

#ifdef __cplusplus
}
#endif
