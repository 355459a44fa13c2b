/* Random policies, hosts and packets for tests that compare judges.  The same seed gives the same everywhere.
 *
 * A policy is first a sample: plain data without pointers to free, so that it can be copied, made smaller and
 * printed; sample_state makes a struct state of it.  Packets are aimed at the edges of the sample's filters. */
#ifndef CORDON_TESTS_ORACLE_SAMPLE_H
#define CORDON_TESTS_ORACLE_SAMPLE_H

#include "core/base/buffer.h"
#include "core/policy/packet.h"
#include "core/policy/policy.h"

struct dice {
	uint64_t state;
};

/* The seed of the environment variable CORDON_SEED, or `otherwise`.  A test prints what it gets. */
uint64_t dice_seed(uint64_t otherwise);
struct dice dice_new(uint64_t seed);
uint64_t dice_next(struct dice *dice);
unsigned dice_below(struct dice *dice, unsigned limit); /* 0 to limit - 1 */
bool dice_chance(struct dice *dice, unsigned percent);

enum { SAMPLE_RULES = 12, SAMPLE_FILTERS = 48, SAMPLE_DYNRULES = 4, SAMPLE_LISTS = 9, SAMPLE_BOOTS = 6 };

struct sample_rule {
	uint8_t list;      /* its location is list % LOCATION_COUNT */
	enum action action;
	bool activate, tunnel;
};

struct sample_filter {
	uint8_t list;
	struct filter filter;
};

struct sample_dynrule {
	struct filter filter;
	enum action in, out;
	bool tunnel;
};

struct sample {
	struct sample_rule rules[SAMPLE_RULES];
	struct sample_filter filters[SAMPLE_FILTERS];
	struct sample_dynrule dynrules[SAMPLE_DYNRULES];
	size_t rule_count, filter_count, dynrule_count;
	uint8_t exempt;              /* ipsecexempt */
	bool ikeexempt;
	struct bootexemption boots[SAMPLE_BOOTS];
	size_t boot_count;
	enum bootmode bootmode;      /* set in the state with SAMPLE_BOOT only */
	bool boot;
	bool decoy;                  /* a policy that is not assigned and would block everything */
};

/* What a sample may hold.  The kernel enforces neither negotiate nor tunnels yet. */
enum { SAMPLE_NEGOTIATE = 1u << 0, SAMPLE_TUNNELS = 1u << 1, SAMPLE_DYNAMIC = 1u << 2, SAMPLE_ALL = 7u,
       SAMPLE_BOOT = 1u << 3 /* a boot mode and boot exemptions */ };

/* A host with some addresses of both families and servers; host_done frees it. */
struct host random_host(struct dice *dice);
void random_sample(struct dice *dice, const struct host *host, unsigned flags, struct sample *ret_sample);
/* The state of a sample: free with state_free. */
struct state *sample_state(const struct sample *sample);
/* Both at once, for who needs no sample. */
struct state *random_state(struct dice *dice, const struct host *host, unsigned flags);
struct packet random_packet(struct dice *dice, const struct state *state, const struct host *host);
/* The same, mostly aimed at the boot exemptions of the state, their answers and DHCP. */
struct packet random_boot_packet(struct dice *dice, const struct state *state, const struct host *host);

/* The sample as lines that a person can retype, with host and packet. */
void sample_print(const struct sample *sample, const struct host *host, const struct packet *packet, struct buffer *buffer);

/* Whether two judges disagree about a packet. */
struct sample_compare {
	bool (*differ)(void *context, const struct state *state, const struct host *host, const struct packet *packet);
	void *context;
};

/* Makes a sample and a packet that judges disagree about as small as it can: rules, filters, parts of filters. */
void sample_shrink(struct sample *sample, const struct host *host, struct packet *packet, const struct sample_compare *compare);

#endif
