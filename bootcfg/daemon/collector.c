#include "bootcfg/daemon/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/daemon/drop.h"
#include "bootcfg/daemon/droplog.h"
#include "bootcfg/daemon/interfaces.h"
#include "bootcfg/daemon/journal.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/record/w3c.h"

enum {
	PENDING_BYTES = 64 * 1024,  /* lines wait for the interval until there are so many */
	PENDING_LINES = 1000,
	EVENT_BYTES = 256 * 1024,   /* and with a log that cannot be written, lines of events until there are so many */
	PENDING_MOST = 1024 * 1024, /* never reached: a line is bounded by the messages that it is made of */
	BATCH = 16, ROUNDS = 16,    /* datagrams at once, and how often before others get their turn */
	SOON = 1000,                /* ms: boot drops, counts after a write that failed */
	RETRY = 10000,              /* ms until a log that could not be written is tried again */
	LINE_SHARE = 4096,          /* bytes of the log for each entry of the table of counts: a twentieth is for one full table */
	TICK = 100,                 /* ms between two bursts to the journal */
	INTERVAL_MOST = 86400,
};

/* What a reader of the socket needs. */
struct receiver {
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	char bytes[BATCH][NFLOG_DATAGRAM];
};

struct collector {
	struct loop *loop;
	struct collector_options options;
	struct message_settings settings;
	struct names *names;
	struct aggregate *aggregate;
	struct interfaces *interfaces;
	struct journal *journal;     /* or NULL */
	struct droplog *log;         /* or NULL */
	struct receiver *receiver;   /* or NULL */
	struct watch *readable, *timer, *ticker;
	bool armed, ticking;         /* the timers run */
	int64_t due;                 /* when the timer rings */
	struct buffer pending;       /* lines */
	size_t pending_lines;
	bool failing;                /* the log could not be written: drops go into counts */
	uint64_t events_missed;      /* lines of events that found no room meanwhile */
	int64_t crowded;             /* when the table of counts was last written because it was full */
	int64_t allowance, allowed;  /* thousandths of single lines, and when that was true */
	uint32_t expected;           /* sequence number of the next message */
	bool sequenced;              /* it is known */
	bool overrun;                /* something was lost, and not yet seen how much */
	uint32_t overflows;          /* of the socket, as last seen */
	uint64_t lost;               /* not yet written as a record */
	struct message_counts counts;
	char computer[256];
};

int collector_socket(uint16_t group, struct diag *diag, int *ret_fd)
{
	return nflog_open(group, diag, ret_fd);
}

static uint64_t time_now(const struct collector *collector)
{
	int64_t time = loop_time(collector->loop);
	return record_time_of_unix(time / 1000000, (uint32_t)(time % 1000000) * 1000);
}

/* --- Timers --- */

static void arm(struct collector *collector, int64_t after)
{
	int64_t due = loop_now(collector->loop) + after;
	if (collector->armed && collector->due <= due)
		return;
	collector->armed = true;
	collector->due = due;
	watch_again(collector->timer, after);
}

static void arm_interval(struct collector *collector)
{
	if (!collector->armed)
		arm(collector, (int64_t)collector->settings.interval * 1000);
}

static void journal_go(struct collector *collector)
{
	if (collector->journal == NULL)
		return;
	journal_release(collector->journal);
	if (journal_pump(collector->journal, loop_now(collector->loop)) && !collector->ticking) {
		collector->ticking = true;
		watch_again(collector->ticker, TICK);
	}
}

static void tick(void *context)
{
	struct collector *collector = context;
	collector->ticking = false;
	if (collector->journal != NULL && journal_pump(collector->journal, loop_now(collector->loop))) {
		collector->ticking = true;
		watch_again(collector->ticker, TICK);
	}
}

/* --- Lines --- */

