/* Words to tags: which value belongs to which tag of a row. */
#ifndef CORDON_BOOTCFG_NETSH_BIND_H
#define CORDON_BOOTCFG_NETSH_BIND_H

#include "bootcfg/netsh/session.h"

/* Binds the words from `first` on to session->call, whose row and span are set.  ERROR_INPUT with a message. */
int bind_words(struct session *session, size_t first);

#endif
