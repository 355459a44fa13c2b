/* What the machine says about itself.  Addresses and gateways come from the kernel by rtnetlink, the servers
 * from files that others write: they are read with a limit, and a line that cannot be understood is skipped
 * with a note.
 *
 * Loopback addresses are left out: that traffic is never filtered.  systemd-networkd's leases hold no WINS
 * servers. */
#include "bootcfg/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "bootcfg/lease.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	FILE_MOST = 1 << 20,  /* bytes of one file */
	FILES_MOST = 256,     /* leases in one folder */
	SERVERS_MOST = 64,    /* of one kind */
	RESOLVED_MOST = 64,   /* addresses of one name */
	NAME_MOST = 253,      /* RFC 1035, in text */
	DUMP_TRIES = 5,       /* until a dump was not disturbed by a change */
	DUMP_BYTES = 32768,  /* of one message of a dump: what the kernel sends at most */
};

struct facts {
	struct host host;
	struct host near; /* link-local addresses: they come after the others */
	const char *root;
	struct diag *diag;
};

/* --- the kernel --- */

static bool ip_take(struct ip *ip, unsigned family, const struct nlattr *attribute)
{
	uint16_t size = family == AF_INET ? 4 : 16;
	if (attribute == NULL || (family != AF_INET && family != AF_INET6) || mnl_attr_get_payload_len(attribute) < size)
		return false;
	*ip = (struct ip){.family = family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6};
	memcpy(ip->bytes, mnl_attr_get_payload(attribute), size);
	return true;
}

