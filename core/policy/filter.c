#include "core/policy/filter.h"

#include <string.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"

static const struct {
	uint8_t protocol;
	const char *name;
} protocols[] = {
	{PROTOCOL_ANY, "ANY"}, {PROTOCOL_ICMP, "ICMP"}, {PROTOCOL_TCP, "TCP"},
	{PROTOCOL_UDP, "UDP"}, {PROTOCOL_RAW, "RAW"},
};

bool filter_equal(const struct filter *a, const struct filter *b)
{
	return a->protocol == b->protocol && a->srcport == b->srcport && a->dstport == b->dstport &&
	       a->mirrored == b->mirrored && a->replies == b->replies && address_equal(&a->src, &b->src) &&
	       address_equal(&a->dst, &b->dst);
}

const char *filter_check(const struct filter *filter)
{
	bool ported = filter->protocol == PROTOCOL_TCP || filter->protocol == PROTOCOL_UDP;
	if ((filter->srcport != 0 || filter->dstport != 0) && !ported)
		return "a port needs protocol=TCP or protocol=UDP";
	if (filter->src.family != FAMILY_NONE && filter->dst.family != FAMILY_NONE &&
	    filter->src.family != filter->dst.family)
		return "source and destination must be of one family, IPv4 or IPv6";
	if ((address_is_server(&filter->src) && filter->dst.kind != ADDRESS_ME) ||
	    (address_is_server(&filter->dst) && filter->src.kind != ADDRESS_ME))
		return "a server type (dns, wins, dhcp, gateway) needs `me` on the other side";
	if (filter->replies && !filter->mirrored)
		return "replies=yes needs mirrored=yes: the mirrored half is what lets the replies back";
	return NULL;
}

bool protocol_parse(const char *text, size_t length, uint8_t *ret_protocol)
{
	for (size_t i = 0; i < ARRAY_LENGTH(protocols); i++) {
		if (ascii_equal_n(text, length, protocols[i].name)) {
			*ret_protocol = protocols[i].protocol;
			return true;
		}
	}
	uint64_t number;
	if (!number_parse(text, length, UINT8_MAX, &number))
		return false;
	*ret_protocol = (uint8_t)number;
	return true;
}

void protocol_print(uint8_t protocol, char text[PROTOCOL_TEXT])
{
	for (size_t i = 0; i < ARRAY_LENGTH(protocols); i++) {
		if (protocols[i].protocol == protocol) {
			memcpy(text, protocols[i].name, strlen(protocols[i].name) + 1);
			return;
		}
	}
	unsigned number = protocol;
	if (number >= 100)
		*text++ = (char)('0' + number / 100);
	if (number >= 10)
		*text++ = (char)('0' + number / 10 % 10);
	*text++ = (char)('0' + number % 10);
	*text = '\0';
}

static void end_print(const struct address *address, uint16_t port, struct buffer *buffer)
{
	char text[ADDRESS_TEXT];
	address_print(address, text);
	bool brackets = port != 0 && address->family == FAMILY_IPV6;
	if (brackets)
		buffer_add_char(buffer, '[');
	buffer_add_text(buffer, text);
	if (brackets)
		buffer_add_char(buffer, ']');
	if (port != 0) {
		buffer_add_char(buffer, ':');
		buffer_add_number(buffer, port);
	}
}

void filter_print(const struct filter *filter, struct buffer *buffer)
{
	char protocol[PROTOCOL_TEXT];
	protocol_print(filter->protocol, protocol);
	for (const char *at = protocol; *at != '\0'; at++)
		buffer_add_char(buffer, ascii_lower(*at));
	buffer_add_char(buffer, ' ');
	end_print(&filter->src, filter->srcport, buffer);
	buffer_add_text(buffer, " -> ");
	end_print(&filter->dst, filter->dstport, buffer);
	if (filter->replies)
		buffer_add_text(buffer, ", and the replies");
	else if (filter->mirrored)
		buffer_add_text(buffer, ", mirrored");
}
