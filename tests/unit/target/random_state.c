#include "tests/unit/target/random_state.h"

#include <stdio.h>
#include <string.h>

#include "core/base/attr.h"

struct random {
	uint64_t seed;
	struct state *state;
	unsigned serial; /* makes names unique */
};

/* xorshift64* */
static uint32_t below(struct random *random, uint32_t most)
{
	random->seed ^= random->seed >> 12;
	random->seed ^= random->seed << 25;
	random->seed ^= random->seed >> 27;
	return (uint32_t)(random->seed * 0x2545f4914f6cdd1du >> 33) % most;
}

static bool chance(struct random *random, uint32_t one_in)
{
	return below(random, one_in) == 0;
}

static const char *const pieces[] = {
	"a", "Web", " ", "  ", "\"", "\\", "\\\\", "\\\"", "%", "%PATH%", "%%", "^", "&", "&&", "|", "<", ">", "(", ")", "!", "=", "a=b",
	"'", "`", "#", "# no comment", ";", ",", "/", "netsh", "popd", "all", "Größe", "策略", "العربية", "\xf0\x9f\x94\x92", "C:\\dir\\", "-", ".", "*", "?", "~", "$x", "{", "}", "[", "]",
};

static const char *words(struct random *random, bool unique)
{
	char text[256] = "";
	size_t used = 0;
	for (uint32_t i = below(random, 5) + 1; i > 0; i--) {
		const char *piece = pieces[below(random, ARRAY_LENGTH(pieces))];
		memcpy(text + used, piece, strlen(piece) + 1);
		used += strlen(piece);
	}
	if (unique)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u", random->serial++);
	if (chance(random, 8))
		memcpy(text + used, "\\", 2);
	return arena_text(random->state->arena, text);
}

static const char *description(struct random *random)
{
	return chance(random, 2) ? "" : words(random, false);
}

static struct address address(struct random *random, unsigned family)
{
	struct ip ip = {.family = (uint8_t)family};
	unsigned size = family_bits(family), bytes = size / 8;
	for (unsigned i = 0; i < bytes; i++)
		ip.bytes[i] = (uint8_t)below(random, 256);
	switch (below(random, 6)) {
	case 0:
		return (struct address){.kind = ADDRESS_ANY};
	case 1:
		return (struct address){.kind = ADDRESS_ME};
	case 2: {
		struct address range = {.kind = ADDRESS_RANGE, .family = (uint8_t)family};
		ip.bytes[0] &= 0x7f;
		memcpy(range.first, ip.bytes, 16);
		memcpy(range.last, ip.bytes, 16);
		range.last[below(random, bytes)] |= 0x80;
		range.last[0] |= 0x80;
		return range;
	}
	case 3: {
		struct address named = address_subnet(&ip, size);
		named.name = "host.example.net";
		return named;
	}
	default:
		return address_subnet(&ip, chance(random, 2) ? size : below(random, size + 1));
	}
}

static void filter_fill(struct random *random, struct filter *filter)
{
	static const uint8_t protocols[] = {0, 1, 6, 6, 6, 17, 17, 47, 58, 255};
	unsigned family = chance(random, 3) ? FAMILY_IPV6 : FAMILY_IPV4;
	filter->src = address(random, family);
	filter->dst = address(random, family);
	if (chance(random, 10)) {
		filter->src = (struct address){.kind = (uint8_t)(ADDRESS_DNS + below(random, 4))};
		filter->dst = (struct address){.kind = ADDRESS_ME};
	}
	filter->protocol = protocols[below(random, ARRAY_LENGTH(protocols))];
	if (filter->protocol == PROTOCOL_TCP || filter->protocol == PROTOCOL_UDP) {
		filter->srcport = (uint16_t)(chance(random, 2) ? 0 : below(random, 65536));
		filter->dstport = (uint16_t)(chance(random, 4) ? 0 : below(random, 65536));
	}
	filter->mirrored = !chance(random, 3);
}

