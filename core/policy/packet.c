/* PACKET notation in and out.  A million packets a second pass through here (explain --file), so IPv4 and ports
 * have a path of their own in both directions, and nothing allocates; whatever is not plain goes the slow way,
 * which also finds the words for what is wrong.
 *
 * A port that is not given is 0: a port that no filter names.  It is printed back as no port. */
#include "core/policy/packet.h"

#include <string.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/policy/filter.h"

static const struct {
	enum direction direction;
	const char *name;
} directions[] = {{DIRECTION_IN, "in"}, {DIRECTION_OUT, "out"}, {DIRECTION_FORWARD, "forward"}};

/* Names that are read; those with `printed` are written too, all others as their number. */
static const struct {
	uint8_t protocol;
	bool printed;
	const char *name;
} protocols[] = {
	{PROTOCOL_TCP, true, "tcp"},  {PROTOCOL_UDP, true, "udp"}, {PROTOCOL_ICMP, true, "icmp"},
	{PROTOCOL_ICMPV6, true, "icmpv6"}, {PROTOCOL_RAW, true, "raw"}, {2, false, "igmp"},
	{4, false, "ipip"},           {33, false, "dccp"},         {41, false, "ipv6"},
	{46, false, "rsvp"},          {47, false, "gre"},          {50, false, "esp"},
	{51, false, "ah"},            {88, false, "eigrp"},        {89, false, "ospf"},
	{103, false, "pim"},          {112, false, "vrrp"},        {115, false, "l2tp"},
	{132, false, "sctp"},         {136, false, "udplite"},
};

#define PACKET_FORM "[in|out|forward] [reply] [frag] PROTO[:TYPE] SRC[:PORT] > DST[:PORT]"

const char *direction_name(enum direction direction)
{
	for (size_t i = 0; i < ARRAY_LENGTH(directions); i++)
		if (directions[i].direction == direction)
			return directions[i].name;
	return "-";
}

struct parser {
	const char *start;
	struct cursor cursor;
	const struct host *host;
	struct diag *diag;
	const struct place *place;
	struct packet packet;
	struct side {
		struct cursor word; /* for messages */
		struct ip ip;
		bool me;            /* `me`, not bound to an address yet */
	} src, dst;
	bool icmp;                  /* by that name: 58 where the addresses are IPv6 */
};

/* The place of a word of the packet, wherever the packet stands in the line. */
static struct place parser_place(const struct parser *parser, const struct cursor *word)
{
	struct place place = {.column = 1, .source = parser->start, .source_length = (size_t)(parser->cursor.end - parser->start)};
	if (parser->place != NULL)
		place = *parser->place;
	place.column = (place.column > 0 ? place.column : 1) + (uint32_t)(word->at - parser->start);
	place.length = cursor_left(word) > 0 ? (uint32_t)cursor_left(word) : 1;
	return place;
}

static int parser_fail(const struct parser *parser, const struct cursor *word, const char *wrong)
{
	struct place place = parser_place(parser, word);
	if (cursor_left(word) > 0)
		diag_error(parser->diag, &place, "%s: %s", QUOTE_N(word->at, cursor_left(word)), wrong);
	else
		diag_error(parser->diag, &place, "the packet is cut short: %s", wrong);
	return ERROR_INPUT;
}

/* The next word, which ends at a blank or at `>`; empty at the end. */
static struct cursor word_next(struct parser *parser)
{
	struct cursor *cursor = &parser->cursor;
	while (cursor->at < cursor->end && ascii_blank(*cursor->at))
		cursor->at++;
	struct cursor word = *cursor;
	while (cursor->at < cursor->end && !ascii_blank(*cursor->at) && *cursor->at != '>')
		cursor->at++;
	word.end = cursor->at;
	return word;
}

static bool word_is(const struct cursor *word, const char *name)
{
	return ascii_equal_n(word->at, cursor_left(word), name);
}