static size_t lines_count(const char *bytes, size_t length)
{
	size_t count = 0;
	for (const char *at = bytes, *end = bytes + length; at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
		count++;
	return count;
}

/* Writes the lines that wait; those that cannot be written go on waiting. */
static void pending_write(struct collector *collector)
{
	struct buffer *pending = &collector->pending;
	journal_go(collector);
	size_t written = pending->length;
	if (collector->log != NULL && pending->length > 0)
		written = droplog_write(collector->log, pending->data, pending->length, time_now(collector));
	collector->failing = written < pending->length;
	if (collector->failing && written > 0) {
		collector->pending_lines -= lines_count(pending->data, written);
		memmove(pending->data, pending->data + written, pending->length - written);
		pending->length -= written;
	} else if (!collector->failing) {
		buffer_clear(pending);
		collector->pending_lines = 0;
	}
	if (collector->failing)
		arm(collector, RETRY);
}

static void line_add(struct collector *collector, struct record *record)
{
	if (collector->computer[0] != '\0')
		record->computername = cursor_text(collector->computer);
	w3c_line(record, &collector->pending);
	collector->pending_lines++;
}

/* `drop` is the one packet that the record is of, or NULL. */
static void journal_drop(struct collector *collector, const struct record *record, const struct drop *drop)
{
	struct buffer text;
	if (collector->journal == NULL || !journal_room(collector->journal))
		return;
	buffer_init(&text, 4096);
	drop_print(record, &text);
	if (drop != NULL && drop->has_uid)
		buffer_printf(&text, ", sent by user %u", drop->uid);
	journal_add(collector->journal, record, 6, buffer_text(&text));
	buffer_done(&text);
}

static bool pending_full(const struct collector *collector)
{
	return collector->pending.length >= PENDING_BYTES || collector->pending_lines >= PENDING_LINES;
}

/* The mode of a record: that of its own kind, or the one that the driver is in. */
static void mode_set(const struct collector *collector, enum drop_kind kind, struct record *record)
{
	const char *mode = kind == DROP_BOOT ? "boot" : kind == DROP_OBSERVE ? "observe" : collector->settings.mode;
	if (mode[0] != '\0')
		record->mode = cursor_of(mode, strnlen(mode, sizeof(collector->settings.mode)));
}

static void interface_set(struct collector *collector, uint32_t index, struct record *record)
{
	record->interface = interfaces_name(collector->interfaces, index, loop_now(collector->loop));
}

/* --- Counts --- */

static bool count_take(const struct aggregate_entry *entry, void *context)
{
	struct collector *collector = context;
	struct record record;
	if (pending_full(collector))
		pending_write(collector);
	if (collector->failing)
		return false;
	drop_counted(entry, &record);
	mode_set(collector, (enum drop_kind)entry->key.kind, &record);
	interface_set(collector, entry->key.interface, &record);
	line_add(collector, &record);
	journal_drop(collector, &record, NULL);
	return true;
}

/* Messages that the kernel could not give us: packets of which nothing is known.  A count of 0 says that there were
 * some and that their number is told with the next drop. */
static void lost_take(struct collector *collector)
{
	struct record record = {.has = RECORD_HAS(COLUMN_DATE) | RECORD_HAS(COLUMN_COUNT)};
	if (collector->settings.diagnostics != 0 && (collector->lost > 0 || collector->overrun)) {
		enum drop_kind kind = collector->settings.observe ? DROP_OBSERVE : DROP_BLOCK;
		record.time = time_now(collector);
		record.count = collector->lost;
		record.layer = cursor_text("lost");
		drop_kind_set(&record, kind, 0);
		mode_set(collector, kind, &record);
		line_add(collector, &record);
		journal_drop(collector, &record, NULL);
	}
	collector->lost = 0;
	collector->overrun = false;
}

static void events_take(struct collector *collector)
{
	struct record record = {.has = RECORD_HAS(COLUMN_DATE) | RECORD_HAS(COLUMN_COUNT)};
	if (collector->events_missed == 0)
		return;
	record.time = time_now(collector);
	record.count = collector->events_missed;
	record.source = record.log = cursor_text("cordon");
	record.action = cursor_text("INFO-EVENTS-LOST");
	record.layer = cursor_text("unwritten");
	line_add(collector, &record);
	collector->events_missed = 0;
}

/* Everything that is held back. */
static void write_out(struct collector *collector)
{
	pending_write(collector);
	if (!collector->failing)
		events_take(collector);
	if (!collector->failing)
		lost_take(collector);
	if (!collector->failing)
		aggregate_take(collector->aggregate, count_take, collector);
	if (!collector->failing)
		pending_write(collector);
}

static void ring(void *context)
{
	struct collector *collector = context;
	collector->armed = false;
	write_out(collector);
}

/* --- Drops --- */

/* Whether one more may have a line of its own. */
static bool single_allowed(struct collector *collector, int64_t now)
{
	int64_t most = (int64_t)collector->options.burst * 1000;
	if (now > collector->allowed) {
		int64_t passed = now - collector->allowed, full = most / collector->options.rate + 1;
		collector->allowance += passed < full ? passed * collector->options.rate : most;
		collector->allowance = collector->allowance < most ? collector->allowance : most;
		collector->allowed = now;
	}
	if (collector->failing || collector->allowance < 1000)
		return false;
	collector->allowance -= 1000;
	return true;
}

static void drop_write(struct collector *collector, struct drop *drop, const struct name *name)
{
	drop_name_set(&drop->record, name);
	mode_set(collector, drop->kind, &drop->record);
	interface_set(collector, drop->interface, &drop->record);
	line_add(collector, &drop->record);
	journal_drop(collector, &drop->record, drop);
	collector->counts.written++;
	if (pending_full(collector))
		pending_write(collector);
}

static void drop_count(struct collector *collector, const struct drop *drop, struct name *name, uint64_t packets, int64_t now)
{
	struct aggregate_key key;
	drop_key(drop, name, &key);
	aggregate_add(collector->aggregate, &key, packets, drop->record.time);
	if (aggregate_crowded(collector->aggregate) && !collector->failing && now - collector->crowded >= COLLECTOR_CROWDED) {
		collector->crowded = now;
		write_out(collector);
	}
}

/* A gap in the numbers is what was lost; a number from before is a new beginning. */
static void sequence_follow(struct collector *collector, const struct nflog_packet *packet)
{
	uint32_t gap = packet->sequence - collector->expected;
	if (!packet->has_sequence)
		return;
	if (collector->sequenced && gap > 0 && gap < UINT32_MAX / 2) {
		collector->lost += collector->settings.diagnostics != 0 ? gap : 0;
		collector->counts.lost += gap;
		collector->overrun = false;
		arm_interval(collector);
	}
	collector->sequenced = true;
	collector->expected = packet->sequence + 1;
}

static void packet_take(struct collector *collector, const struct nflog_packet *packet, int64_t now, uint64_t time)
{
	struct drop drop;
	sequence_follow(collector, packet);
	if (!drop_read(packet, &drop))
		return;
	collector->counts.received++;
	if ((collector->settings.diagnostics & drop_level(drop.direction)) == 0)
		return;
	if (!record_has(&drop.record, COLUMN_DATE)) {
		drop.record.time = time;
		drop.record.has |= RECORD_HAS(COLUMN_DATE);
	}
	struct name *name = names_find(collector->names, drop.hash, drop.rule);
	if (single_allowed(collector, now)) {
		drop_write(collector, &drop, name);
	} else {
		collector->counts.counted++;
		drop_count(collector, &drop, name, 1, now);
	}
	arm_interval(collector);
}

void collector_datagram(struct collector *collector, const void *bytes, size_t length)
{
	struct nflog_reader reader = {bytes, (const uint8_t *)bytes + length};
	struct nflog_packet packet;
	int64_t now = loop_now(collector->loop);
	uint64_t time = time_now(collector);
	while (nflog_next(&reader, &packet) == 1)
		packet_take(collector, &packet, now, time);
}

void collector_overrun(struct collector *collector)
{
	collector->overrun = true;
	arm_interval(collector);
}

/* --- The socket --- */

static struct receiver *receiver_new(void)
{
	struct receiver *receiver = memory_alloc(sizeof(*receiver));
	for (size_t i = 0; i < BATCH; i++) {
		receiver->parts[i] = (struct iovec){receiver->bytes[i], NFLOG_DATAGRAM};
		receiver->messages[i].msg_hdr = (struct msghdr){.msg_iov = &receiver->parts[i], .msg_iovlen = 1};
	}
	return receiver;
}

static void overflows_look(struct collector *collector)
{
	uint32_t overflows = nflog_overflows(collector->options.nflog);
	/* Seen after all was read: a gap that was read since has taken it back. */
	if (overflows != collector->overflows)
		collector_overrun(collector);
	collector->overflows = overflows;
}

static void receive(void *context)
{
	struct collector *collector = context;
	struct receiver *receiver = collector->receiver;
	for (unsigned round = 0; round < ROUNDS; round++) {
		int count = recvmmsg(collector->options.nflog, receiver->messages, BATCH, MSG_DONTWAIT, NULL);
		if (count < 0 && errno == ENOBUFS)
			collector_overrun(collector);
		if (count < 0 && errno != ENOBUFS && errno != EINTR)
			break;
		for (int i = 0; i < count; i++)
			collector_datagram(collector, receiver->bytes[i], receiver->messages[i].msg_len);
		if (count >= 0 && count < BATCH)
			break;
	}
	overflows_look(collector);
}

/* --- Messages of the parent --- */

static int settings_take(struct collector *collector, const void *fixed, struct cursor tail)
{
	struct message_settings settings;
	memcpy(&settings, fixed, sizeof(settings));
	if (cursor_left(&tail) > 0 || settings.diagnostics > 7 || memchr(settings.mode, '\0', sizeof(settings.mode)) == NULL)
		return ERROR_DAMAGED;
	if (settings.interval < 1 || settings.interval > INTERVAL_MOST)
		settings.interval = settings.interval < 1 ? 1 : INTERVAL_MOST;
	const struct message_settings *old = &collector->settings;
	/* What was dropped until now is written as it was recorded until now. */
	if (old->diagnostics != settings.diagnostics || old->interval != settings.interval || old->observe != settings.observe ||
	    strcmp(old->mode, settings.mode) != 0)
		collector_flush(collector);
	collector->settings = settings;
	if (gethostname(collector->computer, sizeof(collector->computer) - 1) < 0)
		collector->computer[0] = '\0';
	return 0;
}

static bool hash_parse(const char text[17], uint64_t *ret_hash)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < 16; i++) {
		char c = text[i];
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
		hash = hash << 4 | (unsigned)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*ret_hash = hash;
	return text[16] == '\0';
}

