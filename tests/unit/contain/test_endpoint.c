/* HOST:PORT and URLs, good and bad. */
#include <criterion/criterion.h>
#include <string.h>

#include "bootcfg/contain/endpoint.h"
#include "core/base/error.h"

Test(endpoint, good_ones_are_taken_apart)
{
	static const struct {
		const char *text, *scheme, *host;
		uint16_t port;
		const char *path;
		bool is_address;
	} rows[] = {
		{"203.0.113.5:443", "", "203.0.113.5", 443, "", true},
		{"[2001:db8::5]:8000", "", "2001:db8::5", 8000, "", true},
		{"vr.example.com:1", "", "vr.example.com", 1, "", false},
		{"vr.example.com.:65535", "", "vr.example.com", 65535, "", false},
		{"https://vr.example.com", "https", "vr.example.com", 443, "/", false},
		{"https://vr.example.com/", "https", "vr.example.com", 443, "/", false},
		{"HTTPS://vr.example.com:8000/a/b?c=d#e", "https", "vr.example.com", 8000, "/a/b?c=d", false},
		{"https://vr.example.com?x", "https", "vr.example.com", 443, "/?x", false},
		{"wss://[2001:db8::5]/", "wss", "2001:db8::5", 443, "/", true},
		{"wss://[2001:db8::5]:8443", "wss", "2001:db8::5", 8443, "/", true},
		{"https://192.0.2.1:444/x", "https", "192.0.2.1", 444, "/x", true},
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct endpoint endpoint;
		cr_assert_eq(endpoint_parse(rows[i].text, strlen(rows[i].text), arena, NULL, NULL, &endpoint), 0, "%s", rows[i].text);
		cr_expect_str_eq(endpoint.scheme, rows[i].scheme, "%s", rows[i].text);
		cr_expect_str_eq(endpoint.host, rows[i].host, "%s", rows[i].text);
		cr_expect_eq(endpoint.port, rows[i].port, "%s", rows[i].text);
		cr_expect_str_eq(endpoint.path, rows[i].path, "%s", rows[i].text);
		cr_expect_eq(endpoint.is_address, rows[i].is_address, "%s", rows[i].text);
	}
	arena_free(arena);
}

Test(endpoint, bad_ones_say_what_would_be_right)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "HOST:PORT"},
		{"vr.example.com", "a port is missing"},
		{"203.0.113.5", "a port is missing"},
		{"vr.example.com:", "1 to 65535"},
		{"vr.example.com:0", "1 to 65535"},
		{"vr.example.com:65536", "1 to 65535"},
		{"vr.example.com:443x", "1 to 65535"},
		{":443", "host is missing"},
		{"https://", "host is missing"},
		{"https:///x", "host is missing"},
		{"2001:db8::5:443", "brackets"},
		{"2001:db8::5", "brackets"},
		{"[2001:db8::5", "brackets"},
		{"[2001:db8::5]443", "brackets"},
		{"[192.0.2.1]:443", "brackets are for IPv6"},
		{"[fe80::1%eth0]:443", "zone"},
		{"https://[::1", "brackets"},
		{"http://vr.example.com/", "https://"},
		{"ws://vr.example.com/", "wss://"},
		{"ftp://vr.example.com/", "https://"},
		{"://vr", "https://"},
		{"https://user:secret@vr.example.com/", "user name"},
		{"vr.example.com:443/path", "https://"},
		{"vr example.com:443", "blank"},
		{"vr\nexample.com:443", "control"},
		{"b\xc3\xbc" "cher.example:443", "ASCII"},
		{"-vr.example.com:443", "neither"},
		{"192.0.2.256:443", "neither"},
		{"vr..example:443", "neither"},
		{"https://vr.example.com\\@evil/", "user name"},
		{"https://vr.example.com\\evil/", "neither"},
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct endpoint endpoint = {.port = 7};
		struct diag diag;
		diag_init(&diag);
		cr_expect_eq(endpoint_parse(rows[i].text, strlen(rows[i].text), arena, &diag, NULL, &endpoint), ERROR_INPUT, "%s", rows[i].text);
		cr_assert_eq(diag.errors, 1, "%s", rows[i].text);
		cr_expect(strstr(diag.messages[0].text, rows[i].says) != NULL, "%s: %s", rows[i].text, diag.messages[0].text);
		cr_expect_eq(endpoint.port, 7, "untouched");
		diag_done(&diag);
	}
	arena_free(arena);
}

Test(endpoint, long_text_is_refused)
{
	char text[ENDPOINT_TEXT_MOST + 2];
	struct endpoint endpoint;
	struct arena *arena = arena_new();
	memset(text, 'a', sizeof(text));
	cr_expect_eq(endpoint_parse(text, sizeof(text), arena, NULL, NULL, &endpoint), ERROR_INPUT);
	arena_free(arena);
}
