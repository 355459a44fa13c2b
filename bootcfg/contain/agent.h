/* Where a Velociraptor client's servers are: Client.server_urls of its configuration (YAML, read with libyaml's events).
 * Refused, with file, line and column: anchors and aliases, tags, merge keys, several documents, a key that comes twice,
 * more than 32 levels, 256 keys in one mapping, 64 servers or 1 MiB, and what is not such a configuration. */
#ifndef CORDON_BOOTCFG_CONTAIN_AGENT_H
#define CORDON_BOOTCFG_CONTAIN_AGENT_H

#include "core/base/arena.h"
#include "core/base/diag.h"

enum { AGENT_BYTES = 1 << 20, AGENT_DEPTH = 32, AGENT_KEYS = 256, AGENT_SERVERS = 64 };

struct agent_server {
	const char *url;    /* as written: https:// or wss:// */
	const char *host;   /* name or address, an IPv6 literal without its brackets */
	bool is_address;
	uint16_t port;      /* 443 when the URL has none */
	const char *probe;  /* https://HOST:PORT/server.pem: what the artifact asks for */
	uint32_t line;      /* of the URL */
};
struct agent {
	struct agent_server *servers; /* no two with the same host and port */
	size_t count;
	const char *ca;     /* Client.ca_certificate, PEM, or NULL */
	const char *pinned; /* Client.pinned_server_name: the name in the server's certificate, or NULL */
	bool self_signed;   /* Client.use_self_signed_ssl: only that authority counts */
};
/* Text lives in the arena.  ERROR_INPUT with file:line:column.  A proxy that it names is a warning, "agent-proxy". */
int agent_parse(const char *text, size_t length, const char *file, struct arena *arena, struct diag *diag, struct agent *ret_agent);

#endif
