// The plain C kernels: the oracle of the tests and the fallback on any CPU.
#include "tables.h"

#define CK_NAME(f) ref_##f
#define CK_HALF(h) ck_half(h)
#define CK_TO_HALF(x) ck_to_half(x)
#include "vector_kernels.inc"

static int32_t weight_at(const uint8_t *block, int four_bit, int row, int input) {
  if (!four_bit) return block[(input / 4) * 64 + row * 4 + input % 4];
  uint8_t byte = block[((input % 16) / 4) * 64 + row * 4 + input % 4];
  return input < 16 ? byte & 15 : byte >> 4;
}

static void matmul(int four_bit, const uint8_t *tiles, int64_t rows, int64_t tile_begin, int64_t tile_end,
                   const ck_activations *x, float *out, int64_t out_stride) {
  int64_t block_bytes = four_bit ? CK_Q4_BLOCK_BYTES : CK_Q8_BLOCK_BYTES;
  for (int64_t tile = tile_begin; tile < tile_end; tile++) {
    const uint8_t *start = tiles + tile * ck_tile_bytes(x->blocks, block_bytes);
    for (int64_t t = 0; t < x->tokens; t++) {
      for (int row = 0; row < CK_TILE_ROWS && tile * CK_TILE_ROWS + row < rows; row++) {
        float sum = 0.0f;
        for (int64_t b = 0; b < x->blocks; b++) {
          const uint8_t *block = start + ck_data_offset(b, block_bytes);
          const uint16_t *scales = (const uint16_t *)(start + ck_scale_offset(b, block_bytes));
          const int8_t *a = x->values + (t * x->blocks + b) * CK_BLOCK;
          int32_t dot = x->offsets[t * x->blocks + b] * (four_bit ? 1 : 16);
          for (int i = 0; i < CK_BLOCK; i++) dot += weight_at(block, four_bit, row, i) * a[i];
          sum += (float)dot * ck_half(scales[row]) * x->scales[t * x->blocks + b];
        }
        out[t * out_stride + tile * CK_TILE_ROWS + row] = sum;
      }
    }
  }
}

static void ref_q8(const uint8_t *restrict tiles, int64_t rows, int64_t begin, int64_t end,
                   const ck_activations *restrict x, float *restrict out, int64_t stride) {
  matmul(0, tiles, rows, begin, end, x, out, stride);
}

static void ref_q4(const uint8_t *restrict tiles, int64_t rows, int64_t begin, int64_t end,
                   const ck_activations *restrict x, float *restrict out, int64_t stride) {
  matmul(1, tiles, rows, begin, end, x, out, stride);
}

static int64_t ref_burst(int64_t rounds, int32_t *sink) {
  int32_t sums[16];
  for (int i = 0; i < 16; i++) sums[i] = *sink + i;
  for (int64_t r = 0; r < rounds; r++)
    for (int i = 0; i < 16; i++) sums[i] = sums[i] * 3 + (int32_t)r;
  for (int i = 0; i < 16; i++) *sink += sums[i];
  return rounds * 16 * 2;
}

static const ck_kernels table = {
    .name = "reference", .q8_matmul = ref_q8, .q4_matmul = ref_q4, .int8_burst = ref_burst, CK_VECTOR_ENTRIES};

const ck_kernels *ck_reference_table(void) { return &table; }
