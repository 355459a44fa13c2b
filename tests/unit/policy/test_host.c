/* Facts of a host as JSON, good and bad, and what addresses are to it. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/error.h"
#include "core/policy/host.h"

Test(host, facts_are_read)
{
	static const char text[] =
		" {\"addresses\": [\"192.0.2.10/24\", \"192.0.2.10/24\", \"2001:db8::10/64\", \"10.0.0.1\"],\n \"dns\": [\"192.0.2.53\", "
		"\"2001:db8::53\", \"192.0.2.53\"], \"wins\": [], \"gateway\": [\"192.0.2.1\"]}\n";
	struct host host;
	struct diag diag;
	diag_init(&diag);
	cr_assert_eq(host_parse(text, strlen(text), "facts.json", &diag, &host), 0);
	cr_expect_eq(diag.count, 0);
	cr_expect_eq(host.address_count, 3, "doubles are left out");
	cr_expect_eq(host.addresses[0].bits, 24);
	cr_expect_eq(host.addresses[2].bits, 32);
	cr_expect_eq(host.servers[ADDRESS_DNS].count, 2);
	cr_expect_eq(host.servers[ADDRESS_WINS].count, 0);
	cr_expect_eq(host.servers[ADDRESS_DHCP].count, 0);
	cr_expect_eq(host.servers[ADDRESS_GATEWAY].count, 1);
	char printed[IP_TEXT];
	ip_print(host_first(&host, FAMILY_IPV6), printed);
	cr_expect_str_eq(printed, "2001:db8::10");
	host_done(&host);
	cr_expect_eq(host_first(&host, FAMILY_IPV4), NULL);
	cr_assert_eq(host_parse("{}", 2, NULL, NULL, &host), 0, "every key may be left out");
	host_done(&host);
	diag_done(&diag);
}

Test(host, bad_facts_say_what_is_wrong)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "empty"},
		{"{", "p"},
		{"[]", "an object is expected"},
		{"null", "an object is expected"},
		{"{} x", "nothing may follow it"},
		{"{}{}", "nothing may follow it"},
		{"{\"adresses\": []}", "did you mean addresses"},
		{"{\"dns\": [], \"dns\": []}", "twice"},
		{"{\"dns\": \"192.0.2.53\"}", "a list is expected"},
		{"{\"dns\": [1]}", "an address in quotes"},
		{"{\"dns\": [null]}", "$.dns[0]"},
		{"{\"dns\": [\"192.0.2.53\", \"x\"]}", "$.dns[1]"},
		{"{\"dns\": [\"192.0.2.53/24\"]}", "an address is expected"},
		{"{\"addresses\": [\"192.0.2.10/33\"]}", "length of its network"},
		{"{\"addresses\": [\"www.example.com\"]}", "length of its network"},
		{"{\"addresses\": [\"224.0.0.1/4\"]}", "nobody's own"},
		{"{\"addresses\": [\"ff02::1/16\"]}", "nobody's own"},
		{"{\"DNS\": []}", "unknown key"},
		{"{\"dns\": [\"\xff\"]}", "UTF-8"},
		{"{\"dns\": [\"192.0.2.5\\u0000\"]}", "NUL"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host host = {.address_count = 99};
		struct diag diag;
		diag_init(&diag);
		int error = host_parse(rows[i].text, strlen(rows[i].text), "facts.json", &diag, &host);
		cr_expect_eq(error, ERROR_INPUT, "%s", rows[i].text);
		cr_expect_eq(host.address_count, 99, "untouched: %s", rows[i].text);
		cr_assert_eq(diag.errors, 1, "%s", rows[i].text);
		cr_expect(strstr(diag.messages[0].text, rows[i].says) != NULL, "%s: %s", rows[i].text, diag.messages[0].text);
		cr_expect_str_eq(diag.messages[0].file, "facts.json");
		diag_done(&diag);
	}
	struct host host;
	cr_expect_eq(host_parse("{\"dns\": []\0}", 12, NULL, NULL, &host), ERROR_INPUT, "NUL");
}

static struct ip ip_of(const char *text)
{
	struct ip ip;
	cr_assert(ip_parse(text, strlen(text), &ip), "%s", text);
	return ip;
}

Test(host, addresses_are_told_apart)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"10.1.2.3/8\", \"172.16.5.9/30\", \"203.0.113.64/31\", "
				    "\"198.51.100.7/32\", \"2001:db8::10/64\"]}";
	enum { ME = 1, BROADCAST = 2, MULTICAST = 4, LOOPBACK = 8 };
	static const struct {
		const char *address;
		unsigned is;
	} rows[] = {
		{"192.0.2.10", ME}, {"192.0.2.11", 0}, {"192.0.2.255", BROADCAST}, {"192.0.2.0", 0}, {"10.255.255.255", BROADCAST},
		{"10.1.2.255", 0}, {"172.16.5.11", BROADCAST}, {"203.0.113.65", 0}, {"198.51.100.7", ME}, {"255.255.255.255", BROADCAST},
		{"224.0.0.1", MULTICAST}, {"239.255.255.255", MULTICAST}, {"240.0.0.1", 0}, {"223.255.255.255", 0}, {"127.0.0.1", LOOPBACK},
		{"127.255.255.255", LOOPBACK}, {"128.0.0.1", 0}, {"::1", LOOPBACK}, {"::2", 0}, {"ff02::1", MULTICAST}, {"fe80::1", 0},
		{"2001:db8::10", ME}, {"2001:db8::ffff:ffff:ffff:ffff", 0}, {"::", 0}, {"0.0.0.0", 0},
	};
	struct host host;
	cr_assert_eq(host_parse(facts, strlen(facts), NULL, NULL, &host), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip ip = ip_of(rows[i].address);
		cr_expect_eq(host_is_me(&host, &ip), (rows[i].is & ME) != 0, "%s", rows[i].address);
		cr_expect_eq(host_is_broadcast(&host, &ip), (rows[i].is & BROADCAST) != 0, "%s", rows[i].address);
		cr_expect_eq(ip_is_multicast(&ip), (rows[i].is & MULTICAST) != 0, "%s", rows[i].address);
		cr_expect_eq(ip_is_loopback(&ip), (rows[i].is & LOOPBACK) != 0, "%s", rows[i].address);
	}
	host_done(&host);
}
