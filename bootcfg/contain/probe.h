/* Probes: what must work after applying, and what must not.  TCP connects of our own (all addresses of a name at once),
 * https through libcurl.  Names are resolved by probe_prepare, BEFORE anything is applied: what runs afterwards asks no
 * name server, follows no redirect and uses no proxy. */
#ifndef CORDON_BOOTCFG_CONTAIN_PROBE_H
#define CORDON_BOOTCFG_CONTAIN_PROBE_H

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/diag.h"
#include "core/policy/host.h"

enum {
	PROBE_ADDRESSES = 16, /* of one name */
	PROBES_MOST = 32,
	PROBE_FORBID_MS = 3000, /* how long what must not work is given: the first SYN and the one repeated after a second */
};

struct probe {
	const char *text;      /* as given: HOST:PORT, [v6]:PORT, or an https URL */
	bool forbid;           /* must not work */
	const char *host;
	bool is_address;       /* then nothing was resolved */
	uint16_t port;
	const char *path;      /* of a URL, "/…" */
	const char *url;       /* NULL for a plain TCP connect */
	struct ip_list addresses; /* of the host, frozen */
	/* What probe_prepare leaves 0 and the caller may set; borrowed. */
	const char *ca_pem;    /* PEM: an authority of one's own; NULL: those of the system */
	bool any_name;         /* every certificate of that authority will do, whatever name it is for */
	const char *pinned;    /* a name that the certificate of that authority may have instead of the host's, or NULL */
	bool system_too;       /* or a certificate that the system's authorities signed */
	long status;           /* the HTTP status that is wanted; 0: any from 200 to 399 */
	unsigned group;        /* of probes with the same number one is enough; 0: it stands for itself */
};

/* Parses and resolves; ERROR_INPUT with a message that says what would be right.  probe_done in any case. */
int probe_prepare(struct probe *probe, const char *text, bool forbid, struct arena *arena, struct diag *diag);
void probe_done(struct probe *probe);

/* Runs them all, side by side; within timeout_ms.  One line each in ret_seen ("tcp 192.0.2.1:443: connected in 3 ms"),
 * what was not as it must be as an error in diag (may be NULL).  *ret_good: everything is as it must be.  A connection
 * that the other end refuses was answered: what must not work has worked then. */
int probes_run(const struct probe *probes, size_t count, int timeout_ms, struct diag *diag, struct buffer *ret_seen, bool *ret_good);

#endif
