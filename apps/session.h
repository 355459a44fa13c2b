/* Who sits at this command: its terminal and the peer of its remote session, so that a policy that would cut them is
 * noticed, and a confirmation can be asked to come from elsewhere. */
#ifndef CORDON_APPS_SESSION_H
#define CORDON_APPS_SESSION_H

#include "core/base/diag.h"
#include "core/policy/packet.h"

struct session {
	char terminal[64];     /* "/dev/pts/0", or "" */
	bool remote;           /* came over the network: peer and local are known */
	bool outgoing;         /* this side has opened the connection (an agent that asks its server for work) */
	struct ip peer, local;
	uint16_t peer_port, local_port;
	char leader[32];       /* identity of the session: session id and its start time */
};
/* From SSH_CONNECTION, the ancestors' sockets and utmp: sudo and screen do not hide it. */
void session_find(struct session *ret_session);

/* One line: leader, terminal and peer; what session_same compares. */
enum { SESSION_TEXT = 192 };
void session_print(const struct session *session, char text[SESSION_TEXT]);
/* Whether a session is the one that printed the line, or came over the same connection: a confirmation from it would
 * prove nothing. */
bool session_same(const struct session *session, const char *line);

/* --- Its parts, without I/O --- */

/* The value of SSH_CONNECTION: peer, its port, local address, its port. */
bool session_parse_connection(const char *text, struct session *session);
/* Looks for an established connection in the text of /proc/net/tcp or tcp6 (a line each): that of an inode (not 0), or
 * that of the peer and ports which the session has; local_port 0: the first one of its peer.  Fills the session.
 * Connections of this machine with itself do not count. */
bool session_find_socket(const char *table, uint64_t inode, struct session *session);
/* The packets of its connection, as this host meets them: [0] comes in, [1] goes out. */
void session_packets(const struct session *session, struct packet ret_packets[2]);

#endif
