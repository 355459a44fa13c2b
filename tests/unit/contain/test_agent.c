/* A Velociraptor client's configuration: its servers, and what is refused. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/contain/agent.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "tests/unit/contain/certificate.h"

static int parse(const char *text, struct arena *arena, struct diag *diag, struct agent *ret_agent)
{
	return agent_parse(text, strlen(text), "client.yaml", arena, diag, ret_agent);
}

Test(agent, a_real_configuration)
{
	static const char text[] =
		"version:\n"
		"  name: velociraptor\n"
		"  version: 0.74.1\n"
		"  install_time: 1730000000\n"
		"Client:\n"
		"  server_urls:\n"
		"  - https://vr.example.com:8000/\n"
		"  - wss://vr2.example.com/\n"
		"  - https://[2001:db8::5]:8443/\n"
		"  - https://192.0.2.7\n"
		"  - wss://vr.example.com:8000/  # the same\n"
		"  ca_certificate: |\n"
		"    -----BEGIN CERTIFICATE-----\n"
		"    MAQCAgIC\n"
		"    -----END CERTIFICATE-----\n"
		"  nonce: 9qtMwzVB7SA=\n"
		"  use_self_signed_ssl: true\n"
		"  pinned_server_name: VelociraptorServer\n"
		"  writeback_linux: /etc/velociraptor.writeback.yaml\n"
		"  windows_installer:\n"
		"    service_name: Velociraptor\n"
		"  max_poll: 60\n";
	static const struct {
		const char *host;
		uint16_t port;
		const char *probe;
		bool is_address;
	} servers[] = {
		{"vr.example.com", 8000, "https://vr.example.com:8000/server.pem", false},
		{"vr2.example.com", 443, "https://vr2.example.com:443/server.pem", false},
		{"2001:db8::5", 8443, "https://[2001:db8::5]:8443/server.pem", true},
		{"192.0.2.7", 443, "https://192.0.2.7:443/server.pem", true},
	};
	struct arena *arena = arena_new();
	struct diag diag;
	struct agent agent;
	diag_init(&diag);
	cr_assert_eq(parse(text, arena, &diag, &agent), 0, "%s", diag.count > 0 ? diag.messages[0].text : "");
	cr_assert_eq(agent.count, ARRAY_LENGTH(servers));
	for (size_t i = 0; i < ARRAY_LENGTH(servers); i++) {
		cr_expect_str_eq(agent.servers[i].host, servers[i].host);
		cr_expect_eq(agent.servers[i].port, servers[i].port);
		cr_expect_str_eq(agent.servers[i].probe, servers[i].probe);
		cr_expect_eq(agent.servers[i].is_address, servers[i].is_address);
	}
	cr_expect_eq(agent.servers[1].line, 8);
	cr_expect_not_null(agent.ca);
	cr_expect_str_eq(agent.pinned, "VelociraptorServer");
	cr_expect(agent.self_signed);
	diag_done(&diag);
	arena_free(arena);
}

Test(agent, other_forms_that_are_right)
{
	static const char *const rows[] = {
		"Client: {server_urls: [https://vr.example.com/]}\n",
		"{\"Client\": {\"server_urls\": [\"https://vr.example.com/\"], \"ca_certificate\": \"\"}}",
		"\xef\xbb\xbf" "Client:\r\n  server_urls:\r\n    - 'https://vr.example.com/'\r\n",
		"---\nClient:\n  server_urls:\n  - \"https://vr.example.com/\"\n  pinned_server_name:\n  ca_certificate:\n...\n",
		"# comment\nOther: [1, [2, {a: b}]]\nClient:\n  server_urls: [https://vr.example.com/]\n  x: {server_urls: 7}\n",
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct diag diag;
		struct agent agent;
		diag_init(&diag);
		cr_assert_eq(parse(rows[i], arena, &diag, &agent), 0, "%zu: %s", i, diag.count > 0 ? diag.messages[0].text : "");
		cr_expect_eq(agent.count, 1, "%zu", i);
		cr_expect_null(agent.ca);
		cr_expect_null(agent.pinned);
		cr_expect(!agent.self_signed);
		diag_done(&diag);
	}
	arena_free(arena);
}

static const struct {
	const char *text;
	uint32_t line, column;
	const char *says;
} wrongs[] = {
	{"", 1, 1, "has no Client"},
	{"hello\n", 1, 1, "starts with the mapping Client"},
	{"- a\n", 1, 1, "starts with the mapping Client"},
	{"{}\n", 1, 1, "has no Client"},
	{"Frontend:\n  bind_port: 8000\n", 1, 1, "has no Client"},
	{"Client: 7\n", 1, 9, "Client is a mapping"},
	{"Client:\n", 1, 8, "Client is a mapping"},
	{"Client:\n  nonce: x\n", 1, 1, "has no server_urls"},
	{"Client:\n  server_urls: https://vr.example.com/\n", 2, 16, "is a list"},
	{"Client:\n  server_urls: []\n", 2, 16, "is empty"},
	{"Client:\n  server_urls:\n  - a: b\n", 3, 5, "a server is a URL"},
	{"Client:\n  server_urls:\n  - http://vr.example.com:8000/\n", 3, 5, "write https://"},
	{"Client:\n  server_urls:\n  - https://vr.example.com/\n  - ws://vr.example.com/\n", 4, 5, "write wss://"},
	{"Client:\n  server_urls:\n  - vr.example.com:8000\n", 3, 5, "a URL that starts with https://"},
	{"Client:\n  server_urls:\n  - \"https://vr.exa\\0mple.com/\"\n", 3, 5, "control"},
	{"Client:\n  server_urls:\n  - https://vr.example.com:99999/\n", 3, 5, "1 to 65535"},
	{"Client:\n  server_urls: &a [https://vr.example.com/]\n", 2, 16, "anchors and aliases"},
	{"Client:\n  server_urls: [https://vr.example.com/]\n  x: *a\n", 3, 6, "anchors and aliases"},
	{"Client:\n  <<: {a: b}\n", 2, 3, "merge keys"},
	{"Client:\n  server_urls: !!seq [https://vr.example.com/]\n", 2, 16, "tags"},
	{"Client:\n  server_urls: [https://vr.example.com/]\n---\nClient: {}\n", 3, 1, "a second document"},
	{"Client:\n  a: 1\n  b: 2\n  a: 3\n", 4, 3, "comes twice"},
	{"Client: {}\nClient: {}\n", 2, 1, "comes twice"},
	{"? [a]\n: b\n", 1, 3, "a key is a plain word"},
	{"Other: [\n", 2, 1, "not YAML"},
	{"Client:\n\t- x\n", 2, 1, "not YAML"},
	{"Client: \"x\n", 2, 1, "not YAML"},
	{"a: b: c\n", 1, 5, "not YAML"},
	{"Client: \xff\n", 1, 9, "not YAML"},
	{"Client: \x01\n", 1, 9, "not YAML"},
	{"Client:\n  server_urls: [https://vr.example.com/]\n  ca_certificate: hello\n", 3, 19, "no certificate"},
	{"Client:\n  server_urls: [https://vr.example.com/]\n  ca_certificate: [x]\n", 3, 19, "PEM"},
	{"Client:\n  server_urls: [https://vr.example.com/]\n  use_self_signed_ssl: perhaps\n", 3, 24, "true or false"},
	{"Client:\n  server_urls: [https://vr.example.com/]\n  pinned_server_name: 'a b'\n", 3, 23, "a name"},
	{"Client:\n  server_urls: [https://vr.example.com/]\n  pinned_server_name: 'a/b'\n", 3, 23, "a name"},
	{"Client:\n  server_urls: [https://vr.example.com/]\n  pinned_server_name: 192.0.2.1\n", 3, 23, "a name"},
};

Test(agent, what_is_wrong_is_said_with_its_place)
{
	struct arena *arena = arena_new();
	for (size_t i = 0; i < ARRAY_LENGTH(wrongs); i++) {
		struct diag diag;
		struct agent agent = {.count = 7};
		diag_init(&diag);
		cr_expect_eq(parse(wrongs[i].text, arena, &diag, &agent), ERROR_INPUT, "%zu: %s", i, wrongs[i].text);
		cr_assert_eq(diag.errors, 1, "%zu: %s", i, wrongs[i].text);
		const struct message *message = &diag.messages[0];
		cr_expect(strstr(message->text, wrongs[i].says) != NULL, "%zu: %s", i, message->text);
		cr_expect_str_eq(message->file, "client.yaml");
		cr_expect(message->line == wrongs[i].line && message->column == wrongs[i].column, "%zu: %s: at %u:%u, and %u:%u is meant", i,
			  wrongs[i].text, message->line, message->column, wrongs[i].line, wrongs[i].column);
		cr_expect_eq(agent.count, 7, "untouched");
		diag_done(&diag);
	}
	arena_free(arena);
}

Test(agent, a_proxy_is_a_warning)
{
	static const struct {
		const char *text;
		size_t warnings;
	} rows[] = {
		{"Client:\n  server_urls: [https://vr.example.com]\n  proxy_config:\n    https: http://proxy:3128\n", 1},
		{"Client:\n  server_urls: [https://vr.example.com]\n  proxy_config: {http: '', https: ''}\n", 0},
		{"Client:\n  server_urls: [https://vr.example.com]\n  proxy_config:\n", 0},
		{"Client:\n  server_urls: [https://vr.example.com]\nFrontend:\n  proxy_config: {https: http://proxy:3128}\n", 0},
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct diag diag;
		struct agent agent;
		diag_init(&diag);
		cr_expect_eq(parse(rows[i].text, arena, &diag, &agent), 0, "%zu", i);
		cr_expect_eq(diag.warnings, rows[i].warnings, "%zu", i);
		diag_done(&diag);
	}
	arena_free(arena);
}

/* Texts that grow: a head, the middle so many times, a tail. */
static char *repeat(const char *head, const char *middle, size_t count, const char *tail)
{
	struct buffer buffer;
	buffer_init(&buffer, 1u << 24);
	buffer_add_text(&buffer, head);
	for (size_t i = 0; i < count; i++)
		buffer_add_text(&buffer, middle);
	buffer_add_text(&buffer, tail);
	char *text = memory_text(buffer_text(&buffer));
	buffer_done(&buffer);
	return text;
}