/* [in|out|forward] [reply] [frag]; returns the word after them. */
static struct cursor flags_parse(struct parser *parser)
{
	struct cursor word = word_next(parser);
	for (size_t i = 0; i < ARRAY_LENGTH(directions); i++) {
		if (word_is(&word, directions[i].name)) {
			parser->packet.direction = (uint8_t)directions[i].direction;
			word = word_next(parser);
			break;
		}
	}
	parser->packet.reply = word_is(&word, "reply");
	if (parser->packet.reply)
		word = word_next(parser);
	parser->packet.fragment = word_is(&word, "frag");
	return parser->packet.fragment ? word_next(parser) : word;
}

static int protocol_unknown(const struct parser *parser, const struct cursor *word, const struct cursor *name)
{
	static const char *const flags[] = {"in", "out", "forward", "reply", "frag"};
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++)
		if (word_is(word, flags[i]))
			return parser_fail(parser, word, "the order is " PACKET_FORM);
	if (cursor_left(word) == 0)
		return parser_fail(parser, word, "a protocol is expected here, in " PACKET_FORM);
	if (word_is(name, "any"))
		return parser_fail(parser, word, "a packet has one protocol, such as tcp; any is for filters");
	struct ip ip;
	if (ip_parse(word->at, cursor_left(word), &ip) || ip_parse(name->at, cursor_left(name), &ip) || word_is(name, "me"))
		return parser_fail(parser, word, "a protocol comes first, such as tcp, udp or icmp");
	const char *names[ARRAY_LENGTH(protocols) + ARRAY_LENGTH(flags) + 1];
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(protocols); i++)
		names[count++] = protocols[i].name;
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++)
		names[count++] = flags[i];
	names[count] = NULL;
	const char *nearest = word_nearest(name->at, cursor_left(name), names);
	struct place place = parser_place(parser, word);
	diag_error(parser->diag, &place, "%s: no protocol: write tcp, udp, icmp, icmpv6, raw, another common name or 0 to 255%s%s",
		   QUOTE_N(word->at, cursor_left(word)), nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "");
	return ERROR_INPUT;
}

static bool protocol_find(const struct cursor *name, uint8_t *ret_protocol)
{
	uint64_t number;
	for (size_t i = 0; i < ARRAY_LENGTH(protocols); i++) {
		if (word_is(name, protocols[i].name)) {
			*ret_protocol = protocols[i].protocol;
			return true;
		}
	}
	if (!number_parse(name->at, cursor_left(name), UINT8_MAX, &number))
		return false;
	*ret_protocol = (uint8_t)number;
	return true;
}

static int protocol_read(struct parser *parser, const struct cursor *word)
{
	struct cursor name = *word, type;
	const char *colon = memchr(word->at, ':', cursor_left(word));
	if (colon != NULL)
		name.end = colon;
	uint8_t protocol;
	if (!protocol_find(&name, &protocol))
		return protocol_unknown(parser, word, &name);
	parser->icmp = protocol == PROTOCOL_ICMP && !ascii_digit(*name.at);
	parser->packet.protocol = protocol;
	parser->packet.icmp_type = -1;
	if (colon == NULL)
		return 0;
	type = (struct cursor){colon + 1, word->end};
	if (protocol != PROTOCOL_ICMP && protocol != PROTOCOL_ICMPV6)
		return parser_fail(parser, word, "only icmp and icmpv6 have a type; a port stands behind its address");
	uint64_t number;
	if (!number_parse(type.at, cursor_left(&type), UINT8_MAX, &number))
		return parser_fail(parser, &type, "an ICMP type is a number from 0 to 255");
	parser->packet.icmp_type = (int16_t)number;
	return 0;
}

static inline bool word_ends(const struct cursor *cursor)
{
	return cursor->at == cursor->end || ascii_blank(*cursor->at) || *cursor->at == '>';
}

