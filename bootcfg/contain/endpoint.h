/* Whom an agent or a probe talks to, as users write it: HOST:PORT, or an https (wss) URL. */
#ifndef CORDON_BOOTCFG_CONTAIN_ENDPOINT_H
#define CORDON_BOOTCFG_CONTAIN_ENDPOINT_H

#include "core/base/arena.h"
#include "core/base/diag.h"
#include "core/policy/address.h"

enum { ENDPOINT_HTTPS_PORT = 443, ENDPOINT_TEXT_MOST = 2048 };

struct endpoint {
	const char *scheme; /* "https", "wss", or "" for HOST:PORT */
	const char *host;   /* name in the case given without a final dot, or the address; an IPv6 one without its brackets */
	bool is_address;    /* then ip is it */
	struct ip ip;
	uint16_t port;      /* 443 when a URL has none */
	const char *path;   /* of a URL: "/…" with the query; "" for HOST:PORT */
};

/* Text lives in the arena.  Messages start with the quoted text and say what would be right; place may be NULL.
 * Refused: other schemes, user names, zones, ports of 0, hosts that are neither address nor DNS name.  ERROR_INPUT. */
int endpoint_parse(const char *text, size_t length, struct arena *arena, struct diag *diag, const struct place *place,
		   struct endpoint *ret_endpoint);

/* HOST:PORT, an IPv6 address in brackets. */
void endpoint_print(const char *host, uint16_t port, struct buffer *buffer);

#endif