Test(agent, hostile_sizes_are_bounded)
{
	static const struct {
		const char *head, *middle, *tail, *says;
		size_t count;
	} rows[] = {
		{"", "[", "", "", 500000},
		{"Client: ", "{a: ", "", "32 levels", 100000},
		{"Client: ", "- ", "", "", 300000},
		{"", "? ", "", "", 300000},
		{"Client:\n  x: ", "x", "\n", "larger than 1 MiB", 1100000},
		{"", "a: &a [*a]\n", "", "anchors", 90000},
		{"", "%TAG ! a\n", "", "not YAML", 100000},
		{"Client: \"", "\\n", "\"\n", "mapping", 500000},
		{"{", "a, ", "}", "twice", 300000},
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *text = repeat(rows[i].head, rows[i].middle, rows[i].count, rows[i].tail);
		struct diag diag;
		struct agent agent;
		diag_init(&diag);
		cr_expect_eq(parse(text, arena, &diag, &agent), ERROR_INPUT, "%zu", i);
		cr_assert_eq(diag.errors, 1, "%zu", i);
		cr_expect(strstr(diag.messages[0].text, rows[i].says) != NULL, "%zu: %s", i, diag.messages[0].text);
		diag_done(&diag);
		free(text);
	}
	arena_free(arena);
}

