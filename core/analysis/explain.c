/* One account of a verdict, told in three ways: a line with tabs for programs (made a million times a second), text
 * for people, JSON.  The account is the verdict, and every other match that holds the packet with the reason
 * why it lost; both come from the classifier, so they are what is enforced. */
#include "core/analysis/explain.h"

#include <string.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/utf8.h"

enum { LOSERS_MOST = 100 }; /* that are named one by one */

/* --- The line --- */

/* A name as it is, but controls as \xNN. */
static void name_add(struct buffer *buffer, const char *name)
{
	static const char digits[] = "0123456789abcdef";
	for (const char *at = name; *at != '\0';) {
		const char *first = at;
		while ((unsigned char)*at >= ' ' && *at != 0x7f)
			at++;
		buffer_add(buffer, first, (size_t)(at - first));
		if (*at == '\0')
			break;
		char escaped[] = {'\\', 'x', digits[(unsigned char)*at >> 4], digits[*at & 15]};
		buffer_add(buffer, escaped, sizeof(escaped));
		at++;
	}
}

static void column_add(struct buffer *buffer, const char *name)
{
	buffer_add_char(buffer, '\t');
	name_add(buffer, name);
}

void explain_line(const struct ruleset *ruleset, const struct verdict *verdict, const struct packet *packet,
		  struct buffer *buffer)
{
	buffer_add_text(buffer, action_name(verdict->action));
	if (verdict->match != NULL) {
		const struct origin *origin = &ruleset->origins[verdict->match->origin];
		column_add(buffer, origin_policy(origin));
		if (origin->rule != NULL) {
			column_add(buffer, origin->rule->object.name);
		} else {
			buffer_add_char(buffer, '\t');
			origin_rule(origin, buffer);
		}
		column_add(buffer, origin_list(origin));
		buffer_add_char(buffer, '\t');
		buffer_add_number(buffer, verdict->match->filter);
	} else {
		buffer_add_text(buffer, "\t-\t");
		buffer_add_text(buffer, verdict->exemption != NULL ? verdict->exemption->name : "-");
		buffer_add_text(buffer, "\t-\t-");
	}
	char text[PACKET_TEXT + 1] = "\t";
	size_t length = packet_print(packet, text + 1);
	buffer_add(buffer, text, length + 1);
}

/* --- The account --- */

struct loser {
	const struct match *match;
	const struct shape *shape;
	const char *why;
	bool duplicate; /* of the match in `rival`: has the same key */
	const struct match *rival;
};

struct account {
	const struct ruleset *ruleset;
	const struct packet *packet;
	struct verdict verdict;
	const struct match *would;   /* what would have decided but for the exemption, or NULL */
	const struct match *answers; /* a match that holds answers only, which this packet is not; or NULL */
	struct loser losers[LOSERS_MOST];
	size_t loser_count, unlisted;
};

static void loser_add(struct account *account, struct loser loser)
{
	if (account->loser_count < LOSERS_MOST)
		account->losers[account->loser_count++] = loser;
	else
		account->unlisted++;
}

/* Why one match comes behind another that holds the packet too. */
static const char *why_lost(const struct ruleset *ruleset, const struct verdict *winner, const struct verdict *loser)
{
	static const char *const stricter[ACTION_PERMIT + 1][ACTION_PERMIT + 1] = {
		[ACTION_BLOCK] = {[ACTION_NEGOTIATE] = "both are equally specific: block comes before negotiate",
				  [ACTION_PERMIT] = "both are equally specific: block comes before permit"},
		[ACTION_NEGOTIATE] = {[ACTION_PERMIT] = "both are equally specific: negotiate comes before permit"},
	};
	const struct group *first = &ruleset->groups[winner->group], *second = &ruleset->groups[loser->group];
	if (first->weight != second->weight)
		return shape_compare_words(&second->shape, &first->shape);
	const char *words = stricter[winner->action][loser->action];
	return words != NULL ? words : "both are equally specific and do the same";
}

/* Filters whose key another one has: nothing ever reaches them. */
static void duplicates_find(struct account *account, const struct verdict *found, size_t count)
{
	const struct ruleset *ruleset = account->ruleset;
	for (size_t i = 0; i < ruleset->shadowed_count; i++) {
		const struct shadowed *shadowed = &ruleset->shadowed[i];
		for (size_t j = 0; j < count; j++) {
			const struct match *winner = &ruleset->matches[shadowed->winner];
			if (found[j].match != winner)
				continue;
			bool itself = winner->origin == shadowed->match.origin && winner->filter == shadowed->match.filter;
			const char *why = shadowed->match.action == winner->action ? "the same packets as an earlier filter"
										   : "the same packets: the stricter action holds";
			if (!itself)
				loser_add(account, (struct loser){.match = &shadowed->match, .why = why, .duplicate = true,
								  .shape = &ruleset->groups[shadowed->group].shape, .rival = winner});
		}
	}
}

