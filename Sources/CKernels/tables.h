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