Test(agent, limits_of_keys_and_servers)
{
	struct buffer text;
	struct arena *arena = arena_new();
	struct agent agent;
	struct diag diag;
	for (unsigned more = 0; more < 2; more++) {
		diag_init(&diag);
		buffer_init(&text, 1 << 20);
		buffer_add_text(&text, "Client:\n  server_urls:\n");
		for (unsigned i = 0; i < AGENT_SERVERS + more; i++)
			buffer_printf(&text, "  - https://s%u.example.com/\n", i);
		cr_expect_eq(parse(buffer_text(&text), arena, &diag, &agent), more ? ERROR_INPUT : 0);
		buffer_clear(&text);
		diag_clear(&diag);
		buffer_add_text(&text, "Client:\n  server_urls: [https://vr.example.com]\n");
		for (unsigned i = 0; i < AGENT_KEYS - 1 + more; i++)
			buffer_printf(&text, "  k%u: 1\n", i);
		cr_expect_eq(parse(buffer_text(&text), arena, &diag, &agent), more ? ERROR_INPUT : 0);
		buffer_done(&text);
		diag_done(&diag);
	}
	arena_free(arena);
}

/* Cut anywhere, it is refused or still whole; it never crashes. */
Test(agent, cut_anywhere)
{
	static const char text[] = "Client:\n  server_urls:\n  - https://vr.example.com:8000/\n  ca_certificate: \"" "x" "\"\n";
	struct arena *arena = arena_new();
	for (size_t length = 0; length < sizeof(text); length++) {
		char *copy = memory_text_n(text, length);
		struct agent agent = {.count = 0};
		struct diag diag;
		diag_init(&diag);
		int error = agent_parse(copy, length, "client.yaml", arena, &diag, &agent);
		cr_expect_eq(error == 0, diag.errors == 0);
		cr_expect(error != 0 || agent.count == 1);
		diag_done(&diag);
		free(copy);
	}
	arena_free(arena);
}
