/* Addresses, masks and ranges: printed text parses to itself, and sets of addresses are what brute force says. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/policy/address.h"

Test(address, canonical_texts_are_fixed_points)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{"any", "any"}, {"ME", "me"}, {"Dns", "dns"}, {"wins", "wins"}, {"DHCP", "dhcp"}, {"gateway", "gateway"},
		{"10.0.0.1", "10.0.0.1"}, {"10.0.0.1/32", "10.0.0.1"}, {"10.1.2.3/8", "10.0.0.0/8"}, {"10.1.2.3/0", "0.0.0.0/0"},
		{"255.255.255.255", "255.255.255.255"}, {"192.0.2.129/25", "192.0.2.128/25"},
		{"10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"}, {"10.0.0.1-10.0.0.1", "10.0.0.1"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"}, {"2001:db8::1/64", "2001:db8::/64"}, {"::", "::"}, {"::/0", "::/0"},
		{"::ffff:1.2.3.4", "::ffff:1.2.3.4"}, {"2001:db8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff"},
		{"1:0:0:2:0:0:0:3", "1:0:0:2::3"}, {"fe80::1/128", "fe80::1"}, {"2001:db8::/127", "2001:db8::/127"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address, again;
		char text[ADDRESS_TEXT], twice[ADDRESS_TEXT];
		cr_assert(address_parse(rows[i].text, strlen(rows[i].text), &address), "%s", rows[i].text);
		address_print(&address, text);
		cr_expect_str_eq(text, rows[i].printed, "%s gives %s", rows[i].text, text);
		cr_assert(address_parse(text, strlen(text), &again), "%s", text);
		cr_expect(address_equal(&address, &again), "%s", text);
		address_print(&again, twice);
		cr_expect_str_eq(text, twice);
		cr_expect_eq(address.name, NULL);
	}
}

Test(address, what_is_none_is_refused)
{
	static const char *const rows[] = {
		"", " ", "anyone", "m", "10", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.01", "10.0.0.-1", "10.0.0.1 ", "0x0a.0.0.1",
		"10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/8/8", "10.0.0.1/a", "2001:db8::1/129", "2001:db8:::1", ":", ":::",
		"1:2:3:4:5:6:7:8:9", "fe80::1%eth0", "[::1]", "10.0.0.9-10.0.0.1", "10.0.0.1-", "-10.0.0.1", "10.0.0.1-2001:db8::1",
		"10.0.0.1-10.0.0.2-10.0.0.3", "10.0.0.0/8-10.0.0.9", "me-10.0.0.1", "1.2.3.4:80",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address = {.bits = 77};
		cr_expect(!address_parse(rows[i], strlen(rows[i]), &address), "%s", rows[i]);
		cr_expect_eq(address.bits, 77, "untouched: %s", rows[i]);
	}
	struct ip ip;
	cr_expect(!ip_parse("10.0.0.1\0x", 10, &ip));
	cr_expect(!ip_parse("::1\0", 4, &ip));
}

Test(address, masks_are_ones_then_zeros)
{
	static const struct {
		const char *text;
		int bits; /* -1: refused */
	} rows[] = {
		{"0.0.0.0", 0}, {"128.0.0.0", 1}, {"255.0.0.0", 8}, {"255.255.254.0", 23}, {"255.255.255.255", 32}, {"255.255.0.255", -1},
		{"0.255.255.255", -1}, {"255.255.255.253", -1}, {"255.255.255", -1}, {"24", -1}, {"", -1}, {"255.255.255.256", -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned bits = 99;
		bool good = mask_parse(rows[i].text, strlen(rows[i].text), &bits);
		cr_expect_eq(good, rows[i].bits >= 0, "%s", rows[i].text);
		cr_expect_eq(bits, rows[i].bits >= 0 ? (unsigned)rows[i].bits : 99, "%s", rows[i].text);
	}
	for (unsigned bits = 0; bits <= 32; bits++) {
		char text[IP_TEXT];
		unsigned again;
		mask_print(bits, text);
		cr_assert(mask_parse(text, strlen(text), &again), "%s", text);
		cr_expect_eq(again, bits);
	}
}

Test(address, prefixes_hold_what_their_bits_say)
{
	uint8_t a[16], b[16];
	for (unsigned i = 0; i < 16; i++)
		a[i] = b[i] = (uint8_t)(i * 37 + 11);
	for (unsigned flipped = 0; flipped < 128; flipped++) {
		b[flipped / 8] ^= (uint8_t)(0x80u >> flipped % 8);
		for (unsigned bits = 0; bits <= 128; bits++)
			cr_expect_eq(ip_in_prefix(b, a, bits), bits <= flipped, "bit %u, prefix %u", flipped, bits);
		b[flipped / 8] ^= (uint8_t)(0x80u >> flipped % 8);
	}
	for (unsigned bits = 0; bits <= 128; bits++) {
		uint8_t masked[16];
		memcpy(masked, a, sizeof(masked));
		ip_mask(masked, bits);
		for (unsigned bit = 0; bit < 128; bit++)
			cr_expect_eq(masked[bit / 8] >> (7 - bit % 8) & 1, bit < bits ? a[bit / 8] >> (7 - bit % 8) & 1 : 0);
	}
}

