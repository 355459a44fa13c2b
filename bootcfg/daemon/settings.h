/* The configuration of the service, /etc/cordon/cordond.json.  Every key may be left out, and the file too; a key that
 * is not known is refused with its place.
 *
 *   {"store": "/var/lib/cordon/store.db", "logfolder": "/var/log/cordon", "logsize": 67108864, "logfiles": 8,
 *    "control": "/run/cordon/control", "user": "cordon", "group": "cordon", "nfloggroup": 4290, "journal": true} */
#ifndef CORDON_BOOTCFG_DAEMON_SETTINGS_H
#define CORDON_BOOTCFG_DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buffer.h"
#include "core/base/diag.h"

#define SETTINGS_FILE "/etc/cordon/cordond.json"

struct arena;

/* Texts are owned by the arena; never NULL. */
struct settings {
	const char *file;      /* that was read, or "" */
	const char *store;     /* an absolute path, as all others */
	const char *logfolder;
	uint64_t logsize;      /* bytes of one file of the log, 4,096 to 16 GiB */
	uint32_t logfiles;     /* that are kept, 1 to 1,000 */
	const char *control;   /* path of the socket, at most 107 bytes */
	const char *user;      /* of the children; "": cordon where there is one, otherwise 65534 (nobody) */
	const char *group;     /* of the children, and the one that may ask; likewise */
	uint16_t nfloggroup;
	bool journal;
};

void settings_init(struct settings *settings); /* all defaults */
/* Reads a configuration's text; ERROR_INPUT with messages that say where (all of them), and nothing has changed. */
int settings_parse(const char *text, size_t length, const char *file, struct arena *arena, struct diag *diag,
		   struct settings *ret_settings);
/* The file; NULL is SETTINGS_FILE, which may be missing.  ERROR_SYSTEM when it cannot be read. */
int settings_load(const char *file, struct arena *arena, struct diag *diag, struct settings *ret_settings);
/* The group that the service of this machine listens to, for rules that others make: of SETTINGS_FILE; the default when
 * that is not there or wrong. */
uint16_t settings_nfloggroup(void);
/* All keys in canonical form, as settings_parse reads them. */
void settings_print(const struct settings *settings, struct buffer *buffer);

#endif
