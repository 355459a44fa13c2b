/* Filters: what belongs together, names of protocols, the line for people. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/policy/filter.h"

static struct filter filter_of(const char *src, const char *dst, const char *protocol, unsigned srcport, unsigned dstport)
{
	struct filter filter = {.srcport = (uint16_t)srcport, .dstport = (uint16_t)dstport, .description = ""};
	cr_assert(address_parse(src, strlen(src), &filter.src), "%s", src);
	cr_assert(address_parse(dst, strlen(dst), &filter.dst), "%s", dst);
	cr_assert(protocol_parse(protocol, strlen(protocol), &filter.protocol), "%s", protocol);
	return filter;
}

Test(filter, check_says_what_does_not_belong_together)
{
	static const struct {
		const char *src, *dst, *protocol;
		unsigned srcport, dstport;
		bool mirrored, replies;
		const char *says; /* NULL: good */
	} rows[] = {
		{"any", "me", "tcp", 0, 80, true, false, NULL},
		{"any", "me", "udp", 53, 53, true, false, NULL},
		{"me", "any", "tcp", 0, 80, true, true, NULL},
		{"me", "any", "tcp", 0, 80, false, true, "replies=yes needs mirrored"},
		{"any", "me", "any", 0, 80, true, false, "a port needs"},
		{"any", "me", "icmp", 0, 80, true, false, "a port needs"},
		{"any", "me", "17", 1, 0, true, false, NULL},
		{"any", "me", "132", 1, 0, true, false, "a port needs"},
		{"10.0.0.1", "2001:db8::1", "any", 0, 0, true, false, "one family"},
		{"10.0.0.1-10.0.0.5", "2001:db8::/64", "any", 0, 0, true, false, "one family"},
		{"any", "2001:db8::1", "any", 0, 0, true, false, NULL},
		{"me", "dns", "udp", 0, 53, true, false, NULL},
		{"gateway", "me", "any", 0, 0, true, false, NULL},
		{"any", "dns", "any", 0, 0, true, false, "needs `me`"},
		{"wins", "10.0.0.1", "any", 0, 0, true, false, "needs `me`"},
		{"dns", "dhcp", "any", 0, 0, true, false, "needs `me`"},
		{"me", "me", "any", 0, 0, true, false, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct filter filter = filter_of(rows[i].src, rows[i].dst, rows[i].protocol, rows[i].srcport, rows[i].dstport);
		filter.mirrored = rows[i].mirrored;
		filter.replies = rows[i].replies;
		const char *wrong = filter_check(&filter);
		cr_expect_eq(wrong == NULL, rows[i].says == NULL, "%zu: %s", i, wrong);
		if (wrong != NULL && rows[i].says != NULL)
			cr_expect(strstr(wrong, rows[i].says) != NULL, "%zu: %s", i, wrong);
	}
}

Test(filter, protocols_have_names_and_numbers)
{
	for (unsigned protocol = 0; protocol < 256; protocol++) {
		char text[PROTOCOL_TEXT];
		uint8_t again;
		protocol_print((uint8_t)protocol, text);
		cr_assert(protocol_parse(text, strlen(text), &again), "%s", text);
		cr_expect_eq(again, protocol, "%s", text);
	}
	static const struct {
		const char *text;
		int protocol;
	} rows[] = {
		{"any", 0}, {"ICMP", 1}, {"Tcp", 6}, {"udp", 17}, {"raw", 255}, {"255", 255}, {"0", 0}, {"256", -1}, {"", -1}, {"-1", -1},
		{"tcpx", -1}, {"tc", -1}, {"6 ", -1}, {"0x6", -1}, {"99999999999999999999", -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t protocol = 99;
		cr_expect_eq(protocol_parse(rows[i].text, strlen(rows[i].text), &protocol), rows[i].protocol >= 0, "%s", rows[i].text);
		cr_expect_eq(protocol, rows[i].protocol >= 0 ? rows[i].protocol : 99, "%s", rows[i].text);
	}
}

Test(filter, prints_one_line_for_people)
{
	struct buffer buffer;
	struct filter filter = filter_of("any", "me", "tcp", 0, 80);
	filter.mirrored = true;
	buffer_init(&buffer, 1000);
	filter_print(&filter, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), "tcp any -> me:80, mirrored");
	filter = filter_of("2001:db8::/32", "me", "udp", 53, 0);
	buffer_clear(&buffer);
	filter_print(&filter, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), "udp [2001:db8::/32]:53 -> me");
	filter = filter_of("10.0.0.1-10.0.0.9", "me", "47", 0, 0);
	filter.mirrored = filter.replies = true;
	buffer_clear(&buffer);
	filter_print(&filter, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), "47 10.0.0.1-10.0.0.9 -> me, and the replies");
	buffer_done(&buffer);
}

Test(filter, equality_is_about_packets)
{
	struct filter a = filter_of("any", "me", "tcp", 0, 80), b = a;
	b.description = "other";
	b.file = "file";
	b.line = 7;
	b.row = 9;
	cr_expect(filter_equal(&a, &b));
	struct filter changed[] = {a, a, a, a, a, a, a};
	changed[0].srcport = 1;
	changed[1].dstport = 1;
	changed[2].protocol = 17;
	changed[3].mirrored = true;
	changed[4].replies = true;
	changed[5].src = filter_of("me", "me", "tcp", 0, 0).src;
	changed[6].dst = filter_of("any", "any", "tcp", 0, 0).dst;
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
		cr_expect(!filter_equal(&a, &changed[i]), "%zu", i);
}
