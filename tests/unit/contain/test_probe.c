/* Probes as they are read; what they do in a network is shown by integration.cli_quarantine. */
#include <criterion/criterion.h>
#include <string.h>

#include "bootcfg/contain/probe.h"
#include "core/base/error.h"

Test(probe, addresses_need_no_name_server)
{
	static const struct {
		const char *text;
		bool forbid;
		const char *host;
		uint16_t port;
		bool url;
	} rows[] = {
		{"203.0.113.5:443", false, "203.0.113.5", 443, false},
		{"[2001:db8::5]:25", true, "2001:db8::5", 25, false},
		{"https://203.0.113.5/server.pem", false, "203.0.113.5", 443, true},
		{"https://[2001:db8::5]:8000/", false, "2001:db8::5", 8000, true},
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct probe probe;
		cr_assert_eq(probe_prepare(&probe, rows[i].text, rows[i].forbid, arena, NULL), 0, "%s", rows[i].text);
		cr_expect_str_eq(probe.host, rows[i].host);
		cr_expect_eq(probe.port, rows[i].port);
		cr_expect_eq(probe.url != NULL, rows[i].url);
		cr_expect_eq(probe.forbid, rows[i].forbid);
		cr_expect(probe.is_address);
		cr_assert_eq(probe.addresses.count, 1);
		probe_done(&probe);
		cr_expect_eq(probe.addresses.count, 0);
		probe_done(&probe);
	}
	arena_free(arena);
}

Test(probe, bad_ones_are_refused)
{
	static const struct {
		const char *text;
		bool forbid;
		const char *says;
	} rows[] = {
		{"203.0.113.5", false, "a port is missing"},
		{"http://203.0.113.5/", false, "https://"},
		{"wss://203.0.113.5/", false, "starts with https://"},
		{"https://203.0.113.5/", true, "write HOST:PORT"},
		{"no-such-name.invalid:443", false, "does not resolve"},
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct probe probe;
		struct diag diag;
		diag_init(&diag);
		cr_expect_eq(probe_prepare(&probe, rows[i].text, rows[i].forbid, arena, &diag), ERROR_INPUT, "%s", rows[i].text);
		cr_assert_eq(diag.errors, 1, "%s", rows[i].text);
		cr_expect(strstr(diag.messages[0].text, rows[i].says) != NULL, "%s: %s", rows[i].text, diag.messages[0].text);
		probe_done(&probe);
		diag_done(&diag);
	}
	arena_free(arena);
}

Test(probe, none_is_good)
{
	struct buffer seen;
	bool good = false;
	buffer_init(&seen, 64);
	cr_expect_eq(probes_run(NULL, 0, 1000, NULL, &seen, &good), 0);
	cr_expect(good);
	cr_expect_eq(seen.length, 0);
}
