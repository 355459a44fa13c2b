/* The chain of processes above us is walked to the one that holds the connection (sshd, an agent): sudo cleans the
 * environment, but not that.  A terminal multiplexer has no such chain: then its user's remote log-ins count. */
#include "apps/session.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utmpx.h>

#include "core/base/cursor.h"

enum { ANCESTORS_MOST = 64, TABLE_MOST = 64 << 20, DESCRIPTORS_MOST = 4096 };

/* A file of /proc as text, of at most so many bytes; false when there is none. */
static bool proc_read(const char *path, size_t most, struct buffer *ret_text)
{
	char bytes[16384];
	buffer_init(ret_text, most);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t length;
	while ((length = read(fd, bytes, sizeof(bytes))) > 0 && !ret_text->full)
		buffer_add(ret_text, bytes, (size_t)length);
	close(fd);
	return length == 0 && !ret_text->full;
}

/* The fields of /proc/PID/stat after the name: [0] is the state, the third field. */
enum { STAT_PARENT = 4, STAT_TERMINAL = 7, STAT_START = 22 };
static bool stat_read(pid_t pid, unsigned field, uint64_t *ret_number)
{
	char path[48];
	struct buffer text;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	bool good = proc_read(path, 4096, &text);
	const char *at = good ? strrchr(buffer_text(&text), ')') : NULL;
	for (unsigned i = 2; i < field && at != NULL; i++) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	struct cursor cursor = cursor_text(at != NULL ? at : "");
	good = cursor_number(&cursor, INT64_MAX, ret_number);
	buffer_done(&text);
	return good;
}

static void terminal_find(struct session *session)
{
	uint64_t number = 0;
	for (int fd = 0; fd <= 2; fd++)
		if (isatty(fd) && ttyname_r(fd, session->terminal, sizeof(session->terminal)) == 0)
			return;
	session->terminal[0] = '\0';
	if (!stat_read(getpid(), STAT_TERMINAL, &number) || number == 0)
		return;
	unsigned major_number = major(number), minor_number = minor(number);
	if (major_number >= 136 && major_number <= 143)
		snprintf(session->terminal, sizeof(session->terminal), "/dev/pts/%u", (major_number - 136) * 256 + minor_number);
	else if (major_number == 4)
		snprintf(session->terminal, sizeof(session->terminal), "/dev/tty%s%u", minor_number < 64 ? "" : "S",
			 minor_number < 64 ? minor_number : minor_number - 64);
}

static void leader_find(struct session *session)
{
	uint64_t start = 0;
	pid_t leader = getsid(0);
	(void)stat_read(leader, STAT_START, &start);
	snprintf(session->leader, sizeof(session->leader), "%d:%" PRIu64, (int)leader, start % 1000000000000);
}

/* --- Addresses --- */

/* ::ffff:192.0.2.1 is that IPv4 address. */
static void ip_unmap(struct ip *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (ip->family != FAMILY_IPV6 || memcmp(ip->bytes, mapped, sizeof(mapped)) != 0)
		return;
	struct ip short_form = {.family = FAMILY_IPV4};
	memcpy(short_form.bytes, ip->bytes + 12, 4);
	*ip = short_form;
}

static bool word_ip(struct cursor *cursor, struct ip *ret_ip)
{
	struct cursor word;
	cursor_skip_blanks(cursor);
	if (!cursor_word(cursor, &word))
		return false;
	const char *zone = memchr(word.at, '%', cursor_left(&word));
	if (!ip_parse(word.at, zone != NULL ? (size_t)(zone - word.at) : cursor_left(&word), ret_ip))
		return false;
	ip_unmap(ret_ip);
	return true;
}

static bool word_port(struct cursor *cursor, uint16_t *ret_port)
{
	struct cursor word;
	uint64_t number;
	cursor_skip_blanks(cursor);
	if (!cursor_word(cursor, &word) || !number_parse(word.at, cursor_left(&word), 65535, &number) || number == 0)
		return false;
	*ret_port = (uint16_t)number;
	return true;
}

bool session_parse_connection(const char *text, struct session *session)
{
	struct cursor cursor = cursor_text(text);
	struct session found = *session;
	if (!word_ip(&cursor, &found.peer) || !word_port(&cursor, &found.peer_port) || !word_ip(&cursor, &found.local) ||
	    !word_port(&cursor, &found.local_port) || found.peer.family != found.local.family)
		return false;
	cursor_skip_blanks(&cursor);
	if (cursor_left(&cursor) > 0)
		return false;
	found.remote = true;
	found.outgoing = false;
	*session = found;
	return true;
}

