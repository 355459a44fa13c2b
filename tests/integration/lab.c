#include "tests/integration/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <nftables/libnftables.h>

#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	PROBE_GROUP = 4999,   /* nflog group of the probe; not ours */
	MARK = 0x10ad,        /* on all that the lab sends from the server; the rest is the kernel's own */
	QUIET = 30,           /* milliseconds without an arrival: then no more come */
	BURST = 32,           /* packets sent before what arrived is read */
	ROOM = 64 << 20,      /* of the receiving sockets, where the kernel allows it */
};

/* The descriptors of a lab. */
enum lab_fd {
	FD_SPACES,                          /* the namespaces, by enum lab_space */
	FD_HOME = FD_SPACES + LAB_SPACES,   /* and the one that the process came from */
	FD_WIRES,                           /* AF_PACKET on the client's and the second client's interface */
	FD_RAW4 = FD_WIRES + 2, FD_RAW6,    /* the server's */
	FD_SELF4, FD_SELF6,                 /* not bound to an interface, for its own addresses */
	FD_COUNT,
};

struct lab {
	int fds[FD_COUNT];
	int indexes[2];
	unsigned server_index;   /* of the server's interface towards the client */
	struct mnl_socket *log;
	struct host host;
	uint32_t next_id;
	unsigned overflows;
};

static const uint8_t server_mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
static const uint8_t client_mac[2][6] = {{2, 0, 0, 0, 1, 1}, {2, 0, 0, 0, 1, 2}};

static bool why_say(struct buffer *why, const char *what)
{
	buffer_printf(why, "%s: %s", what, strerror(errno));
	return false;
}

/* --- namespaces --- */

static bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return good;
}

/* As a user: a user namespace in which we are root. */
static bool user_enter(struct buffer *why)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();
	if (unshare(CLONE_NEWUSER) < 0)
		return why_say(why, "no user namespace");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!file_write("/proc/self/setgroups", "deny") || !file_write("/proc/self/uid_map", map))
		return why_say(why, "no user map");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return file_write("/proc/self/gid_map", map) || why_say(why, "no group map");
}

static void space_enter(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0) {
		perror("setns");
		abort();
	}
}

void lab_enter(struct lab *lab, enum lab_space space)
{
	space_enter(lab->fds[FD_SPACES + space]);
}

void lab_leave(struct lab *lab)
{
	space_enter(lab->fds[FD_HOME]);
}

static bool spaces_make(struct lab *lab, struct buffer *why)
{
	static bool entered;
	if (geteuid() != 0 && !entered) {
		/* There is no way back to the namespace that we came from: home is one of our own. */
		if (!user_enter(why))
			return false;
		if (unshare(CLONE_NEWNET) < 0)
			return why_say(why, "no network namespace");
		entered = true;
	}
	lab->fds[FD_HOME] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < LAB_SPACES; i++) {
		if (unshare(CLONE_NEWNET) < 0)
			return why_say(why, "no network namespace");
		lab->fds[FD_SPACES + i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	}
	return true;
}

/* Feeds commands to `ip FAMILY -batch -` in the namespace that this process is in. */
static bool ip_run(const char *family, const char *commands, struct buffer *why)
{
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return why_say(why, "pipe");
	int errors = memfd_create("errors", MFD_CLOEXEC);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pipes[0], STDIN_FILENO);
		dup2(errors, STDOUT_FILENO);
		dup2(errors, STDERR_FILENO);
		execlp("ip", "ip", family, "-batch", "-", (char *)NULL);
		_exit(127);
	}
	close(pipes[0]);
	ssize_t wrote = write(pipes[1], commands, strlen(commands));
	close(pipes[1]);
	int status = 0;
	bool good = pid > 0 && waitpid(pid, &status, 0) == pid && wrote == (ssize_t)strlen(commands) && status == 0;
	if (!good && WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		buffer_add_text(why, "the program ip (package iproute2) is not there");
	} else if (!good) {
		char text[500];
		ssize_t got = pread(errors, text, sizeof(text), 0);
		buffer_add_text(why, "ip: ");
		buffer_add(why, text, got > 0 ? (size_t)got : 0);
	}
	close(errors);
	return good;
}

