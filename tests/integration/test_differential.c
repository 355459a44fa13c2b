/* Three judges, one verdict: random policies and random packets through the real kernel, the classifier and the
 * naive oracle.  The seed is printed; CORDON_SEED=N repeats a run.  The smallest policy that disagrees is printed.
 * With the word `boot`: the same for start-up rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "tests/integration/tap.h"
#include "tests/integration/verdicts.h"
#include "tests/oracle/oracle.h"
#include "tests/oracle/sample.h"

enum {
	VERDICTS = 10000,   /* of the kernel, at least */
	ROUNDS = 250,       /* policies, at most */
	BOOT_VERDICTS = 4000,
	BOOT_ROUNDS = 60,
	LONGEST = 70000,    /* ms */
	BATCH = 300,        /* packets of a policy */
	SHOWN = 5,          /* disagreements that are shrunk */
	SHRINK = 15000,     /* ms for all of that */
};

struct trial {
	struct lab *lab;
	uint64_t seed;      /* of this policy */
	bool boot;          /* its start-up rules */
	struct host host;
	struct sample sample;
	struct verdicts verdicts;
};

struct totals {
	unsigned long kernel, oracle, passed, dropped, answers, fragments, ipv6;
	unsigned long by_direction[DIRECTION_ALL + 1];
	unsigned disagreed, rounds, unbuilt;
};

/* --- packets that can be sent, and whose verdict depends on nothing but themselves --- */

/* IPv6 extension headers are no protocols of their own on the wire. */
static bool protocol_is_header(const struct packet *packet)
{
	static const uint8_t headers[] = {0, 1, 43, 44, 50, 51, 59, 60, 135, 139, 140};
	for (size_t i = 0; i < ARRAY_LENGTH(headers); i++)
		if (packet->protocol == headers[i])
			return true;
	return false;
}

/* The subnet-router anycast address: a router takes it in, but it is not `me`. */
static bool ip_is_anycast(const struct host *host, const struct ip *ip)
{
	for (size_t i = 0; i < host->address_count; i++) {
		struct ip first = host->addresses[i].ip;
		ip_mask(first.bytes, host->addresses[i].bits);
		if (first.family == FAMILY_IPV6 && host->addresses[i].bits < 128 && ip_equal(&first, ip))
			return true;
	}
	return false;
}

static bool ip_is_unspecified(const struct ip *ip)
{
	static const uint8_t zero[16];
	return memcmp(ip->bytes, zero, sizeof(zero)) == 0;
}

/* Whether the kernel, too, takes the packet for one of that direction. */
static bool direction_is_true(const struct host *host, const struct packet *packet)
{
	bool src = host_is_me(host, &packet->src), dst = host_is_me(host, &packet->dst);
	bool all = ip_is_multicast(&packet->dst) || host_is_broadcast(host, &packet->dst);
	switch (packet->direction) {
	case DIRECTION_IN:
		return !src && (dst || all);
	case DIRECTION_OUT:
		/* To itself goes over the loopback interface, and is none of these unless it comes from itself as well.
		 * A loopback address on the wire is what only a raw socket can make. */
		if (ip_is_unspecified(&packet->src))
			return false; /* the kernel puts its own there */
		if (ip_is_loopback(&packet->src))
			return ip_is_loopback(&packet->dst) || dst;
		return src || (!dst && !ip_is_loopback(&packet->dst));
	default:
		return !src && !dst && !all;
	}
}

static bool packet_is_sendable(const struct host *host, const struct packet *packet)
{
	if (packet->protocol == 0 || (packet->src.family == FAMILY_IPV6 && protocol_is_header(packet)))
		return false;
	if (packet->src.family == FAMILY_IPV4 && packet->protocol == PROTOCOL_ICMPV6)
		return false;
	/* Linux takes 0.0.0.0 for itself when it sends, and for broadcast when it receives. */
	if (ip_is_unspecified(&packet->dst))
		return false;
	if (ip_is_anycast(host, &packet->src) || ip_is_anycast(host, &packet->dst))
		return false;
	return direction_is_true(host, packet);
}

