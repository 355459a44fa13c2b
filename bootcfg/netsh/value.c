#include "bootcfg/netsh/value.h"

#include <string.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/policy/methods.h"


static const char *quote_value(struct quote *quote, const struct value *value)
{
	return quote_text(quote, value->text, value->length);
}
#define QUOTE_VALUE(value) quote_value(&(struct quote){{0}}, (value))

static int wrong(struct session *session, const struct tag *tag, const struct value *value)
{
	struct buffer right;
	buffer_init(&right, 1024);
	tag_print_values(tag, &right);
	diag_error(session->diag, session_at(session, value->span), "%s is %s: write %s", tag->name, QUOTE_VALUE(value),
		   buffer_text(&right));
	buffer_done(&right);
	return ERROR_INPUT;
}

/* With what was meant, when only one of the words is near. */
static int wrong_near(struct session *session, const struct tag *tag, const struct value *value, const char *const words[])
{
	const char *nearest = word_nearest(value->text, value->length, words);
	size_t near = 0;
	for (size_t i = 0; nearest != NULL && words[i] != NULL; i++)
		near += word_distance(value->text, value->length, words[i]) ==
			word_distance(value->text, value->length, nearest);
	if (near != 1)
		return wrong(session, tag, value);
	diag_error(session->diag, session_at(session, value->span), "%s is %s: did you mean \"%s\"?", tag->name,
		   QUOTE_VALUE(value), nearest);
	return ERROR_INPUT;
}

static int number_value(struct session *session, const struct tag *tag, struct value *value)
{
	if (!number_parse(value->text, value->length, tag->most, &value->number) || value->number < tag->least)
		return wrong(session, tag, value);
	return 0;
}

static int port_value(struct session *session, const struct tag *tag, struct value *value)
{
	if (number_parse(value->text, value->length, UINT16_MAX, &value->number))
		return 0;
	if (memchr(value->text, '-', value->length) == NULL && memchr(value->text, ',', value->length) == NULL)
		return wrong(session, tag, value);
	diag_error(session->diag, session_at(session, value->span),
		   "%s is %s: a filter has one port, or 0 for any; add a filter for each port", tag->name, QUOTE_VALUE(value));
	return ERROR_INPUT;
}

static int yesno_value(struct session *session, const struct tag *tag, struct value *value)
{
	value->number = ascii_equal_n(value->text, value->length, "yes") || ascii_equal_n(value->text, value->length, "y");
	if (value->number == 0 && !ascii_equal_n(value->text, value->length, "no") &&
	    !ascii_equal_n(value->text, value->length, "n"))
		return wrong(session, tag, value);
	return 0;
}

static int word_value(struct session *session, const struct tag *tag, struct value *value)
{
	for (size_t i = 0; tag->words[i] != NULL; i++) {
		if (ascii_equal_n(value->text, value->length, tag->words[i])) {
			value->number = i;
			return 0;
		}
	}
	return wrong_near(session, tag, value, tag->words);
}

static int protocol_value(struct session *session, const struct tag *tag, struct value *value)
{
	static const char *const names[] = {"any", "icmp", "tcp", "udp", "raw", NULL};
	uint8_t protocol;
	if (protocol_parse(value->text, value->length, &protocol)) {
		value->number = protocol;
		return 0;
	}
	if (ascii_equal_n(value->text, value->length, "icmpv6")) {
		diag_error(session->diag, session_at(session, value->span),
			   "%s is %s: write icmp, which means ICMPv6 where the packet is IPv6", tag->name, QUOTE_VALUE(value));
		return ERROR_INPUT;
	}
	return wrong_near(session, tag, value, names);
}

static int mask_value(struct session *session, const struct tag *tag, struct value *value)
{
	unsigned bits;
	if (number_parse(value->text, value->length, 128, &value->number)) {
		value->dotted = false;
		return 0;
	}
	if (mask_parse(value->text, value->length, &bits)) {
		value->number = bits;
		value->dotted = true;
		return 0;
	}
	struct ip ip;
	if (!ip_parse(value->text, value->length, &ip))
		return wrong(session, tag, value);
	diag_error(session->diag, session_at(session, value->span),
		   "%s is %s, which is no mask: its ones must all stand before its zeros, such as 255.255.255.0", tag->name,
		   QUOTE_VALUE(value));
	return ERROR_INPUT;
}

