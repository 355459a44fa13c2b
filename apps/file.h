/* Whole files in, and whole files out. */
#ifndef CORDON_APPS_FILE_H
#define CORDON_APPS_FILE_H

#include "core/base/buffer.h"
#include "core/base/diag.h"

enum {
	FILE_MOST = 256u << 20, /* bytes of a script or profile */
	LINE_MOST = 1u << 20,   /* bytes of one line of a script */
};

/* Reads a file ("-": standard input) into the buffer, which is initialised here and freed by the caller in any case.
 * What is larger than FILE_MOST, or has a line longer than line_most (0: any length), is refused as soon as that is
 * seen.  ERROR_INPUT, ERROR_SYSTEM with a message that names the file. */
int file_read(const char *path, size_t line_most, struct diag *diag, struct buffer *ret_bytes);

/* Writes a file (mode 0600) beside its place and renames it, so that there is always the old or the new one.  What
 * is not a regular file (/dev/stdout, a pipe) is written as it is. */
int file_write(const char *path, const char *bytes, size_t length, struct diag *diag);

/* All of it, however many writes that takes; 0, or the errno of what went wrong. */
int descriptor_write(int descriptor, const char *bytes, size_t length);

/* Prints to -O FILE, or to the output when that is not given or "-".  Takes the buffer's content.  Returns an exit code. */
struct invocation;
int file_deliver(struct invocation *invocation, const struct buffer *text);

#endif
