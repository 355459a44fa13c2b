/* What a scratch network namespace makes of rules: loads them there and reads them back as messages that load again.
 * What is read is in one order whatever the kernel's is, so that the same rules give the same bytes. */
#ifndef CORDON_BOOTCFG_BOOT_BOOTMESSAGES_H
#define CORDON_BOOTCFG_BOOT_BOOTMESSAGES_H

#include "core/base/buffer.h"

/* Both load into a network namespace of a child process and read our table back: text as nft reads it, or messages
 * as cordon-boot sends them.  ret_messages must be initialised; it holds nothing when the table is not there
 * afterwards.  0, or a negative errno; the kernel's or nft's words go to ret_words, which must be initialised:
 *   -EUSERS    no scratch namespace with nftables in it can be made
 *   others     loading or reading failed */
int scratch_text(const char *text, struct buffer *ret_messages, struct buffer *ret_words);
int scratch_messages(const char *messages, size_t length, struct buffer *ret_messages, struct buffer *ret_words);

/* Reads the table inet cordon of this network namespace as messages: counters at zero, no handles, no use counts,
 * sets with numbers, elements sorted, base chains last.  0 or a negative errno. */
int bootmessages_read(struct buffer *ret_messages);

#endif