static void account_make(struct account *account, const struct ruleset *ruleset, const struct classifier *classifier,
			 const struct packet *packet)
{
	*account = (struct account){.ruleset = ruleset, .packet = packet};
	classifier_judge(classifier, packet, &account->verdict);
	struct verdict found[LOSERS_MOST + 1];
	size_t count = classifier_matches(classifier, packet, found, ARRAY_LENGTH(found));
	size_t kept = count < ARRAY_LENGTH(found) ? count : ARRAY_LENGTH(found);
	if (account->verdict.exemption != NULL) {
		account->would = kept > 0 ? found[0].match : NULL;
		return;
	}
	for (size_t i = 1; i < kept; i++)
		loser_add(account, (struct loser){.match = found[i].match, .shape = &ruleset->groups[found[i].group].shape,
						  .why = why_lost(ruleset, &found[0], &found[i])});
	account->unlisted += count - kept;
	duplicates_find(account, found, kept);
	if (packet->reply || !ruleset->uses_reply)
		return;
	struct packet answer = *packet;
	answer.reply = true;
	kept = classifier_matches(classifier, &answer, found, ARRAY_LENGTH(found));
	kept = kept < ARRAY_LENGTH(found) ? kept : ARRAY_LENGTH(found);
	for (size_t i = 0; i < kept && account->answers == NULL; i++)
		if (ruleset->groups[found[i].group].shape.reply && found[i].match != account->verdict.match)
			account->answers = found[i].match;
}

static const struct {
	const char *name, *reason;
} exemption_reasons[] = {
	{"loopback", "what stays on the host is never filtered"},
	{"nd", "IPv6 neighbour discovery is below this policy and always passes"},
	{"ike", "the host's own IKE port is exempt at every level of ipsecexempt; ikeexempt=no closes it"},
	{"kerberos", "Kerberos is exempt at levels 0 and 2 of ipsecexempt"},
	{"rsvp", "RSVP is exempt at levels 0 and 2 of ipsecexempt"},
	{"multicast", "multicast is exempt at levels 0 and 1 of ipsecexempt"},
	{"broadcast", "broadcast is exempt at levels 0 and 1 of ipsecexempt"},
	{"dhcp", "DHCP is exempt while the machine starts"},
	{"reply", "it answers a packet that the host sent (boot mode stateful)"},
	{"outbound", "what the host sends passes while the machine starts (boot mode stateful)"},
};

static const char *exemption_reason(const struct exemption *exemption)
{
	for (size_t i = 0; i < ARRAY_LENGTH(exemption_reasons); i++)
		if (strcmp(exemption_reasons[i].name, exemption->name) == 0)
			return exemption_reasons[i].reason;
	return exemption->reply ? "it answers what bootexemptions lets pass" : "it is listed in bootexemptions";
}

/* Why it is so when no filter decided. */
static const char *otherwise_reason(const struct account *account)
{
	static const char *const startup[] = {
		[BOOTMODE_STATEFUL] = "no exemption holds, and it answers nothing that the host sent: dropped while the machine starts "
				      "(boot mode stateful)",
		[BOOTMODE_BLOCK] = "no exemption holds: dropped while the machine starts (boot mode block)",
		[BOOTMODE_PERMIT] = "no filter is asked while the machine starts: everything passes (boot mode permit)",
	};
	switch (account->ruleset->mode) {
	case MODE_PERMIT:
		return "no filter is asked in mode permit: everything passes";
	case MODE_BLOCK:
		return "no filter is asked in mode block: everything is dropped";
	case MODE_BOOT:
		return startup[account->ruleset->bootmode];
	case MODE_SECURE:
		break;
	}
	return "no filter matched: permitted";
}

/* --- Text --- */

static void quoted_add(struct buffer *buffer, const char *text)
{
	buffer_add_quoted(buffer, text, strlen(text));
}

static void origin_add(const struct account *account, const struct match *match, struct buffer *buffer)
{
	const struct origin *origin = &account->ruleset->origins[match->origin];
	if (origin->rule == NULL) {
		buffer_printf(buffer, "rule %zu of the dynamic context", origin->number);
		return;
	}
	buffer_printf(buffer, "filter %u of ", match->filter);
	quoted_add(buffer, origin->list->object.name);
	buffer_add_text(buffer, ", rule ");
	quoted_add(buffer, origin->rule->object.name);
	buffer_add_text(buffer, ", policy ");
	quoted_add(buffer, origin->policy->object.name);
	if (origin->location != LOCATION_LOCAL)
		buffer_printf(buffer, " (%s)", location_name(origin->location));
}

static const char *half_words(const struct match *match, const struct filter *filter)
{
	if (!match->reverse)
		return "";
	return filter->replies ? " (as an answer)" : " (its mirrored half)";
}

