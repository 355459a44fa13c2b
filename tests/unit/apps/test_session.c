/* Who sits at the command: what the environment and the kernel's tables of sockets say. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "apps/session.h"
#include "core/base/attr.h"

static struct ip ip_of(const char *text)
{
	struct ip ip;
	cr_assert(ip_parse(text, strlen(text), &ip), "%s", text);
	return ip;
}

Test(session, reads_ssh_connection)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"203.0.113.9 51000 192.0.2.10 22", true},
		{"2001:db8::9 51000 2001:db8::10 22", true},
		{"::ffff:203.0.113.9 51000 ::ffff:192.0.2.10 22", true},
		{"fe80::1%eth0 51000 fe80::2%eth0 22", true},
		{"", false},
		{"203.0.113.9", false},
		{"203.0.113.9 51000 192.0.2.10", false},
		{"203.0.113.9 51000 192.0.2.10 22 22", false},
		{"203.0.113.9 0 192.0.2.10 22", false},
		{"203.0.113.9 65536 192.0.2.10 22", false},
		{"203.0.113.9 -1 192.0.2.10 22", false},
		{"203.0.113.9 51000 2001:db8::10 22", false},
		{"host 51000 192.0.2.10 22", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct session session = {.remote = false};
		cr_expect_eq(session_parse_connection(rows[i].text, &session), rows[i].good, "%s", rows[i].text);
		cr_expect_eq(session.remote, rows[i].good, "%s", rows[i].text);
	}
	struct session session = {.remote = false};
	session_parse_connection(rows[2].text, &session);
	struct ip peer = ip_of("203.0.113.9"), local = ip_of("192.0.2.10");
	cr_expect(ip_equal(&session.peer, &peer) && ip_equal(&session.local, &local), "mapped addresses are IPv4");
	cr_expect(session.peer_port == 51000 && session.local_port == 22);
}

/* As the kernel prints it: each four bytes a number of this machine. */
static void table_line(char *text, size_t size, const char *local, unsigned local_port, const char *peer, unsigned peer_port,
		       unsigned state, unsigned long inode)
{
	struct ip ips[2] = {ip_of(local), ip_of(peer)};
	char hex[2][40] = {"", ""};
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < family_bits(ips[i].family) / 32; j++) {
			uint32_t word;
			memcpy(&word, ips[i].bytes + (size_t)4 * j, 4);
			snprintf(hex[i] + (size_t)8 * j, 9, "%08X", word);
		}
	snprintf(text, size, "   7: %s:%04X %s:%04X %02X 00000000:00000000 02:000A7214 00000000     0        0 %lu 2 0000000000000000 20 4\n",
		 hex[0], local_port, hex[1], peer_port, state, inode);
}

static void tables_make(char *text, size_t size)
{
	static const struct {
		const char *local;
		unsigned local_port;
		const char *peer;
		unsigned peer_port, state;
		unsigned long inode;
	} rows[] = {
		{"127.0.0.1", 6000, "127.0.0.1", 40000, 1, 11},
		{"192.0.2.10", 22, "203.0.113.9", 51000, 1, 12},
		{"192.0.2.10", 40001, "203.0.113.5", 443, 1, 13},
		{"192.0.2.10", 22, "203.0.113.77", 51000, 6, 14},
		{"0.0.0.0", 22, "0.0.0.0", 0, 10, 15},
		{"192.0.2.10", 40002, "192.0.2.10", 22, 1, 16},
	};
	size_t at = (size_t)snprintf(text, size, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		table_line(text + at, size - at, rows[i].local, rows[i].local_port, rows[i].peer, rows[i].peer_port, rows[i].state, rows[i].inode);
		at += strlen(text + at);
	}
}

Test(session, finds_the_socket_of_an_inode)
{
	char table[4096];
	tables_make(table, sizeof(table));
	struct session session = {.remote = false};
	cr_assert(session_find_socket(table, 12, &session));
	struct ip peer = ip_of("203.0.113.9");
	cr_expect(session.remote && !session.outgoing && session.peer_port == 51000 && session.local_port == 22);
	cr_expect(ip_equal(&session.peer, &peer));
	session = (struct session){.remote = false};
	cr_assert(session_find_socket(table, 13, &session));
	cr_expect(session.outgoing && session.peer_port == 443, "nobody listens on its port: an agent that called home");
	static const unsigned long not_it[] = {11, 14, 15, 16, 99};
	for (size_t i = 0; i < ARRAY_LENGTH(not_it); i++) {
		session = (struct session){.remote = false};
		cr_expect_not(session_find_socket(table, not_it[i], &session), "inode %lu: %s", not_it[i],
			      "this machine itself, not established, or not there");
		cr_expect_not(session.remote);
	}
}

Test(session, finds_the_socket_of_a_peer)
{
	char table[4096];
	tables_make(table, sizeof(table));
	struct session session = {.peer = ip_of("203.0.113.9"), .peer_port = 51000, .local_port = 22};
	cr_expect(session_find_socket(table, 0, &session));
	session = (struct session){.peer = ip_of("203.0.113.9"), .peer_port = 51001, .local_port = 22};
	cr_expect_not(session_find_socket(table, 0, &session), "an old connection of the same peer");
	session = (struct session){.peer = ip_of("203.0.113.9")};
	cr_expect(session_find_socket(table, 0, &session), "utmp knows no ports");
	cr_expect_eq(session.peer_port, 51000);
}

