/* The value of a tag against the tag's type. */
#ifndef CORDON_BOOTCFG_NETSH_VALUE_H
#define CORDON_BOOTCFG_NETSH_VALUE_H

#include "bootcfg/netsh/session.h"

/* Checks value->text and fills the rest of it.  ERROR_INPUT with a message at the value. */
int value_parse(struct session *session, const struct tag *tag, struct value *value);

/* A name that DNS could know: letters, digits, hyphens, underscores in labels of at most 63; not all digits. */
bool dnsname_check(const char *text, size_t length);

#endif
