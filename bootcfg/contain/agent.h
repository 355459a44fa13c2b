/* Where a Velociraptor client's servers are: Client.server_urls of its configuration (YAML, read with libyaml's events;
 * aliases, several documents and anything that is not such a configuration are refused). */
#ifndef CORDON_BOOTCFG_CONTAIN_AGENT_H
#define CORDON_BOOTCFG_CONTAIN_AGENT_H

#include "core/base/arena.h"
#include "core/base/diag.h"

struct agent_server {
	const char *url;    /* as written */
	const char *host;   /* name or address, an IPv6 literal without its brackets */
	uint16_t port;      /* 443 when the URL has none */
	const char *probe;  /* https://HOST:PORT/server.pem: what the artifact asks for */
};
struct agent {
	struct agent_server *servers;
	size_t count;
	const char *ca;     /* Client.ca_certificate, PEM, or NULL */
};
/* Text lives in the arena.  ERROR_INPUT with file:line:column. */
int agent_parse(const char *text, size_t length, const char *file, struct arena *arena, struct diag *diag, struct agent *ret_agent);

#endif