/* Whether two packets would be of one connection: then the first would decide about the second. */
static bool packet_is_kin(const struct packet *a, const struct packet *b)
{
	bool ported = a->protocol == PROTOCOL_TCP || a->protocol == PROTOCOL_UDP;
	if (a->protocol != b->protocol)
		return false;
	if (ip_equal(&a->src, &b->src) && ip_equal(&a->dst, &b->dst))
		return !ported || (a->srcport == b->srcport && a->dstport == b->dstport);
	if (ip_equal(&a->src, &b->dst) && ip_equal(&a->dst, &b->src))
		return !ported || (a->srcport == b->dstport && a->dstport == b->srcport);
	return false;
}

static size_t batch_make(struct trial *trial, struct dice *dice, struct lab_packet *packets)
{
	size_t count = 0;
	bool tracked = trial->verdicts.ruleset->uses_reply;
	for (unsigned tries = 0; tries < BATCH * 4 && count < BATCH; tries++) {
		struct lab_packet one = {.packet = (trial->boot ? random_boot_packet : random_packet)(dice, trial->verdicts.state, &trial->host)};
		one.packet.reply = false;
		bool good = packet_is_sendable(&trial->host, &one.packet);
		for (size_t i = 0; good && tracked && i < count; i++)
			good = !packet_is_kin(&packets[i].packet, &one.packet);
		if (!good)
			continue;
		unsigned kind = dice_below(dice, 16);
		one.flags = kind == 0 ? WIRE_OPTIONS : kind == 1 ? WIRE_BACKWARDS : kind == 2 && !tracked ? WIRE_ACK : 0;
		packets[count++] = one;
	}
	return count;
}

/* --- one policy --- */

/* Keeps those that arrive with nothing in the way. */
static size_t possible_keep(struct lab *lab, struct lab_packet *packets, size_t count)
{
	size_t kept = 0;
	lab_send(lab, packets, count);
	for (size_t i = 0; i < count; i++)
		if (packets[i].arrived)
			packets[kept++] = packets[i];
	return kept;
}

/* Whether something can answer it: unicast, not the host's own on both sides, of a protocol whose answers the
 * lab can make. */
static bool packet_is_question(const struct host *host, const struct packet *packet)
{
	struct packet answer = wire_answer(packet);
	if (ip_is_multicast(&packet->dst) || host_is_broadcast(host, &packet->dst) ||
	    (host_is_me(host, &packet->src) && host_is_me(host, &packet->dst)))
		return false;
	if (packet->protocol == PROTOCOL_ICMP && packet->icmp_type != 8)
		return false;
	if (packet->protocol == PROTOCOL_ICMPV6 && packet->icmp_type != 128)
		return false;
	return packet_is_sendable(host, &answer);
}

/* The answers to the first of the packets, at most BATCH, that arrive with nothing in the way; answered[i] is the
 * packet that answers[i] answers. */
static size_t answers_make(const struct trial *trial, const struct lab_packet *packets, size_t count, struct lab_packet *answers,
			   size_t *answered)
{
	size_t made = 0, kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (!packet_is_question(&trial->host, &packets[i].packet))
			continue;
		answers[made] = (struct lab_packet){.packet = wire_answer(&packets[i].packet)};
		answered[made++] = i;
	}
	lab_send(trial->lab, answers, made);
	for (size_t i = 0; i < made; i++) {
		if (!answers[i].arrived)
			continue;
		answers[kept] = answers[i];
		answered[kept++] = answered[i];
	}
	return kept;
}

/* Only what was let through has an answer. */
static size_t answers_asked(const struct lab_packet *packets, struct lab_packet *answers, const size_t *answered, size_t count)
{
	size_t asked = 0;
	for (size_t i = 0; i < count; i++)
		if (packets[answered[i]].arrived)
			answers[asked++] = answers[i];
	return asked;
}