/* A.B.C.D[:PORT] of TCP and UDP.  Takes nothing, and says nothing, when it is not exactly that. */
static bool plain_take(struct cursor *cursor, struct ip *ret_ip, uint16_t *ret_port)
{
	struct cursor at = *cursor;
	uint8_t parts[4];
	for (unsigned part = 0; part < 4; part++) {
		unsigned number = 0;
		const char *first = at.at;
		while (at.at < at.end && ascii_digit(*at.at) && at.at - first < 4)
			number = number * 10 + (unsigned)(*at.at++ - '0');
		if (at.at == first || number > 255 || (*first == '0' && at.at - first > 1))
			return false;
		parts[part] = (uint8_t)number;
		if (part < 3 && !cursor_take(&at, '.'))
			return false;
	}
	unsigned port = 0;
	if (at.at < at.end && *at.at == ':') {
		const char *first = ++at.at;
		while (at.at < at.end && ascii_digit(*at.at) && at.at - first < 6)
			port = port * 10 + (unsigned)(*at.at++ - '0');
		if (at.at == first || port > UINT16_MAX)
			return false;
	}
	if (!word_ends(&at))
		return false;
	*ret_ip = (struct ip){.family = FAMILY_IPV4, .bytes = {parts[0], parts[1], parts[2], parts[3]}};
	*ret_port = (uint16_t)port;
	cursor->at = at.at;
	return true;
}

static int address_unknown(const struct parser *parser, const struct cursor *address)
{
	static const char *const filters[] = {"any", "dns", "wins", "dhcp", "gateway"};
	size_t length = cursor_left(address);
	for (size_t i = 0; i < ARRAY_LENGTH(filters); i++)
		if (word_is(address, filters[i]))
			return parser_fail(parser, address, "a packet has one address: this word is for filters");
	if (memchr(address->at, '/', length) != NULL)
		return parser_fail(parser, address, "a packet has one address, not a network: leave the / out");
	if (memchr(address->at, '%', length) != NULL)
		return parser_fail(parser, address, "write the address without its zone (the % and what follows)");
	if (memchr(address->at, '-', length) != NULL && memchr(address->at, '.', length) != NULL && ascii_digit(*address->at))
		return parser_fail(parser, address, "a packet has one address, not a range");
	return parser_fail(parser, address, "an IPv4 or IPv6 address or me is expected (names are not looked up)");
}

/* What stands between an address and its port, in any of the forms. */
static int side_split(const struct parser *parser, const struct cursor *word, struct cursor *ret_address,
		      struct cursor *ret_port)
{
	*ret_address = *word;
	*ret_port = (struct cursor){NULL, NULL};
	if (*word->at == '[') {
		const char *close = memchr(word->at, ']', cursor_left(word));
		if (close == NULL || (close + 1 < word->end && close[1] != ':'))
			return parser_fail(parser, word, "brackets hold an IPv6 address, as in [2001:db8::5]:5353");
		*ret_address = (struct cursor){word->at + 1, close};
		if (close + 1 < word->end)
			*ret_port = (struct cursor){close + 2, word->end};
		if (memchr(ret_address->at, ':', cursor_left(ret_address)) == NULL)
			return parser_fail(parser, word, "brackets are for IPv6 addresses only");
		return 0;
	}
	const char *colon = memchr(word->at, ':', cursor_left(word));
	if (colon != NULL && memchr(colon + 1, ':', (size_t)(word->end - colon - 1)) == NULL) {
		ret_address->end = colon;
		*ret_port = (struct cursor){colon + 1, word->end};
	}
	return 0;
}

static int port_read(const struct parser *parser, const struct cursor *word, uint16_t *ret_port)
{
	uint64_t port;
	if (parser->packet.protocol != PROTOCOL_TCP && parser->packet.protocol != PROTOCOL_UDP) {
		struct cursor with_colon = {word->at - 1, word->end};
		return parser_fail(parser, &with_colon, "only tcp and udp have ports");
	}
	if (!number_parse(word->at, cursor_left(word), UINT16_MAX, &port))
		return parser_fail(parser, word, "a port is a number from 0 to 65535");
	*ret_port = (uint16_t)port;
	return 0;
}

