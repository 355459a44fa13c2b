#include "logparse/audit/replay.h"

const char *replay_result_name(enum replay_result result)
{
	static const char *const names[REPLAY_RESULTS] = {"expected", "unexpected", "unexplained", "would"};
	return names[result];
}

static bool direction_of(const struct record *record, const struct host *host, uint8_t *ret_direction)
{
	static const enum direction directions[] = {DIRECTION_IN, DIRECTION_OUT, DIRECTION_FORWARD};
	for (size_t i = 0; record->direction.at != NULL && i < ARRAY_LENGTH(directions); i++)
		if (ascii_equal_n(record->direction.at, cursor_left(&record->direction), direction_name(directions[i]))) {
			*ret_direction = (uint8_t)directions[i];
			return true;
		}
	bool source = host_is_me(host, &record->src), destination = host_is_me(host, &record->dst);
	destination |= !source && (host_is_broadcast(host, &record->dst) || ip_is_multicast(&record->dst));
	if (source == destination)
		return false;
	*ret_direction = source ? DIRECTION_OUT : DIRECTION_IN;
	return true;
}

const char *replay_packet(const struct record *record, const struct host *host, struct packet *ret_packet)
{
	if (!record_has(record, COLUMN_SRC_IP))
		return "the source address";
	if (!record_has(record, COLUMN_DST_IP))
		return "the destination address";
	if (record->src.family != record->dst.family)
		return "two addresses of one family";
	if (!record_has(record, COLUMN_PROTOCOL))
		return "the protocol";
	struct packet packet = {.src = record->src, .dst = record->dst, .protocol = record->protocol, .icmp_type = -1};
	if (record->protocol == 6 || record->protocol == 17) {
		if (!record_has(record, COLUMN_SRC_PORT) || !record_has(record, COLUMN_DST_PORT))
			return "the ports";
		packet.srcport = record->srcport;
		packet.dstport = record->dstport;
	}
	if (record_has(record, COLUMN_ICMPTYPE))
		packet.icmp_type = record->icmptype;
	if (!direction_of(record, host, &packet.direction))
		return "the direction, and the host's addresses do not tell it";
	*ret_packet = packet;
	return NULL;
}

enum replay_result replay_judge(const struct record *record, const struct host *host, const struct classifier *classifier,
				struct packet *ret_packet, struct verdict *ret_verdict, const char **ret_why)
{
	*ret_why = replay_packet(record, host, ret_packet);
	if (*ret_why != NULL)
		return REPLAY_UNEXPLAINED;
	classifier_judge(classifier, ret_packet, ret_verdict);
	if (record->action.at == NULL)
		return REPLAY_WOULD;
	/* Who only observes lets pass what the policy blocks, and says so. */
	bool dropped = ascii_equal_n(record->action.at, cursor_left(&record->action), "DROP") ||
		       (record->mode.at != NULL && ascii_equal_n(record->mode.at, cursor_left(&record->mode), "observe"));
	if (ret_verdict->action == ACTION_NEGOTIATE && !dropped) {
		*ret_why = "whether IPsec protected it, which the policy wants negotiated";
		return REPLAY_UNEXPLAINED;
	}
	/* What is to be negotiated is dropped as long as it is not. */
	bool passes = ret_verdict->action == ACTION_PERMIT;
	return dropped != passes ? REPLAY_EXPECTED : REPLAY_UNEXPECTED;
}

/* --- Drops of the start-up rules --- */

bool replay_is_startup(const struct record *record, const struct ruleset *ruleset)
{
	return ruleset->mode == MODE_BOOT && record_has(record, COLUMN_SRC_IP) && !record_has(record, COLUMN_DST_IP) &&
	       record->action.at != NULL && ascii_equal_n(record->action.at, cursor_left(&record->action), "DROP");
}

/* Whether the verdict is the same from any source port that an exemption asks for. */
static bool ports_alike(const struct ruleset *ruleset, const struct classifier *classifier, struct packet packet, enum action action)
{
	struct verdict verdict;
	for (size_t i = 0; i < ruleset->exemption_count; i++) {
		packet.srcport = ruleset->exemptions[i].srcport;
		classifier_judge(classifier, &packet, &verdict);
		if (verdict.action != action)
			return false;
	}
	return true;
}

enum replay_result replay_judge_startup(const struct record *record, const struct host *host, const struct ruleset *ruleset,
					const struct classifier *classifier, struct packet *ret_packet, struct verdict *ret_verdict, const char **ret_why)
{
	struct packet packet = {.src = record->src, .dst = {.family = record->src.family}, .protocol = record->protocol, .icmp_type = -1};
	struct verdict verdict;
	bool has_ports = record->protocol == 6 || record->protocol == 17;
	*ret_why = !record_has(record, COLUMN_PROTOCOL) ? "the protocol" : has_ports && !record_has(record, COLUMN_DST_PORT) ? "the ports" : NULL;
	if (*ret_why != NULL)
		return REPLAY_UNEXPLAINED;
	packet.dstport = has_ports ? record->dstport : 0;
	/* From the host itself: out, unless somebody only says so. */
	packet.direction = host_is_me(host, &record->src) ? DIRECTION_OUT : DIRECTION_FORWARD;
	classifier_judge(classifier, &packet, &verdict);
	bool alike = !has_ports || ports_alike(ruleset, classifier, packet, verdict.action);
	packet.direction = DIRECTION_IN;
	classifier_judge(classifier, &packet, ret_verdict);
	alike = alike && ret_verdict->action == verdict.action && (!has_ports || ports_alike(ruleset, classifier, packet, verdict.action));
	if (!alike) {
		*ret_why = "the direction and the source port, which start-up rules do not note, and their verdict depends on";
		return REPLAY_UNEXPLAINED;
	}
	*ret_packet = packet;
	return ret_verdict->action == ACTION_PERMIT ? REPLAY_UNEXPECTED : REPLAY_EXPECTED;
}
