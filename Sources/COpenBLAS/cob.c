#include "cob.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef void (*sgemm_fn)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                         const float *b, int ldb, float beta, float *c, int ldc);

typedef void (*sgesdd_fn)(const char *job, const int *m, const int *n, float *a, const int *lda, float *s, float *u,
                          const int *ldu, float *vt, const int *ldvt, float *work, const int *lwork, int *iwork, int *info,
                          size_t job_length);

static sgemm_fn sgemm;
static sgesdd_fn sgesdd;
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
  sgesdd = (sgesdd_fn)dlsym(library, "sgesdd_");
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

int cob_sgesdd(int64_t m, int64_t n, float *a, float *s, float *u, float *vt) {
  if (!sgesdd || m > INT_MAX || n > INT_MAX) return -1;
  int rows = (int)m, columns = (int)n, k = rows < columns ? rows : columns, info = 0, query = -1;
  float wanted = 0;
  int *integers = malloc(sizeof(int) * 8 * (size_t)k);
  if (!integers) return -1;
  sgesdd("S", &rows, &columns, a, &rows, s, u, &rows, vt, &k, &wanted, &query, integers, &info, 1);
  // The size comes as a float, which may have been rounded down.
  double size = (double)wanted * 1.0001 + 64;
  int length = size < INT_MAX ? (int)size : INT_MAX;
  float *work = info == 0 ? malloc(sizeof(float) * (size_t)length) : 0;
  if (work) sgesdd("S", &rows, &columns, a, &rows, s, u, &rows, vt, &k, work, &length, integers, &info, 1);
  int status = !work ? -1 : info == 0 ? 0 : 1;
  free(work);
  free(integers);
  return status;
}