static bool oracle_pass(bool boot, const struct state *state, const struct host *host, const struct packet *packet)
{
	struct oracle_verdict verdict;
	if (boot)
		oracle_judge_boot(state, host, (enum bootmode)state->config.number[PROPERTY_BOOTMODE], packet, &verdict);
	else
		oracle_judge(state, host, packet, &verdict);
	return verdict.action == ACTION_PERMIT;
}

struct disagreement {
	struct lab_packet packet;
	bool kernel, classifier, oracle;
};

/* Compares; the first that disagrees goes to *ret_first. */
static size_t batch_compare(const struct trial *trial, const struct lab_packet *packets, size_t count, struct totals *totals,
			    struct disagreement *ret_first)
{
	size_t disagreed = 0;
	for (size_t i = 0; i < count; i++) {
		const struct packet *packet = &packets[i].packet;
		struct disagreement now = {packets[i], packets[i].arrived, verdicts_pass(&trial->verdicts, packet),
					   oracle_pass(trial->boot, trial->verdicts.state, &trial->host, packet)};
		totals->kernel++;
		totals->oracle++;
		totals->passed += now.kernel;
		totals->dropped += !now.kernel;
		totals->answers += packet->reply;
		totals->fragments += packet->fragment;
		totals->ipv6 += packet->src.family == FAMILY_IPV6;
		totals->by_direction[packet->direction & DIRECTION_ALL]++;
		if (now.kernel == now.classifier && now.classifier == now.oracle)
			continue;
		if (disagreed++ == 0)
			*ret_first = now;
	}
	return disagreed;
}

static void disagreement_say(const char *label, const struct disagreement *one)
{
	char text[PACKET_TEXT];
	packet_print(&one->packet.packet, text);
	tap_note("%s: %s (flags %u): kernel %s, classifier %s, oracle %s", label, text, one->packet.flags,
		 one->kernel ? "passes" : "drops", one->classifier ? "passes" : "drops", one->oracle ? "passes" : "drops");
}

/* --- the shrinker --- */

struct shrinking {
	struct trial *trial;
	struct lab_packet packet; /* its flags */
	struct disagreement last;
	int64_t until;
};

/* What an answer answers. */
static struct packet question_of(const struct packet *answer)
{
	struct packet question = wire_answer(answer);
	question.reply = false;
	if (question.protocol == PROTOCOL_ICMP)
		question.icmp_type = 8;
	else if (question.protocol == PROTOCOL_ICMPV6)
		question.icmp_type = 128;
	return question;
}

static bool alone_arrives(struct lab *lab, struct lab_packet *packet)
{
	lab_send(lab, packet, 1);
	return packet->arrived;
}

/* Sends one packet, and before it what it answers, first with nothing in the way and then under the policy. */
static bool judges_differ(void *context, const struct state *state, const struct host *host, const struct packet *packet)
{
	struct shrinking *shrinking = context;
	struct lab *lab = shrinking->trial->lab;
	struct lab_packet one = {.packet = *packet, .flags = shrinking->packet.flags}, question = {.packet = question_of(packet)};
	struct verdicts verdicts = {.lab = lab, .host = host};
	enum mode mode = shrinking->trial->boot ? MODE_BOOT : MODE_SECURE;
	bool differ = false;
	if (tap_now() > shrinking->until || !packet_is_sendable(host, packet))
		return false;
	if (!verdicts_lift(lab, NULL) || !alone_arrives(lab, &one) || ruleset_build(state, host, mode, NULL, &verdicts.ruleset) < 0)
		return false;
	verdicts.classifier = classifier_new(verdicts.ruleset);
	struct buffer why;
	buffer_init(&why, 4096);
	if (verdicts_apply(&verdicts, &why)) {
		lab_forget(lab);
		/* Without its question let through it is no answer, and there is nothing to compare. */
		bool asked = !packet->reply || alone_arrives(lab, &question);
		bool kernel = alone_arrives(lab, &one);
		struct disagreement now = {one, kernel, verdicts_pass(&verdicts, packet),
					   oracle_pass(mode == MODE_BOOT, state, host, packet)};
		differ = asked && (now.kernel != now.classifier || now.classifier != now.oracle);
		if (differ)
			shrinking->last = now;
	}
	buffer_done(&why);
	verdicts_done(&verdicts); /* its state is not ours: NULL */
	return differ;
}

