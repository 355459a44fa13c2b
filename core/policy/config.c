#include "core/policy/config.h"

#include <string.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/policy/filter.h"

const struct property properties[PROPERTY_COUNT] = {
	[PROPERTY_IPSECDIAGNOSTICS] = {"ipsecdiagnostics", "IPsecDiagnostics", "0 to 7",
		"what the driver records: 1 errors, 2 inbound drops, 4 outbound drops, and their sums", EFFECT_BOOT, false},
	[PROPERTY_IPSECLOGINTERVAL] = {"ipsecloginterval", "IPsecloginterval", "60 to 86400 (seconds)",
		"how often the recorded drops are written", EFFECT_BOOT, false},
	[PROPERTY_IPSECEXEMPT] = {"ipsecexempt", "IPsecexempt", "0 to 3",
		"what no filter is asked about: 0 multicast, broadcast, RSVP, Kerberos, IKE; 1 multicast, broadcast, IKE; "
		"2 RSVP, Kerberos, IKE; 3 IKE only", EFFECT_APPLY, false},
	[PROPERTY_IKELOGGING] = {"ikelogging", "IKElogging", "0 or 1", "log of the key exchange", EFFECT_NOW, false},
	[PROPERTY_STRONGCRLCHECK] = {"strongcrlcheck", "StrongCRLCheck", "0, 1 or 2",
		"revocation of certificates: 0 not checked, 1 fails if revoked, 2 fails on any error", EFFECT_NOW, false},
	[PROPERTY_BOOTMODE] = {"bootmode", "Boot Mode", "stateful, block or permit",
		"what passes from power-on until the service has applied the policy", EFFECT_BOOT, false},
	[PROPERTY_BOOTEXEMPTIONS] = {"bootexemptions", "Boot Mode Exemptions",
		"none, or a list such as \"tcp:0:3389:inbound ICMP:inbound\"",
		"what passes at boot in the modes block and stateful, besides DHCP", EFFECT_BOOT, false},
	[PROPERTY_IKEEXEMPT] = {"ikeexempt", "IKEexempt", "yes or no",
		"whether the host's own IKE port is exempt from filters", EFFECT_APPLY, true},
	[PROPERTY_FOLLOWNAMES] = {"follownames", "Follownames", "yes or no",
		"whether names in filters are resolved again when their time is over", EFFECT_NOW, true},
};

/* The numeric rows: least, most, and what holds while nothing is set. */
static const struct {
	uint32_t least, most, otherwise;
} ranges[PROPERTY_COUNT] = {
	[PROPERTY_IPSECDIAGNOSTICS] = {0, 7, 0},
	[PROPERTY_IPSECLOGINTERVAL] = {60, 86400, 3600},
	[PROPERTY_IPSECEXEMPT] = {0, 3, 3},
	[PROPERTY_IKELOGGING] = {0, 1, 0},
	[PROPERTY_STRONGCRLCHECK] = {0, 2, 1},
	[PROPERTY_BOOTMODE] = {BOOTMODE_STATEFUL, BOOTMODE_PERMIT, BOOTMODE_PERMIT},
	[PROPERTY_BOOTEXEMPTIONS] = {0, 0, 0},
	[PROPERTY_IKEEXEMPT] = {0, 1, 1},
	[PROPERTY_FOLLOWNAMES] = {0, 1, 0},
};

static const char *const bootmode_names[] = {
	[BOOTMODE_STATEFUL] = "stateful",
	[BOOTMODE_BLOCK] = "block",
	[BOOTMODE_PERMIT] = "permit",
};

const char *bootmode_name(enum bootmode mode)
{
	return bootmode_names[mode];
}

void config_init(struct config *config)
{
	*config = (struct config){0};
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		config->number[i] = ranges[i].otherwise;
}

const struct property *property_find(const char *name, size_t length)
{
	const struct property *found = NULL;
	for (size_t i = 0; i < PROPERTY_COUNT; i++) {
		if (ascii_equal_n(name, length, properties[i].name))
			return &properties[i];
		if (length > 0 && ascii_prefix(name, length, properties[i].name)) {
			if (found != NULL)
				return NULL;
			found = &properties[i];
		}
	}
	return found;
}

static bool yesno_parse(const char *text, size_t length, uint32_t *ret_number)
{
	bool yes = ascii_equal_n(text, length, "yes") || ascii_equal_n(text, length, "y");
	if (!yes && !ascii_equal_n(text, length, "no") && !ascii_equal_n(text, length, "n"))
		return false;
	*ret_number = yes;
	return true;
}

static bool bootmode_parse(const char *text, size_t length, uint32_t *ret_number)
{
	for (size_t i = 0; i < ARRAY_LENGTH(bootmode_names); i++) {
		if (ascii_equal_n(text, length, bootmode_names[i])) {
			*ret_number = (uint32_t)i;
			return true;
		}
	}
	return false;
}

/* The next part of PROTOCOL:…, up to a colon or the end. */
static struct cursor part_next(struct cursor *word)
{
	struct cursor part = *word;
	while (word->at < word->end && *word->at != ':')
		word->at++;
	part.end = word->at;
	cursor_take(word, ':');
	return part;
}

