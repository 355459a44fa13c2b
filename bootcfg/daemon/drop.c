#include "bootcfg/daemon/drop.h"

#include <linux/netfilter.h>

#include "core/base/attr.h"

static const struct {
	const char *word;   /* of the prefix */
	const char *action; /* in observe mode the packet has passed */
} kinds[] = {[DROP_BLOCK] = {"block", "DROP"}, [DROP_OBSERVE] = {"observe", "ALLOW"}, [DROP_BOOT] = {"boot", "DROP"}};

static const enum direction directions[] = {
	[NF_INET_PRE_ROUTING] = DIRECTION_IN,  [NF_INET_LOCAL_IN] = DIRECTION_IN,     [NF_INET_FORWARD] = DIRECTION_FORWARD,
	[NF_INET_LOCAL_OUT] = DIRECTION_OUT, [NF_INET_POST_ROUTING] = DIRECTION_OUT,
};

static bool word_take(struct cursor *cursor, const char *word)
{
	size_t length = strlen(word);
	if (cursor_left(cursor) < length || memcmp(cursor->at, word, length) != 0)
		return false;
	cursor->at += length;
	return cursor_take(cursor, ':');
}

/* 16 digits as the kernel's counters have them in their names. */
static bool hash_take(struct cursor *cursor, uint64_t *ret_hash)
{
	uint64_t hash = 0;
	if (cursor_left(cursor) < 16)
		return false;
	for (size_t i = 0; i < 16; i++) {
		char c = cursor->at[i];
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
		hash = hash << 4 | (unsigned)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	cursor->at += 16;
	*ret_hash = hash;
	return true;
}

static bool prefix_read(struct cursor prefix, struct drop *drop)
{
	if (!word_take(&prefix, "cordon"))
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (!word_take(&prefix, kinds[i].word))
			continue;
		drop->kind = (enum drop_kind)i;
		if (!hash_take(&prefix, &drop->hash) || !cursor_take(&prefix, ':'))
			return false;
		drop->rule = prefix;
		return true;
	}
	return false;
}

void drop_kind_set(struct record *record, enum drop_kind kind, enum direction direction)
{
	record->source = record->log = cursor_text("cordon");
	record->action = cursor_text(kinds[kind].action);
	if (direction != 0)
		record->direction = cursor_text(direction_name(direction));
	record->eventid = direction == DIRECTION_OUT ? DROP_OUT_EVENT : DROP_IN_EVENT;
	record->has |= RECORD_HAS(COLUMN_EVENTID);
}

bool drop_read(const struct nflog_packet *packet, struct drop *ret_drop)
{
	struct drop drop = {.kind = DROP_BLOCK};
	if (!prefix_read(packet->prefix, &drop))
		return false;
	drop.direction = packet->hook < ARRAY_LENGTH(directions) ? directions[packet->hook] : DIRECTION_IN;
	drop.interface = drop.direction == DIRECTION_OUT ? packet->outdev : packet->indev;
	drop.uid = packet->uid;
	drop.has_uid = packet->has_uid;
	drop_kind_set(&drop.record, drop.kind, drop.direction);
	if (packet->payload != NULL)
		(void)record_packet(&drop.record, packet->payload, packet->payload_length);
	if (packet->has_time) {
		drop.record.time = record_time_of_unix(packet->seconds, packet->microseconds * 1000);
		drop.record.has |= RECORD_HAS(COLUMN_DATE);
	}
	*ret_drop = drop;
	return true;
}

unsigned drop_level(enum direction direction)
{
	return direction == DIRECTION_OUT ? DIAGNOSTICS_OUT : DIAGNOSTICS_IN;
}

void drop_name_set(struct record *record, const struct name *name)
{
	record->policy = name->policy;
	record->rule = name->rule;
	record->filterlist = name->list;
	/* The counter of the kernel that it is, c_ and this in 16 hexadecimal digits. */
	if (!name->known && name->hash != 0) {
		record->filter_id = name->hash;
		record->has |= RECORD_HAS(COLUMN_FILTER_ID);
	}
}