Test(session, reads_ipv6_and_mapped_addresses)
{
	char table[1024];
	table_line(table, sizeof(table), "2001:db8::10", 22, "2001:db8::9", 51000, 1, 21);
	table_line(table + strlen(table), sizeof(table) - strlen(table), "::ffff:192.0.2.10", 22, "::ffff:203.0.113.9", 52000, 1, 22);
	struct session session = {.remote = false};
	struct ip peer = ip_of("2001:db8::9"), mapped = ip_of("203.0.113.9");
	cr_assert(session_find_socket(table, 21, &session));
	cr_expect(ip_equal(&session.peer, &peer));
	cr_assert(session_find_socket(table, 22, &session));
	cr_expect(ip_equal(&session.peer, &mapped));
}

Test(session, damaged_tables_find_nothing)
{
	char table[4096], damaged[4096];
	tables_make(table, sizeof(table));
	/* Every byte away, one at a time, and every end. */
	for (size_t i = 0; i < strlen(table); i++) {
		struct session session = {.remote = false};
		memcpy(damaged, table, i);
		snprintf(damaged + i, sizeof(damaged) - i, "%s", table + i + 1);
		(void)session_find_socket(damaged, 12, &session);
		damaged[i] = '\0';
		(void)session_find_socket(damaged, 12, &session);
		snprintf(damaged + i, sizeof(damaged) - i, "%s", "zzzz:zzzz:zzzz");
		(void)session_find_socket(damaged, 12, &session);
	}
	struct session session = {.remote = false};
	cr_expect_not(session_find_socket("", 12, &session));
	cr_expect_not(session_find_socket("\n\n\n", 12, &session));
}

Test(session, the_same_session_is_told_by_leader_or_connection)
{
	struct session applied = {.remote = true, .peer = ip_of("203.0.113.9"), .local = ip_of("192.0.2.10"), .peer_port = 51000,
		.local_port = 22, .leader = "100:5000", .terminal = "/dev/pts/0"};
	char line[SESSION_TEXT];
	session_print(&applied, line);
	cr_expect(session_same(&applied, line));
	struct session other = applied;
	snprintf(other.leader, sizeof(other.leader), "200:6000");
	snprintf(other.terminal, sizeof(other.terminal), "/dev/pts/1");
	cr_expect(session_same(&other, line), "another window over the same connection");
	other.peer_port = 51001;
	cr_expect_not(session_same(&other, line), "a new connection");
	other.remote = false;
	cr_expect_not(session_same(&other, line), "the console");
	snprintf(other.leader, sizeof(other.leader), "100:5000");
	cr_expect(session_same(&other, line), "the same shell");
	snprintf(other.leader, sizeof(other.leader), "100:5001");
	cr_expect_not(session_same(&other, line), "its number was given out again");
	/* Two at consoles. */
	struct session console = {.leader = "1:1", .terminal = "/dev/tty1"}, console2 = {.leader = "2:1", .terminal = "/dev/tty2"};
	session_print(&console, line);
	cr_expect(session_same(&console, line));
	cr_expect_not(session_same(&console2, line));
	cr_expect_not(session_same(&console, ""));
}

Test(session, the_longest_line_fits)
{
	struct session session = {.remote = true, .peer = ip_of("2001:db8:1111:2222:3333:4444:5555:6666"), .peer_port = 65535, .local_port = 65535};
	session.local = session.peer;
	memset(session.leader, '9', sizeof(session.leader) - 1);
	memset(session.terminal, 'x', sizeof(session.terminal) - 1);
	char line[SESSION_TEXT];
	session_print(&session, line);
	cr_expect(session_same(&session, line));
	snprintf(session.leader, sizeof(session.leader), "1:1");
	cr_expect(session_same(&session, line), "the connection is whole in it");
}

Test(session, packets_of_both_sides)
{
	struct session session = {.remote = true, .peer = ip_of("203.0.113.9"), .local = ip_of("192.0.2.10"), .peer_port = 51000, .local_port = 22};
	struct packet packets[2];
	char text[PACKET_TEXT];
	session_packets(&session, packets);
	packet_print(&packets[0], text);
	cr_expect_str_eq(text, "in tcp 203.0.113.9:51000 > 192.0.2.10:22");
	packet_print(&packets[1], text);
	cr_expect_str_eq(text, "out reply tcp 192.0.2.10:22 > 203.0.113.9:51000");
	session.outgoing = true;
	session_packets(&session, packets);
	cr_expect(packets[0].reply && !packets[1].reply, "an agent's: what comes in answers");
}

Test(session, finds_itself)
{
	struct session session;
	session_find(&session);
	cr_expect_neq(session.leader[0], '\0');
	char line[SESSION_TEXT];
	session_print(&session, line);
	cr_expect(session_same(&session, line));
}