bool dnsname_check(const char *text, size_t length)
{
	size_t label = 0;
	bool letters = false;
	if (length > 1 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > 253)
		return false;
	for (size_t i = 0; i <= length; i++) {
		if (i == length || text[i] == '.') {
			if (label == 0 || label > 63 || text[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		char c = ascii_lower(text[i]);
		bool letter = (c >= 'a' && c <= 'z') || c == '_';
		if (!letter && !ascii_digit(c) && (c != '-' || label == 0))
			return false;
		letters |= letter;
		label++;
	}
	return letters;
}

/* Something with a slash or a dash that is no good address; says why. */
static int address_wrong(struct session *session, const struct tag *tag, const struct value *value)
{
	const struct place *place = session_at(session, value->span);
	const char *text = value->text, *slash = memchr(text, '/', value->length), *dash = memchr(text, '-', value->length);
	struct ip first, last;
	if (slash != NULL && ip_parse(text, (size_t)(slash - text), &first)) {
		const char *mask = tag == &tags[TAG_SRCADDR] ? "srcmask" : "dstmask";
		diag_error(session->diag, place, "%s is %s: a prefix is a tag of its own: write %s=%.*s %s=%.*s", tag->name,
			   QUOTE_VALUE(value), tag->name, (int)(slash - text), text, mask,
			   (int)(text + value->length - slash - 1), slash + 1);
		return ERROR_INPUT;
	}
	if (dash != NULL && ip_parse(text, (size_t)(dash - text), &first) &&
	    ip_parse(dash + 1, value->length - (size_t)(dash + 1 - text), &last)) {
		diag_error(session->diag, place, "%s is %s: %s", tag->name, QUOTE_VALUE(value),
			   first.family != last.family ? "the two ends of a range are of one family, IPv4 or IPv6"
						       : "the range ends before it begins: write the lower address first");
		return ERROR_INPUT;
	}
	return wrong(session, tag, value);
}

static int address_value(struct session *session, const struct tag *tag, struct value *value)
{
	value->named = false;
	bool slash = memchr(value->text, '/', value->length) != NULL;
	if (!slash && address_parse(value->text, value->length, &value->address))
		return 0;
	value->named = dnsname_check(value->text, value->length);
	value->address = (struct address){.kind = ADDRESS_ANY};
	return value->named ? 0 : address_wrong(session, tag, value);
}

/* Microsoft's own examples have tunnel=no and tunnel=ip, which mean nothing. */
static int tunnel_value(struct session *session, const struct tag *tag, struct value *value)
{
	static const char *const nothing[] = {"no", "yes", "none", "ip", "dns", "any", "me"};
	for (size_t i = 0; i < ARRAY_LENGTH(nothing); i++) {
		if (!ascii_equal_n(value->text, value->length, nothing[i]))
			continue;
		diag_error(session->diag, session_at(session, value->span),
			   "%s is %s: write the address or the name of the tunnel's end, or leave the tag out", tag->name,
			   QUOTE_VALUE(value));
		return ERROR_INPUT;
	}
	struct ip ip;
	if (!ip_parse(value->text, value->length, &ip) && !dnsname_check(value->text, value->length))
		return wrong(session, tag, value);
	return 0;
}

static int methods_value(struct session *session, const struct tag *tag, struct value *value)
{
	const char *why;
	bool good = tag->type == TYPE_QMMETHODS ? qmsecmethods_parse(value->text, value->length, NULL, &why)
						: mmsecmethods_parse(value->text, value->length, NULL, &why);
	if (good)
		return 0;
	diag_error(session->diag, session_at(session, value->span), "%s is %s: %s", tag->name, QUOTE_VALUE(value), why);
	return ERROR_INPUT;
}

static int guid_value(struct session *session, const struct tag *tag, struct value *value)
{
	struct guid guid;
	return guid_parse(value->text, value->length, &guid) ? 0 : wrong(session, tag, value);
}

/* What is wrong with a text, whatever it is for; NULL when nothing is. */
static const char *text_wrong(const struct value *value, size_t most)
{
	for (size_t i = 0; i < value->length; i++)
		if ((unsigned char)value->text[i] < 0x20 || value->text[i] == 0x7f)
			return "it holds a control character; write it without";
	if (value->length > most)
		return most == POLICY_NAME_MOST ? "it is longer than 1024 bytes" : "it is longer than 4096 bytes";
	if (!utf8_check(value->text, value->length, NULL))
		return "it is not UTF-8";
	return NULL;
}

static int text_value(struct session *session, const struct tag *tag, struct value *value)
{
	bool key = tag == &tags[TAG_PSK] || tag == &tags[TAG_ROOTCA] || tag == &tags[TAG_VALUE];
	const char *why = text_wrong(value, tag->type == TYPE_NAME && !key ? POLICY_NAME_MOST : POLICY_TEXT_MOST);
	if (why == NULL && value->length == 0 && tag->type == TYPE_NAME)
		why = "it is empty";
	if (why == NULL)
		return 0;
	diag_error(session->diag, session_at(session, value->span), "%s is %s: %s", tag->name, QUOTE_VALUE(value), why);
	return ERROR_INPUT;
}

int value_parse(struct session *session, const struct tag *tag, struct value *value)
{
	static int (*const parsers[])(struct session *, const struct tag *, struct value *) = {
		[TYPE_NAME] = text_value,       [TYPE_TEXT] = text_value,       [TYPE_NUMBER] = number_value,
		[TYPE_YESNO] = yesno_value,     [TYPE_WORD] = word_value,       [TYPE_ADDRESS] = address_value,
		[TYPE_MASK] = mask_value,       [TYPE_PROTOCOL] = protocol_value, [TYPE_PORT] = port_value,
		[TYPE_QMMETHODS] = methods_value, [TYPE_MMMETHODS] = methods_value, [TYPE_TUNNEL] = tunnel_value,
		[TYPE_GUID] = guid_value,
	};
	return parsers[tag->type](session, tag, value);
}
