/* The control socket of the service, /run/cordon/control: what `cordon` asks.  SOCK_SEQPACKET, messages as between the
 * service's own processes; only root and the group cordon are answered. */
#ifndef CORDON_BOOTCFG_DAEMON_CONTROL_H
#define CORDON_BOOTCFG_DAEMON_CONTROL_H

#include "bootcfg/daemon/message.h"
#include "core/base/buffer.h"
#include "core/base/diag.h"

#define CONTROL_SOCKET "/run/cordon/control"

/* The client's side: one question, its answer, at most 5 s.  ERROR_NOT_FOUND without a message when no service listens. */
int control_ask(const char *path, enum message_type type, struct diag *diag, struct buffer *ret_answer);

#endif
