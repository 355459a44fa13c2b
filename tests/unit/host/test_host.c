/* The facts of a machine, from trees that the test makes in a folder of its own. */
#include <criterion/criterion.h>

#include <ftw.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/host.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static char root[64];

static int tree_remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
	(void)status, (void)flag, (void)ftw;
	return remove(path);
}

static void tree_make(void)
{
	static const char template[] = "/tmp/cordon-host-XXXXXX";
	memcpy(root, template, sizeof(template));
	cr_assert_not_null(mkdtemp(root));
}

static void tree_remove(void)
{
	nftw(root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file of the tree, with its folders. */
static void tree_write(const char *name, const char *bytes, size_t length)
{
	char path[256];
	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	FILE *file = fopen(path, "w");
	cr_assert_not_null(file, "%s", path);
	cr_assert_eq(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static void tree_text(const char *name, const char *text)
{
	tree_write(name, text, strlen(text));
}

static void list_print(const struct ip_list *list, struct buffer *buffer)
{
	for (size_t i = 0; i < list->count; i++) {
		char text[IP_TEXT];
		ip_print(&list->items[i], text);
		buffer_printf(buffer, "%s%s", i > 0 ? " " : "", text);
	}
}

/* The servers of a kind in the tree as one line; the messages too, when asked. */
static void tree_expect(const char *label, enum address_kind kind, const char *expected, const char *message)
{
	struct diag diag;
	struct host host;
	struct buffer buffer;
	diag_init(&diag);
	buffer_init(&buffer, 1 << 20);
	cr_expect_eq(host_read(root, &diag, &host), 0, "%s", label);
	list_print(&host.servers[kind], &buffer);
	cr_expect_str_eq(buffer_text(&buffer), expected, "%s: got \"%s\", expected \"%s\"", label, buffer_text(&buffer), expected);
	buffer_clear(&buffer);
	diag_render(&diag, 0, 0, &buffer);
	cr_expect_eq(diag.errors, 0, "%s: %s", label, buffer_text(&buffer));
	if (message == NULL)
		cr_expect_eq(diag.count, 0, "%s: no message expected: %s", label, buffer_text(&buffer));
	else
		cr_expect(strstr(buffer_text(&buffer), message) != NULL, "%s: \"%s\" is not in: %s", label, message,
			  buffer_text(&buffer));
	buffer_done(&buffer);
	host_done(&host);
	diag_done(&diag);
}

static const struct {
	const char *label, *text, *expected, *message;
} resolv_rows[] = {
	{"plain", "nameserver 192.0.2.53\nnameserver 2001:db8::53\n", "192.0.2.53 2001:db8::53", NULL},
	{"blanks, tabs, CRLF, no end", " \tnameserver\t 192.0.2.53  \r\nsearch example.com\nnameserver 192.0.2.54", "192.0.2.53 192.0.2.54", NULL},
	{"comments", "# nameserver 192.0.2.1\n; nameserver 192.0.2.2\noptions edns0\n", "", NULL},
	{"doubles", "nameserver 192.0.2.53\nnameserver 192.0.2.53\n", "192.0.2.53", NULL},
	{"zone", "nameserver fe80::1%eth0\n", "fe80::1", NULL},
	{"no address", "nameserver\nnameserver 192.0.2.53\n", "192.0.2.53", "resolv.conf:1: note: skipped"},
	{"bad address", "nameserver 192.0.2.530\nnameserver dns.example.com\nnameserver 192.0.2.1\n", "192.0.2.1", "resolv.conf:2: note: skipped"},
	{"this machine", "nameserver 127.0.0.1\nnameserver ::1\n", "", "this machine"},
	{"zeros", "nameserver 0.0.0.0\n", "", NULL},
	{"a longer word", "nameservers 192.0.2.53\n", "", NULL},
	{"empty", "", "", NULL},
};

Test(host, resolv_conf_gives_name_servers, .init = tree_make, .fini = tree_remove)
{
	for (size_t i = 0; i < ARRAY_LENGTH(resolv_rows); i++) {
		tree_text("/etc/resolv.conf", resolv_rows[i].text);
		tree_expect(resolv_rows[i].label, ADDRESS_DNS, resolv_rows[i].expected, resolv_rows[i].message);
	}
}

Test(host, stub_of_resolved_leads_to_its_own_file, .init = tree_make, .fini = tree_remove)
{
	tree_text("/run/systemd/resolve/resolv.conf", "nameserver 192.0.2.9\n");
	tree_text("/etc/resolv.conf", "nameserver 192.0.2.8\n");
	tree_expect("no stub: not read", ADDRESS_DNS, "192.0.2.8", NULL);
	tree_text("/etc/resolv.conf", "nameserver 127.0.0.53\nnameserver 192.0.2.8\n");
	tree_expect("stub", ADDRESS_DNS, "192.0.2.8 192.0.2.9", NULL);
	char path[128];
	snprintf(path, sizeof(path), "%s/run/systemd/resolve/resolv.conf", root);
	unlink(path);
	tree_expect("stub alone", ADDRESS_DNS, "192.0.2.8", "note: not read");
}

static const struct {
	const char *label, *text, *dhcp, *wins, *message;
} lease_rows[] = {
	{"whole",
	 "default-duid \"\\000\\001;}\\\"x\";\nlease {\n  interface \"eth0\";\n  fixed-address 192.0.2.20;\n"
	 "  filename \"pxe;linux.0\";\n  option routers 192.0.2.1;\n  option dhcp-server-identifier 192.0.2.3;\n"
	 "  option netbios-name-servers 192.0.2.4,192.0.2.5;\n  expire 4 2099/01/31 23:59:59;\n}\n",
	 "192.0.2.3", "192.0.2.4 192.0.2.5", NULL},
	{"the last of an interface counts",
	 "lease { interface \"eth0\"; option dhcp-server-identifier 192.0.2.3; expire never; }\n"
	 "lease { interface \"eth1\"; option dhcp-server-identifier 192.0.2.7; expire never; }\n"
	 "lease { interface \"eth0\"; option dhcp-server-identifier 192.0.2.4; expire epoch 4070908800; # a comment; }\n}\n",
	 "192.0.2.4 192.0.2.7", "", NULL},
	{"expired", "lease { interface \"eth0\"; option dhcp-server-identifier 192.0.2.3; expire 4 2020/01/31 00:00:00; }\n", "", "", NULL},
	{"expired by epoch", "lease { interface \"eth0\"; option dhcp-server-identifier 192.0.2.3; expire epoch 1600000000; }\n", "", "", NULL},
	{"a good one, then an expired one",
	 "lease { interface \"e\"; option dhcp-server-identifier 192.0.2.3; expire never; }\n"
	 "lease { interface \"e\"; option dhcp-server-identifier 192.0.2.4; expire epoch 5; }\n", "", "", NULL},
	{"no expiry", "lease { interface \"e\"; option dhcp-server-identifier 192.0.2.3; }\n", "192.0.2.3", "", NULL},
	{"bad expiry", "lease { interface \"e\"; option dhcp-server-identifier 192.0.2.3; expire 4 tomorrow; }\n", "192.0.2.3", "", "expiry"},
	{"bad month", "lease { option dhcp-server-identifier 192.0.2.3;\n expire 4 2030/13/01 0:0:0; }\n", "192.0.2.3", "", ".leases:2: note: skipped"},
	{"bad address", "lease { option netbios-name-servers 192.0.2.4,nonsense; }\n", "", "192.0.2.4", "\"nonsense\" is not an address"},
	{"no end", "lease { interface \"e\"; option dhcp-server-identifier 192.0.2.3;\n", "", "", "line 1 does not end"},
	{"no end of a text", "lease { interface \"e; option dhcp-server-identifier 192.0.2.3; }\n", "", "", "does not end"},
	{"something else", "failover { option dhcp-server-identifier 192.0.2.3; }\n} } ; ;\n", "", "", NULL},
	{"DHCPv6",
	 "lease6 {\n interface \"eth0\";\n ia-na 0:0:0:1 {\n starts 4000000000;\n renew 5;\n iaaddr 2001:db8::20 {\n starts 4000000000;\n"
	 " preferred-life 100;\n max-life 200;\n }\n }\n option dhcp6.server-id 0:1:0:1;\n option dhcp6.unicast 2001:db8::3;\n}\n",
	 "2001:db8::3", "", NULL},
	{"DHCPv6 expired",
	 "lease6 { interface \"e\"; ia-na 0:1 { iaaddr 2001:db8::20 { starts 1600000000; max-life 200; } } option dhcp6.unicast 2001:db8::3; }\n",
	 "", "", NULL},
	{"DHCPv6 for ever",
	 "lease6 { interface \"e\"; ia-na 0:1 { iaaddr 2001:db8::20 { starts 1600000000; max-life 4294967295; } } option dhcp6.unicast 2001:db8::3; }\n",
	 "2001:db8::3", "", NULL},
	{"DHCPv6 released", "lease6 { interface \"e\"; released; option dhcp6.unicast 2001:db8::3; }\n", "", "", NULL},
	{"lease and lease6 of one interface both count",
	 "lease { interface \"e\"; option dhcp-server-identifier 192.0.2.3; }\nlease6 { interface \"e\"; option dhcp6.unicast 2001:db8::3; }\n",
	 "192.0.2.3 2001:db8::3", "", NULL},
};

Test(host, dhclient_leases_give_dhcp_and_wins, .init = tree_make, .fini = tree_remove)
{
	tree_text("/etc/resolv.conf", "");
	for (size_t i = 0; i < ARRAY_LENGTH(lease_rows); i++) {
		tree_text("/var/lib/dhcp/dhclient.leases", lease_rows[i].text);
		tree_expect(lease_rows[i].label, ADDRESS_DHCP, lease_rows[i].dhcp, lease_rows[i].message);
		tree_expect(lease_rows[i].label, ADDRESS_WINS, lease_rows[i].wins, lease_rows[i].message);
	}
}

Test(host, expiry_is_judged_by_the_clock_in_utc, .init = tree_make, .fini = tree_remove)
{
	setenv("TZ", "Pacific/Auckland", 1);
	tzset();
	tree_text("/etc/resolv.conf", "");
	for (int minutes = -2; minutes <= 2; minutes += 4) {
		time_t at = time(NULL) + minutes * 60;
		char text[256], when[64];
		struct tm tm;
		gmtime_r(&at, &tm);
		strftime(when, sizeof(when), "%w %Y/%m/%d %H:%M:%S", &tm);
		snprintf(text, sizeof(text), "lease { interface \"e\"; option dhcp-server-identifier 192.0.2.3; expire %s; }", when);
		tree_text("/var/lib/dhcp/dhclient.e.leases", text);
		tree_expect(when, ADDRESS_DHCP, minutes < 0 ? "" : "192.0.2.3", NULL);
	}
}

Test(host, all_lease_files_are_read_and_others_are_not, .init = tree_make, .fini = tree_remove)
{
	tree_text("/etc/resolv.conf", "");
	tree_text("/var/lib/dhcp/dhclient.eth1.leases", "lease { option dhcp-server-identifier 192.0.2.2; }");
	tree_text("/var/lib/dhcp/dhclient.eth0.leases", "lease { option dhcp-server-identifier 192.0.2.1; }");
	tree_text("/var/lib/dhcp/dhclient.eth0.leases~", "lease { option dhcp-server-identifier 192.0.2.9; }");
	tree_text("/run/systemd/netif/leases/3", "# This is private data. Do not parse.\nADDRESS=192.0.2.20\nROUTER=192.0.2.1\nSERVER_ADDRESS=192.0.2.5\nDNS=192.0.2.6\n");
	tree_text("/run/systemd/netif/leases/4", "SERVER_ADDRESS=192.0.2.5\r\nNEXT_SERVER=192.0.2.9\n");
	tree_text("/run/systemd/netif/leases/.#4x", "SERVER_ADDRESS=192.0.2.9\n");
	tree_expect("files", ADDRESS_DHCP, "192.0.2.1 192.0.2.2 192.0.2.5", NULL);
	tree_text("/run/systemd/netif/leases/4", "SERVER_ADDRESS=192.0.2.5 x\n");
	tree_expect("networkd, bad", ADDRESS_DHCP, "192.0.2.1 192.0.2.2 192.0.2.5", "leases/4:1: note: skipped");
}

Test(host, what_cannot_be_read_is_a_note, .init = tree_make, .fini = tree_remove)
{
	char path[128];
	tree_expect("nothing there", ADDRESS_DNS, "", "resolv.conf: note: not read: No such file");
	snprintf(path, sizeof(path), "%s/etc", root);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/etc/resolv.conf", root);
	mkdir(path, 0700);
	tree_expect("a folder", ADDRESS_DNS, "", "note: not read: not a regular file");
	rmdir(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	tree_expect("a pipe that nobody writes", ADDRESS_DNS, "", "note: not read: not a regular file");
	unlink(path);
	cr_assert_eq(symlink("/dev/zero", path), 0);
	tree_expect("an endless device", ADDRESS_DNS, "", "note: not read: not a regular file");
	unlink(path);
	cr_assert_eq(symlink("resolv.conf", path), 0);
	tree_expect("a link to itself", ADDRESS_DNS, "", "note: not read");
	unlink(path);
	size_t length = (1 << 20) + 1;
	char *large = memory_alloc(length);
	memset(large, '\n', length);
	tree_write("/etc/resolv.conf", large, length);
	tree_expect("too large", ADDRESS_DNS, "", "larger than 1 MiB");
	memcpy(large, "nameserver 192.0.2.53\n", 22);
	tree_write("/etc/resolv.conf", large, length - 1);
	tree_expect("as large as may be", ADDRESS_DNS, "192.0.2.53", NULL);
	free(large);
}

/* Whatever bytes stand in the files, reading them ends, within bounds, without an error. */
Test(host, hostile_files_do_no_harm, .init = tree_make, .fini = tree_remove)
{
	static const char *const pieces[] = {
		"lease", "lease6", " {", "}", ";", "\"", "\\", "#", "\n", "option dhcp-server-identifier ", "192.0.2.3",
		"interface ", "expire ", "epoch 99999999999999999999", "4 9999/12/31 23:59:60", ",", "max-life 1;",
		"starts 18446744073709551615;", "nameserver ", "SERVER_ADDRESS=", "%", "::", "option netbios-name-servers ",
	};
	static const char *const names[] = {"/etc/resolv.conf", "/var/lib/dhcp/dhclient.leases", "/run/systemd/netif/leases/2"};
	unsigned seed = 20260101;
	for (unsigned round = 0; round < 300; round++) {
		for (size_t file = 0; file < ARRAY_LENGTH(names); file++) {
			struct buffer buffer;
			buffer_init(&buffer, 1 << 16);
			for (int left = rand_r(&seed) % 400; left > 0; left--) {
				if (rand_r(&seed) % 8 == 0)
					buffer_add_char(&buffer, (char)rand_r(&seed));
				else
					buffer_add_text(&buffer, pieces[(size_t)rand_r(&seed) % ARRAY_LENGTH(pieces)]);
			}
			tree_write(names[file], buffer_text(&buffer), buffer.length);
			buffer_done(&buffer);
		}
		struct diag diag;
		struct host host;
		diag_init(&diag);
		cr_assert_eq(host_read(root, &diag, &host), 0, "round %u", round);
		cr_expect_eq(diag.errors, 0, "round %u", round);
		host_done(&host);
		diag_done(&diag);
	}
}

Test(host, servers_of_a_kind_have_a_limit, .init = tree_make, .fini = tree_remove)
{
	struct buffer buffer;
	buffer_init(&buffer, 1 << 20);
	for (int i = 0; i < 100; i++)
		buffer_printf(&buffer, "nameserver 10.0.0.%d\n", i + 1);
	tree_text("/etc/resolv.conf", buffer_text(&buffer));
	buffer_done(&buffer);
	struct diag diag;
	struct host host;
	diag_init(&diag);
	cr_assert_eq(host_read(root, &diag, &host), 0);
	cr_expect_eq(host.servers[ADDRESS_DNS].count, 64);
	cr_expect_eq(diag.count, 36);
	host_done(&host);
	diag_done(&diag);
}

/* getifaddrs is the second opinion on what the kernel says. */
Test(host, addresses_are_those_of_the_kernel, .init = tree_make, .fini = tree_remove)
{
	struct host host;
	struct ifaddrs *all;
	cr_assert_eq(host_read(root, NULL, &host), 0);
	cr_assert_eq(getifaddrs(&all), 0);
	size_t expected = 0;
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
		struct ip ip = {0};
		if (one->ifa_addr == NULL)
			continue;
		if (one->ifa_addr->sa_family == AF_INET) {
			ip.family = FAMILY_IPV4;
			memcpy(ip.bytes, &((struct sockaddr_in *)(void *)one->ifa_addr)->sin_addr, 4);
		} else if (one->ifa_addr->sa_family == AF_INET6) {
			ip.family = FAMILY_IPV6;
			memcpy(ip.bytes, &((struct sockaddr_in6 *)(void *)one->ifa_addr)->sin6_addr, 16);
		} else {
			continue;
		}
		if (ip_is_loopback(&ip))
			continue;
		expected++;
		char text[IP_TEXT];
		ip_print(&ip, text);
		cr_expect(host_is_me(&host, &ip), "%s of %s is missing", text, one->ifa_name);
	}
	cr_expect_eq(host.address_count, expected, "%zu addresses, expected %zu", host.address_count, expected);
	for (size_t i = 0; i < host.address_count; i++)
		cr_expect(!ip_is_loopback(&host.addresses[i].ip));
	freeifaddrs(all);
	host_done(&host);
}

Test(host, names_resolve_to_sorted_addresses_without_doubles)
{
	struct ip_list list = {0};
	struct diag diag;
	diag_init(&diag);
	cr_assert_eq(host_resolve(NULL, "localhost", &list, &diag, NULL), 0, "%s", diag.count > 0 ? diag.messages[0].text : "");
	cr_assert_gt(list.count, 0);
	for (size_t i = 0; i < list.count; i++) {
		cr_expect(ip_is_loopback(&list.items[i]));
		if (i > 0)
			cr_expect_lt(memcmp(&list.items[i - 1], &list.items[i], sizeof(struct ip)), 0);
	}
	size_t count = list.count;
	cr_assert_eq(host_resolve(NULL, "localhost", &list, &diag, NULL), 0);
	cr_expect_eq(list.count, 2 * count, "what was in the list stays");
	free(list.items);
	diag_done(&diag);
}

static const struct {
	const char *name, *message;
} name_rows[] = {
	{"", "1 to 253 characters"},
	{"10.1", "does not end in a number"},
	{"192.0.2.300", "does not end in a number"},
	{"0x7f000001", "does not end in a number"},
	{"example.0xff", "does not end in a number"},
	{"a.label.of.more.than.63.characters.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid", "does not resolve: "},
	{"bad\n\033name.invalid..", "\"bad\\x0a\\x1bname.invalid..\" does not resolve: "},
};

Test(host, names_that_do_not_resolve_are_named)
{
	for (size_t i = 0; i < ARRAY_LENGTH(name_rows); i++) {
		struct ip_list list = {0};
		struct diag diag;
		struct place place = {.file = "script", .line = 7, .column = 3};
		diag_init(&diag);
		cr_expect_eq(host_resolve(NULL, name_rows[i].name, &list, &diag, &place), ERROR_INPUT, "%s", name_rows[i].name);
		cr_assert_eq(diag.errors, 1);
		cr_expect(strstr(diag.messages[0].text, name_rows[i].message) != NULL, "%s: got %s", name_rows[i].name,
			  diag.messages[0].text);
		cr_expect_eq(diag.messages[0].line, 7);
		cr_expect_eq(list.count, 0);
		diag_done(&diag);
	}
}
