// One body in clang's vector types, compiled for each instruction set.
#include "ck_scale.h"

#include "ck.h"

// Vectors are only passed to functions that are inlined: there is no call whose ABI could differ.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float v16 __attribute__((vector_size(64), aligned(4)));

#define INLINE static inline __attribute__((always_inline))

// Element by element in a fixed order of halves: the same result on every instruction set but for fused products.
INLINE float sum(v16 v) {
  float s[16];
  __builtin_memcpy(s, &v, sizeof s);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) s[i] += s[i + width];
  return s[0];
}

INLINE v16 nearest(v16 x, float inverse, ck_levels l) {
  v16 scaled = x * inverse;
  scaled = __builtin_elementwise_min(__builtin_elementwise_max(scaled, (v16){0} + l.lowest), (v16){0} + l.highest);
  return __builtin_elementwise_roundeven(scaled);
}

// The best scale for the levels of one inverse scale; *gain: by how much it is better than zeros.
INLINE float fit(const v16 x[2], const v16 w[2], const v16 wx[2], float inverse, ck_levels l, float *gain) {
  v16 q0 = nearest(x[0], inverse, l), q1 = nearest(x[1], inverse, l);
  float product = sum(wx[0] * q0 + wx[1] * q1);
  float squares = sum(w[0] * q0 * q0 + w[1] * q1 * q1);
  float scale = squares > 0 ? product / squares : 0;
  *gain = product * scale;
  return scale;
}

INLINE float best(const float *px, const float *pw, ck_levels l, const float *inverses, int64_t count) {
  v16 x[2], w[2], wx[2];
  __builtin_memcpy(x, px, sizeof x);
  __builtin_memcpy(w, pw, sizeof w);
  wx[0] = w[0] * x[0];
  wx[1] = w[1] * x[1];
  float found = 0, most = 0, gain;
  for (int64_t i = 0; i < count; i++) {
    float scale = fit(x, w, wx, inverses[i], l, &gain);
    if (gain > most) most = gain, found = scale;
  }
  // The scale that was found may give other levels than those that led to it.
  for (int i = 0; i < 4 && found != 0; i++) {
    float scale = fit(x, w, wx, 1 / found, l, &gain);
    if (!(gain > most)) break;
    most = gain, found = scale;
  }
  return found;
}

INLINE float error(const float *px, const float *pw, ck_levels l, float scale) {
  v16 x[2], w[2];
  __builtin_memcpy(x, px, sizeof x);
  __builtin_memcpy(w, pw, sizeof w);
  v16 d0 = x[0] - scale * nearest(x[0], 1 / scale, l), d1 = x[1] - scale * nearest(x[1], 1 / scale, l);
  return sum(w[0] * d0 * d0 + w[1] * d1 * d1);
}

#define VARIANT(name, features)                                                                             \
  features static float best_##name(const float *x, const float *w, ck_levels l, const float *i, int64_t n) { \
    return best(x, w, l, i, n);                                                                             \
  }                                                                                                         \
  features static float error_##name(const float *x, const float *w, ck_levels l, float s) {                \
    return error(x, w, l, s);                                                                               \
  }

VARIANT(plain, )
#if defined(__x86_64__)
VARIANT(avx2, __attribute__((target("avx2,fma"))))
VARIANT(avx512, __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))))
#endif

float ck_best_scale(const float *x, const float *w, ck_levels levels, const float *inverses, int64_t count) {
#if defined(__x86_64__)
  switch (ck_cpu_level()) {
    case 2: return best_avx512(x, w, levels, inverses, count);
    case 1: return best_avx2(x, w, levels, inverses, count);
  }
#endif
  return best_plain(x, w, levels, inverses, count);
}

float ck_scale_error(const float *x, const float *w, ck_levels levels, float scale) {
#if defined(__x86_64__)
  switch (ck_cpu_level()) {
    case 2: return error_avx512(x, w, levels, scale);
    case 1: return error_avx2(x, w, levels, scale);
  }
#endif
  return error_plain(x, w, levels, scale);
}
