/* One change of the kernel's rules at a time, in each network namespace: the others wait, then are refused. */
#ifndef CORDON_BOOTCFG_TARGET_NFTABLES_LOCK_H
#define CORDON_BOOTCFG_TARGET_NFTABLES_LOCK_H

#include "core/base/diag.h"

struct lock {
	int fd;
	bool file; /* the file in /run, which is removed when nobody waits for it */
};

/* ERROR_BUSY after `seconds`, ERROR_SYSTEM when there is no way to lock; each with a message. */
int lock_take(unsigned seconds, struct diag *diag, struct lock *ret_lock);
void lock_release(struct lock *lock);

#endif
