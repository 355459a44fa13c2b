/* The bytes of a log: a file, standard input ("-"), packed (gzip, xz, zstd) or not. */
#ifndef CORDON_LOGPARSE_INPUT_H
#define CORDON_LOGPARSE_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/diag.h"

struct input;

/* ERROR_NOT_FOUND, ERROR_SYSTEM with a message. */
int input_open(const char *path, struct diag *diag, struct input **ret_input);
/* From a descriptor that another process has opened; takes it over. */
int input_open_fd(int fd, const char *name, struct diag *diag, struct input **ret_input);
void input_close(struct input *input); /* NULL is fine */

const char *input_name(const struct input *input);
/* The first bytes, at most `most`, without taking them. */
int input_peek(struct input *input, size_t most, const uint8_t **ret_bytes, size_t *ret_length);
/* As input_peek, for a pipe that gives its bytes when it has them: waits for no more than there are, but for some beyond
 * those that were looked at already.  Length as before: there are no more. */
int input_peek_more(struct input *input, size_t most, const uint8_t **ret_bytes, size_t *ret_length);
/* What is called when the next bytes would have to be waited for: what is ready may go out. */
void input_idle(struct input *input, void (*idle)(void *context), void *context);
/* The next bytes in order: 0 at the end, negative on error (a message is in the diag of input_open). */
int64_t input_read(struct input *input, void *bytes, size_t most);
/* All of it at once, for formats that go back and forth: mapped where it is a plain file, else spooled into memory
 * (bounded: ERROR_LIMIT).  Not after input_read. */
int input_whole(struct input *input, const uint8_t **ret_bytes, size_t *ret_length);
/* Bytes before this offset of input_whole are not needed any more: they need not stay in memory. */
void input_forget(struct input *input, size_t offset);
/* These need not, for now: where a log is not read from its beginning to its end. */
void input_release(struct input *input, size_t offset, size_t length);
/* A few bytes of input_whole, for a look here and there that does not bring in what lies around: where they lie, or read
 * into `room`. */
const uint8_t *input_look(const struct input *input, uint64_t offset, size_t length, uint8_t *room);
/* Whether bytes of input_whole were not to be had any more, and read as zeros: the file was cut off meanwhile, or the disk failed. */
bool input_torn(const struct input *input);
/* How far it is, for progress: bytes taken and bytes in all (0: unknown). */
void input_progress(const struct input *input, uint64_t *ret_done, uint64_t *ret_all);

#endif
