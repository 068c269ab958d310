// C kernels of Gemfill: the SIMD loops and nothing else. No allocation, no errno, no global state but the table of
// function pointers, which is constant. Every kernel has a portable reference; the variants are chosen at run time.
//
// Packed weight layout ("tiles"). A matrix of `rows` x `blocks * 32` is cut into tiles of 16 rows (the last one padded
// with zero scales), one behind the other. A tile is a row of pairs of blocks of 32 inputs; a pair begins with the 16 f16
// scales (one a row) of its first block, then of its second, and goes on with their data, per block
//   Q8: 8 groups of 64 bytes; group k holds inputs 4k..4k+3 of rows 0..15, row by row, as value + 128 (unsigned)
//   Q4: 4 groups of 64 bytes; group k holds in its low nibbles inputs 4k..4k+3 and in its high nibbles inputs
//       16+4k..16+4k+3 of rows 0..15, as value + 8 (unsigned)
// so that one 512-bit u8 x s8 dot product feeds 16 rows with 4 inputs each, and a pass over the matrix is one stream of
// whole cache lines without a gap: measured, scales apart from the data cost more than half of the read bandwidth. The
// second half of the last pair is zero where the number of blocks is odd.
#pragma once
#include <stdint.h>

#include "ck_scale.h"
#include "ck_sha256.h"

typedef enum ck_isa { CK_REFERENCE = 0, CK_AVX2 = 1, CK_AVX512_VNNI = 2 } ck_isa;

enum { CK_TILE_ROWS = 16, CK_BLOCK = 32, CK_Q8_BLOCK_BYTES = 512, CK_Q4_BLOCK_BYTES = 256 };

// Activations of `tokens` rows, quantised to int8 per block of 32.
typedef struct ck_activations {
  const int8_t *values;   // [tokens, blocks * 32]
  const float *scales;    // [tokens, blocks]
  const int32_t *offsets;  // [tokens, blocks], -8 times the sum of the 32 values: what undoes a nibble's + 8
  int64_t tokens;
  int64_t blocks;
} ck_activations;

// Tiles tile_begin..<tile_end of a packed matrix times the activations; writes out[token * out_stride + row]. A token's
// result does not depend on the other tokens of the call, bit for bit.
typedef void (*ck_matmul_fn)(const uint8_t *restrict tiles, int64_t rows, int64_t tile_begin, int64_t tile_end,
                             const ck_activations *restrict x, float *restrict out, int64_t out_stride);

// Bytes of a pair of blocks, of a whole tile, and from a tile's begin to the scales and to the data of a block.
static inline int64_t ck_pair_bytes(int64_t block_bytes) { return 4 * CK_TILE_ROWS + 2 * block_bytes; }
static inline int64_t ck_tile_bytes(int64_t blocks, int64_t block_bytes) {
  return (blocks + 1) / 2 * ck_pair_bytes(block_bytes);
}
static inline int64_t ck_scale_offset(int64_t block, int64_t block_bytes) {
  return block / 2 * ck_pair_bytes(block_bytes) + block % 2 * 2 * CK_TILE_ROWS;
}
static inline int64_t ck_data_offset(int64_t block, int64_t block_bytes) {
  return block / 2 * ck_pair_bytes(block_bytes) + 4 * CK_TILE_ROWS + block % 2 * block_bytes;
}

// Keys and values live in pages of CK_PAGE positions. Within a page, per layer and key/value head: keys [head_dim,
// CK_PAGE] (transposed, so that one load serves 16 positions without a horizontal sum), values [CK_PAGE, head_dim], and
// for 8-bit pages one f32 scale per position for keys, then for values.
typedef enum ck_kv_format { CK_KV_F32 = 0, CK_KV_F16 = 1, CK_KV_I8 = 2 } ck_kv_format;
enum { CK_PAGE = 32, CK_ATTEND_ROWS = 8 };

// One head of one layer, over all pages of a sequence.
typedef struct ck_attention {
  const uint8_t *const *pages;  // page p holds positions p * CK_PAGE and up
  int64_t key_offset;           // bytes from a page's begin to this head's keys
  int64_t value_offset;
  int64_t key_scale_offset;  // CK_KV_I8 only
  int64_t value_scale_offset;
  int64_t head_dim;
  ck_kv_format format;
  float scale;  // of the scores
  float cap;    // scores become cap * tanh(score / cap) where it is not 0
} ck_attention;

// A query that sees the positions first..<last (at least one); `out` receives head_dim values.
typedef struct ck_query_row {
  const float *query;
  float *out;
  int64_t first;
  int64_t last;
} ck_query_row;

