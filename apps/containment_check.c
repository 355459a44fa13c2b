#include "apps/containment_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

/* What becomes of a question to an address and of its answer. */
struct passage {
	bool reachable;        /* the host has an address of that family */
	bool self;             /* it is the host itself */
	bool passes;           /* both the question and the answer */
	bool answer;           /* it is the answer that is blocked */
	struct verdict verdict; /* of what is blocked */
};

static struct passage passage_judge(const struct judge *judge, uint8_t protocol, const struct ip *ip, uint16_t port)
{
	struct passage passage = {.reachable = false};
	const struct ip *me = host_first(&judge->host, (enum family)ip->family);
	passage.self = ip_is_loopback(ip) || host_is_me(&judge->host, ip);
	passage.reachable = me != NULL || passage.self;
	passage.passes = passage.self;
	if (passage.self || !passage.reachable)
		return passage;
	struct packet question = {.src = *me, .dst = *ip, .dstport = port, .protocol = protocol, .icmp_type = -1, .direction = DIRECTION_OUT};
	struct packet answer = {.src = *ip, .dst = *me, .srcport = port, .protocol = protocol, .icmp_type = -1, .direction = DIRECTION_IN,
				.reply = true};
	classifier_judge(judge->classifier, &question, &passage.verdict);
	if (passage.verdict.action == ACTION_PERMIT) {
		passage.answer = true;
		classifier_judge(judge->classifier, &answer, &passage.verdict);
	}
	passage.passes = passage.verdict.action == ACTION_PERMIT;
	return passage;
}

/* The rule that decided, as words. */
static void rule_print(const struct judge *judge, const struct verdict *verdict, struct buffer *buffer)
{
	if (verdict->match == NULL) {
		buffer_add_text(buffer, "no filter permits it");
		return;
	}
	const struct origin *origin = &judge->ruleset->origins[verdict->match->origin];
	struct buffer rule;
	buffer_init(&rule, 4096);
	origin_rule(origin, &rule);
	buffer_printf(buffer, "rule %s of policy %s", QUOTE(buffer_text(&rule)), QUOTE(origin_policy(origin)));
	buffer_done(&rule);
}

static void passage_print(const struct judge *judge, const struct ip *ip, const struct passage *passage, struct buffer *buffer)
{
	char text[IP_TEXT];
	ip_print(ip, text);
	buffer_printf(buffer, "%s%s: ", buffer->length > 0 ? "; " : "", text);
	if (!passage->reachable) {
		buffer_printf(buffer, "this host has no %s address", ip->family == FAMILY_IPV6 ? "IPv6" : "IPv4");
		return;
	}
	if (passage->answer)
		buffer_add_text(buffer, "the answers, ");
	rule_print(judge, &passage->verdict, buffer);
}

/* Whether any address of the probe gets through; otherwise why not. */
static bool probe_passes(const struct judge *judge, const struct probe *probe, struct buffer *why)
{
	for (size_t i = 0; i < probe->addresses.count; i++) {
		struct passage passage = passage_judge(judge, PROTOCOL_TCP, &probe->addresses.items[i], probe->port);
		if (passage.passes)
			return true;
		passage_print(judge, &probe->addresses.items[i], &passage, why);
	}
	return false;
}

/* One that must not work is tested by trying it, so it has to be one that the policy blocks. */
static int forbid_check(const struct judge *judge, const struct probe *probe, struct diag *diag)
{
	for (size_t i = 0; i < probe->addresses.count; i++) {
		const struct ip *ip = &probe->addresses.items[i];
		struct passage passage = passage_judge(judge, PROTOCOL_TCP, ip, probe->port);
		char text[IP_TEXT];
		ip_print(ip, text);
		if (passage.self) {
			diag_error(diag, NULL, "--forbid %s: %s is this host itself, and what it sends to itself is never filtered",
				   QUOTE(probe->text), text);
			return ERROR_INPUT;
		}
		if (!passage.passes)
			continue;
		struct buffer rule;
		buffer_init(&rule, 4096);
		rule_print(judge, &passage.verdict, &rule);
		diag_error(diag, NULL, "--forbid %s: the policy permits it (%s): %s", QUOTE(probe->text), text,
			   passage.verdict.match != NULL ? buffer_text(&rule) : "no filter blocks it");
		buffer_done(&rule);
		return ERROR_INPUT;
	}
	return 0;
}