static void auths_fill(struct random *random, struct authlist *auths)
{
	auths->count = below(random, 4);
	auths->items = arena_alloc(random->state->arena, 4 * sizeof(struct auth));
	bool kerberos = false, psk = false;
	size_t kept = 0;
	for (size_t i = 0; i < auths->count; i++) {
		enum auth_kind kind = (enum auth_kind)below(random, 3);
		if ((kind == AUTH_KERBEROS && kerberos) || (kind == AUTH_PSK && psk))
			continue;
		struct auth *auth = &auths->items[kept++];
		*auth = (struct auth){.kind = kind};
		kerberos |= kind == AUTH_KERBEROS;
		psk |= kind == AUTH_PSK;
		if (kind == AUTH_PSK)
			auth->value = words(random, false);
		if (kind == AUTH_ROOTCA) {
			auth->value = chance(random, 2) ? "C=US, O=\"Example, Inc.\", CN=Root" : "C=DE,O=Größe,CN=CA 1";
			auth->certmap = chance(random, 2);
			auth->excludecaname = chance(random, 2);
		}
	}
	auths->count = kept;
}

static const char *qmsecmethods(struct random *random)
{
	static const char *const texts[] = {"", "", "ESP[3DES,SHA1]", "AH[MD5]:204800k/300s ESP[DES,SHA1]:30000k/480s", "AH[SHA1]+ESP[None,MD5]:3600s"};
	return texts[below(random, ARRAY_LENGTH(texts))];
}

static const char *mmsecmethods(struct random *random)
{
	static const char *const texts[] = {"", "3DES-SHA1-3 DES-SHA1-2 3DES-MD5-3"};
	return texts[below(random, ARRAY_LENGTH(texts))];
}

static void lists_fill(struct random *random, struct location *location)
{
	for (uint32_t i = below(random, 5) + 1; i > 0; i--) {
		struct filterlist *list = location_add_filterlist(random->state, location, words(random, true));
		list->object.description = description(random);
		for (uint32_t f = below(random, 12); f > 0; f--) {
			struct filter filter = {0};
			filter_fill(random, &filter);
			filter.description = description(random);
			filter.replies = filter.mirrored && chance(random, 4);
			filterlist_add(random->state, list, &filter);
		}
	}
}

static void actions_fill(struct random *random, struct location *location)
{
	for (uint32_t i = below(random, 4) + 1; i > 0; i--) {
		struct filteraction *action = location_add_filteraction(random->state, location, words(random, true));
		action->object.description = description(random);
		action->action = (enum action)below(random, 3);
		action->qmpfs = chance(random, 4);
		action->inpass = chance(random, 4);
		action->soft = chance(random, 4);
		action->qmsecmethods = qmsecmethods(random);
	}
}

static void policy_fill(struct random *random, struct location *location, struct policy *policy)
{
	policy->object.description = description(random);
	policy->mmpfs = chance(random, 3);
	policy->qmpermm = policy->mmpfs ? 1 : below(random, 3);
	policy->mmlifetime = 1 + below(random, 2000);
	policy->pollinginterval = 1 + below(random, 500);
	policy->mmsecmethods = mmsecmethods(random);
	policy->defaultrule.activate = chance(random, 2);
	if (chance(random, 3)) {
		policy->defaultrule.qmpfs = chance(random, 2);
		policy->defaultrule.qmsecmethods = qmsecmethods(random);
		auths_fill(random, &policy->defaultrule.auths);
	}
	for (uint32_t i = below(random, 5); i > 0; i--) {
		struct rule *rule = policy_add_rule(
			random->state, policy, words(random, true),
			(struct filterlist *)location->filterlists.items[below(random, (uint32_t)location->filterlists.count)],
			(struct filteraction *)location->filteractions.items[below(random, (uint32_t)location->filteractions.count)]);
		rule->object.description = description(random);
		rule->activate = !chance(random, 4);
		rule->conntype = (enum conntype)below(random, 3);
		if (chance(random, 5))
			rule->tunnel = chance(random, 2) ? "192.0.2.1" : "2001:db8::1";
		auths_fill(random, &rule->auths);
	}
}

