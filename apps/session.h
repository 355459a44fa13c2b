/* Who sits at this command: its terminal and the peer of its remote session, so that a policy that would cut them is
 * noticed, and a confirmation can be asked to come from elsewhere. */
#ifndef CORDON_APPS_SESSION_H
#define CORDON_APPS_SESSION_H

#include "core/base/diag.h"
#include "core/policy/packet.h"

struct session {
	char terminal[64];     /* "/dev/pts/0", or "" */
	bool remote;           /* came over the network: peer and local are known */
	struct ip peer, local;
	uint16_t peer_port, local_port;
	char leader[32];       /* identity of the session: session id and its start time */
};
/* From SSH_CONNECTION, the ancestors' sockets and utmp: sudo and screen do not hide it. */
void session_find(struct session *ret_session);

#endif
