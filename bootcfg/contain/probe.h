/* Probes: what must work after applying, and what must not.  TCP connects of our own (one loop, IPv4 and IPv6 in
 * turn), https through libcurl.  Names are resolved by probe_prepare, BEFORE anything is applied. */
#ifndef CORDON_BOOTCFG_CONTAIN_PROBE_H
#define CORDON_BOOTCFG_CONTAIN_PROBE_H

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/diag.h"
#include "core/policy/host.h"

struct probe {
	const char *text;      /* as given: HOST:PORT, [v6]:PORT, or an https URL */
	bool forbid;           /* must not work */
	const char *host;
	uint16_t port;
	const char *url;       /* NULL for a plain TCP connect */
	struct ip_list addresses; /* of the host, frozen */
	const char *cacert;    /* PEM file or NULL; */
	const char *ca_pem;    /* PEM text or NULL (an agent's own authority) */
};

/* Parses and resolves; ERROR_INPUT with a message that says what would be right.  probe_done in any case. */
int probe_prepare(struct probe *probe, const char *text, bool forbid, struct arena *arena, struct diag *diag);
void probe_done(struct probe *probe);
/* Runs them all, side by side; within timeout_ms.  One line each in ret_seen ("tcp 192.0.2.1:443: connected in 3 ms").
 * *ret_good: everything is as it must be. */
int probes_run(const struct probe *probes, size_t count, int timeout_ms, struct diag *diag, struct buffer *ret_seen, bool *ret_good);

#endif
