// CPU features that decide on OpenBLAS's core.
#include "cob.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <string.h>

cob_cpu cob_this_cpu(void) {
  cob_cpu cpu = {0};
  __builtin_cpu_init();  // also looks at what the system saves: AVX without its support does not count
  cpu.has_sse42 = __builtin_cpu_supports("sse4.2") != 0;
  cpu.has_avx = __builtin_cpu_supports("avx") != 0;
  cpu.has_avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  cpu.has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd")
                   && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
                   && __builtin_cpu_supports("avx512vl");
  unsigned a, b, c, d;
  if (__get_cpuid(0, &a, &b, &c, &d)) {
    unsigned vendor[3] = {b, d, c};
    cpu.is_amd = memcmp(vendor, "AuthenticAMD", 12) == 0;
  }
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    cpu.family = (int)(a >> 8 & 15);
    if (cpu.family == 15) cpu.family += (int)(a >> 20 & 255);
  }
  return cpu;
}
#else
cob_cpu cob_this_cpu(void) { return (cob_cpu){0}; }
#endif