static uint64_t low_of(const struct ip *ip)
{
	unsigned size = family_bits(ip->family) / 8;
	return (uint64_t)ip->bytes[size - 2] << 8 | ip->bytes[size - 1];
}

/* All ranges within 40 addresses around an edge: prefixes in order, without gap or overlap, and none can be joined with
 * its neighbour. */
static void ranges_check(const char *base, unsigned from)
{
	struct ip ip;
	cr_assert(ip_parse(base, strlen(base), &ip));
	unsigned size = family_bits(ip.family) / 8;
	for (unsigned first = from; first < from + 40; first++) {
		for (unsigned last = first + 1; last < from + 40; last++) {
			struct address range = {.kind = ADDRESS_RANGE, .family = ip.family};
			struct ip_prefix prefixes[ADDRESS_PREFIXES];
			memcpy(range.first, ip.bytes, 16);
			memcpy(range.last, ip.bytes, 16);
			range.first[size - 2] = (uint8_t)(first >> 8);
			range.first[size - 1] = (uint8_t)first;
			range.last[size - 2] = (uint8_t)(last >> 8);
			range.last[size - 1] = (uint8_t)last;
			size_t count = address_prefixes(&range, prefixes);
			uint64_t next = first;
			for (size_t i = 0; i < count; i++) {
				uint64_t start = low_of(&prefixes[i].ip), length = (uint64_t)1 << (family_bits(ip.family) - prefixes[i].bits);
				cr_assert_eq(start, next, "%s %u-%u", base, first, last);
				cr_assert_eq(start % length, 0, "%s %u-%u", base, first, last);
				/* The one of twice its length would leave the range or not be aligned. */
				cr_assert(start % (2 * length) != 0 || start + 2 * length - 1 > last, "%s %u-%u: not the fewest", base, first, last);
				next = start + length;
			}
			cr_assert_eq(next, (uint64_t)last + 1, "%s %u-%u", base, first, last);
		}
	}
}

Test(address, ranges_are_their_fewest_prefixes)
{
	ranges_check("10.0.0.0", 236);
	ranges_check("10.0.0.0", 0);
	ranges_check("2001:db8::", 1000);
}

Test(address, the_longest_ranges_have_as_many_prefixes_as_there_is_room_for)
{
	static const struct {
		const char *text;
		size_t count;
		unsigned first_bits;
	} rows[] = {
		{"0.0.0.0-255.255.255.255", 1, 0}, {"0.0.0.1-255.255.255.254", 62, 32}, {"0.0.0.1-255.255.255.255", 32, 32},
		{"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 0}, {"::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 254, 128},
		{"128.0.0.0-255.255.255.255", 1, 1}, {"10.0.0.5", 1, 32}, {"10.0.0.0/8", 1, 8},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address;
		struct ip_prefix prefixes[ADDRESS_PREFIXES];
		cr_assert(address_parse(rows[i].text, strlen(rows[i].text), &address));
		cr_expect_eq(address_prefixes(&address, prefixes), rows[i].count, "%s", rows[i].text);
		cr_expect_eq(prefixes[0].bits, rows[i].first_bits, "%s", rows[i].text);
	}
}

Test(address, equality_sees_the_kind_and_the_addresses)
{
	static const char *const texts[] = {"any", "me", "dns", "10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.3", "::a00:1", "2001:db8::/32"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
			struct address a, b;
			cr_assert(address_parse(texts[i], strlen(texts[i]), &a) && address_parse(texts[j], strlen(texts[j]), &b));
			b.name = "its.name.does.not.count";
			cr_expect_eq(address_equal(&a, &b), i == j, "%s %s", texts[i], texts[j]);
		}
	}
	struct address server;
	cr_assert(address_parse("wins", 4, &server));
	cr_expect(address_is_server(&server));
	cr_assert(address_parse("me", 2, &server));
	cr_expect(!address_is_server(&server));
	cr_expect_eq(family_bits(FAMILY_IPV4), 32);
	cr_expect_eq(family_bits(FAMILY_IPV6), 128);
	cr_expect_eq(family_bits(FAMILY_NONE), 0);
}

Test(address, prefix_of_a_host_keeps_its_host_bits)
{
	struct ip_prefix prefix;
	char text[IP_TEXT];
	cr_assert(ip_prefix_parse("192.0.2.10/24", 13, &prefix));
	ip_print(&prefix.ip, text);
	cr_expect_str_eq(text, "192.0.2.10");
	cr_expect_eq(prefix.bits, 24);
	cr_assert(ip_prefix_parse("2001:db8::10", 12, &prefix));
	cr_expect_eq(prefix.bits, 128);
	struct ip none = {0};
	ip_print(&none, text);
	cr_expect_str_eq(text, "-");
}
