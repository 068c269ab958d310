#include "cob.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef void (*sgemm_fn)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                         const float *b, int ldb, float beta, float *c, int ldc);

static sgemm_fn sgemm;
static const char *core_name = "";
static const char *configuration = "";

// Puts a variable back to what it was: a copy of its value, or null where it was not set.
static void restore(const char *name, char *value) {
  if (value) setenv(name, value, 1);
  else unsetenv(name);
  free(value);
}

static char *copy(const char *name) {
  const char *value = getenv(name);
  return value ? strdup(value) : 0;
}

int cob_load(const char *core_type) {
  if (sgemm) return 0;
  char *user_core = copy("OPENBLAS_CORETYPE"), *user_threads = copy("OPENBLAS_NUM_THREADS");
  if (core_type && !(user_core && *user_core)) setenv("OPENBLAS_CORETYPE", core_type, 1);
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  // The library has read its variables; programs started from here must not inherit ours.
  restore("OPENBLAS_CORETYPE", user_core);
  restore("OPENBLAS_NUM_THREADS", user_threads);
  if (!library) return -1;
  sgemm_fn found = (sgemm_fn)dlsym(library, "cblas_sgemm");
  void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
  char *(*get_name)(void) = (char *(*)(void))dlsym(library, "openblas_get_corename");
  char *(*get_configuration)(void) = (char *(*)(void))dlsym(library, "openblas_get_config");
  if (!found) return -1;
  if (set_threads) set_threads(1);
  if (get_name) core_name = get_name();
  if (get_configuration) configuration = get_configuration();
  sgemm = found;
  return 0;
}

const char *cob_core_name(void) { return core_name; }
const char *cob_configuration(void) { return configuration; }

void cob_sgemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
               int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };
  sgemm(ROW_MAJOR, transpose_a ? TRANSPOSE : NO_TRANSPOSE, transpose_b ? TRANSPOSE : NO_TRANSPOSE, (int)m, (int)n,
        (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