/* Prints the smallest policy and packet about which the judges still disagree. */
static void shrink(struct trial *trial, const struct disagreement *one, int64_t until)
{
	struct shrinking shrinking = {.trial = trial, .packet = one->packet, .until = until};
	struct sample_compare compare = {judges_differ, &shrinking};
	struct packet packet = one->packet.packet;
	struct buffer text;
	buffer_init(&text, 1 << 16);
	if (!judges_differ(&shrinking, trial->verdicts.state, &trial->host, &packet)) {
		tap_note("    (not when the packet is sent alone)");
	} else {
		sample_shrink(&trial->sample, &trial->host, &packet, &compare);
		disagreement_say("    smallest", &shrinking.last);
		sample_print(&trial->sample, &trial->host, &packet, &text);
		for (const char *line = buffer_text(&text); *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
			tap_note("    %.*s", (int)strcspn(line, "\n"), line);
	}
	buffer_done(&text);
}

/* --- rounds --- */

static void trial_judge(struct trial *trial, struct dice *dice, struct totals *totals, int64_t *shrink_until)
{
	struct buffer why;
	struct disagreement first;
	buffer_init(&why, 4096);
	struct lab_packet *packets = memory_alloc(BATCH * sizeof(*packets)), *answers = memory_alloc(BATCH * sizeof(*answers));
	size_t *answered = memory_alloc(BATCH * sizeof(*answered));
	size_t count = batch_make(trial, dice, packets), disagreed = 0;
	if (!verdicts_lift(trial->lab, &why))
		tap_ok(false, "lift: %s", buffer_text(&why));
	count = possible_keep(trial->lab, packets, count);
	size_t answer_count = answers_make(trial, packets, count, answers, answered);
	if (!verdicts_apply(&trial->verdicts, &why)) {
		tap_ok(false, "seed %llu: the policy cannot be applied: %s", (unsigned long long)trial->seed, buffer_text(&why));
		goto out;
	}
	lab_forget(trial->lab);
	lab_send(trial->lab, packets, count);
	disagreed = batch_compare(trial, packets, count, totals, &first);
	if (disagreed == 0) {
		size_t asked = answers_asked(packets, answers, answered, answer_count);
		lab_send(trial->lab, answers, asked);
		disagreed = batch_compare(trial, answers, asked, totals, &first);
	}
	totals->disagreed += (unsigned)disagreed;
	if (disagreed > 0) {
		char label[64];
		snprintf(label, sizeof(label), "policy seed %llu, %zu packets", (unsigned long long)trial->seed, disagreed);
		disagreement_say(label, &first);
		if (*shrink_until == 0)
			*shrink_until = tap_now() + SHRINK;
		if (tap_now() < *shrink_until)
			shrink(trial, &first, *shrink_until);
	}
out:
	free(packets);
	free(answers);
	free(answered);
	buffer_done(&why);
}

/* Blocks what no other filter knows, as real policies do. */
static void lock_down(struct sample *sample)
{
	enum { LIST = SAMPLE_LISTS - 1 };
	if (sample->rule_count == SAMPLE_RULES || sample->filter_count == SAMPLE_FILTERS)
		return;
	sample->rules[sample->rule_count++] = (struct sample_rule){.list = LIST, .action = ACTION_BLOCK, .activate = true};
	sample->filters[sample->filter_count++] = (struct sample_filter){.list = LIST, .filter = {.description = ""}};
}

/* What is in force is the start-up ruleset of the same state. */
static bool verdicts_boot(struct verdicts *verdicts)
{
	classifier_free(verdicts->classifier);
	ruleset_free(verdicts->ruleset);
	verdicts->classifier = NULL;
	verdicts->ruleset = NULL;
	if (ruleset_build(verdicts->state, verdicts->host, MODE_BOOT, NULL, &verdicts->ruleset) < 0)
		return false;
	verdicts->classifier = classifier_new(verdicts->ruleset);
	return true;
}

/* One policy of the seed on its host; false when the lab cannot be that host. */
static void round_run(struct lab *lab, uint64_t seed, bool boot, struct totals *totals, int64_t *shrink_until)
{
	struct trial trial = {.lab = lab, .seed = seed, .boot = boot};
	struct buffer why;
	struct dice dice = dice_new(seed);
	buffer_init(&why, 4096);
	trial.host = random_host(&dice);
	random_sample(&dice, &trial.host, SAMPLE_DYNAMIC | (boot ? SAMPLE_BOOT : 0u), &trial.sample);
	if (dice_chance(&dice, 50))
		lock_down(&trial.sample);
	struct state *state = sample_state(&trial.sample);
	if (!lab_host(lab, &trial.host, &why)) {
		totals->unbuilt++;
		tap_note("a host that the lab cannot be: %s", buffer_text(&why));
		state_free(state);
	} else if (verdicts_init(&trial.verdicts, lab, &trial.host, state, &why) && (!boot || verdicts_boot(&trial.verdicts))) {
		trial_judge(&trial, &dice, totals, shrink_until);
		totals->rounds++;
	} else {
		tap_ok(false, "seed %llu: no ruleset: %s", (unsigned long long)seed, buffer_text(&why));
	}
	verdicts_done(&trial.verdicts);
	host_done(&trial.host);
	buffer_done(&why);
}

int main(int count, char **words)
{
	bool boot = count > 1 && strcmp(words[1], "boot") == 0;
	unsigned long most = boot ? BOOT_ROUNDS : ROUNDS, least = boot ? BOOT_VERDICTS : VERDICTS;
	struct totals totals = {0};
	struct buffer why;
	struct host none;
	buffer_init(&why, 4096);
	host_init(&none);
	struct lab *lab = lab_new(&none, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	uint64_t seed = tap_seed();
	int64_t start = tap_now(), shrink_until = 0;
	unsigned rounds = 0;
	for (; rounds < most && tap_now() - start < LONGEST && totals.disagreed < SHOWN; rounds++)
		round_run(lab, seed + rounds, boot, &totals, &shrink_until);
	tap_note("%u policies, %u hosts left out, %lld ms; %lu passed, %lu dropped; %lu in, %lu out, %lu forwarded; %lu answers, %lu "
		 "fragments, %lu IPv6; %u overflows", totals.rounds, totals.unbuilt, (long long)(tap_now() - start), totals.passed,
		 totals.dropped, totals.by_direction[DIRECTION_IN], totals.by_direction[DIRECTION_OUT],
		 totals.by_direction[DIRECTION_FORWARD], totals.answers, totals.fragments, totals.ipv6, lab_overflows(lab));
	tap_ok(totals.disagreed == 0, "kernel, classifier and oracle agree: %u disagreements", totals.disagreed);
	tap_ok(totals.kernel >= least || totals.disagreed > 0, "%lu verdicts of the kernel", totals.kernel);
	tap_ok(totals.passed * 20 > totals.kernel && totals.dropped * 20 > totals.kernel, "enough of either verdict");
	tap_ok(totals.answers > 100 && totals.fragments > 100 && totals.ipv6 > 1000, "answers, fragments and IPv6 are among them");
	lab_free(lab);
	buffer_done(&why);
	return tap_done();
}