static bool hex_take(struct cursor *cursor, unsigned digits, uint32_t *ret_number)
{
	uint32_t number = 0;
	for (unsigned i = 0; i < digits; i++) {
		if (cursor->at >= cursor->end)
			return false;
		char c = ascii_lower(*cursor->at++);
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
		number = number << 4 | (uint32_t)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*ret_number = number;
	return true;
}

/* ADDRESS:PORT as the kernel prints it: each four bytes as a number of this machine. */
static bool end_take(struct cursor *cursor, struct ip *ret_ip, uint16_t *ret_port)
{
	struct cursor word;
	uint32_t number;
	cursor_skip_blanks(cursor);
	if (!cursor_word(cursor, &word))
		return false;
	size_t digits = cursor_left(&word);
	if (digits != 8 + 5 && digits != 32 + 5)
		return false;
	*ret_ip = (struct ip){.family = digits == 8 + 5 ? FAMILY_IPV4 : FAMILY_IPV6};
	for (size_t i = 0; i < (digits - 5) / 8; i++) {
		if (!hex_take(&word, 8, &number))
			return false;
		memcpy(ret_ip->bytes + 4 * i, &number, 4);
	}
	if (!cursor_take(&word, ':') || !hex_take(&word, 4, &number))
		return false;
	ip_unmap(ret_ip);
	*ret_port = (uint16_t)number;
	return true;
}

struct socket_line {
	struct ip local, peer;
	uint16_t local_port, peer_port;
	uint32_t state;
	uint64_t inode;
};
enum { SOCKET_ESTABLISHED = 1, SOCKET_LISTEN = 10 };

/* SL: LOCAL PEER STATE TX:RX TIMER RETRANSMITS UID TIMEOUT INODE … */
static bool line_parse(const char *line, size_t length, struct socket_line *ret_line)
{
	struct cursor cursor = cursor_of(line, length), word;
	cursor_skip_blanks(&cursor);
	if (!cursor_word(&cursor, &word) || !end_take(&cursor, &ret_line->local, &ret_line->local_port) ||
	    !end_take(&cursor, &ret_line->peer, &ret_line->peer_port))
		return false;
	cursor_skip_blanks(&cursor);
	if (!hex_take(&cursor, 2, &ret_line->state))
		return false;
	for (unsigned skipped = 0; skipped < 5; skipped++) {
		cursor_skip_blanks(&cursor);
		if (!cursor_word(&cursor, &word))
			return false;
	}
	cursor_skip_blanks(&cursor);
	return cursor_number(&cursor, UINT64_MAX, &ret_line->inode);
}

static bool line_is_it(const struct socket_line *line, uint64_t inode, const struct session *session)
{
	if (line->state != SOCKET_ESTABLISHED || ip_is_loopback(&line->peer) || ip_equal(&line->peer, &line->local))
		return false;
	if (inode != 0)
		return line->inode == inode;
	return ip_equal(&line->peer, &session->peer) &&
	       (session->local_port == 0 || (line->peer_port == session->peer_port && line->local_port == session->local_port));
}

bool session_find_socket(const char *table, uint64_t inode, struct session *session)
{
	struct socket_line line, found = {.state = 0};
	bool listens = false;
	for (const char *at = table; *at != '\0';) {
		size_t length = strcspn(at, "\n");
		if (line_parse(at, length, &line) && found.state == 0 && line_is_it(&line, inode, session)) {
			found = line;
			at = table; /* again, for who listens there */
			continue;
		}
		listens |= found.state != 0 && line_parse(at, length, &line) && line.state == SOCKET_LISTEN &&
			   line.local_port == found.local_port;
		at += length + (at[length] == '\n');
	}
	if (found.state == 0)
		return false;
	session->remote = true;
	session->outgoing = !listens;
	session->peer = found.peer;
	session->peer_port = found.peer_port;
	session->local = found.local;
	session->local_port = found.local_port;
	return true;
}

/* --- Where it is looked for --- */

struct tables {
	struct buffer tcp, tcp6;
};

static bool tables_find(const struct tables *tables, uint64_t inode, struct session *session)
{
	return session_find_socket(buffer_text(&tables->tcp), inode, session) ||
	       session_find_socket(buffer_text(&tables->tcp6), inode, session);
}

/* The first connection that a process holds. */
static bool process_find(pid_t pid, const struct tables *tables, struct session *session)
{
	char path[48], target[64];
	bool found = false;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *folder = opendir(path);
	struct dirent *entry;
	for (unsigned count = 0; folder != NULL && !found && count < DESCRIPTORS_MOST && (entry = readdir(folder)) != NULL; count++) {
		ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
		static const char prefix[] = "socket:[";
		uint64_t inode;
		if (length <= (ssize_t)sizeof(prefix) || memcmp(target, prefix, sizeof(prefix) - 1) != 0)
			continue;
		struct cursor cursor = cursor_of(target + sizeof(prefix) - 1, (size_t)length - sizeof(prefix) + 1);
		if (cursor_number(&cursor, UINT64_MAX, &inode) && inode != 0)
			found = tables_find(tables, inode, session);
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}

static bool ancestors_find(const struct tables *tables, struct session *session)
{
	uint64_t parent = (uint64_t)getppid();
	for (unsigned i = 0; i < ANCESTORS_MOST && parent > 1; i++) {
		if (process_find((pid_t)parent, tables, session))
			return true;
		if (!stat_read((pid_t)parent, STAT_PARENT, &parent))
			return false;
	}
	return false;
}

/* Who logged in, whatever sudo has made of it since. */
static bool user_name(char *name, size_t size)
{
	struct buffer text;
	uint64_t uid = 0;
	bool known = proc_read("/proc/self/loginuid", 64, &text) && number_parse(buffer_text(&text), text.length, UINT32_MAX - 1, &uid);
	buffer_done(&text);
	const struct passwd *entry = getpwuid(known ? (uid_t)uid : getuid());
	snprintf(name, size, "%s", entry != NULL ? entry->pw_name : "");
	return *name != '\0';
}

/* A log-in at this terminal, else of this user: from a host with which there is a connection. */
static bool utmp_find(const struct tables *tables, struct session *session)
{
	static const int32_t none[4] = {0};
	const char *line = strncmp(session->terminal, "/dev/", 5) == 0 ? session->terminal + 5 : "";
	char user[sizeof(((struct utmpx *)NULL)->ut_user) + 1];
	bool found = false, has_user = user_name(user, sizeof(user));
	setutxent();
	for (const struct utmpx *entry; !found && (entry = getutxent()) != NULL;) {
		if (entry->ut_type != USER_PROCESS || memcmp(entry->ut_addr_v6, none, sizeof(none)) == 0)
			continue;
		if (strncmp(entry->ut_line, line, sizeof(entry->ut_line)) != 0 &&
		    !(has_user && strncmp(entry->ut_user, user, sizeof(entry->ut_user)) == 0))
			continue;
		struct session asked = *session;
		bool short_form = memcmp(entry->ut_addr_v6 + 1, none, 12) == 0;
		asked.peer = (struct ip){.family = short_form ? FAMILY_IPV4 : FAMILY_IPV6};
		memcpy(asked.peer.bytes, entry->ut_addr_v6, short_form ? 4 : 16);
		ip_unmap(&asked.peer);
		asked.local_port = 0;
		if ((found = tables_find(tables, 0, &asked)))
			*session = asked;
	}
	endutxent();
	return found;
}

void session_find(struct session *ret_session)
{
	struct tables tables;
	const char *connection = getenv("SSH_CONNECTION");
	*ret_session = (struct session){.remote = false};
	terminal_find(ret_session);
	leader_find(ret_session);
	(void)proc_read("/proc/net/tcp", TABLE_MOST, &tables.tcp);
	(void)proc_read("/proc/net/tcp6", TABLE_MOST, &tables.tcp6);
	/* What the environment says may be of a connection that has ended long ago: what is up counts for more.  Where nothing
	 * else is known it is believed: a question too many is better than a session that is cut. */
	struct session said = *ret_session;
	bool has_said = connection != NULL && session_parse_connection(connection, &said);
	bool found = has_said && tables_find(&tables, 0, &said);
	if (found)
		*ret_session = said;
	if (!found)
		found = ancestors_find(&tables, ret_session) || utmp_find(&tables, ret_session);
	if (!found && has_said)
		*ret_session = said;
	buffer_done(&tables.tcp);
	buffer_done(&tables.tcp6);
}

/* --- What is done with it --- */

static void peer_print(const struct session *session, struct buffer *text)
{
	char peer[IP_TEXT], local[IP_TEXT];
	if (!session->remote)
		return;
	ip_print(&session->peer, peer);
	ip_print(&session->local, local);
	buffer_printf(text, "%s/%u-%s/%u", peer, session->peer_port, local, session->local_port);
}

void session_print(const struct session *session, char text[SESSION_TEXT])
{
	struct buffer line;
	buffer_init(&line, 1024);
	/* The terminal last: it is what may be cut. */
	buffer_printf(&line, "%s ", session->leader);
	if (session->remote)
		peer_print(session, &line);
	else
		buffer_add_char(&line, '-');
	buffer_printf(&line, " %s", session->terminal);
	snprintf(text, SESSION_TEXT, "%s", buffer_text(&line));
	buffer_done(&line);
}

bool session_same(const struct session *session, const char *line)
{
	struct cursor cursor = cursor_text(line), leader, peer;
	struct buffer own;
	if (!cursor_word(&cursor, &leader))
		return false;
	if (cursor_left(&leader) == strlen(session->leader) && memcmp(leader.at, session->leader, cursor_left(&leader)) == 0)
		return true;
	cursor_skip_blanks(&cursor);
	buffer_init(&own, 256);
	peer_print(session, &own);
	bool same = session->remote && cursor_word(&cursor, &peer) && cursor_left(&peer) == own.length &&
		    memcmp(peer.at, buffer_text(&own), own.length) == 0;
	buffer_done(&own);
	return same;
}

void session_packets(const struct session *session, struct packet ret_packets[2])
{
	enum { TCP = 6 };
	ret_packets[0] = (struct packet){.src = session->peer, .dst = session->local, .srcport = session->peer_port,
		.dstport = session->local_port, .icmp_type = -1, .protocol = TCP, .direction = DIRECTION_IN, .reply = session->outgoing};
	ret_packets[1] = (struct packet){.src = session->local, .dst = session->peer, .srcport = session->local_port,
		.dstport = session->peer_port, .icmp_type = -1, .protocol = TCP, .direction = DIRECTION_OUT, .reply = !session->outgoing};
}