static void sysctl_set(const char *name, const char *value)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	file_write(path, value); /* what an older kernel does not have changes nothing */
}

static void sysctls_set(bool server)
{
	static const char *const zero[] = {
		"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter", "ipv4/conf/all/send_redirects",
		"ipv4/conf/default/send_redirects", "ipv4/conf/all/accept_redirects", "ipv4/conf/default/accept_redirects",
		"ipv6/conf/all/accept_ra", "ipv6/conf/default/accept_ra", "ipv6/conf/all/accept_redirects",
		"ipv6/conf/default/accept_redirects", "ipv6/conf/default/accept_dad", "ipv6/conf/default/router_solicitations",
		"ipv6/conf/default/autoconf", "ipv4/ip_early_demux",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(zero); i++)
		sysctl_set(zero[i], "0");
	sysctl_set("ipv6/conf/default/addr_gen_mode", "1");
	if (!server)
		return;
	sysctl_set("ipv4/ip_forward", "1");
	sysctl_set("ipv6/conf/all/forwarding", "1");
	sysctl_set("ipv4/ip_nonlocal_bind", "1");
}

/* Everything goes to the next hop whose Ethernet address is known: no neighbour is ever asked for. */
static const char server_routes[] =
	"link set lo up\nlink set wire0 up\nlink set wire1 up\n"
	"neigh add 198.18.255.1 lladdr 02:00:00:00:01:01 nud permanent dev wire0\n"
	"neigh add 198.18.255.2 lladdr 02:00:00:00:01:02 nud permanent dev wire1\n"
	"neigh add fe80::c1 lladdr 02:00:00:00:01:01 nud permanent dev wire0\n"
	"neigh add fe80::c2 lladdr 02:00:00:00:01:02 nud permanent dev wire1\n"
	"route add default via 198.18.255.1 dev wire0 onlink\n"
	"route add default via 198.18.255.2 dev wire1 onlink table 100\n"
	"route add default via fe80::c1 dev wire0 onlink\n"
	"route add default via fe80::c2 dev wire1 onlink table 100\n";
static const char rules[] = "rule add iif wire0 lookup 100 pref 100\n";

static bool links_make(struct lab *lab, struct buffer *why)
{
	char commands[2048];
	space_enter(lab->fds[FD_SPACES + LAB_SERVER]);
	sysctls_set(true);
	snprintf(commands, sizeof(commands),
		 "link add wire0 address 02:00:00:00:00:01 type veth peer name end0 address 02:00:00:00:01:01 netns /proc/%d/fd/%d\n"
		 "link add wire1 address 02:00:00:00:00:02 type veth peer name end0 address 02:00:00:00:01:02 netns /proc/%d/fd/%d\n",
		 getpid(), lab->fds[FD_SPACES + LAB_CLIENT], getpid(), lab->fds[FD_SPACES + LAB_CLIENT2]);
	static const enum lab_space ends[2] = {LAB_CLIENT, LAB_CLIENT2};
	if (!ip_run("-color=never", commands, why))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		space_enter(lab->fds[FD_SPACES + ends[i]]);
		sysctls_set(false);
		if (!ip_run("-color=never", "link set lo up\nlink set end0 arp off up\n", why))
			return false;
		lab->indexes[i] = (int)if_nametoindex("end0");
	}
	space_enter(lab->fds[FD_SPACES + LAB_SERVER]);
	lab->server_index = if_nametoindex("wire0");
	return ip_run("-color=never", server_routes, why) && ip_run("-4", rules, why) && ip_run("-6", rules, why);
}

/* --- nft --- */

