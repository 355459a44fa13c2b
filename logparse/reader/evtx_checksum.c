/* CRC-32 by carry-less multiplication: sixteen bytes are folded onto the next sixteen, four lanes at a time (V. Gopal and
 * others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction").  Where the processor cannot, and for
 * what is short, zlib does it. */
#include "logparse/reader/evtx_checksum.h"

#include <stdbool.h>
#include <zlib.h>

#include "core/base/attr.h"

#ifdef __x86_64__
#include <immintrin.h>

enum { LANES = 64, BLOCK = 16 };

ATTR_TARGET("pclmul,sse4.1") static inline __m128i fold(__m128i value, __m128i next, __m128i by)
{
	__m128i low = _mm_clmulepi64_si128(value, by, 0x00), high = _mm_clmulepi64_si128(value, by, 0x11);
	return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* At least LANES bytes, a multiple of BLOCK; the checksum inverted, before and after. */
ATTR_TARGET("pclmul,sse4.1") static uint32_t folded(uint32_t before, const uint8_t *bytes, size_t length)
{
	/* Powers of x modulo the polynomial, bits reversed: x^(4*128+32) and x^(4*128-32), x^(128+32) and x^(128-32), x^64;
	 * the polynomial and its inverse. */
	const __m128i four = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4), one = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
	const __m128i last = _mm_set_epi64x(0, 0x0163cd6124), polynomial = _mm_set_epi64x(0x01f7011641, 0x01db710641);
	const __m128i mask = _mm_setr_epi32(-1, 0, -1, 0);
	__m128i lane[4];
	for (size_t i = 0; i < 4; i++)
		lane[i] = _mm_loadu_si128((const __m128i *)(const void *)(bytes + BLOCK * i));
	lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi32_si128((int)before));
	bytes += LANES;
	length -= LANES;
	for (; length >= LANES; bytes += LANES, length -= LANES)
		for (size_t i = 0; i < 4; i++)
			lane[i] = fold(lane[i], _mm_loadu_si128((const __m128i *)(const void *)(bytes + BLOCK * i)), four);
	__m128i sum = fold(lane[0], lane[1], one);
	sum = fold(sum, lane[2], one);
	sum = fold(sum, lane[3], one);
	for (; length >= BLOCK; bytes += BLOCK, length -= BLOCK)
		sum = fold(sum, _mm_loadu_si128((const __m128i *)(const void *)bytes), one);
	/* 128 bits to 64, and these to 32 (Barrett). */
	sum = _mm_xor_si128(_mm_srli_si128(sum, 8), _mm_clmulepi64_si128(sum, one, 0x10));
	sum = _mm_xor_si128(_mm_srli_si128(sum, 4), _mm_clmulepi64_si128(_mm_and_si128(sum, mask), last, 0x00));
	__m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(sum, mask), polynomial, 0x10);
	sum = _mm_xor_si128(sum, _mm_clmulepi64_si128(_mm_and_si128(quotient, mask), polynomial, 0x00));
	return (uint32_t)_mm_extract_epi32(sum, 1);
}

static size_t foldable(size_t length)
{
	return length >= LANES && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1") ? length - length % BLOCK : 0;
}
#else
static uint32_t folded(uint32_t before, const uint8_t *bytes, size_t length)
{
	(void)bytes, (void)length;
	return before;
}

static size_t foldable(size_t length)
{
	(void)length;
	return 0;
}
#endif

uint32_t evtx_checksum(uint32_t before, const uint8_t *bytes, size_t length)
{
	size_t fast = foldable(length);
	uint32_t sum = fast > 0 ? ~folded(~before, bytes, fast) : before;
	return (uint32_t)crc32_z(sum, bytes + fast, length - fast);
}
