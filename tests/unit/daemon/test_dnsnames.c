/* Names out of the DNS, as evdns asks: against a name server in this very process. */
#include "bootcfg/daemon/dnsnames.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];
static struct loop *loop;
static struct dnsnames *names;
static int server;
static struct watch *server_watch, *patience;
static unsigned asked, changes;
static uint8_t last_byte = 1;      /* of the address that the server gives */
static bool answers_aaaa;

static int path_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status, (void)type, (void)place;
	return remove(path);
}

/* The question back, with one address of the type that it asks for. */
static void server_answer(void *context)
{
	static const uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x7};
	uint8_t bytes[512 + 64] = {0};
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t length = recvfrom(server, bytes, 512, 0, (struct sockaddr *)&from, &size);
	(void)context;
	if (length < 17)
		return;
	asked++;
	size_t question = 12;
	while (question < (size_t)length && bytes[question] != 0)
		question += bytes[question] + 1u;
	size_t end = question + 5;
	uint8_t type = bytes[question + 2];
	bool gives = type == 1 || (type == 28 && answers_aaaa);
	bytes[2] = 0x81;
	bytes[3] = 0x80;
	bytes[6] = 0;
	bytes[7] = gives;
	memset(bytes + 8, 0, 4);
	uint8_t record[] = {0xc0, 12, 0, type, 0, 1, 0, 0, 0, 40, 0, (uint8_t)(type == 1 ? 4 : 16)};
	uint8_t ip4[4] = {198, 51, 100, last_byte};
	if (gives) {
		memcpy(bytes + end, record, sizeof(record));
		memcpy(bytes + end + sizeof(record), type == 1 ? ip4 : ip6, type == 1 ? 4 : 16);
		end += sizeof(record) + (type == 1 ? 4u : 16u);
	}
	(void)sendto(server, bytes, end, 0, (struct sockaddr *)&from, size);
}

static void changed(void *context)
{
	(void)context;
	changes++;
	loop_stop(loop);
}

static void enough(void *context)
{
	(void)context;
	loop_stop(loop);
}

static void resolv_write(unsigned port)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/etc", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/etc/resolv.conf", folder);
	FILE *file = fopen(path, "w");
	fprintf(file, "nameserver 127.0.0.1:%u\noptions attempts:1 timeout:1\n", port);
	fclose(file);
}

static void setup(void)
{
	const char *temporary = getenv("TMPDIR");
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	snprintf(folder, sizeof(folder), "%s/dnsnames-XXXXXX", temporary != NULL ? temporary : "/tmp");
	cr_assert_not_null(mkdtemp(folder));
	loop = loop_new();
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(getsockname(server, (struct sockaddr *)&address, &size), 0);
	server_watch = loop_readable(loop, server, server_answer, NULL);
	patience = loop_timer(loop, 10000, enough, NULL);
	resolv_write(ntohs(address.sin_port));
	names = dnsnames_new(loop, folder, NULL, NULL, changed, NULL);
}

