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