static bool ip_is_link_local(const struct ip *ip)
{
	if (ip->family == FAMILY_IPV4)
		return ip->bytes[0] == 169 && ip->bytes[1] == 254;
	return ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

struct attributes {
	const struct nlattr *at[64]; /* by type; later ones win */
};

static int attribute_take(const struct nlattr *attribute, void *data)
{
	struct attributes *attributes = data;
	uint16_t type = mnl_attr_get_type(attribute);
	if (type < ARRAY_LENGTH(attributes->at))
		attributes->at[type] = attribute;
	return MNL_CB_OK;
}

static int address_take(const struct nlmsghdr *message, void *data)
{
	struct facts *facts = data;
	if (message->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(message) < sizeof(struct ifaddrmsg))
		return MNL_CB_OK;
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(message);
	struct attributes attributes = {0};
	mnl_attr_parse(message, sizeof(*address), attribute_take, &attributes);
	uint32_t flags = address->ifa_flags;
	const struct nlattr *wide = attributes.at[IFA_FLAGS];
	if (wide != NULL && mnl_attr_get_payload_len(wide) >= sizeof(uint32_t))
		flags = mnl_attr_get_u32(wide);
	struct ip local, peer;
	bool has_peer = ip_take(&peer, address->ifa_family, attributes.at[IFA_ADDRESS]);
	if (!ip_take(&local, address->ifa_family, attributes.at[IFA_LOCAL])) {
		if (!has_peer)
			return MNL_CB_OK;
		local = peer;
	}
	if (ip_is_loopback(&local) || ip_is_multicast(&local) || (flags & IFA_F_DADFAILED) != 0)
		return MNL_CB_OK;
	/* On a point-to-point link the prefix is the peer's: no broadcast address of ours. */
	unsigned size = family_bits(local.family), bits = address->ifa_prefixlen;
	if (bits > size || (has_peer && !ip_equal(&local, &peer)))
		bits = size;
	struct ip_prefix prefix = {.ip = local, .bits = (uint8_t)bits};
	host_add_address(ip_is_link_local(&local) ? &facts->near : &facts->host, &prefix);
	return MNL_CB_OK;
}

static void gateway_add(struct facts *facts, const struct ip *ip)
{
	static const struct ip none[2] = {{.family = FAMILY_IPV4}, {.family = FAMILY_IPV6}};
	if (!ip_equal(ip, &none[0]) && !ip_equal(ip, &none[1]))
		host_add_server(&facts->host, ADDRESS_GATEWAY, ip);
}

/* RTA_VIA: a gateway of the other family. */
static void via_take(struct facts *facts, const struct nlattr *attribute)
{
	if (attribute == NULL || mnl_attr_get_payload_len(attribute) < sizeof(struct rtvia))
		return;
	const struct rtvia *via = mnl_attr_get_payload(attribute);
	size_t room = mnl_attr_get_payload_len(attribute) - sizeof(*via);
	struct ip ip = {.family = via->rtvia_family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6};
	size_t size = ip.family == FAMILY_IPV4 ? 4 : 16;
	if ((via->rtvia_family != AF_INET && via->rtvia_family != AF_INET6) || room < size)
		return;
	memcpy(ip.bytes, via->rtvia_addr, size);
	gateway_add(facts, &ip);
}

static void gateways_take(struct facts *facts, unsigned family, const struct attributes *attributes)
{
	struct ip ip;
	if (ip_take(&ip, family, attributes->at[RTA_GATEWAY]))
		gateway_add(facts, &ip);
	via_take(facts, attributes->at[RTA_VIA]);
}

static void multipath_take(struct facts *facts, unsigned family, const struct nlattr *multipath)
{
	const char *at = mnl_attr_get_payload(multipath);
	size_t left = mnl_attr_get_payload_len(multipath);
	while (left >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *hop = (const void *)at;
		size_t length = hop->rtnh_len;
		if (length < sizeof(*hop) || length > left)
			return;
		struct attributes attributes = {0};
		mnl_attr_parse_payload(hop + 1, length - sizeof(*hop), attribute_take, &attributes);
		gateways_take(facts, family, &attributes);
		size_t step = (length + 3) & ~(size_t)3;
		if (step > left)
			return;
		at += step;
		left -= step;
	}
}

static int route_take(const struct nlmsghdr *message, void *data)
{
	struct facts *facts = data;
	if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof(struct rtmsg))
		return MNL_CB_OK;
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct attributes attributes = {0};
	mnl_attr_parse(message, sizeof(*route), attribute_take, &attributes);
	uint32_t table = route->rtm_table;
	const struct nlattr *wide = attributes.at[RTA_TABLE];
	if (wide != NULL && mnl_attr_get_payload_len(wide) >= sizeof(uint32_t))
		table = mnl_attr_get_u32(wide);
	if (table != RT_TABLE_MAIN || route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	gateways_take(facts, route->rtm_family, &attributes);
	if (attributes.at[RTA_MULTIPATH] != NULL)
		multipath_take(facts, route->rtm_family, attributes.at[RTA_MULTIPATH]);
	return MNL_CB_OK;
}

/* One dump of the kernel's; 0, or -1 with errno (EINTR: it changed meanwhile, ask again). */
static int dump_once(struct mnl_socket *socket, uint16_t type, uint8_t family, mnl_cb_t take, struct facts *facts)
{
	char *bytes = memory_alloc(DUMP_BYTES);
	static uint32_t sequence = 1;
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = ++sequence;
	if (type == RTM_GETADDR) {
		struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(message, sizeof(*address));
		address->ifa_family = family;
	} else {
		struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
		route->rtm_family = family;
	}
	ssize_t got = mnl_socket_sendto(socket, message, message->nlmsg_len);
	int more = got < 0 ? -1 : 1;
	while (more > 0) {
		got = mnl_socket_recvfrom(socket, bytes, DUMP_BYTES);
		if (got < 0)
			more = -1;
		else
			more = mnl_cb_run(bytes, (size_t)got, sequence, mnl_socket_get_portid(socket), take, facts);
	}
	int error = errno;
	free(bytes);
	errno = error;
	return more;
}

static const struct {
	const char *name;
	uint16_t type;
	uint8_t family;
	mnl_cb_t take;
} dumps[] = {
	{"addresses", RTM_GETADDR, AF_UNSPEC, address_take},
	{"IPv4 routes", RTM_GETROUTE, AF_INET, route_take},
	{"IPv6 routes", RTM_GETROUTE, AF_INET6, route_take},
};

/* A kernel without IPv6 refuses its dump: that is no gateway, not a failure. */
static bool is_no_family(uint8_t family, int error)
{
	return family == AF_INET6 && (error == EAFNOSUPPORT || error == EOPNOTSUPP);
}

static int kernel_read(struct facts *facts)
{
	for (size_t i = 0; i < ARRAY_LENGTH(dumps); i++) {
		int error = EINTR;
		for (unsigned try = 0; try < DUMP_TRIES && error == EINTR; try++) {
			struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
			error = errno;
			if (socket == NULL)
				break;
			bool good = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
				    dump_once(socket, dumps[i].type, dumps[i].family, dumps[i].take, facts) >= 0;
			error = good ? 0 : errno;
			mnl_socket_close(socket);
		}
		if (error != 0 && !is_no_family(dumps[i].family, error)) {
			diag_error(facts->diag, NULL, "the kernel does not tell its %s (rtnetlink): %s", dumps[i].name,
				   strerror(error));
			return ERROR_SYSTEM;
		}
	}
	for (size_t i = 0; i < facts->near.address_count; i++)
		host_add_address(&facts->host, &facts->near.addresses[i]);
	return 0;
}

/* --- files --- */

struct text {
	char *path, *bytes;
	size_t length;
};

static void text_done(struct text *text)
{
	free(text->path);
	free(text->bytes);
}

static char *path_join(const char *root, const char *path, const char *name)
{
	struct buffer buffer;
	buffer_init(&buffer, 1 << 16);
	buffer_printf(&buffer, "%s%s%s%s", root, path, name != NULL ? "/" : "", name != NULL ? name : "");
	char *text = memory_text(buffer_text(&buffer));
	buffer_done(&buffer);
	return text;
}

static const char *bytes_read(int fd, struct text *text)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return strerror(errno);
	if (!S_ISREG(status.st_mode))
		return "not a regular file";
	text->bytes = memory_alloc(FILE_MOST + 1);
	while (text->length <= FILE_MOST) {
		ssize_t got = read(fd, text->bytes + text->length, FILE_MOST + 1 - text->length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return strerror(errno);
		if (got == 0)
			return NULL;
		text->length += (size_t)got;
	}
	return "larger than 1 MiB";
}

/* Reads one file; false, with a note, when it cannot be.  One that is not there is said only when `expected`. */
static bool text_read(struct facts *facts, const char *path, const char *name, bool expected, struct text *text)
{
	*text = (struct text){.path = path_join(facts->root, path, name)};
	int fd = open(text->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong = NULL;
	if (fd < 0)
		wrong = errno == ENOENT && !expected ? "" : strerror(errno);
	else
		wrong = bytes_read(fd, text);
	if (wrong != NULL && wrong[0] != '\0')
		diag_note(facts->diag, &(struct place){.file = text->path}, "not read: %s", wrong);
	if (fd >= 0)
		close(fd);
	if (wrong != NULL)
		text_done(text);
	return wrong == NULL;
}

/* Takes a line without its end; false at the end of the text. */
static bool line_take(struct cursor *cursor, struct cursor *ret_line)
{
	if (cursor->at == cursor->end)
		return false;
	const char *end = memchr(cursor->at, '\n', cursor_left(cursor));
	*ret_line = (struct cursor){cursor->at, end != NULL ? end : cursor->end};
	cursor->at = end != NULL ? end + 1 : cursor->end;
	if (ret_line->end > ret_line->at && ret_line->end[-1] == '\r')
		ret_line->end--;
	return true;
}

/* Adds a server, unless it is the machine itself or there are too many. */
static void server_add(struct facts *facts, enum address_kind kind, const struct ip *ip, const struct place *place)
{
	static const struct ip none[2] = {{.family = FAMILY_IPV4}, {.family = FAMILY_IPV6}};
	if (ip_equal(ip, &none[0]) || ip_equal(ip, &none[1]) || ip_is_loopback(ip))
		return; /* 0.0.0.0 in resolv.conf is the machine itself as well */
	if (facts->host.servers[kind].count >= SERVERS_MOST)
		diag_note(facts->diag, place, "skipped: there are %d such servers already", SERVERS_MOST);
	else
		host_add_server(&facts->host, kind, ip);
}

/* The name servers of one resolv.conf; true when systemd-resolved's stub is among them. */
static bool resolv_parse(struct facts *facts, const struct text *text)
{
	static const uint8_t stub[2][4] = {{127, 0, 0, 53}, {127, 0, 0, 54}};
	struct cursor cursor = cursor_of(text->bytes, text->length), line, word;
	struct place place = {.file = text->path};
	bool is_stub = false;
	while (line_take(&cursor, &line)) {
		place.line++;
		cursor_skip_blanks(&line);
		if (!cursor_word(&line, &word) || !ascii_equal_n(word.at, cursor_left(&word), "nameserver"))
			continue;
		cursor_skip_blanks(&line);
		struct ip ip;
		if (!cursor_word(&line, &word) || !lease_address(word, &ip)) {
			diag_note(facts->diag, &place, "skipped: an address is expected after nameserver");
			continue;
		}
		if (ip.family == FAMILY_IPV4 && (memcmp(ip.bytes, stub[0], 4) == 0 || memcmp(ip.bytes, stub[1], 4) == 0))
			is_stub = true;
		else if (ip_is_loopback(&ip))
			diag_note(facts->diag, &place, "skipped: the name server is this machine; whom it asks is not said here");
		server_add(facts, ADDRESS_DNS, &ip, &place);
	}
	return is_stub;
}

static void resolv_read(struct facts *facts)
{
	struct text text;
	if (!text_read(facts, "/etc/resolv.conf", NULL, true, &text))
		return;
	bool is_stub = resolv_parse(facts, &text);
	text_done(&text);
	if (is_stub && text_read(facts, "/run/systemd/resolve/resolv.conf", NULL, true, &text)) {
		resolv_parse(facts, &text);
		text_done(&text);
	}
}

static void lease_server(void *context, enum address_kind kind, const struct ip *ip, const struct place *place)
{
	server_add(context, kind, ip, place);
}

static void dhclient_parse(struct facts *facts, const struct text *text)
{
	lease_parse(text->bytes, text->length, text->path, (int64_t)time(NULL), facts->diag, lease_server, facts);
}

/* --- leases of systemd-networkd --- */

static void networkd_parse(struct facts *facts, const struct text *text)
{
	static const char key[] = "SERVER_ADDRESS=";
	struct cursor cursor = cursor_of(text->bytes, text->length), line;
	struct place place = {.file = text->path};
	while (line_take(&cursor, &line)) {
		place.line++;
		size_t length = sizeof(key) - 1;
		if (cursor_left(&line) < length || memcmp(line.at, key, length) != 0)
			continue;
		line.at += length;
		struct ip ip;
		if (lease_address(line, &ip))
			server_add(facts, ADDRESS_DHCP, &ip, &place);
		else
			diag_note(facts->diag, &place, "skipped: an address is expected after SERVER_ADDRESS=");
	}
}

static bool is_dhclient(const char *name)
{
	static const char end[] = ".leases";
	size_t length = strlen(name);
	return length >= sizeof(end) && strcmp(name + length - (sizeof(end) - 1), end) == 0;
}

static bool is_networkd(const char *name)
{
	uint64_t number; /* of the interface */
	return number_parse(name, strlen(name), INT32_MAX, &number);
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder that suit, in order; the caller frees each and all. */
static size_t folder_read(struct facts *facts, const char *folder, bool (*suits)(const char *), char ***ret_names)
{
	char *path = path_join(facts->root, folder, NULL);
	struct place place = {.file = path};
	char **names = NULL;
	size_t count = 0;
	DIR *dir = opendir(path);
	if (dir == NULL && errno != ENOENT)
		diag_note(facts->diag, &place, "not read: %s", strerror(errno));
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		if (!suits(entry->d_name))
			continue;
		if (count == FILES_MOST) {
			diag_note(facts->diag, &place, "more than %d leases: the rest is not read", FILES_MOST);
			break;
		}
		names = memory_resize_array(names, count + 1, sizeof(*names));
		names[count++] = memory_text(entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	if (count > 0)
		qsort(names, count, sizeof(*names), name_compare);
	free(path);
	*ret_names = names;
	return count;
}

static const struct {
	const char *folder;
	bool (*suits)(const char *name);
	void (*parse)(struct facts *facts, const struct text *text);
} lease_sources[] = {
	{"/var/lib/dhcp", is_dhclient, dhclient_parse},
	{"/run/systemd/netif/leases", is_networkd, networkd_parse},
};

static void leases_read(struct facts *facts)
{
	for (size_t i = 0; i < ARRAY_LENGTH(lease_sources); i++) {
		char **names;
		size_t count = folder_read(facts, lease_sources[i].folder, lease_sources[i].suits, &names);
		for (size_t j = 0; j < count; j++) {
			struct text text;
			if (text_read(facts, lease_sources[i].folder, names[j], false, &text)) {
				lease_sources[i].parse(facts, &text);
				text_done(&text);
			}
			free(names[j]);
		}
		free(names);
	}
}

int host_read(const char *root, struct diag *diag, struct host *ret_host)
{
	struct facts facts = {.root = root, .diag = diag};
	host_init(&facts.host);
	host_init(&facts.near);
	int error = kernel_read(&facts);
	if (error == 0) {
		resolv_read(&facts);
		leases_read(&facts);
		*ret_host = facts.host;
	} else {
		host_done(&facts.host);
	}
	host_done(&facts.near);
	return error;
}

/* --- names --- */

/* What getaddrinfo would take for an old spelling of an IPv4 address ("10.1" is 10.0.0.1) is no name. */
static const char *name_check(const char *name)
{
	size_t length = strlen(name);
	if (length == 0 || length > NAME_MOST)
		return "a DNS name has 1 to 253 characters";
	const char *last = name + length;
	while (last > name && last[-1] != '.')
		last--;
	bool number = ascii_digit(*last);
	for (const char *at = last; *at != '\0'; at++) {
		bool hex = last[0] == '0' && (last[1] == 'x' || last[1] == 'X');
		number = number && (ascii_digit(*at) || hex);
	}
	if (number)
		return "a DNS name does not end in a number; an IPv4 address has four parts, such as 192.0.2.10";
	return NULL;
}

static int ip_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip)); /* the family first */
}

static size_t results_take(const struct addrinfo *result, struct ip *ips)
{
	size_t count = 0;
	for (; result != NULL && count < RESOLVED_MOST; result = result->ai_next) {
		struct ip ip = {0};
		if (result->ai_family == AF_INET) {
			ip.family = FAMILY_IPV4;
			memcpy(ip.bytes, &((const struct sockaddr_in *)(const void *)result->ai_addr)->sin_addr, 4);
		} else if (result->ai_family == AF_INET6) {
			ip.family = FAMILY_IPV6;
			memcpy(ip.bytes, &((const struct sockaddr_in6 *)(const void *)result->ai_addr)->sin6_addr, 16);
		} else {
			continue;
		}
		bool is_double = false;
		for (size_t i = 0; i < count; i++)
			is_double = is_double || ip_equal(&ips[i], &ip);
		if (!is_double)
			ips[count++] = ip;
	}
	return count;
}

int host_resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	(void)context;
	const char *wrong = name_check(name);
	if (wrong != NULL) {
		diag_error(diag, place, "%s: %s", QUOTE(name), wrong);
		return ERROR_INPUT;
	}
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *result = NULL;
	int code = getaddrinfo(name, NULL, &hints, &result);
	if (code != 0) {
		diag_error(diag, place, "the name %s does not resolve: %s", QUOTE(name),
			   code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
		return ERROR_INPUT;
	}
	struct ip ips[RESOLVED_MOST];
	size_t count = results_take(result, ips);
	freeaddrinfo(result);
	if (count == 0) {
		diag_error(diag, place, "the name %s has no IPv4 or IPv6 address", QUOTE(name));
		return ERROR_INPUT;
	}
	qsort(ips, count, sizeof(ips[0]), ip_compare);
	if (list->capacity < list->count + count) {
		list->capacity = list->count + count;
		list->items = memory_resize_array(list->items, list->capacity, sizeof(*list->items));
	}
	memcpy(&list->items[list->count], ips, count * sizeof(ips[0]));
	list->count += count;
	return 0;
}
