// OpenBLAS by dlopen, so that its core type can be chosen before it loads and so that it stays optional.
#pragma once
#include <stdint.h>

// What this CPU and system can run, as far as it decides on a core.
typedef struct cob_cpu {
  int has_sse42, has_avx, has_avx2_fma;
  int has_avx512;  // F, CD, BW, DQ and VL, which OpenBLAS's SkylakeX core needs
  int is_amd;
  int family;      // as CPUID counts it: 25 is Zen 3 and Zen 4, 26 is Zen 5; 0 on other architectures
} cob_cpu;

cob_cpu cob_this_cpu(void);

// Loads libopenblas once, with OPENBLAS_CORETYPE set to core_type (not at all where that is null, and never where the
// user has set it) and with one thread: the caller's worker pool cuts the work. The environment is as before
// afterwards, so that child processes see what the user set. Returns 0, or -1 where there is no library.
int cob_load(const char *core_type);
// Name of the core in use, or an empty string.
const char *cob_core_name(void);
// Version and build options, or an empty string.
const char *cob_configuration(void);
// c[m, n] = alpha * op(a) op(b) + beta * c, all row-major. Must follow a successful cob_load.
void cob_sgemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
               int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
// Thin singular value decomposition (LAPACK's sgesdd) of the column-major a[m, n], which is overwritten: with
// k = min(m, n), u[m, k] and vt[k, n], column-major, and s[k], falling. Returns 0; -1 where the library brings no LAPACK
// or the memory does not suffice; 1 where the iteration did not converge. Must follow a successful cob_load.
int cob_sgesdd(int64_t m, int64_t n, float *a, float *s, float *u, float *vt);