typedef struct ck_kernels {
  const char *name;
  ck_matmul_fn q8_matmul;
  ck_matmul_fn q4_matmul;
  // n is a multiple of 32.
  void (*quantize)(const float *restrict x, int64_t n, int8_t *restrict q, float *restrict scales,
                   int32_t *restrict offsets);
  // out[i] = x[i] * gain[i] / sqrt(mean(x^2) + eps); returns 1 / sqrt(...). `gain` already holds 1 + w.
  float (*rms_norm)(const float *x, const float *gain, int64_t n, float eps, float *out);
  // dx += gradient of rms_norm; `inv` is what rms_norm returned.
  void (*rms_norm_backward)(const float *x, const float *gain, float inv, const float *dout, int64_t n,
                            float *dx);
  // Rotates pairs (i, i + half); cosine and sine hold `half` values. sign = -1 is the inverse rotation.
  void (*rope)(float *x, const float *cosine, const float *sine, int64_t half, float sign);
  // out = gelu_tanh(gate) * up
  void (*gelu_mul)(const float *gate, const float *up, int64_t n, float *out);
  // dgate and dup (overwritten) from dout.
  void (*gelu_mul_backward)(const float *gate, const float *up, const float *dout, int64_t n, float *dgate,
                            float *dup);
  float (*dot)(const float *a, const float *b, int64_t n);
  // y += a * x
  void (*axpy)(float a, const float *x, int64_t n, float *y);
  // In place softmax(scale * x).
  void (*softmax)(float *x, int64_t n, float scale);
  // dscores (in place of dp) = p * (dp - sum(p * dp)) * scale
  void (*softmax_backward)(const float *p, float *dp, int64_t n, float scale);
  // One query of one head over keys first..<last, keys and values with `stride` floats between positions.
  // scores is scratch of at least last - first floats.
  void (*attend)(const float *query, const float *keys, const float *values, int64_t first, int64_t last,
                 int64_t stride, int64_t head_dim, float scale, float *scores, float *out);
  // Softmax attention of up to CK_ATTEND_ROWS queries with a running maximum (Dao et al. 2022). A row's result does not
  // depend on its companions, bit for bit.
  void (*attend_pages)(const ck_attention *a, const ck_query_row *rows, int64_t count);
  // Writes one position of one head into a page: head_dim keys and values.
  void (*store_kv)(const ck_attention *a, uint8_t *page, int64_t slot, const float *key, const float *value);
  // Low-rank factors in half precision, ranks and rows in tiles of 16 (the last one padded with zeros).
  // low[t * low_stride + ...] = scale * (A x[t]) over the inputs begin..<end; a is [rank_tiles, inputs, 16].
  void (*low_rank_down)(const uint16_t *restrict a, int64_t inputs, int64_t begin, int64_t end, int64_t rank_tiles,
                        const float *restrict x, int64_t x_stride, int64_t tokens, float scale, float *restrict low,
                        int64_t low_stride);
  // out[t, row] += (B low[t])[row] for the rows of tiles tile_begin..<tile_end; b is [tiles, rank, 16].
  void (*low_rank_up)(const uint16_t *restrict b, int64_t rank, int64_t rows, int64_t tile_begin, int64_t tile_end,
                      const float *restrict low, int64_t low_stride, int64_t tokens, float *restrict out,
                      int64_t out_stride);
  // log(sum(exp(x)))
  float (*log_sum_exp)(const float *x, int64_t n);
  int64_t (*argmax)(const float *x, int64_t n);
  // In place: logits -> weight * (softmax - onehot(target)); returns weight * negative log likelihood.
  float (*cross_entropy)(float *logits, int64_t n, int64_t target, float weight);
  // One AdamW step with decoupled decay (Loshchilov & Hutter 2019); correction1/2 = 1 - beta^t.
  void (*adamw)(float *p, const float *g, float *m, float *v, int64_t n, float lr, float beta1, float beta2,
                float eps, float decay, float correction1, float correction2);
  // Multiply-adds of int8 pairs from registers, `rounds` times; returns how many operations (2 each) that was. For
  // measuring the machine's limit; *sink keeps the compiler honest.
  int64_t (*int8_burst)(int64_t rounds, int32_t *sink);
} ck_kernels;

// The table for one instruction set, or a null pointer where this CPU or build has not got it.
const ck_kernels *ck_table(ck_isa isa);
// The best table that this CPU can run.
const ck_kernels *ck_best(void);
// 0: none, 1: AVX2 + FMA + F16C, 2: AVX-512 F/BW/VL/VNNI
int ck_cpu_level(void);

// Tells the core that this is a spin loop.
static inline void ck_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Asks for `bytes` from `from` on to come into the second-level cache.
static inline void ck_prefetch(const void *from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)from + i, 0, 2);
}
