/* Several files of a tree changed as one: each is written beside its place, then all are put there, and what fails on
 * the way puts everything back.  Paths are those inside of the tree, and no symbolic link leads out of it. */
#ifndef CORDON_BOOTCFG_BOOT_STAGING_H
#define CORDON_BOOTCFG_BOOT_STAGING_H

#include <sys/types.h>

#include "core/base/buffer.h"
#include "core/base/diag.h"

struct staging;

/* root: a folder, or "" for this machine.  One staging at a time in a tree: another waits for some seconds, then
 * ERROR_BUSY.  Others: ERROR_SYSTEM, ERROR_INPUT (no such folder), each with a message. */
int staging_new(const char *root, struct diag *diag, struct staging **ret_staging);
/* Takes away what was staged and not published, and the folders that were made for it.  NULL is fine. */
void staging_free(struct staging *staging);

/* What a path is to become; folders on the way are made.  ERROR_SYSTEM with a message. */
int staging_file(struct staging *staging, const char *path, mode_t mode, const char *bytes, size_t length, struct diag *diag);
int staging_link(struct staging *staging, const char *path, const char *target, struct diag *diag);
/* It goes; nothing to do when it is not there.  folder: its folder too when that is empty afterwards. */
int staging_removal(struct staging *staging, const char *path, bool folder, struct diag *diag);

/* All of it in the order in which it was staged, or nothing. */
int staging_publish(struct staging *staging, struct diag *diag);

/* --- Looking into a tree --- */

/* A file or folder of a tree, opened with these flags; a negative errno when it cannot be. */
int tree_open(const char *root, const char *path, int flags);
/* The content of a regular file, or the target of a link (*ret_link); false when there is neither, or it is larger
 * than the buffer may be. */
bool tree_read(const char *root, const char *path, struct buffer *ret_bytes, bool *ret_link, mode_t *ret_mode);
bool tree_has(const char *root, const char *path);

#endif
