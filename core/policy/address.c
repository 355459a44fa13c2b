#include "core/policy/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"

static const char *const kind_names[] = {
	[ADDRESS_ANY] = "any",   [ADDRESS_ME] = "me",     [ADDRESS_DNS] = "dns",
	[ADDRESS_WINS] = "wins", [ADDRESS_DHCP] = "dhcp", [ADDRESS_GATEWAY] = "gateway",
};

unsigned family_bits(unsigned family)
{
	return family == FAMILY_IPV4 ? 32 : family == FAMILY_IPV6 ? 128 : 0;
}

/* Four decimal parts without leading zeros: what follows must be the end. */
static bool ipv4_parse(const char *text, size_t length, uint8_t bytes[4])
{
	const char *end = text + length;
	for (unsigned part = 0; part < 4; part++) {
		if (part > 0 && (text == end || *text++ != '.'))
			return false;
		unsigned number = 0, digits = 0;
		for (; text < end && ascii_digit(*text); text++, digits++)
			number = number * 10 + (unsigned)(*text - '0');
		if (digits == 0 || digits > 3 || number > 255 || (digits > 1 && text[-(int)digits] == '0'))
			return false;
		bytes[part] = (uint8_t)number;
	}
	return text == end;
}

bool ip_parse(const char *text, size_t length, struct ip *ret_ip)
{
	struct ip ip = {0};
	if (length == 0 || length >= IP_TEXT)
		return false;
	if (memchr(text, ':', length) == NULL) {
		if (!ipv4_parse(text, length, ip.bytes))
			return false;
		ip.family = FAMILY_IPV4;
	} else {
		char copy[IP_TEXT];
		memcpy(copy, text, length);
		copy[length] = '\0';
		if (strlen(copy) != length || inet_pton(AF_INET6, copy, ip.bytes) != 1)
			return false;
		ip.family = FAMILY_IPV6;
	}
	*ret_ip = ip;
	return true;
}

static char *number_print(char *at, unsigned number)
{
	if (number >= 100)
		*at++ = (char)('0' + number / 100);
	if (number >= 10)
		*at++ = (char)('0' + number / 10 % 10);
	*at++ = (char)('0' + number % 10);
	return at;
}

void ip_print(const struct ip *ip, char text[IP_TEXT])
{
	if (ip->family == FAMILY_IPV4) {
		for (unsigned part = 0; part < 4; part++) {
			if (part > 0)
				*text++ = '.';
			text = number_print(text, ip->bytes[part]);
		}
		*text = '\0';
	} else if (ip->family != FAMILY_IPV6 || inet_ntop(AF_INET6, ip->bytes, text, IP_TEXT) == NULL) {
		text[0] = '-';
		text[1] = '\0';
	}
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ip_in_prefix(const uint8_t bytes[16], const uint8_t first[16], unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(bytes, first, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ first[whole]) >> (8 - rest)) == 0;
}

void ip_mask(uint8_t bytes[16], unsigned bits)
{
	for (unsigned i = 0; i < 16; i++, bits = bits > 8 ? bits - 8 : 0)
		if (bits < 8)
			bytes[i] = (uint8_t)(bytes[i] & (0xff00u >> bits));
}

bool ip_prefix_parse(const char *text, size_t length, struct ip_prefix *ret_prefix)
{
	const char *slash = memchr(text, '/', length);
	struct ip_prefix prefix;
	if (!ip_parse(text, slash != NULL ? (size_t)(slash - text) : length, &prefix.ip))
		return false;
	uint64_t bits = family_bits(prefix.ip.family);
	if (slash != NULL && !number_parse(slash + 1, length - (size_t)(slash + 1 - text), bits, &bits))
		return false;
	prefix.bits = (uint8_t)bits;
	*ret_prefix = prefix;
	return true;
}

bool address_kind_parse(const char *text, size_t length, enum address_kind *ret_kind)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kind_names); i++) {
		if (ascii_equal_n(text, length, kind_names[i])) {
			*ret_kind = (enum address_kind)i;
			return true;
		}
	}
	return false;
}

static struct ip address_ip(const struct address *address, const uint8_t bytes[16])
{
	struct ip ip = {.family = address->family};
	memcpy(ip.bytes, bytes, sizeof(ip.bytes));
	return ip;
}

void address_print(const struct address *address, char text[ADDRESS_TEXT])
{
	if (address->kind < ARRAY_LENGTH(kind_names)) {
		memcpy(text, kind_names[address->kind], strlen(kind_names[address->kind]) + 1);
		return;
	}
	struct ip first = address_ip(address, address->first);
	ip_print(&first, text);
	text += strlen(text);
	if (address->kind == ADDRESS_RANGE) {
		struct ip last = address_ip(address, address->last);
		*text++ = '-';
		ip_print(&last, text);
	} else if (address->bits != family_bits(address->family)) {
		*text++ = '/';
		text = number_print(text, address->bits);
		*text = '\0';
	}
}

