/* The checksum of .evtx: CRC-32 as zlib has it, fast enough to look at every chunk. */
#ifndef CORDON_LOGPARSE_READER_EVTX_CHECKSUM_H
#define CORDON_LOGPARSE_READER_EVTX_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from what was before; 0 at first. */
uint32_t evtx_checksum(uint32_t before, const uint8_t *bytes, size_t length);

#endif
