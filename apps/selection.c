#include "apps/selection.h"

#include <string.h>

#include "apps/options.h"
#include "core/base/error.h"

static int address_option(const struct invocation *invocation, const char *name, struct ip_prefix *ret_prefix, bool *ret_has)
{
	const char *text = invocation_option(invocation, name);
	*ret_has = text != NULL;
	if (text == NULL || ip_prefix_parse(text, strlen(text), ret_prefix))
		return 0;
	diag_error(invocation->diag, NULL, "--%s %s: an address or network is needed, such as 192.0.2.1 or 192.0.2.0/24", name, QUOTE(text));
	return ERROR_INPUT;
}

int selection_read(const struct invocation *invocation, struct selection *ret_selection)
{
	struct selection selection = {.drops = invocation_option(invocation, "drops") != NULL};
	uint64_t port = 0;
	int error = address_option(invocation, "src", &selection.src, &selection.has_src);
	if (error == 0)
		error = address_option(invocation, "dst", &selection.dst, &selection.has_dst);
	int given = error == 0 ? options_number(invocation, "port", 0, UINT16_MAX, &port) : error;
	if (given < 0)
		return given;
	selection.has_port = given > 0;
	selection.port = (uint16_t)port;
	*ret_selection = selection;
	return 0;
}

bool selection_asks(const struct selection *selection)
{
	return selection->drops || selection->has_src || selection->has_dst || selection->has_port;
}

static bool prefix_holds(const struct ip_prefix *prefix, const struct ip *ip)
{
	return ip->family == prefix->ip.family && ip_in_prefix(ip->bytes, prefix->ip.bytes, prefix->bits);
}

bool selection_holds(const struct selection *selection, enum meaning meaning, const struct record *record)
{
	bool any = meaning != MEANING_NONE;
	if (selection->drops && meaning != MEANING_DROP)
		return false;
	if (selection->has_src && !(any && record_has(record, COLUMN_SRC_IP) && prefix_holds(&selection->src, &record->src)))
		return false;
	if (selection->has_dst && !(any && record_has(record, COLUMN_DST_IP) && prefix_holds(&selection->dst, &record->dst)))
		return false;
	return !selection->has_port || (any && ((record_has(record, COLUMN_SRC_PORT) && record->srcport == selection->port) ||
						(record_has(record, COLUMN_DST_PORT) && record->dstport == selection->port)));
}