/* The filter in words, its description and where it was written, each on a line of its own. */
static void filter_add(const struct account *account, const struct match *match, struct buffer *buffer)
{
	const struct filter *filter = match_filter(account->ruleset, match);
	buffer_add_text(buffer, "    ");
	filter_print(filter, buffer);
	buffer_add_text(buffer, half_words(match, filter));
	buffer_add_char(buffer, '\n');
	if (filter->description != NULL && filter->description[0] != '\0') {
		buffer_add_text(buffer, "    ");
		quoted_add(buffer, filter->description);
		buffer_add_char(buffer, '\n');
	}
	if (filter->file == NULL)
		return;
	buffer_add_text(buffer, "    from ");
	name_add(buffer, filter->file);
	if (filter->line > 0)
		buffer_printf(buffer, ":%u", filter->line);
	buffer_add_char(buffer, '\n');
}

static const char *extent_words(const struct shape *shape, bool dst)
{
	unsigned bits = dst ? shape->dst_bits : shape->src_bits;
	if ((dst ? shape->dst_me : shape->src_me) || bits == family_bits(shape->family))
		return "one address";
	return bits == 0 ? "any" : "a network";
}

static const char *ports_words(const struct shape *shape)
{
	if (shape->has_srcport || shape->has_dstport)
		return !shape->has_srcport ? "the destination port" : shape->has_dstport ? "both ports" : "the source port";
	return shape->has_protocol ? "a protocol" : "any protocol";
}

/* What the comparison looked at, in the words of both filters. */
static void detail_add(const struct account *account, const struct loser *loser, struct buffer *buffer)
{
	const struct shape *winner = &account->ruleset->groups[account->verdict.group].shape, *shape = loser->shape;
	if (loser->duplicate) {
		buffer_add_text(buffer, " (");
		origin_add(account, loser->rival, buffer);
		buffer_add_char(buffer, ')');
		return;
	}
	bool same_source = strcmp(extent_words(winner, false), extent_words(shape, false)) == 0;
	bool same_destination = strcmp(extent_words(winner, true), extent_words(shape, true)) == 0;
	if (winner->tunnel != shape->tunnel)
		return;
	if (!same_source || !same_destination)
		buffer_printf(buffer, " (from %s to %s; the winner from %s to %s)", extent_words(shape, false),
			      extent_words(shape, true), extent_words(winner, false), extent_words(winner, true));
	else if (strcmp(ports_words(winner), ports_words(shape)) != 0)
		buffer_printf(buffer, " (it names %s, the winner %s)", ports_words(shape), ports_words(winner));
	else if (winner->src_bits + winner->dst_bits != shape->src_bits + shape->dst_bits)
		buffer_printf(buffer, " (%u bits of addresses, the winner %u)", (unsigned)shape->src_bits + shape->dst_bits,
			      (unsigned)winner->src_bits + winner->dst_bits);
}

static void losers_add(const struct account *account, struct buffer *buffer)
{
	if (account->loser_count > 0)
		buffer_add_text(buffer, "It also matches, and loses:\n");
	for (size_t i = 0; i < account->loser_count; i++) {
		const struct loser *loser = &account->losers[i];
		buffer_printf(buffer, "  %s by ", action_name((enum action)loser->match->action));
		origin_add(account, loser->match, buffer);
		buffer_add_char(buffer, '\n');
		filter_add(account, loser->match, buffer);
		buffer_printf(buffer, "    because: %s", loser->why);
		detail_add(account, loser, buffer);
		buffer_add_char(buffer, '\n');
	}
	if (account->unlisted > 0)
		buffer_printf(buffer, "  and %zu more\n", account->unlisted);
}

static void exemption_add(const struct account *account, struct buffer *buffer)
{
	const struct exemption *exemption = account->verdict.exemption;
	buffer_printf(buffer, "  exempt: %s\n    %s\n", exemption->name, exemption_reason(exemption));
	if (account->would == NULL) {
		if (account->ruleset->mode == MODE_SECURE)
			buffer_add_text(buffer, "Without the exemption no filter would match: permitted all the same.\n");
		return;
	}
	buffer_printf(buffer, "Without the exemption: %s by ", action_name((enum action)account->would->action));
	origin_add(account, account->would, buffer);
	buffer_add_char(buffer, '\n');
	filter_add(account, account->would, buffer);
}