static void teardown(void)
{
	dnsnames_free(names);
	watch_free(server_watch);
	watch_free(patience);
	loop_free(loop);
	close(server);
	(void)nftw(folder, path_remove, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(dnsnames, .init = setup, .fini = teardown);

static void filter_put(struct state *state, struct filterlist *list, const char *dst, const char *name, uint16_t port)
{
	struct filter filter = {.src.kind = ADDRESS_ME, .protocol = PROTOCOL_TCP, .dstport = port, .description = ""};
	cr_assert(address_parse(dst, strlen(dst), &filter.dst));
	filter.dst.name = name;
	filterlist_add(state, list, &filter);
}

/* Two rules with one list: two addresses of a name, something else, the name with another port. */
static struct state *state_make(void)
{
	struct state *state = state_new();
	struct location *local = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, local, "p");
	struct filteraction *action = location_add_filteraction(state, local, "permit");
	struct filterlist *list = location_add_filterlist(state, local, "l");
	filter_put(state, list, "203.0.113.1", "www.example", 443);
	filter_put(state, list, "10.0.0.1", NULL, 80);
	filter_put(state, list, "203.0.113.2", "WWW.example", 443);
	filter_put(state, list, "203.0.113.1", "www.example", 80);
	policy_add_rule(state, policy, "r", list, action);
	policy_add_rule(state, policy, "s", list, action);
	location_assign(local, policy);
	return state;
}

static void list_print(const struct state *state, struct buffer *text)
{
	const struct filterlist *list = (const struct filterlist *)state->locations[LOCATION_LOCAL].filterlists.items[0];
	buffer_init(text, 4096);
	for (size_t i = 0; i < list->count; i++) {
		char address[ADDRESS_TEXT];
		address_print(&list->filters[i].dst, address);
		buffer_printf(text, "%s:%u ", address, list->filters[i].dstport);
	}
}

static void list_is(const struct state *state, const char *expected)
{
	struct buffer text;
	list_print(state, &text);
	cr_expect_str_eq(buffer_text(&text), expected, "%s", buffer_text(&text));
	buffer_done(&text);
}

Test(dnsnames, answers_take_the_place_of_the_stores_addresses)
{
	struct state *state = state_make();
	answers_aaaa = true;
	dnsnames_follow(names, state);
	dnsnames_put(names, state);
	list_is(state, "203.0.113.1:443 10.0.0.1:80 203.0.113.2:443 203.0.113.1:80 ");
	cr_assert_eq(loop_run(loop), 0);
	cr_assert_eq(changes, 1);
	cr_expect_eq(asked, 2, "once for each family, whatever the spelling: %u", asked);
	dnsnames_put(names, state);
	list_is(state, "198.51.100.1:443 2001:db8::7:443 10.0.0.1:80 198.51.100.1:80 2001:db8::7:80 ");
	dnsnames_take_back(names);
	list_is(state, "203.0.113.1:443 10.0.0.1:80 203.0.113.2:443 203.0.113.1:80 ");
	dnsnames_follow(names, NULL);
	state_free(state);
}

Test(dnsnames, a_family_without_addresses_has_none)
{
	struct state *state = state_make();
	struct buffer json;
	dnsnames_follow(names, state);
	cr_assert_eq(loop_run(loop), 0);
	dnsnames_put(names, state);
	list_is(state, "198.51.100.1:443 10.0.0.1:80 198.51.100.1:80 ");
	buffer_init(&json, 4096);
	dnsnames_print(names, &json);
	cr_expect_str_eq(buffer_text(&json), "[{\"name\":\"www.example\",\"addresses\":[\"198.51.100.1\"],\"age\":0}]", "%s",
			 buffer_text(&json));
	buffer_done(&json);
	dnsnames_take_back(names);
	state_free(state);
}

Test(dnsnames, other_servers_are_asked_when_they_are_others)
{
	struct state *state = state_make();
	dnsnames_follow(names, state);
	cr_assert_eq(loop_run(loop), 0);
	cr_assert_eq(changes, 1);
	dnsnames_servers(names);
	/* Dropped and wanted again: asked anew, of whoever is the server then. */
	dnsnames_follow(names, NULL);
	last_byte = 2;
	dnsnames_follow(names, state);
	cr_assert_eq(loop_run(loop), 0);
	cr_assert_eq(changes, 2);
	dnsnames_put(names, state);
	list_is(state, "198.51.100.2:443 10.0.0.1:80 198.51.100.2:80 ");
	dnsnames_take_back(names);
	state_free(state);
}

Test(dnsnames, end_with_questions_open_leaves_nothing)
{
	struct state *state = state_make();
	dnsnames_follow(names, state);
	watch_free(server_watch);
	server_watch = NULL;
	watch_again(patience, 1);
	cr_assert_eq(loop_run(loop), 0);
	cr_expect_eq(changes, 0);
	state_free(state);
}