static bool nft_run(const char *commands, struct buffer *output)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (nft == NULL)
		return false;
	nft_ctx_buffer_output(nft);
	nft_ctx_buffer_error(nft);
	bool good = nft_run_cmd_from_buffer(nft, commands) == 0;
	if (output != NULL) {
		buffer_add_text(output, nft_ctx_get_output_buffer(nft));
		buffer_add_text(output, nft_ctx_get_error_buffer(nft));
	}
	nft_ctx_free(nft);
	return good;
}

bool lab_nft(struct lab *lab, enum lab_space space, const char *commands, struct buffer *output)
{
	lab_enter(lab, space);
	bool good = nft_run(commands, output);
	lab_leave(lab);
	return good;
}

static bool probes_make(struct lab *lab, struct buffer *why)
{
	/* The kernel's own answers go no further than the first output chain.  The order of priorities puts the
	 * probe behind every chain of ours. */
	static const char server[] =
		"table inet probe {\n"
		" chain mute { type filter hook output priority -500; policy accept; meta mark != 0x10ad drop; }\n"
		" chain seen { type filter hook input priority 300; policy accept; log group 4999 snaplen 200; }\n"
		"}\n";
	static const char client[] =
		"table inet mute {\n"
		" chain arrivals { type filter hook prerouting priority -300; policy drop; }\n"
		" chain answers { type filter hook output priority -300; policy drop; }\n"
		"}\n";
	bool good = lab_nft(lab, LAB_SERVER, server, why);
	return good && lab_nft(lab, LAB_CLIENT, client, why) && lab_nft(lab, LAB_CLIENT2, client, why);
}

/* --- sockets --- */

static void socket_room(int fd)
{
	int room = ROOM;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

static int wire_open(struct lab *lab, enum lab_space space, int index)
{
	space_enter(lab->fds[FD_SPACES + space]);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (fd < 0)
		return -1;
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
	int one = 1;
	socket_room(fd);
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int raw_open(int family, bool bound)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), one = 1, mark = MARK, nothing = 0;
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &nothing, sizeof(nothing)); /* nobody reads it */
	if (family == AF_INET) {
		setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &nothing, sizeof(nothing));
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &nothing, sizeof(nothing));
	}
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
	    (bound && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "wire0", 6) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The server listens to some groups beside those that it must. */
static void groups_join(struct lab *lab)
{
	static const char *const groups4[] = {"224.0.0.251", "224.0.0.252", "239.1.2.3", "239.255.255.250"};
	static const char *const groups6[] = {"ff02::fb", "ff02::1:3", "ff02::c", "ff0e::1234", "ff05::2"};
	for (size_t i = 0; i < ARRAY_LENGTH(groups4); i++) {
		struct ip_mreqn group = {.imr_ifindex = (int)lab->server_index};
		inet_pton(AF_INET, groups4[i], &group.imr_multiaddr);
		setsockopt(lab->fds[FD_RAW4], IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
	}
	for (size_t i = 0; i < ARRAY_LENGTH(groups6); i++) {
		struct ipv6_mreq group = {.ipv6mr_interface = lab->server_index};
		inet_pton(AF_INET6, groups6[i], &group.ipv6mr_multiaddr);
		setsockopt(lab->fds[FD_RAW6], IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof(group));
	}
}

/* One nfnetlink request of the log or of connection tracking; true when it was acknowledged. */
static bool netlink_ask(struct mnl_socket *socket, struct nlmsghdr *message)
{
	char bytes[4096];
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = 1;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return false;
	ssize_t got = mnl_socket_recvfrom(socket, bytes, sizeof(bytes));
	return got > 0 && mnl_cb_run(bytes, (size_t)got, 1, 0, NULL, NULL) >= 0;
}

static struct nlmsghdr *netlink_head(char *bytes, uint16_t type, uint16_t resource)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
	message->nlmsg_type = type;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
	head->nfgen_family = AF_UNSPEC;
	head->version = NFNETLINK_V0;
	head->res_id = htons(resource);
	return message;
}

