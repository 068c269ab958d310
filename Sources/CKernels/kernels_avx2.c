// AVX2: 8 rows at a time, unsigned weights widened to 16 bit so that no sum saturates.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define CK_NAME(f) avx2_##f
#define CK_HALF(h) _cvtsh_ss(h)
#define CK_TO_HALF(x) _cvtss_sh(x, 0)
#include "vector_kernels.inc"

// 8 rows x 4 inputs of unsigned weights times 4 signed inputs, added to 8 sums. `a16` holds the 4 inputs as 16-bit
// values, repeated.
static inline __m256i accumulate(__m256i sum, __m256i w, __m256i a16) {
  __m256i low = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(w));         // rows 0..3
  __m256i high = _mm256_cvtepu8_epi16(_mm256_extracti128_si256(w, 1));   // rows 4..7
  __m256i pairs = _mm256_hadd_epi32(_mm256_madd_epi16(low, a16), _mm256_madd_epi16(high, a16));
  return _mm256_add_epi32(sum, _mm256_permute4x64_epi64(pairs, 0xd8));
}

static inline __m256i spread(const int8_t *a) {
  int32_t four;
  memcpy(&four, a, 4);
  return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four)));
}

static inline void store_rows(float *out, __m256 v, int64_t count) {
  if (count >= 8) {
    _mm256_storeu_ps(out, v);
  } else {
    float tmp[8];
    _mm256_storeu_ps(tmp, v);
    for (int64_t i = 0; i < count; i++) out[i] = tmp[i];
  }
}

static inline __attribute__((always_inline)) void half_tile(int four_bit, const uint8_t *start,
                                                            const ck_activations *x, int64_t t, int64_t tile,
                                                            int half, int64_t rows, float *out,
                                                            int64_t out_stride) {
  const int64_t block_bytes = four_bit ? CK_Q4_BLOCK_BYTES : CK_Q8_BLOCK_BYTES;
  const __m256i mask = _mm256_set1_epi8(15);
  __m256 acc = _mm256_setzero_ps();
  for (int64_t b = 0; b < x->blocks; b++) {
    const uint8_t *block = start + ck_data_offset(b, block_bytes) + half * 32;
    const int8_t *a = x->values + (t * x->blocks + b) * CK_BLOCK;
    __m256i sum = _mm256_set1_epi32((four_bit ? 1 : 16) * x->offsets[t * x->blocks + b]);
    for (int k = 0; k < (four_bit ? 4 : 8); k++) {
      __m256i w = _mm256_loadu_si256((const __m256i *)(block + k * 64));
      if (four_bit) {
        sum = accumulate(sum, _mm256_and_si256(w, mask), spread(a + k * 4));
        sum = accumulate(sum, _mm256_and_si256(_mm256_srli_epi16(w, 4), mask), spread(a + 16 + k * 4));
      } else {
        sum = accumulate(sum, w, spread(a + k * 4));
      }
    }
    const uint16_t *s = (const uint16_t *)(start + ck_scale_offset(b, block_bytes)) + half * 8;
    __m256 w_scale = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)s));
    __m256 scale = _mm256_mul_ps(w_scale, _mm256_set1_ps(x->scales[t * x->blocks + b]));
    acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, acc);
  }
  int64_t row = tile * CK_TILE_ROWS + half * 8;
  if (row < rows) store_rows(out + t * out_stride + row, acc, rows - row);
}

static inline __attribute__((always_inline)) void matmul(int four_bit, const uint8_t *tiles, int64_t rows,
                                                         int64_t begin, int64_t end, const ck_activations *x,
                                                         float *out, int64_t out_stride) {
  const int64_t bytes = ck_tile_bytes(x->blocks, four_bit ? CK_Q4_BLOCK_BYTES : CK_Q8_BLOCK_BYTES);
  for (int64_t tile = begin; tile < end; tile++)
    for (int64_t t = 0; t < x->tokens; t++)
      for (int half = 0; half < 2; half++)
        half_tile(four_bit, tiles + tile * bytes, x, t, tile, half, rows, out, out_stride);
}

static void avx2_q8(const uint8_t *restrict tiles, int64_t rows, int64_t begin, int64_t end,
                    const ck_activations *restrict x, float *restrict out, int64_t stride) {
  matmul(0, tiles, rows, begin, end, x, out, stride);
}

static void avx2_q4(const uint8_t *restrict tiles, int64_t rows, int64_t begin, int64_t end,
                    const ck_activations *restrict x, float *restrict out, int64_t stride) {
  matmul(1, tiles, rows, begin, end, x, out, stride);
}

static int64_t avx2_burst(int64_t rounds, int32_t *sink) {
  __m256i sums[8];
  for (int i = 0; i < 8; i++) sums[i] = _mm256_set1_epi32(i);
  __m256i a = _mm256_set1_epi32(*sink), b = _mm256_set1_epi32(*sink + 1);
  for (int64_t r = 0; r < rounds; r++)
    for (int i = 0; i < 8; i++) {
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(a, b));
      __asm__ volatile("" : "+x"(sums[i]));
    }
  int32_t out[8];
  for (int i = 0; i < 8; i++) {
    _mm256_storeu_si256((__m256i *)out, sums[i]);
    *sink += out[0];
  }
  return rounds * 8 * 32;
}

static const ck_kernels table = {
    .name = "avx2", .q8_matmul = avx2_q8, .q4_matmul = avx2_q4, .int8_burst = avx2_burst, CK_VECTOR_ENTRIES};

#pragma clang attribute pop

const ck_kernels *ck_avx2_table(void) { return &table; }
#else
const ck_kernels *ck_avx2_table(void) { return 0; }
#endif
