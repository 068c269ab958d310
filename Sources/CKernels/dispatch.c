// Chooses the kernel table by CPU feature.
#include "tables.h"

int ck_cpu_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
             && __builtin_cpu_supports("f16c");
  int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
               && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vnni");
  return avx2 ? (avx512 ? 2 : 1) : 0;
#else
  return 0;
#endif
}

const ck_kernels *ck_table(ck_isa isa) {
  if ((int)isa > ck_cpu_level()) return 0;
  switch (isa) {
    case CK_REFERENCE: return ck_reference_table();
    case CK_AVX2: return ck_avx2_table();
    case CK_AVX512_VNNI: return ck_avx512_table();
  }
  return 0;
}

const ck_kernels *ck_best(void) { return ck_table((ck_isa)ck_cpu_level()); }