static int side_read(struct parser *parser, struct side *side, uint16_t *ret_port)
{
	struct cursor *cursor = &parser->cursor;
	while (cursor->at < cursor->end && ascii_blank(*cursor->at))
		cursor->at++;
	bool ported = parser->packet.protocol == PROTOCOL_TCP || parser->packet.protocol == PROTOCOL_UDP;
	side->word = *cursor;
	if (ported && plain_take(cursor, &side->ip, ret_port)) {
		side->word.end = cursor->at;
		return 0;
	}
	struct cursor address, port;
	side->word = word_next(parser);
	if (cursor_left(&side->word) == 0)
		return parser_fail(parser, &side->word, side == &parser->src ? "a source address is expected here, in " PACKET_FORM
								: "a destination address is expected here");
	int error = side_split(parser, &side->word, &address, &port);
	if (error < 0)
		return error;
	side->me = word_is(&address, "me");
	if (!side->me && !ip_parse(address.at, cursor_left(&address), &side->ip))
		return address_unknown(parser, &address);
	return port.at != NULL ? port_read(parser, &port, ret_port) : 0;
}

static int arrow_take(struct parser *parser)
{
	while (parser->cursor.at < parser->cursor.end && ascii_blank(*parser->cursor.at))
		parser->cursor.at++;
	if (cursor_take(&parser->cursor, '>'))
		return 0;
	struct cursor word = word_next(parser);
	return parser_fail(parser, &word, "a > is expected between source and destination");
}

/* `me` becomes an address of the other side's family; of both sides, IPv4 before IPv6 unless the protocol says so. */
static int me_bind(struct parser *parser, struct side *side, const struct side *other)
{
	enum family family = other->ip.family;
	if (other->me) {
		bool six = parser->packet.protocol == PROTOCOL_ICMPV6 || host_first(parser->host, FAMILY_IPV4) == NULL;
		family = six ? FAMILY_IPV6 : FAMILY_IPV4;
	}
	const struct ip *ip = host_first(parser->host, family);
	if (ip == NULL)
		return parser_fail(parser, &side->word, family == FAMILY_IPV6 ? "the host has no IPv6 address"
									      : "the host has no IPv4 address");
	side->ip = *ip;
	side->me = false;
	return 0;
}

static int sides_bind(struct parser *parser)
{
	int error = 0;
	if (parser->src.me)
		error = me_bind(parser, &parser->src, &parser->dst);
	if (error == 0 && parser->dst.me)
		error = me_bind(parser, &parser->dst, &parser->src);
	if (error < 0)
		return error;
	if (parser->src.ip.family != parser->dst.ip.family)
		return parser_fail(parser, &parser->dst.word, "source and destination must be of one family, IPv4 or IPv6");
	parser->packet.src = parser->src.ip;
	parser->packet.dst = parser->dst.ip;
	if (parser->icmp && parser->packet.src.family == FAMILY_IPV6)
		parser->packet.protocol = PROTOCOL_ICMPV6;
	return 0;
}

/* From which side is the host's.  Loopback is the host's on both sides, and counts as going out. */
static int direction_derive(struct parser *parser)
{
	const struct packet *packet = &parser->packet;
	bool loopback = ip_is_loopback(&packet->src) || ip_is_loopback(&packet->dst);
	bool src = ip_is_loopback(&packet->src) || host_is_me(parser->host, &packet->src);
	bool dst = ip_is_loopback(&packet->dst) || host_is_me(parser->host, &packet->dst);
	if (src && dst && !loopback)
		return parser_fail(parser, &parser->dst.word,
				   "both addresses are the host's: write in, out or forward in front of the packet");
	if (src) {
		parser->packet.direction = DIRECTION_OUT;
	} else if (dst || ip_is_multicast(&packet->dst) || host_is_broadcast(parser->host, &packet->dst)) {
		parser->packet.direction = DIRECTION_IN;
	} else {
		return parser_fail(parser, &parser->dst.word,
				   "neither address is the host's: write in, out or forward in front of the packet");
	}
	return 0;
}

