// AVX-512 VNNI: one vpdpbusd feeds 16 rows with 4 inputs; up to 8 tokens share each load of weights.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), \
                             apply_to = function)

#define CK_NAME(f) avx512_##f
#define CK_HALF(h) _cvtsh_ss(h)
#define CK_TO_HALF(x) _cvtss_sh(x, 0)
#define CK_HAS_QUANTIZE
#define CK_HAS_ATTEND_PAGES
#define CK_HAS_LOW_RANK
#define CK_HAS_GELU
#define CK_HAS_LOG_SUM_EXP
static void avx512_attend_pages(const ck_attention *a, const ck_query_row *rows, int64_t count);
// exp of 16 values, the scheme of exp1; 0 gives exactly 1.
static inline __m512 exp16(__m512 x) {
  x = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(88.0f)), _mm512_set1_ps(-87.0f));
  __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)), 8);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.9875691500e-4f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
  p = _mm512_fmadd_ps(_mm512_mul_ps(p, r), r, _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
  return _mm512_scalef_ps(p, n);
}

// gelu_tanh(g) u = g u / (1 + exp(-2 sqrt(2 / pi) (g + 0.044715 g^3)))
static inline __m512 gelu16(__m512 g, __m512 u) {
  __m512 cubic = _mm512_fmadd_ps(_mm512_mul_ps(g, g), _mm512_set1_ps(-2.0f * 0.7978845608028654f * 0.044715f),
                                 _mm512_set1_ps(-2.0f * 0.7978845608028654f));
  __m512 e = exp16(_mm512_mul_ps(g, cubic));
  return _mm512_div_ps(_mm512_mul_ps(g, u), _mm512_add_ps(e, _mm512_set1_ps(1.0f)));
}

static void avx512_gelu_mul(const float *gate, const float *up, int64_t n, float *out) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    _mm512_storeu_ps(out + i, gelu16(_mm512_loadu_ps(gate + i), _mm512_loadu_ps(up + i)));
  __mmask16 rest = (__mmask16)((1u << (n - i)) - 1);
  if (rest) _mm512_mask_storeu_ps(out + i, rest, gelu16(_mm512_maskz_loadu_ps(rest, gate + i), _mm512_maskz_loadu_ps(rest, up + i)));
}

static float avx512_log_sum_exp(const float *x, int64_t n) {
  __mmask16 rest = (__mmask16)((1u << (n % 16)) - 1);
  int64_t whole = n / 16 * 16;
  __m512 least = _mm512_set1_ps(-3.0e38f), top = _mm512_mask_loadu_ps(least, rest, x + whole);
  for (int64_t i = 0; i < whole; i += 16) top = _mm512_max_ps(top, _mm512_loadu_ps(x + i));
  float largest = _mm512_reduce_max_ps(top);
  top = _mm512_set1_ps(largest);
  __m512 sum = _mm512_maskz_mov_ps(rest, exp16(_mm512_sub_ps(_mm512_maskz_loadu_ps(rest, x + whole), top)));
  for (int64_t i = 0; i < whole; i += 16) sum = _mm512_add_ps(sum, exp16(_mm512_sub_ps(_mm512_loadu_ps(x + i), top)));
  return largest + logf(_mm512_reduce_add_ps(sum));
}

#include "vector_kernels.inc"
#include "attend_avx512.inc"
#include "low_rank_avx512.inc"

// Two loads, a maximum, and one narrowing store per 16 values.
static void avx512_quantize(const float *restrict x, int64_t n, int8_t *restrict q, float *restrict scales,
                            int32_t *restrict offsets) {
  for (int64_t b = 0; b < n / 32; b++) {
    __m512 low = _mm512_loadu_ps(x + b * 32), high = _mm512_loadu_ps(x + b * 32 + 16);
    float top = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
    __m512 inverse = _mm512_set1_ps(top > 0.0f ? 127.0f / top : 0.0f);
    __m512i first = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
    __m512i second = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    _mm_storeu_si128((__m128i *)(q + b * 32), _mm512_cvtepi32_epi8(first));
    _mm_storeu_si128((__m128i *)(q + b * 32 + 16), _mm512_cvtepi32_epi8(second));
    scales[b] = top / 127.0f;
    offsets[b] = -8 * _mm512_reduce_add_epi32(_mm512_add_epi32(first, second));
  }
}

static inline __m512i four_inputs(const int8_t *a) {
  int32_t v;
  memcpy(&v, a, 4);
  return _mm512_set1_epi32(v);
}

// Block `b` of one tile times `count` tokens (constants after inlining), added to their sums.
static inline __attribute__((always_inline)) void block_tokens(int four_bit, const int count, const uint8_t *data,
                                                               const uint16_t *scales, const ck_activations *x,
                                                               int64_t b, __m512 *acc) {
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i w[8];
  if (four_bit) {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      __m512i packed = _mm512_loadu_si512(data + k * 64);
      w[k] = _mm512_and_si512(packed, nibble);
      w[k + 4] = _mm512_and_si512(_mm512_srli_epi16(packed, 4), nibble);
    }
  } else {
#pragma unroll
    for (int k = 0; k < 8; k++) w[k] = _mm512_loadu_si512(data + k * 64);
  }
  __m512 w_scale = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)scales));