static bool log_open(struct lab *lab, struct buffer *why)
{
	char bytes[256];
	space_enter(lab->fds[FD_SPACES + LAB_SERVER]);
	lab->log = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (lab->log == NULL || mnl_socket_bind(lab->log, 0, MNL_SOCKET_AUTOPID) < 0)
		return why_say(why, "nfnetlink");
	struct nfulnl_msg_config_cmd bind = {.command = NFULNL_CFG_CMD_BIND};
	struct nlmsghdr *message = netlink_head(bytes, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, PROBE_GROUP);
	mnl_attr_put(message, NFULA_CFG_CMD, sizeof(bind), &bind);
	if (!netlink_ask(lab->log, message))
		return why_say(why, "nflog");
	struct nfulnl_msg_config_mode mode = {.copy_range = htonl(200), .copy_mode = NFULNL_COPY_PACKET};
	message = netlink_head(bytes, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, PROBE_GROUP);
	mnl_attr_put(message, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(message, NFULA_CFG_QTHRESH, htonl(1));
	if (!netlink_ask(lab->log, message))
		return why_say(why, "nflog mode");
	int fd = mnl_socket_get_fd(lab->log);
	socket_room(fd);
	return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 || why_say(why, "nflog socket");
}

static bool sockets_open(struct lab *lab, struct buffer *why)
{
	static const enum lab_space ends[2] = {LAB_CLIENT, LAB_CLIENT2};
	for (unsigned i = 0; i < 2; i++) {
		lab->fds[FD_WIRES + i] = wire_open(lab, ends[i], lab->indexes[i]);
		if (lab->fds[FD_WIRES + i] < 0)
			return why_say(why, "packet socket");
	}
	space_enter(lab->fds[FD_SPACES + LAB_SERVER]);
	lab->fds[FD_RAW4] = raw_open(AF_INET, true);
	lab->fds[FD_RAW6] = raw_open(AF_INET6, true);
	lab->fds[FD_SELF4] = raw_open(AF_INET, false);
	lab->fds[FD_SELF6] = raw_open(AF_INET6, false);
	if (lab->fds[FD_RAW4] < 0 || lab->fds[FD_RAW6] < 0 || lab->fds[FD_SELF4] < 0 || lab->fds[FD_SELF6] < 0)
		return why_say(why, "raw socket");
	groups_join(lab);
	return log_open(lab, why);
}

struct lab *lab_new(const struct host *host, struct buffer *why)
{
	struct lab *lab = memory_alloc(sizeof(*lab));
	for (unsigned i = 0; i < FD_COUNT; i++)
		lab->fds[i] = -1;
	lab->next_id = 1;
	bool good = spaces_make(lab, why) && links_make(lab, why) && sockets_open(lab, why) && probes_make(lab, why) &&
		    lab_host(lab, host, why);
	if (lab->fds[FD_HOME] >= 0)
		lab_leave(lab);
	if (!good) {
		lab_free(lab);
		return NULL;
	}
	return lab;
}

void lab_free(struct lab *lab)
{
	if (lab == NULL)
		return;
	if (lab->log != NULL)
		mnl_socket_close(lab->log);
	for (unsigned i = 0; i < FD_COUNT; i++)
		if (lab->fds[i] >= 0)
			close(lab->fds[i]);
	free(lab);
}

bool lab_host(struct lab *lab, const struct host *host, struct buffer *why)
{
	struct buffer commands;
	buffer_init(&commands, 1 << 16);
	buffer_add_text(&commands, "addr flush dev wire0\n");
	for (size_t i = 0; i < host->address_count; i++) {
		char text[IP_TEXT];
		const struct ip_prefix *own = &host->addresses[i];
		ip_print(&own->ip, text);
		/* Without the routes that come with an address, all goes by the default routes; its network's
		 * broadcast address is one all the same. */
		if (own->ip.family == FAMILY_IPV4)
			buffer_printf(&commands, "addr add %s/%u %s dev wire0 noprefixroute\n", text, own->bits,
				      own->bits <= 30 ? "broadcast +" : "");
		else
			buffer_printf(&commands, "addr add %s/%u dev wire0 nodad noprefixroute\n", text, own->bits);
	}
	/* A flush of the addresses takes the routes through them along. */
	buffer_add_text(&commands, "route replace default via 198.18.255.1 dev wire0 onlink\n"
				   "route replace default via 198.18.255.2 dev wire1 onlink table 100\n"
				   "route replace default via fe80::c1 dev wire0 onlink\n"
				   "route replace default via fe80::c2 dev wire1 onlink table 100\n");
	lab_enter(lab, LAB_SERVER);
	bool good = !commands.full && ip_run("-color=never", buffer_text(&commands), why);
	lab_leave(lab);
	buffer_done(&commands);
	lab->host = *host;
	return good;
}

unsigned lab_overflows(const struct lab *lab)
{
	return lab->overflows;
}

bool lab_forget(struct lab *lab)
{
	char bytes[256];
	lab_enter(lab, LAB_SERVER);
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	bool good = socket != NULL && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
		    netlink_ask(socket, netlink_head(bytes, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0));
	if (socket != NULL)
		mnl_socket_close(socket);
	lab_leave(lab);
	return good;
}

/* --- sending --- */

static void frame_send(struct lab *lab, unsigned end, const struct packet *packet, const struct wire *wire)
{
	uint8_t frame[14 + WIRE_MOST];
	memcpy(frame, server_mac[end], 6);
	memcpy(frame + 6, client_mac[end], 6);
	if (packet->src.family == FAMILY_IPV4) {
		frame[12] = 0x08;
		frame[13] = 0x00;
		if (host_is_broadcast(&lab->host, &packet->dst))
			memset(frame, 0xff, 6);
		else if (ip_is_multicast(&packet->dst))
			memcpy(frame, (const uint8_t[]){1, 0, 0x5e, packet->dst.bytes[1] & 0x7f, packet->dst.bytes[2], packet->dst.bytes[3]}, 6);
	} else {
		frame[12] = 0x86;
		frame[13] = 0xdd;
		if (ip_is_multicast(&packet->dst)) {
			frame[0] = frame[1] = 0x33;
			memcpy(frame + 2, packet->dst.bytes + 12, 4);
		}
	}
	memcpy(frame + 14, wire->bytes, wire->length);
	while (send(lab->fds[FD_WIRES + end], frame, 14 + wire->length, 0) < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR))
		poll(NULL, 0, 1);
}

