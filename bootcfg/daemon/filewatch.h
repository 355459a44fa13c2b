/* Files that others write, watched by inotify: also files and folders that are not there yet, that are replaced by a
 * rename, or that a symbolic link names. */
#ifndef CORDON_BOOTCFG_DAEMON_FILEWATCH_H
#define CORDON_BOOTCFG_DAEMON_FILEWATCH_H

#include "bootcfg/daemon/loop.h"
#include "core/base/diag.h"

struct filewatch;

enum { FILEWATCH_MOST = 32 }; /* paths, each with what its link points to */

/* changed: told that something happened to a path added with that number; it may be told more often than that.  It must
 * not free the watch.  ERROR_SYSTEM with a message when the kernel gives no inotify. */
int filewatch_new(struct loop *loop, void (*changed)(unsigned number, void *context), void *context, struct diag *diag,
		  struct filewatch **ret_watch);
void filewatch_free(struct filewatch *watch); /* NULL is fine */

/* A file, or with a slash at its end all that is in a folder.  ERROR_LIMIT past FILEWATCH_MOST, ERROR_SYSTEM when not
 * even the root can be watched. */
int filewatch_add(struct filewatch *watch, const char *path, unsigned number);

#endif