static int names_take(struct collector *collector, const void *fixed, struct cursor tail)
{
	struct message_names names;
	uint64_t hash;
	memcpy(&names, fixed, sizeof(names));
	if (!hash_parse(names.hash, &hash) || cursor_left(&tail) != (size_t)names.policy + names.rule + names.list)
		return ERROR_DAMAGED;
	const char *at = tail.at != NULL ? tail.at : "";
	struct cursor policy = cursor_of(at, names.policy), rule = cursor_of(policy.end, names.rule);
	/* A full table is no fault of the parent's: those names are missing then. */
	(void)names_add(collector->names, hash, policy, rule, cursor_of(rule.end, names.list));
	return 0;
}

static int names_end_take(struct collector *collector, const void *fixed, struct cursor tail)
{
	(void)fixed;
	names_end(collector->names);
	return cursor_left(&tail) == 0 ? 0 : ERROR_DAMAGED;
}

/* Mode changes are always written, other happenings with the level for errors; those without an id go to the journal
 * alone. */
static bool event_recorded(const struct collector *collector, uint16_t eventid)
{
	if (eventid > DROP_OUT_EVENT && eventid <= 4297)
		return true;
	return eventid != 0 && (collector->settings.diagnostics & DIAGNOSTICS_ERRORS) != 0;
}

