/* The profiles that come with Cordon, and how the argument PROFILE names one. */
#ifndef CORDON_APPS_SHIPPED_H
#define CORDON_APPS_SHIPPED_H

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/diag.h"

struct shipped {
	const char *name, *path;
};

/* All of them by name, in the arena.  Looked for in the folders of $CORDON_PROFILES (separated by colons), in the source
 * tree where the program runs from its build folder, and where they are installed; the first of a name counts. */
void shipped_list(struct arena *arena, struct shipped **ret_items, size_t *ret_count);

/* The path of PROFILE: a file when it has a slash or ends in .json; otherwise a shipped one, otherwise a file of that
 * name.  ERROR_NOT_FOUND with a message and the nearest name. */
int shipped_find(struct arena *arena, const char *profile, struct diag *diag, const char **ret_path);

/* Finds and reads it; ret_bytes is initialised here and freed by the caller in any case. */
int shipped_read(struct arena *arena, const char *profile, struct diag *diag, const char **ret_path, struct buffer *ret_bytes);

#endif