static int parser_run(struct parser *parser)
{
	struct cursor word = flags_parse(parser);
	int error = protocol_read(parser, &word);
	if (error == 0)
		error = side_read(parser, &parser->src, &parser->packet.srcport);
	if (error == 0)
		error = arrow_take(parser);
	if (error == 0)
		error = side_read(parser, &parser->dst, &parser->packet.dstport);
	if (error < 0)
		return error;
	cursor_skip_blanks(&parser->cursor);
	if (parser->cursor.at < parser->cursor.end)
		return parser_fail(parser, &parser->cursor, "nothing may follow the destination");
	error = sides_bind(parser);
	if (error == 0 && parser->packet.direction == 0)
		error = direction_derive(parser);
	return error;
}

int packet_parse(const char *text, size_t length, const struct host *host, struct diag *diag, const struct place *place,
		 struct packet *ret_packet)
{
	struct parser parser = {.start = text, .cursor = cursor_of(text, length), .host = host, .diag = diag, .place = place};
	int error = parser_run(&parser);
	if (error == 0)
		*ret_packet = parser.packet;
	return error;
}

static char *text_put(char *at, const char *text)
{
	while (*text != '\0')
		*at++ = *text++;
	return at;
}

static char *number_put(char *at, unsigned number)
{
	char digits[5];
	unsigned count = 0;
	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0)
		*at++ = digits[--count];
	return at;
}

static char *part_put(char *at, unsigned number)
{
	if (number >= 100) {
		*at++ = (char)('0' + number / 100);
		number %= 100;
		*at++ = (char)('0' + number / 10);
	} else if (number >= 10) {
		*at++ = (char)('0' + number / 10);
	}
	*at++ = (char)('0' + number % 10);
	return at;
}

static char *side_put(char *at, const struct ip *ip, uint16_t port)
{
	bool brackets = port != 0 && ip->family == FAMILY_IPV6;
	if (ip->family == FAMILY_IPV4) {
		for (unsigned part = 0; part < 4; part++) {
			at = part_put(at, ip->bytes[part]);
			*at++ = '.';
		}
		at--;
	} else {
		char text[IP_TEXT];
		ip_print(ip, text);
		if (brackets)
			*at++ = '[';
		at = text_put(at, text);
		if (brackets)
			*at++ = ']';
	}
	if (port != 0) {
		*at++ = ':';
		at = number_put(at, port);
	}
	return at;
}

/* `icmp` on IPv6 addresses would be read as 58, so what really is 1 there is a number. */
static char *protocol_put(char *at, const struct packet *packet)
{
	bool named = packet->protocol != PROTOCOL_ICMP || packet->src.family != FAMILY_IPV6;
	for (size_t i = 0; named && i < ARRAY_LENGTH(protocols); i++)
		if (protocols[i].printed && protocols[i].protocol == packet->protocol)
			return text_put(at, protocols[i].name);
	return number_put(at, packet->protocol);
}

size_t packet_print(const struct packet *packet, char text[PACKET_TEXT])
{
	char *at = text_put(text, direction_name((enum direction)packet->direction));
	*at++ = ' ';
	if (packet->reply)
		at = text_put(at, "reply ");
	if (packet->fragment)
		at = text_put(at, "frag ");
	at = protocol_put(at, packet);
	if (packet->icmp_type >= 0) {
		*at++ = ':';
		at = number_put(at, (unsigned)packet->icmp_type);
	}
	*at++ = ' ';
	at = side_put(at, &packet->src, packet->srcport);
	at = text_put(at, " > ");
	at = side_put(at, &packet->dst, packet->dstport);
	*at = '\0';
	return (size_t)(at - text);
}