void drop_key(const struct drop *drop, struct name *name, struct aggregate_key *ret_key)
{
	const struct record *record = &drop->record;
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->name = name;
	ret_key->interface = drop->interface;
	ret_key->direction = (uint8_t)drop->direction;
	ret_key->kind = (uint8_t)drop->kind;
	if (record_has(record, COLUMN_SRC_IP)) {
		memcpy(ret_key->src, record->src.bytes, sizeof(ret_key->src));
		ret_key->family = record->src.family;
		ret_key->has |= AGGREGATE_SRC;
	}
	if (record_has(record, COLUMN_DST_IP)) {
		memcpy(ret_key->dst, record->dst.bytes, sizeof(ret_key->dst));
		ret_key->has |= AGGREGATE_DST;
	}
	if (record_has(record, COLUMN_PROTOCOL)) {
		ret_key->protocol = record->protocol;
		ret_key->has |= AGGREGATE_PROTOCOL;
	}
	if (record_has(record, COLUMN_DST_PORT)) {
		ret_key->port = record->dstport;
		ret_key->has |= AGGREGATE_PORT;
	} else if (record_has(record, COLUMN_ICMPCODE)) {
		ret_key->port = (uint16_t)(record->icmptype << 8 | record->icmpcode);
		ret_key->has |= AGGREGATE_ICMP;
	}
}

static void packet_counted(const struct aggregate_key *key, struct record *record)
{
	record->src = (struct ip){.family = key->family};
	record->dst = record->src;
	memcpy(record->src.bytes, key->src, sizeof(key->src));
	memcpy(record->dst.bytes, key->dst, sizeof(key->dst));
	record->protocol = key->protocol;
	record->dstport = key->port;
	record->icmptype = (uint8_t)(key->port >> 8);
	record->icmpcode = (uint8_t)(key->port & 255);
	static const struct {
		uint8_t has;
		uint64_t columns;
	} rows[] = {
		{AGGREGATE_SRC, RECORD_HAS(COLUMN_SRC_IP)},
		{AGGREGATE_DST, RECORD_HAS(COLUMN_DST_IP)},
		{AGGREGATE_PROTOCOL, RECORD_HAS(COLUMN_PROTOCOL)},
		{AGGREGATE_PORT, RECORD_HAS(COLUMN_DST_PORT)},
		{AGGREGATE_ICMP, RECORD_HAS(COLUMN_ICMPTYPE) | RECORD_HAS(COLUMN_ICMPCODE)},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (key->has & rows[i].has)
			record->has |= rows[i].columns;
}

void drop_counted(const struct aggregate_entry *entry, struct record *ret_record)
{
	struct record record = {.time = entry->time, .count = entry->count, .has = RECORD_HAS(COLUMN_DATE) | RECORD_HAS(COLUMN_COUNT)};
	drop_kind_set(&record, (enum drop_kind)entry->key.kind, (enum direction)entry->key.direction);
	record.layer = cursor_text(entry->key.name == NULL || entry->rule ? "overflow" : "counted");
	if (entry->key.name != NULL)
		drop_name_set(&record, entry->key.name);
	packet_counted(&entry->key, &record);
	*ret_record = record;
}

/* --- For people --- */

static void end_print(const struct record *record, enum record_column address, enum record_column port, struct buffer *buffer)
{
	char text[RECORD_VALUE];
	size_t length = record_value(record, address, text);
	bool brackets = record_has(record, port) && memchr(text, ':', length) != NULL;
	buffer_add_text(buffer, brackets ? " [" : " ");
	buffer_add(buffer, length > 0 ? text : "?", length > 0 ? length : 1);
	buffer_add_text(buffer, brackets ? "]" : "");
	if (record_has(record, port)) {
		buffer_add_char(buffer, ':');
		buffer_add(buffer, text, record_value(record, port, text));
	}
}

static void name_print(const char *what, struct cursor name, struct buffer *buffer)
{
	if (name.at == NULL)
		return;
	buffer_printf(buffer, ", %s ", what);
	buffer_add_quoted(buffer, name.at, cursor_left(&name));
}

void drop_print(const struct record *record, struct buffer *buffer)
{
	char text[RECORD_VALUE];
	size_t protocol = record_value(record, COLUMN_PROTOCOL, text);
	buffer_add(buffer, record->action.at, cursor_left(&record->action));
	if (record->direction.at != NULL) {
		buffer_add_char(buffer, ' ');
		buffer_add(buffer, record->direction.at, cursor_left(&record->direction));
	}
	if (protocol > 0) {
		buffer_add_char(buffer, ' ');
		buffer_add(buffer, text, protocol);
	}
	if (record_has(record, COLUMN_SRC_IP)) {
		end_print(record, COLUMN_SRC_IP, COLUMN_SRC_PORT, buffer);
		buffer_add_text(buffer, " >");
		end_print(record, COLUMN_DST_IP, COLUMN_DST_PORT, buffer);
	}
	if (record_has(record, COLUMN_COUNT))
		buffer_printf(buffer, ", %llu packets", (unsigned long long)record->count);
	name_print("rule", record->rule, buffer);
	name_print("policy", record->policy, buffer);
}