void explain_text(const struct ruleset *ruleset, const struct classifier *classifier, const struct packet *packet,
		  struct buffer *buffer)
{
	struct account account;
	char text[PACKET_TEXT];
	account_make(&account, ruleset, classifier, packet);
	packet_print(packet, text);
	buffer_printf(buffer, "%s: %s\n", action_name(account.verdict.action), text);
	if (account.verdict.exemption != NULL) {
		exemption_add(&account, buffer);
		return;
	}
	if (account.verdict.match != NULL) {
		buffer_add_text(buffer, "  by ");
		origin_add(&account, account.verdict.match, buffer);
		buffer_add_char(buffer, '\n');
		filter_add(&account, account.verdict.match, buffer);
	} else {
		buffer_printf(buffer, "  %s\n", otherwise_reason(&account));
	}
	losers_add(&account, buffer);
	if (account.answers == NULL)
		return;
	buffer_printf(buffer, "An answer would be judged by this filter too (%s), but this packet answers none:\n  ",
		      action_name((enum action)account.answers->action));
	origin_add(&account, account.answers, buffer);
	buffer_add_char(buffer, '\n');
	filter_add(&account, account.answers, buffer);
}

/* --- JSON --- */

static void json_string(struct buffer *buffer, const char *text)
{
	buffer_add_char(buffer, '"');
	for (size_t at = 0, length = strlen(text), bytes; at < length; at += bytes) {
		unsigned char c = (unsigned char)text[at];
		bytes = utf8_length(text + at, length - at);
		if (bytes == 0) {
			buffer_add_text(buffer, "\\ufffd"); /* no text can hold such a byte */
			bytes = 1;
		} else if (c == '"' || c == '\\') {
			buffer_add_char(buffer, '\\');
			buffer_add_char(buffer, (char)c);
		} else if (c < ' ' || c == 0x7f) {
			buffer_printf(buffer, "\\u%04x", c);
		} else {
			buffer_add(buffer, text + at, bytes);
		}
	}
	buffer_add_char(buffer, '"');
}

/* , "key": "text", or null where there is no text. */
static void json_member(struct buffer *buffer, const char *key, const char *text)
{
	buffer_printf(buffer, ", \"%s\": ", key);
	if (text != NULL)
		json_string(buffer, text);
	else
		buffer_add_text(buffer, "null");
}

/* All about one match, without the braces. */
static void json_match(const struct account *account, const struct match *match, struct buffer *buffer)
{
	const struct origin *origin = &account->ruleset->origins[match->origin];
	const struct filter *filter = match_filter(account->ruleset, match);
	struct buffer words;
	buffer_init(&words, 4096);
	json_member(buffer, "location", location_name(origin->location));
	json_member(buffer, "policy", origin->policy != NULL ? origin->policy->object.name : NULL);
	origin_rule(origin, &words);
	json_member(buffer, "rule", origin->rule != NULL ? origin->rule->object.name : buffer_text(&words));
	json_member(buffer, "filterlist", origin->list != NULL ? origin->list->object.name : NULL);
	buffer_printf(buffer, ", \"number\": %u", match->filter);
	buffer_clear(&words);
	filter_print(filter, &words);
	json_member(buffer, "filter", buffer_text(&words));
	buffer_printf(buffer, ", \"mirrored_half\": %s", match->reverse ? "true" : "false");
	json_member(buffer, "description", filter->description != NULL ? filter->description : "");
	json_member(buffer, "file", filter->file);
	if (filter->file != NULL && filter->line > 0)
		buffer_printf(buffer, ", \"line\": %u", filter->line);
	else
		buffer_add_text(buffer, ", \"line\": null");
	buffer_done(&words);
}

static void json_losers(const struct account *account, struct buffer *buffer)
{
	buffer_add_text(buffer, ", \"lost\": [");
	for (size_t i = 0; i < account->loser_count; i++) {
		const struct loser *loser = &account->losers[i];
		buffer_printf(buffer, "%s{\"verdict\": \"%s\"", i > 0 ? ", " : "", action_name((enum action)loser->match->action));
		json_match(account, loser->match, buffer);
		json_member(buffer, "why", loser->why);
		buffer_add_char(buffer, '}');
	}
	buffer_add_char(buffer, ']');
	if (account->unlisted > 0)
		buffer_printf(buffer, ", \"lost_unlisted\": %zu", account->unlisted);
}

void explain_json(const struct ruleset *ruleset, const struct classifier *classifier, const struct packet *packet,
		  struct buffer *buffer)
{
	struct account account;
	char text[PACKET_TEXT];
	account_make(&account, ruleset, classifier, packet);
	packet_print(packet, text);
	buffer_printf(buffer, "{\"verdict\": \"%s\"", action_name(account.verdict.action));
	json_member(buffer, "packet", text);
	const struct exemption *exemption = account.verdict.exemption;
	json_member(buffer, "exemption", exemption != NULL ? exemption->name : NULL);
	if (account.verdict.match != NULL)
		json_match(&account, account.verdict.match, buffer);
	else
		json_member(buffer, "reason", exemption != NULL ? exemption_reason(exemption) : otherwise_reason(&account));
	json_losers(&account, buffer);
	buffer_add_char(buffer, '}');
}