static void raw_send(struct lab *lab, const struct packet *packet, const struct wire *wire)
{
	bool self = host_is_me(&lab->host, &packet->dst) || ip_is_loopback(&packet->dst);
	if (packet->dst.family == FAMILY_IPV4) {
		struct sockaddr_in to = {.sin_family = AF_INET};
		memcpy(&to.sin_addr, packet->dst.bytes, 4);
		sendto(self ? lab->fds[FD_SELF4] : lab->fds[FD_RAW4], wire->bytes, wire->length, 0, (struct sockaddr *)&to, sizeof(to));
	} else {
		struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_scope_id = self ? 0 : lab->server_index};
		memcpy(&to.sin6_addr, packet->dst.bytes, 16);
		sendto(self ? lab->fds[FD_SELF6] : lab->fds[FD_RAW6], wire->bytes, wire->length, 0, (struct sockaddr *)&to, sizeof(to));
	}
}

static void packet_send(struct lab *lab, const struct lab_packet *one)
{
	struct wire pieces[WIRE_PIECES];
	size_t count = wire_build(&one->packet, one->id, one->flags, pieces);
	for (size_t i = 0; i < count; i++) {
		if (one->packet.direction == DIRECTION_OUT)
			raw_send(lab, &one->packet, &pieces[i]);
		else /* what answers a forwarded packet comes from the other end */
			frame_send(lab, one->packet.direction == DIRECTION_FORWARD && one->packet.reply, &one->packet, &pieces[i]);
	}
}

