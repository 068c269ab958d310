// Internal: one accessor per instruction set; a null pointer where the build has not got it.
#pragma once
#include "ck.h"

const ck_kernels *ck_reference_table(void);
const ck_kernels *ck_avx2_table(void);
const ck_kernels *ck_avx512_table(void);

// IEEE half to float without any instruction-set extension.
static inline float ck_half(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;
  union { uint32_t u; float f; } v;
  if (exponent == 31) {
    v.u = sign | 0x7f800000u | (mantissa << 13);
  } else if (exponent != 0) {
    v.u = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else {
    v.f = (float)mantissa * 5.9604644775390625e-8f;
    v.u |= sign;
  }
  return v.f;
}

// f32 to IEEE half, rounding to nearest even, without any instruction-set extension.
static inline uint16_t ck_to_half(float x) {
  union { float f; uint32_t u; } v = {x};
  uint16_t sign = (uint16_t)((v.u >> 16) & 0x8000);
  v.u &= 0x7fffffffu;
  if (v.u >= 0x47800000u) return sign | (v.u > 0x7f800000u ? 0x7e00 : 0x7c00);
  if (v.u < 0x38800000u) {  // subnormal half: the sum puts the bits in place and rounds
    v.f += 0.5f;
    return sign | (uint16_t)(v.u - 0x3f000000u);
  }
  uint32_t odd = (v.u >> 13) & 1;
  return sign | (uint16_t)((v.u - 0x38000000u + 0xfffu + odd) >> 13);
}
