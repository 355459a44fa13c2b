/* Makes a disagreement small: each step takes something away from a copy, and the copy becomes the sample when the
 * judges still disagree.  Goes on until no step helps. */
#include "tests/oracle/sample.h"

#include <string.h>

struct shrink {
	struct sample *sample;
	struct packet *packet;
	const struct host *host;
	const struct sample_compare *compare;
	bool helped;
};

static bool still_differs(const struct shrink *shrink, const struct sample *sample, const struct packet *packet)
{
	struct state *state = sample_state(sample);
	bool differ = shrink->compare->differ(shrink->compare->context, state, shrink->host, packet);
	state_free(state);
	return differ;
}

/* Keeps a smaller copy when it will do. */
static bool shrink_try(struct shrink *shrink, const struct sample *sample, const struct packet *packet)
{
	if (!still_differs(shrink, sample, packet))
		return false;
	*shrink->sample = *sample;
	*shrink->packet = *packet;
	shrink->helped = true;
	return true;
}

static void shrink_counts(struct shrink *shrink)
{
	for (size_t i = shrink->sample->rule_count; i-- > 0;) {
		struct sample copy = *shrink->sample;
		copy.rule_count--;
		memmove(&copy.rules[i], &copy.rules[i + 1], (copy.rule_count - i) * sizeof(copy.rules[0]));
		(void)shrink_try(shrink, &copy, shrink->packet);
	}
	for (size_t i = shrink->sample->filter_count; i-- > 0;) {
		struct sample copy = *shrink->sample;
		copy.filter_count--;
		memmove(&copy.filters[i], &copy.filters[i + 1], (copy.filter_count - i) * sizeof(copy.filters[0]));
		(void)shrink_try(shrink, &copy, shrink->packet);
	}
	for (size_t i = shrink->sample->dynrule_count; i-- > 0;) {
		struct sample copy = *shrink->sample;
		copy.dynrule_count--;
		memmove(&copy.dynrules[i], &copy.dynrules[i + 1], (copy.dynrule_count - i) * sizeof(copy.dynrules[0]));
		(void)shrink_try(shrink, &copy, shrink->packet);
	}
}

static void shrink_boots(struct shrink *shrink)
{
	for (size_t i = shrink->sample->boot_count; i-- > 0;) {
		struct sample copy = *shrink->sample;
		copy.boot_count--;
		memmove(&copy.boots[i], &copy.boots[i + 1], (copy.boot_count - i) * sizeof(copy.boots[0]));
		(void)shrink_try(shrink, &copy, shrink->packet);
	}
}

/* The steps that make one filter simpler; false when a step changes nothing. */
enum { FILTER_STEPS = 7 };

static bool filter_step(struct filter *filter, unsigned step)
{
	struct filter before = *filter;
	const struct address any = {.kind = ADDRESS_ANY};
	switch (step) {
	case 0:
		filter->replies = false;
		break;
	case 1:
		filter->mirrored = filter->replies = false;
		break;
	case 2:
		filter->srcport = 0;
		break;
	case 3:
		filter->dstport = 0;
		break;
	case 4:
		filter->protocol = 0;
		filter->srcport = filter->dstport = 0;
		break;
	case 5:
		filter->src = any;
		break;
	default:
		filter->dst = any;
		break;
	}
	return !filter_equal(&before, filter) && filter_check(filter) == NULL;
}

static void shrink_filters(struct shrink *shrink)
{
	for (unsigned step = 0; step < FILTER_STEPS; step++) {
		for (size_t i = 0; i < shrink->sample->filter_count; i++) {
			struct sample copy = *shrink->sample;
			if (filter_step(&copy.filters[i].filter, step))
				(void)shrink_try(shrink, &copy, shrink->packet);
		}
		for (size_t i = 0; i < shrink->sample->dynrule_count; i++) {
			struct sample copy = *shrink->sample;
			if (filter_step(&copy.dynrules[i].filter, step))
				(void)shrink_try(shrink, &copy, shrink->packet);
		}
	}
}

