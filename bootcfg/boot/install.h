/* What loads the boot file: units, drop-ins, the initramfs hook, and the file itself.  One table says what is
 * installed (install_row in install.c); install, uninstall and status read it. */
#ifndef CORDON_BOOTCFG_BOOT_INSTALL_H
#define CORDON_BOOTCFG_BOOT_INSTALL_H

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/diag.h"
#include "core/policy/policy.h"

/* A tree, and what was found in it. */
struct install {
	const char *root;         /* "" for this machine */
	const struct state *state;/* of its store; NULL for uninstall */
	char *programs;           /* folder of cordon-boot, as the tree has it; NULL: there is none */
	bool service;             /* cordond is there too */
	bool systemd;             /* systemd is there */
	bool initramfs;           /* initramfs-tools is there */
};

/* Looks.  beside: a folder that is looked into first, as this machine names it ("" or NULL: none).  ERROR_INPUT when
 * root is no folder.  install_done in any case. */
int install_find(struct install *install, const char *root, const char *beside, struct diag *diag);
void install_done(struct install *install);

enum install_is { INSTALL_OURS, INSTALL_MISSING, INSTALL_OTHER, INSTALL_NOT_NEEDED };
const char *install_is_name(enum install_is is); /* "installed", "missing", "changed", "not needed" */

struct install_item {
	const char *path, *what;  /* static */
	enum install_is is;
};

/* All or nothing: ERROR_SYSTEM with a message, and the tree is as it was.  *ret_changed: something was not so before. */
int install_put(const struct install *install, struct diag *diag, bool *ret_changed);
/* Takes away exactly what install_put makes, whatever it holds now. */
int install_remove(const struct install *install, struct diag *diag, bool *ret_changed);
/* What is there, a row each; in the arena.  The boot file: ours when it can be read and parses. */
void install_list(const struct install *install, struct arena *arena, struct install_item **ret_items, size_t *ret_count);

/* --- The contents (units.c): exactly these texts. --- */
void unit_boot(const struct install *install, struct buffer *text);
void unit_service(const struct install *install, struct buffer *text);
void unit_dropin(const struct install *install, struct buffer *text);
void initramfs_hook(const struct install *install, struct buffer *text);
void initramfs_script(const struct install *install, struct buffer *text);

#endif