#pragma unroll
  for (int i = 0; i < count; i++) {
    int64_t at = i * x->blocks + b;
    const int8_t *a = x->values + at * CK_BLOCK;
    __m512i sum = _mm512_set1_epi32(x->offsets[at]);
    if (!four_bit) sum = _mm512_slli_epi32(sum, 4);
    if (count >= 4) {  // other tokens hide the latency of one chain
#pragma unroll
      for (int k = 0; k < 8; k++) sum = _mm512_dpbusd_epi32(sum, w[k], four_inputs(a + k * 4));
    } else {
      __m512i odd = _mm512_setzero_si512();
#pragma unroll
      for (int k = 0; k < 8; k += 2) {
        sum = _mm512_dpbusd_epi32(sum, w[k], four_inputs(a + k * 4));
        odd = _mm512_dpbusd_epi32(odd, w[k + 1], four_inputs(a + k * 4 + 4));
      }
      sum = _mm512_add_epi32(sum, odd);
    }
    __m512 scale = _mm512_mul_ps(w_scale, _mm512_set1_ps(x->scales[at]));
    acc[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, acc[i]);
  }
}

// One tile times `count` tokens. `x` begins at the first of them. More than 8 tokens would spill sums out of the
// registers. Software prefetches only slow the stream down.
static inline __attribute__((always_inline)) void tile_tokens(int four_bit, const int count, const uint8_t *tile,
                                                              const ck_activations *x, float *out,
                                                              int64_t out_stride, __mmask16 rows) {
  const int64_t block_bytes = four_bit ? CK_Q4_BLOCK_BYTES : CK_Q8_BLOCK_BYTES;
  __m512 acc[8];
#pragma unroll
  for (int i = 0; i < count; i++) acc[i] = _mm512_setzero_ps();
  int64_t b = 0;
  for (; b + 2 <= x->blocks; b += 2, tile += ck_pair_bytes(block_bytes)) {
    const uint8_t *data = tile + 4 * CK_TILE_ROWS;
    block_tokens(four_bit, count, data, (const uint16_t *)tile, x, b, acc);
    block_tokens(four_bit, count, data + block_bytes, (const uint16_t *)tile + CK_TILE_ROWS, x, b + 1, acc);
  }
  if (b < x->blocks) block_tokens(four_bit, count, tile + 4 * CK_TILE_ROWS, (const uint16_t *)tile, x, b, acc);
#pragma unroll
  for (int i = 0; i < count; i++) _mm512_mask_storeu_ps(out + i * out_stride, rows, acc[i]);
}

static inline __attribute__((always_inline)) void matmul(int four_bit, const uint8_t *tiles, int64_t rows,
                                                         int64_t begin, int64_t end, const ck_activations *x,
                                                         float *out, int64_t out_stride) {
  const int64_t bytes = ck_tile_bytes(x->blocks, four_bit ? CK_Q4_BLOCK_BYTES : CK_Q8_BLOCK_BYTES);
  for (int64_t tile = begin; tile < end; tile++) {
    const uint8_t *w = tiles + tile * bytes;
    int64_t left = rows - tile * CK_TILE_ROWS;
    __mmask16 mask = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
    for (int64_t t = 0; t < x->tokens; t += 8) {
      ck_activations part = {x->values + t * x->blocks * CK_BLOCK, x->scales + t * x->blocks,
                             x->offsets + t * x->blocks, 0, x->blocks};
      float *o = out + t * out_stride + tile * CK_TILE_ROWS;
      switch (x->tokens - t) {
        case 1: tile_tokens(four_bit, 1, w, &part, o, out_stride, mask); break;
        case 2: tile_tokens(four_bit, 2, w, &part, o, out_stride, mask); break;
        case 3: tile_tokens(four_bit, 3, w, &part, o, out_stride, mask); break;
        case 4: tile_tokens(four_bit, 4, w, &part, o, out_stride, mask); break;
        case 5: tile_tokens(four_bit, 5, w, &part, o, out_stride, mask); break;
        case 6: tile_tokens(four_bit, 6, w, &part, o, out_stride, mask); break;
        case 7: tile_tokens(four_bit, 7, w, &part, o, out_stride, mask); break;
        default: tile_tokens(four_bit, 8, w, &part, o, out_stride, mask); break;
      }
    }
  }
}

static void avx512_q8(const uint8_t *restrict tiles, int64_t rows, int64_t begin, int64_t end,
                      const ck_activations *restrict x, float *restrict out, int64_t stride) {
  matmul(0, tiles, rows, begin, end, x, out, stride);
}

static void avx512_q4(const uint8_t *restrict tiles, int64_t rows, int64_t begin, int64_t end,
                      const ck_activations *restrict x, float *restrict out, int64_t stride) {
  matmul(1, tiles, rows, begin, end, x, out, stride);
}

static int64_t avx512_burst(int64_t rounds, int32_t *sink) {
  __m512i sums[12];
  for (int i = 0; i < 12; i++) sums[i] = _mm512_set1_epi32(i);
  __m512i a = _mm512_set1_epi32(*sink), b = _mm512_set1_epi32(*sink + 1);
  for (int64_t r = 0; r < rounds; r++)
    for (int i = 0; i < 12; i++) {
      sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
      __asm__ volatile("" : "+v"(sums[i]));  // keeps each round's instruction
    }
  for (int i = 0; i < 12; i++) *sink += _mm512_reduce_add_epi32(sums[i]);
  return rounds * 12 * 128;
}

static const ck_kernels table = {
    .name = "avx512-vnni", .q8_matmul = avx512_q8, .q4_matmul = avx512_q4, .int8_burst = avx512_burst, CK_VECTOR_ENTRIES};

#pragma clang attribute pop

const ck_kernels *ck_avx512_table(void) { return &table; }
#else
const ck_kernels *ck_avx512_table(void) { return 0; }
#endif