/* Settings and the packet's own flags.  Every step changes something, or it would go on for ever. */
static void shrink_rest(struct shrink *shrink)
{
	struct sample copy = *shrink->sample;
	copy.exempt = 3;
	copy.ikeexempt = false;
	copy.decoy = false;
	bool changes = shrink->sample->exempt != 3 || shrink->sample->ikeexempt || shrink->sample->decoy;
	if (changes)
		(void)shrink_try(shrink, &copy, shrink->packet);
	struct packet packet = *shrink->packet;
	packet.reply = false;
	if (shrink->packet->reply)
		(void)shrink_try(shrink, shrink->sample, &packet);
	packet = *shrink->packet;
	packet.fragment = false;
	if (shrink->packet->fragment)
		(void)shrink_try(shrink, shrink->sample, &packet);
}

void sample_shrink(struct sample *sample, const struct host *host, struct packet *packet, const struct sample_compare *compare)
{
	struct shrink shrink = {.sample = sample, .packet = packet, .host = host, .compare = compare};
	do {
		shrink.helped = false;
		shrink_counts(&shrink);
		shrink_filters(&shrink);
		shrink_boots(&shrink);
		shrink_rest(&shrink);
	} while (shrink.helped);
}

static void rule_lines(const struct sample *sample, const struct sample_rule *rule, struct buffer *buffer)
{
	for (size_t i = 0; i < sample->filter_count; i++) {
		if (sample->filters[i].list != rule->list)
			continue;
		buffer_printf(buffer, "%s list %u: %s%s%s ", location_name((enum location_id)(rule->list % LOCATION_COUNT)), rule->list,
			      action_name(rule->action), rule->activate ? "" : " (not active)", rule->tunnel ? " (tunnel)" : "");
		filter_print(&sample->filters[i].filter, buffer);
		buffer_add_char(buffer, '\n');
	}
}

void sample_print(const struct sample *sample, const struct host *host, const struct packet *packet, struct buffer *buffer)
{
	char text[PACKET_TEXT];
	for (size_t i = 0; i < sample->rule_count; i++)
		rule_lines(sample, &sample->rules[i], buffer);
	for (size_t i = 0; i < sample->dynrule_count; i++) {
		const struct sample_dynrule *rule = &sample->dynrules[i];
		buffer_printf(buffer, "dynamic: in %s, out %s%s ", action_name(rule->in), action_name(rule->out), rule->tunnel ? " (tunnel)" : "");
		filter_print(&rule->filter, buffer);
		buffer_add_char(buffer, '\n');
	}
	buffer_printf(buffer, "ipsecexempt=%u ikeexempt=%s%s\n", sample->exempt, sample->ikeexempt ? "yes" : "no",
		      sample->decoy ? " and a policy that is not assigned" : "");
	if (sample->boot)
		buffer_printf(buffer, "bootmode=%s bootexemptions:", bootmode_name(sample->bootmode));
	for (size_t i = 0; i < sample->boot_count; i++) {
		buffer_add_char(buffer, ' ');
		bootexemption_print(&sample->boots[i], buffer);
	}
	buffer_add_text(buffer, sample->boot ? "\nhost:" : "host:");
	for (size_t i = 0; i < host->address_count; i++) {
		ip_print(&host->addresses[i].ip, text);
		buffer_printf(buffer, " %s/%u", text, host->addresses[i].bits);
	}
	for (unsigned kind = ADDRESS_DNS; kind <= ADDRESS_GATEWAY; kind++) {
		for (size_t i = 0; i < host->servers[kind].count; i++) {
			static const char *const names[] = {"dns", "wins", "dhcp", "gateway"};
			ip_print(&host->servers[kind].items[i], text);
			buffer_printf(buffer, " %s=%s", names[kind - ADDRESS_DNS], text);
		}
	}
	packet_print(packet, text);
	buffer_printf(buffer, "\npacket: %s\n", text);
}