struct address address_subnet(const struct ip *ip, unsigned bits)
{
	struct address address = {.kind = ADDRESS_SUBNET, .family = ip->family, .bits = (uint8_t)bits};
	memcpy(address.first, ip->bytes, sizeof(address.first));
	ip_mask(address.first, bits);
	return address;
}

bool address_parse(const char *text, size_t length, struct address *ret_address)
{
	enum address_kind kind;
	if (address_kind_parse(text, length, &kind)) {
		*ret_address = (struct address){.kind = (uint8_t)kind};
		return true;
	}
	struct ip_prefix prefix;
	const char *dash = memchr(text, '-', length);
	if (dash == NULL) {
		if (!ip_prefix_parse(text, length, &prefix))
			return false;
		*ret_address = address_subnet(&prefix.ip, prefix.bits);
		return true;
	}
	struct ip first, last;
	if (!ip_parse(text, (size_t)(dash - text), &first) ||
	    !ip_parse(dash + 1, length - (size_t)(dash + 1 - text), &last) || first.family != last.family ||
	    memcmp(first.bytes, last.bytes, sizeof(first.bytes)) > 0)
		return false;
	if (ip_equal(&first, &last)) {
		*ret_address = address_subnet(&first, family_bits(first.family));
		return true;
	}
	struct address range = {.kind = ADDRESS_RANGE, .family = first.family};
	memcpy(range.first, first.bytes, sizeof(range.first));
	memcpy(range.last, last.bytes, sizeof(range.last));
	*ret_address = range;
	return true;
}

bool mask_parse(const char *text, size_t length, unsigned *ret_bits)
{
	uint8_t bytes[4];
	if (!ipv4_parse(text, length, bytes))
		return false;
	uint32_t mask = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
	if ((~mask & (~mask + 1)) != 0)
		return false; /* not all ones before all zeros */
	*ret_bits = (unsigned)__builtin_popcount(mask);
	return true;
}

void mask_print(unsigned bits, char text[IP_TEXT])
{
	struct ip ip = {.family = FAMILY_IPV4, .bytes = {255, 255, 255, 255}};
	ip_mask(ip.bytes, bits);
	ip_print(&ip, text);
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->kind == b->kind && a->family == b->family && a->bits == b->bits &&
	       memcmp(a->first, b->first, sizeof(a->first)) == 0 && memcmp(a->last, b->last, sizeof(a->last)) == 0;
}

bool address_is_server(const struct address *address)
{
	return address->kind >= ADDRESS_DNS && address->kind <= ADDRESS_GATEWAY;
}

/* The last address of a prefix of an address of `size` bits. */
static void prefix_last(const uint8_t first[16], unsigned bits, unsigned size, uint8_t last[16])
{
	memmove(last, first, 16);
	for (unsigned bit = bits; bit < size; bit++)
		last[bit / 8] = (uint8_t)(last[bit / 8] | 0x80u >> bit % 8);
}

/* Adds one; false when it wrapped around. */
static bool bytes_next(uint8_t bytes[16], unsigned size)
{
	for (unsigned i = size / 8; i-- > 0;)
		if (++bytes[i] != 0)
			return true;
	return false;
}

size_t address_prefixes(const struct address *address, struct ip_prefix prefixes[ADDRESS_PREFIXES])
{
	if (address->kind != ADDRESS_RANGE) {
		prefixes[0] = (struct ip_prefix){address_ip(address, address->first), address->bits};
		return 1;
	}
	unsigned size = family_bits(address->family);
	uint8_t at[16], last[16];
	memcpy(at, address->first, sizeof(at));
	size_t count = 0;
	do {
		/* The largest prefix that starts here and ends within the range. */
		unsigned bits = size;
		while (bits > 0) {
			uint8_t masked[16];
			memcpy(masked, at, sizeof(masked));
			ip_mask(masked, bits - 1);
			prefix_last(at, bits - 1, size, last);
			if (memcmp(masked, at, sizeof(masked)) != 0 || memcmp(last, address->last, sizeof(last)) > 0)
				break;
			bits--;
		}
		prefixes[count++] = (struct ip_prefix){address_ip(address, at), (uint8_t)bits};
		prefix_last(at, bits, size, at);
	} while (memcmp(at, address->last, sizeof(at)) < 0 && bytes_next(at, size) && count < ADDRESS_PREFIXES);
	return count;
}
