#include "tests/bootproof/judge.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "core/base/attr.h"
#include "tests/bootproof/plan.h"

static const char *const sort_names[SORTS] = {
	[SORT_NEIGHBOUR] = "neighbour", [SORT_DHCP] = "dhcp", [SORT_PERMITTED_IN] = "permitted-in",
	[SORT_PERMITTED_OUT] = "permitted-out", [SORT_EXEMPT] = "exempt", [SORT_IKE] = "ike", [SORT_DNS] = "dns",
	[SORT_OTHER] = "unconfirmed", [SORT_FORBIDDEN_ANSWER] = "forbidden-answer", [SORT_FORBIDDEN_OUT] = "forbidden-out",
};

const char *sort_name(enum sort sort)
{
	return sort_names[sort];
}

static bool inside_port(uint16_t port)
{
	return port >= PORT_INSIDE_FIRST && port < PORT_INSIDE_FIRST + PORT_INSIDE_COUNT;
}

/* ICMP: an error about an answer to what the guest began is part of what it began. */
static enum sort sort_of_icmp(const struct sight *sight)
{
	bool v6 = sight->protocol == IPPROTO_ICMPV6;
	if (v6 && sight->type >= 133 && sight->type <= 136 && sight->hop_limit == 255)
		return SORT_NEIGHBOUR;
	bool error = v6 ? sight->type < 128 : sight->type == 3 || sight->type == 11 || sight->type == 12;
	if (error) {
		size_t at = 8 + (v6 ? 40u : sight->length > 8 ? (size_t)(sight->data[8] & 15) * 4 : 0);
		bool ports = at + 4 <= sight->length;
		return ports && inside_port((uint16_t)(sight->data[at + 2] << 8 | sight->data[at + 3])) ? SORT_FORBIDDEN_OUT :
													 SORT_FORBIDDEN_ANSWER;
	}
	return sight->type == (v6 ? 129 : 0) ? SORT_FORBIDDEN_ANSWER : SORT_FORBIDDEN_OUT;
}

/* The ports that the guest serves, by the protocols in which they are served. */
static const struct {
	uint16_t port;
	bool tcp, udp;
	enum sort sort;
} served[] = {
	{PORT_PERMITTED, true, true, SORT_PERMITTED_IN},   {PORT_EXEMPT, true, false, SORT_EXEMPT},
	{PORT_IKE, false, true, SORT_IKE},                 {PORT_OTHER, true, false, SORT_OTHER},
	{PORT_FORBIDDEN, true, true, SORT_FORBIDDEN_ANSWER},
};

static enum sort sort_of_transport(const struct sight *sight)
{
	bool tcp = sight->protocol == IPPROTO_TCP;
	struct place server4 = place_of(PLACE_SERVER4), server6 = place_of(PLACE_SERVER6), dns = place_of(PLACE_DNS4);
	if (!tcp && ((sight->srcport == 68 && sight->dstport == 67) || (sight->srcport == 546 && sight->dstport == 547)))
		return SORT_DHCP;
	if (tcp && sight->dstport == PORT_SERVER && (place_equal(&sight->dst, &server4) || place_equal(&sight->dst, &server6)))
		return SORT_PERMITTED_OUT;
	if (sight->dstport == 53 && place_equal(&sight->dst, &dns))
		return SORT_DNS;
	for (size_t i = 0; i < ARRAY_LENGTH(served); i++)
		if (sight->srcport == served[i].port && (tcp ? served[i].tcp : served[i].udp))
			return served[i].sort;
	return tcp && !inside_port(sight->srcport) ? SORT_FORBIDDEN_ANSWER : SORT_FORBIDDEN_OUT;
}

enum sort sort_of(const struct sight *sight)
{
	if (sight->arp)
		return SORT_NEIGHBOUR;
	if (sight->fragment_later)
		return SORT_FORBIDDEN_OUT; /* nothing that the guest sends is that long */
	if (sight->protocol == IPPROTO_ICMP || sight->protocol == IPPROTO_ICMPV6)
		return sort_of_icmp(sight);
	if (sight->protocol == IPPROTO_TCP || sight->protocol == IPPROTO_UDP)
		return sort_of_transport(sight);
	return SORT_FORBIDDEN_OUT;
}

/* For each regime: its name, and for each sort, in their order: '0' must not come, '.' may, '+' must.
 * DHCP is '.' everywhere: a client that has no address speaks below the filter (a packet socket); whether it gets its
 * lease and renews it is asked separately. */
static const struct {
	const char *name, *expected;
} regimes[REGIMES] = {
	/*                       n d pi po ex ike dns un fa fo */
	[REGIME_OPEN] = {"open", "...." "...." "++"},
	[REGIME_STATEFUL] = {"stateful", "..0." "+0.0" "0+"},
	[REGIME_BLOCK] = {"block", "..00" "+000" "00"},
	[REGIME_BUILTIN] = {"builtin", "..00" "0000" "00"},
	[REGIME_SECURE] = {"secure", "..++" "0+00" "00"},
	[REGIME_QUARANTINE] = {"quarantine", "..0+" "00+0" "00"},
	[REGIME_PENDING] = {"pending", "..++" "0+0+" "00"},
	[REGIME_DARK] = {"dark", "0000" "0000" "00"},
	[REGIME_HALT] = {"halt", "..00" "0000" "00"},
};

bool regime_parse(const char *name, enum regime *ret_regime)
{
	for (size_t i = 0; i < REGIMES; i++) {
		if (strcmp(name, regimes[i].name) == 0) {
			*ret_regime = (enum regime)i;
			return true;
		}
	}
	return false;
}

bool regime_lets(enum regime regime, enum sort sort)
{
	return regimes[regime].expected[sort] != '0';
}

void tally_init(struct tally *tally, enum regime regime)
{
	*tally = (struct tally){.regime = regime};
	for (size_t i = 0; i < SORTS; i++)
		tally->first[i] = tally->last[i] = -1;
}

void tally_add(struct tally *tally, enum sort sort, int64_t time)
{
	tally->count[sort]++;
	tally->last[sort] = time;
	if (tally->first[sort] < 0)
		tally->first[sort] = time;
}

unsigned tally_check(const struct tally *tally, const enum regime *other, const char *phase, bool least, FILE *output)
{
	unsigned wrong = 0;
	for (size_t i = 0; i < SORTS; i++) {
		char expected = regimes[tally->regime].expected[i];
		if (other != NULL && regime_lets(*other, (enum sort)i))
			continue;
		bool bad = (expected == '0' && tally->count[i] != 0) || (least && expected == '+' && tally->count[i] == 0);
		if (!bad)
			continue;
		wrong++;
		fprintf(output, "wrong %s %s: %" PRIu64 " %s, from %" PRId64 " to %" PRId64 " ms\n", phase,
			regimes[tally->regime].name, tally->count[i], sort_names[i], tally->first[i], tally->last[i]);
	}
	return wrong;
}
