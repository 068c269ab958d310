// The compression function of SHA-256 (FIPS 180-4, section 6.2.2).
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Takes `blocks` blocks of 64 bytes into state[8].
typedef void (*ck_sha256_fn)(uint32_t *restrict state, const uint8_t *restrict data, int64_t blocks);

// Portable C.
void ck_sha256_reference(uint32_t *restrict state, const uint8_t *restrict data, int64_t blocks);

// The fastest for this processor: its own instructions, about five times as fast, where it has them.
ck_sha256_fn ck_sha256_best(void);

#ifdef __cplusplus
}
#endif