static void location_fill(struct random *random, struct location *location)
{
	lists_fill(random, location);
	actions_fill(random, location);
	for (uint32_t i = below(random, 4); i > 0; i--) {
		struct policy *policy = location_add_policy(random->state, location, words(random, true));
		policy_fill(random, location, policy);
		if (chance(random, 2))
			location_assign(location, policy);
	}
}

static void dynamic_fill(struct random *random, struct location *location)
{
	struct state *state = random->state;
	for (uint32_t i = below(random, 3) + 1; i > 0; i--) {
		struct mmpolicy *policy = location_add_mmpolicy(state, location, words(random, true));
		policy->qmpermm = below(random, 3);
		policy->mmlifetime = 1 + below(random, 1000);
		policy->softsaexpirationtime = below(random, 100);
		policy->mmsecmethods = mmsecmethods(random);
		struct qmpolicy *quick = location_add_qmpolicy(state, location, words(random, true));
		quick->soft = chance(random, 2);
		quick->pfsgroup = (enum pfsgroup)below(random, 5);
		quick->qmsecmethods = qmsecmethods(random);
	}
	for (uint32_t i = below(random, 4); i > 0; i--) {
		struct dynrule *rule = location_add_dynrule(state, location);
		filter_fill(random, &rule->filter);
		rule->actioninbound = (enum action)below(random, 3);
		rule->actionoutbound = (enum action)below(random, 3);
		rule->mmpolicy = location->mmpolicies.items[0]->name;
		rule->qmpolicy = chance(random, 2) ? location->qmpolicies.items[0]->name : NULL;
		if (rule->actioninbound == ACTION_NEGOTIATE || rule->actionoutbound == ACTION_NEGOTIATE)
			rule->qmpolicy = location->qmpolicies.items[0]->name;
		rule->conntype = (enum conntype)below(random, 3);
		auths_fill(random, &rule->auths);
	}
}

static void config_fill(struct random *random, struct config *config)
{
	static const struct {
		enum property_id id;
		const char *value;
	} settings[] = {
		{PROPERTY_IPSECDIAGNOSTICS, "7"}, {PROPERTY_IPSECLOGINTERVAL, "60"}, {PROPERTY_IPSECEXEMPT, "0"},
		{PROPERTY_IKELOGGING, "1"}, {PROPERTY_STRONGCRLCHECK, "2"}, {PROPERTY_BOOTMODE, "block"},
		{PROPERTY_BOOTEXEMPTIONS, "none"}, {PROPERTY_BOOTEXEMPTIONS, "TCP:0:3389:inbound ICMP:inbound 47:outbound"},
		{PROPERTY_IKEEXEMPT, "no"}, {PROPERTY_FOLLOWNAMES, "yes"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(settings); i++)
		if (chance(random, 2))
			(void)config_set(config, settings[i].id, settings[i].value, strlen(settings[i].value), NULL, NULL);
}

struct state *random_state_new(uint64_t seed)
{
	struct random random = {.seed = (seed + 1) * 0x9e3779b97f4a7c15u, .state = state_new()};
	if (!chance(&random, 8))
		location_fill(&random, &random.state->locations[LOCATION_LOCAL]);
	if (chance(&random, 2))
		location_fill(&random, &random.state->locations[LOCATION_PERSISTENT]);
	if (chance(&random, 4))
		location_fill(&random, &random.state->locations[LOCATION_DYNAMIC]);
	if (chance(&random, 2))
		dynamic_fill(&random, &random.state->locations[LOCATION_DYNAMIC]);
	config_fill(&random, &random.state->config);
	return random.state;
}
