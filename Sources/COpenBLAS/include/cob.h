// OpenBLAS by dlopen, so that its core type can be chosen before it loads and so that it stays optional.
#pragma once
#include <stdint.h>

// Loads libopenblas once, with OPENBLAS_CORETYPE set to core_type unless the user has set it, and with one thread
// (the caller's worker pool cuts the work). Returns 0, or -1 where there is no library.
int cob_load(const char *core_type);
// Name of the core in use, or an empty string.
const char *cob_core_name(void);
// c[m, n] = alpha * op(a) op(b) + beta * c, all row-major. Must follow a successful cob_load.
void cob_sgemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
               int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