/* --- receiving --- */

typedef void seen_fn(void *context, uint32_t id);

static bool wire_take(struct lab *lab, int fd, seen_fn *seen, void *context)
{
	uint8_t bytes[2048];
	ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got < 0) {
		lab->overflows += errno == ENOBUFS;
		return errno == ENOBUFS || errno == EINTR;
	}
	uint32_t id = wire_find(bytes, (size_t)got);
	if (id != 0)
		seen(context, id);
	return true;
}

struct log_context {
	seen_fn *seen;
	void *context;
};

static int log_attribute(const struct nlattr *attribute, void *data)
{
	const struct log_context *log = data;
	if (mnl_attr_get_type(attribute) == NFULA_PAYLOAD) {
		uint32_t id = wire_find(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
		if (id != 0)
			log->seen(log->context, id);
	}
	return MNL_CB_OK;
}

static bool log_take(struct lab *lab, seen_fn *seen, void *context)
{
	char bytes[16384];
	ssize_t got = recv(mnl_socket_get_fd(lab->log), bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got < 0) {
		lab->overflows += errno == ENOBUFS;
		return errno == ENOBUFS || errno == EINTR;
	}
	int left = (int)got;
	for (const struct nlmsghdr *message = (void *)bytes; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		struct log_context log = {seen, context};
		mnl_attr_parse(message, sizeof(struct nfgenmsg), log_attribute, &log);
	}
	return true;
}

/* Takes what has arrived; true when there was something. */
static bool arrivals_take(struct lab *lab, seen_fn *seen, void *context)
{
	bool any = false;
	while (log_take(lab, seen, context))
		any = true;
	for (unsigned i = 0; i < 2; i++)
		while (wire_take(lab, lab->fds[FD_WIRES + i], seen, context))
			any = true;
	return any;
}

static void arrivals_wait(struct lab *lab, int milliseconds)
{
	struct pollfd fds[3] = {
		{mnl_socket_get_fd(lab->log), POLLIN, 0}, {lab->fds[FD_WIRES + 0], POLLIN, 0}, {lab->fds[FD_WIRES + 1], POLLIN, 0}};
	poll(fds, 3, milliseconds);
}

struct batch {
	struct lab_packet *packets;
	size_t count;
	uint32_t first;
};

static void batch_seen(void *context, uint32_t id)
{
	struct batch *batch = context;
	if (id >= batch->first && id - batch->first < batch->count)
		batch->packets[id - batch->first].arrived = true;
}

void lab_send(struct lab *lab, struct lab_packet *packets, size_t count)
{
	struct batch batch = {packets, count, lab->next_id};
	for (size_t i = 0; i < count; i++) {
		packets[i].arrived = false;
		packets[i].id = lab->next_id++;
		packet_send(lab, &packets[i]);
		if (i % BURST == BURST - 1)
			arrivals_take(lab, batch_seen, &batch);
	}
	do
		arrivals_wait(lab, QUIET);
	while (arrivals_take(lab, batch_seen, &batch));
}

/* --- flood --- */

bool lab_flood_start(struct lab *lab, const struct lab_packet *packets, size_t count, struct lab_flood *flood)
{
	volatile uint64_t *sent = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sent == MAP_FAILED)
		return false;
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return false;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent) {
			for (size_t i = 0; i < count; i++)
				packet_send(lab, &packets[i]);
			++*sent;
		}
		_exit(0);
	}
	*flood = (struct lab_flood){pid, sent};
	return true;
}

void lab_flood_stop(struct lab_flood *flood)
{
	kill(flood->pid, SIGKILL);
	waitpid(flood->pid, NULL, 0);
}