/* --- names --- */

static bool line_names(struct cursor line, const char *host)
{
	const char *hash = memchr(line.at, '#', cursor_left(&line));
	struct cursor word;
	if (hash != NULL)
		line.end = hash;
	cursor_skip_blanks(&line);
	if (!cursor_word(&line, &word))
		return false;
	for (cursor_skip_blanks(&line); cursor_word(&line, &word); cursor_skip_blanks(&line))
		if (ascii_equal_n(word.at, cursor_left(&word), host))
			return true;
	return false;
}

/* Whether the machine knows the name without asking anybody. */
static bool hosts_know(const char *root, const char *host)
{
	enum { LINES_MOST = 1 << 20 };
	struct buffer path;
	char *line = NULL;
	size_t room = 0;
	bool known = false;
	buffer_init(&path, 4096);
	buffer_printf(&path, "%s/etc/hosts", root);
	FILE *file = fopen(buffer_text(&path), "re");
	buffer_done(&path);
	ssize_t length = 0;
	for (size_t i = 0; file != NULL && !known && i < LINES_MOST && (length = getline(&line, &room, file)) >= 0; i++) {
		while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
			length--;
		known = line_names(cursor_of(line, (size_t)length), host);
	}
	free(line);
	if (file != NULL)
		fclose(file);
	return known;
}

/* Whether a name server of the host can be asked, over UDP or TCP; otherwise why not.  A host without any is not judged,
 * nor one that asks itself: whom that asks is among the servers, or not known. */
static bool servers_pass(const struct judge *judge, struct buffer *why)
{
	const struct ip_list *servers = &judge->host.servers[ADDRESS_DNS];
	size_t asked = 0;
	for (size_t i = 0; i < servers->count; i++) {
		const struct ip *ip = &servers->items[i];
		if (ip_is_loopback(ip) || host_is_me(&judge->host, ip))
			continue;
		asked++;
		struct passage passage = passage_judge(judge, PROTOCOL_UDP, ip, 53);
		if (passage.passes || passage_judge(judge, PROTOCOL_TCP, ip, 53).passes)
			return true;
		passage_print(judge, ip, &passage, why);
	}
	return asked == 0;
}

static int name_check(const struct judge *judge, const struct probe *probe, const char *root, struct diag *diag)
{
	struct buffer why;
	int error = 0;
	if (probe->is_address || hosts_know(root, probe->host))
		return 0;
	buffer_init(&why, 1 << 14);
	if (!servers_pass(judge, &why)) {
		diag_error(diag, NULL, "probe %s: its name needs a name server, and the policy cuts all that this host has (%s): permit DNS to "
			   "them, or give the address", QUOTE(probe->text), buffer_text(&why));
		error = ERROR_INPUT;
	}
	buffer_done(&why);
	return error;
}

/* --- all of them --- */

/* Whether another probe of the same group gets through. */
static bool group_passes(const struct probe *probes, size_t count, unsigned group, const struct judge *judge)
{
	bool passes = false;
	struct buffer why;
	buffer_init(&why, 1 << 14);
	for (size_t i = 0; i < count && group != 0 && !passes; i++)
		passes = probes[i].group == group && probe_passes(judge, &probes[i], &why);
	buffer_done(&why);
	return passes;
}

int probes_check(const struct probe *probes, size_t count, const char *root, const struct judge *judge, struct diag *diag)
{
	int result = 0;
	for (size_t i = 0; i < count; i++) {
		const struct probe *probe = &probes[i];
		struct buffer why;
		int error = 0;
		buffer_init(&why, 1 << 14);
		if (probe->forbid) {
			error = forbid_check(judge, probe, diag);
		} else if (!probe_passes(judge, probe, &why) && !group_passes(probes, count, probe->group, judge)) {
			diag_error(diag, NULL, "probe %s: the policy blocks it: %s", QUOTE(probe->text), buffer_text(&why));
			error = ERROR_INPUT;
		} else {
			error = name_check(judge, probe, root, diag);
		}
		buffer_done(&why);
		result = error < 0 ? error : result;
	}
	return result;
}