static int event_take(struct collector *collector, const void *fixed, struct cursor tail)
{
	struct message_event event;
	struct record record;
	memcpy(&event, fixed, sizeof(event));
	if (cursor_left(&tail) != event.text || memchr(event.mode, '\0', sizeof(event.mode)) == NULL ||
	    memchr(event.digest, '\0', sizeof(event.digest)) == NULL)
		return ERROR_DAMAGED;
	char *text = memory_text_n(tail.at != NULL ? tail.at : "", event.text);
	droplog_mode_record(event.eventid, event.mode, event.digest, text, &record);
	record.time = time_now(collector);
	record.has |= RECORD_HAS(COLUMN_DATE);
	if (event_recorded(collector, event.eventid)) {
		if (collector->pending.length < EVENT_BYTES)
			line_add(collector, &record);
		else
			collector->events_missed++;
	}
	if (collector->journal != NULL)
		journal_add(collector->journal, &record, event.eventid == 4292 ? 4 : 5, text);
	pending_write(collector);
	free(text);
	return 0;
}

static bool protocol_has_ports(uint8_t protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

static int bootdrop_take(struct collector *collector, const void *fixed, struct cursor tail)
{
	struct bootdrop boot;
	struct drop drop = {.kind = DROP_BOOT, .record = {.has = RECORD_HAS(COLUMN_DATE), .time = time_now(collector)}};
	struct record *record = &drop.record;
	memcpy(&boot, fixed, sizeof(boot));
	if (cursor_left(&tail) > 0 || (boot.src.family != 0 && family_bits(boot.src.family) == 0))
		return ERROR_DAMAGED;
	if (boot.packets == 0)
		return 0;
	if (boot.src.family != 0) {
		record->src = boot.src;
		record->protocol = boot.protocol;
		record->has |= RECORD_HAS(COLUMN_SRC_IP) | RECORD_HAS(COLUMN_PROTOCOL);
	}
	if (boot.src.family != 0 && protocol_has_ports(boot.protocol)) {
		record->dstport = boot.dstport;
		record->has |= RECORD_HAS(COLUMN_DST_PORT);
	}
	struct name *name = names_find(collector->names, 0, cursor_text("boot"));
	drop_count(collector, &drop, name, boot.packets, loop_now(collector->loop));
	arm(collector, SOON);
	return 0;
}

static int flush_take(struct collector *collector, const void *fixed, struct cursor tail)
{
	(void)fixed;
	collector_flush(collector);
	return cursor_left(&tail) == 0 ? 0 : ERROR_DAMAGED;
}

static int (*const takers[MESSAGE_TYPES])(struct collector *collector, const void *fixed, struct cursor tail) = {
	[MESSAGE_SETTINGS] = settings_take, [MESSAGE_NAMES] = names_take,       [MESSAGE_NAMES_END] = names_end_take,
	[MESSAGE_EVENT] = event_take,       [MESSAGE_BOOTDROP] = bootdrop_take, [MESSAGE_FLUSH] = flush_take,
};

int collector_message(struct collector *collector, enum message_type type, const void *fixed, struct cursor tail)
{
	if ((unsigned)type >= MESSAGE_TYPES || takers[type] == NULL)
		return ERROR_DAMAGED;
	return takers[type](collector, fixed, tail);
}

/* --- Life --- */

static size_t sources_fit(const struct collector_options *options)
{
	size_t most = options->log_most > 0 ? options->log_most : DROPLOG_MOST;
	size_t files = options->log_files > 0 ? options->log_files : DROPLOG_FILES;
	size_t fit = most / LINE_SHARE * files;
	if (fit < COLLECTOR_SOURCES_LEAST)
		return COLLECTOR_SOURCES_LEAST;
	return fit < COLLECTOR_SOURCES_MOST ? fit : COLLECTOR_SOURCES_MOST;
}

struct collector *collector_new(struct loop *loop, const struct collector_options *options)
{
	struct collector *collector = memory_alloc(sizeof(*collector));
	collector->loop = loop;
	collector->options = *options;
	collector->options.burst = options->burst > 0 ? options->burst : COLLECTOR_BURST;
	collector->options.rate = options->rate > 0 ? options->rate : COLLECTOR_RATE;
	collector->settings = (struct message_settings){.interval = 3600, .mode = "secure"};
	collector->names = names_new();
	collector->aggregate = aggregate_new(options->sources > 0 ? options->sources : sources_fit(options));
	collector->interfaces = interfaces_new();
	collector->journal = options->journal ? journal_new(options->journal_path) : NULL;
	collector->log = options->folder >= 0 ? droplog_new(options->folder, options->log_most, options->log_files) : NULL;
	buffer_init(&collector->pending, PENDING_MOST);
	collector->allowance = (int64_t)collector->options.burst * 1000;
	collector->allowed = loop_now(loop);
	collector->crowded = loop_now(loop) - COLLECTOR_CROWDED;
	collector->timer = loop_timer(loop, 0, ring, collector);
	collector->ticker = loop_timer(loop, 0, tick, collector);
	if (gethostname(collector->computer, sizeof(collector->computer) - 1) < 0)
		collector->computer[0] = '\0';
	if (options->nflog >= 0) {
		collector->receiver = receiver_new();
		collector->overflows = nflog_overflows(options->nflog);
		collector->readable = loop_readable(loop, options->nflog, receive, collector);
	}
	return collector;
}

void collector_free(struct collector *collector)
{
	if (collector == NULL)
		return;
	collector_flush(collector);
	watch_free(collector->readable);
	watch_free(collector->timer);
	watch_free(collector->ticker);
	aggregate_free(collector->aggregate);
	names_free(collector->names);
	interfaces_free(collector->interfaces);
	journal_free(collector->journal);
	droplog_free(collector->log);
	buffer_done(&collector->pending);
	free(collector->receiver);
	free(collector);
}

void collector_flush(struct collector *collector)
{
	write_out(collector);
}

void collector_counts(const struct collector *collector, struct message_counts *ret_counts)
{
	*ret_counts = collector->counts;
}