/* Returns NULL when good, else what would be right. */
static const char *bootexemption_parse(struct cursor word, struct bootexemption *ret_exemption)
{
	struct bootexemption exemption = {0};
	struct cursor part = part_next(&word);
	if (!protocol_parse(part.at, cursor_left(&part), &exemption.protocol) || exemption.protocol == PROTOCOL_ANY)
		return "the protocol is ICMP, TCP, UDP, RAW or a number";
	if (exemption.protocol == PROTOCOL_TCP || exemption.protocol == PROTOCOL_UDP) {
		uint64_t ports[2];
		for (size_t i = 0; i < 2; i++) {
			part = part_next(&word);
			if (!number_parse(part.at, cursor_left(&part), UINT16_MAX, &ports[i]))
				return "TCP and UDP are written PROTOCOL:SRCPORT:DSTPORT:DIRECTION, with 0 for any port";
		}
		exemption.srcport = (uint16_t)ports[0];
		exemption.dstport = (uint16_t)ports[1];
	}
	exemption.outbound = ascii_equal_n(word.at, cursor_left(&word), "outbound");
	if (!exemption.outbound && !ascii_equal_n(word.at, cursor_left(&word), "inbound"))
		return "the last part is inbound or outbound (protocols without ports are written PROTOCOL:DIRECTION)";
	*ret_exemption = exemption;
	return NULL;
}

static bool exemption_equal(const struct bootexemption *a, const struct bootexemption *b)
{
	return a->protocol == b->protocol && a->srcport == b->srcport && a->dstport == b->dstport &&
	       a->outbound == b->outbound;
}

static int bootexemptions_set(struct config *config, const char *value, size_t length, struct diag *diag,
			      const struct place *place)
{
	struct bootexemption list[BOOTEXEMPTIONS_MOST];
	size_t count = 0;
	struct cursor cursor = cursor_of(value, length), word;
	bool none = ascii_equal_n(value, length, "none");
	if (none)
		cursor.at = cursor.end;
	cursor_skip_blanks(&cursor);
	if (!none && cursor_left(&cursor) == 0) {
		diag_error(diag, place, "bootexemptions is empty: write none, or a list such as \"tcp:0:3389:inbound\"");
		return ERROR_INPUT;
	}
	for (; cursor_word(&cursor, &word); cursor_skip_blanks(&cursor)) {
		struct bootexemption exemption;
		const char *wrong = bootexemption_parse(word, &exemption);
		if (wrong == NULL && count == BOOTEXEMPTIONS_MOST)
			wrong = "that is one more than the 64 that are kept";
		if (wrong != NULL) {
			diag_error(diag, place, "boot exemption %s: %s", QUOTE_N(word.at, cursor_left(&word)), wrong);
			return ERROR_INPUT;
		}
		size_t same = 0;
		while (same < count && !exemption_equal(&list[same], &exemption))
			same++;
		if (same == count)
			list[count++] = exemption;
	}
	memcpy(config->bootexemptions, list, count * sizeof(list[0]));
	config->bootexemption_count = count;
	return 0;
}

int config_set(struct config *config, enum property_id id, const char *value, size_t length, struct diag *diag,
	       const struct place *place)
{
	uint32_t number = 0;
	if (ascii_equal_n(value, length, "default")) {
		config->number[id] = ranges[id].otherwise;
		if (id == PROPERTY_BOOTEXEMPTIONS)
			config->bootexemption_count = 0;
		config->set[id] = false;
		config->changed = true;
		return 0;
	}
	if (id == PROPERTY_BOOTEXEMPTIONS) {
		int error = bootexemptions_set(config, value, length, diag, place);
		if (error < 0)
			return error;
	} else {
		uint64_t decimal;
		bool good;
		if (id == PROPERTY_BOOTMODE)
			good = bootmode_parse(value, length, &number);
		else if (properties[id].own)
			good = yesno_parse(value, length, &number);
		else if ((good = number_parse(value, length, ranges[id].most, &decimal)))
			number = (uint32_t)decimal;
		if (!good || number < ranges[id].least) {
			diag_error(diag, place, "%s is %s, which is not right for it: write %s", properties[id].name,
				   QUOTE_N(value, length), properties[id].values);
			return ERROR_INPUT;
		}
	}
	config->number[id] = number;
	config->set[id] = true;
	config->changed = true;
	return 0;
}

void bootexemption_print(const struct bootexemption *exemption, struct buffer *buffer)
{
	char protocol[PROTOCOL_TEXT];
	protocol_print(exemption->protocol, protocol);
	buffer_add_text(buffer, protocol);
	if (exemption->protocol == PROTOCOL_TCP || exemption->protocol == PROTOCOL_UDP)
		buffer_printf(buffer, ":%u:%u", exemption->srcport, exemption->dstport);
	buffer_add_text(buffer, exemption->outbound ? ":outbound" : ":inbound");
}

void config_print(const struct config *config, enum property_id id, struct buffer *buffer)
{
	if (id == PROPERTY_BOOTMODE) {
		buffer_add_text(buffer, bootmode_names[config->number[id]]);
	} else if (id == PROPERTY_BOOTEXEMPTIONS) {
		if (config->bootexemption_count == 0)
			buffer_add_text(buffer, "none");
		for (size_t i = 0; i < config->bootexemption_count; i++) {
			if (i > 0)
				buffer_add_char(buffer, ' ');
			bootexemption_print(&config->bootexemptions[i], buffer);
		}
	} else if (properties[id].own) {
		buffer_add_text(buffer, config->number[id] != 0 ? "yes" : "no");
	} else {
		buffer_add_number(buffer, config->number[id]);
	}
}

bool config_value_equal(const struct config *a, const struct config *b, enum property_id id)
{
	if (id != PROPERTY_BOOTEXEMPTIONS)
		return a->number[id] == b->number[id];
	if (a->bootexemption_count != b->bootexemption_count)
		return false;
	for (size_t i = 0; i < a->bootexemption_count; i++)
		if (!exemption_equal(&a->bootexemptions[i], &b->bootexemptions[i]))
			return false;
	return true;
}
