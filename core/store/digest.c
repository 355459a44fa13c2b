/* A digest of what is assigned: the same for the same meaning. */
#include <sha2.h>
#include <string.h>

#include "core/store/store.h"

/* Every value with its length, so that no two states are written alike. */
static void add_number(SHA2_CTX *hash, uint64_t number)
{
	uint8_t bytes[8];
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
	SHA256Update(hash, bytes, sizeof(bytes));
}

static void add_text(SHA2_CTX *hash, const char *text)
{
	size_t length = text != NULL ? strlen(text) : 0;
	add_number(hash, text != NULL ? length + 1 : 0);
	if (length > 0)
		SHA256Update(hash, (const uint8_t *)text, length);
}

static void add_auths(SHA2_CTX *hash, const struct authlist *list)
{
	add_number(hash, list->count);
	for (size_t i = 0; i < list->count; i++) {
		add_number(hash, list->items[i].kind);
		add_text(hash, list->items[i].value);
		add_number(hash, list->items[i].certmap | (unsigned)list->items[i].excludecaname << 1);
	}
}

static void add_address(SHA2_CTX *hash, const struct address *address)
{
	uint8_t bytes[3 + 16 + 16] = {address->kind, address->family, address->bits};
	size_t length = 3, size = address->family == FAMILY_IPV4 ? 4 : 16;
	if (address->kind >= ADDRESS_SUBNET) {
		memcpy(bytes + length, address->first, size);
		length += size;
	}
	if (address->kind == ADDRESS_RANGE) {
		memcpy(bytes + length, address->last, size);
		length += size;
	}
	SHA256Update(hash, bytes, length);
}

static void add_filter(SHA2_CTX *hash, const struct filter *filter)
{
	uint8_t bytes[] = {
		filter->protocol,
		(uint8_t)(filter->srcport >> 8), (uint8_t)filter->srcport,
		(uint8_t)(filter->dstport >> 8), (uint8_t)filter->dstport,
		(uint8_t)(filter->mirrored | filter->replies << 1),
	};
	add_address(hash, &filter->src);
	add_address(hash, &filter->dst);
	SHA256Update(hash, bytes, sizeof(bytes));
}

static void add_list(SHA2_CTX *hash, const struct filterlist *list)
{
	add_text(hash, list->object.name);
	add_number(hash, list->count);
	for (size_t i = 0; i < list->count; i++)
		add_filter(hash, &list->filters[i]);
}

static void add_action(SHA2_CTX *hash, const struct filteraction *action)
{
	add_text(hash, action->object.name);
	add_text(hash, action_name(action->action));
	add_number(hash, action->qmpfs | (unsigned)action->inpass << 1 | (unsigned)action->soft << 2);
	add_text(hash, action->qmsecmethods);
}

static void add_rule(SHA2_CTX *hash, const struct rule *rule)
{
	add_text(hash, rule->object.name);
	add_number(hash, rule->activate);
	add_text(hash, rule->tunnel);
	add_text(hash, conntype_name(rule->conntype));
	add_auths(hash, &rule->auths);
	if (rule->filterlist != NULL)
		add_list(hash, rule->filterlist);
	if (rule->filteraction != NULL)
		add_action(hash, rule->filteraction);
}

static void add_policy(SHA2_CTX *hash, const struct policy *policy)
{
	add_text(hash, policy->object.name);
	add_number(hash, policy->mmpfs);
	add_number(hash, policy->qmpermm);
	add_number(hash, policy->mmlifetime);
	add_number(hash, policy->pollinginterval);
	add_text(hash, policy->mmsecmethods);
	add_number(hash, policy->defaultrule.activate | (unsigned)policy->defaultrule.qmpfs << 1);
	add_text(hash, policy->defaultrule.qmsecmethods);
	add_auths(hash, &policy->defaultrule.auths);
	add_number(hash, policy->rules.count);
	for (size_t i = 0; i < policy->rules.count; i++)
		add_rule(hash, (const struct rule *)policy->rules.items[i]);
}

static void add_mmpolicy(SHA2_CTX *hash, const struct mmpolicy *policy)
{
	add_text(hash, policy->object.name);
	add_number(hash, policy->qmpermm);
	add_number(hash, policy->mmlifetime);
	add_number(hash, policy->softsaexpirationtime);
	add_text(hash, policy->mmsecmethods);
}

static void add_qmpolicy(SHA2_CTX *hash, const struct qmpolicy *policy)
{
	add_text(hash, policy->object.name);
	add_number(hash, policy->soft);
	add_text(hash, pfsgroup_name(policy->pfsgroup));
	add_text(hash, policy->qmsecmethods);
}

static void add_dynrule(SHA2_CTX *hash, const struct dynrule *rule)
{
	add_filter(hash, &rule->filter);
	add_text(hash, action_name(rule->actioninbound));
	add_text(hash, action_name(rule->actionoutbound));
	add_text(hash, rule->mmpolicy);
	add_text(hash, rule->qmpolicy);
	add_text(hash, rule->tunnel);
	add_text(hash, conntype_name(rule->conntype));
	add_auths(hash, &rule->auths);
}

static void add_location(SHA2_CTX *hash, const struct location *location)
{
	const struct policy *policy = location_assigned(location);
	add_text(hash, location_name(location->id));
	add_number(hash, policy != NULL);
	if (policy != NULL)
		add_policy(hash, policy);
	add_number(hash, location->mmpolicies.count);
	for (size_t i = 0; i < location->mmpolicies.count; i++)
		add_mmpolicy(hash, (const struct mmpolicy *)location->mmpolicies.items[i]);
	add_number(hash, location->qmpolicies.count);
	for (size_t i = 0; i < location->qmpolicies.count; i++)
		add_qmpolicy(hash, (const struct qmpolicy *)location->qmpolicies.items[i]);
	add_number(hash, location->dynrule_count);
	for (size_t i = 0; i < location->dynrule_count; i++)
		add_dynrule(hash, location->dynrules[i]);
}

void state_digest(const struct state *state, char text[DIGEST_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	SHA2_CTX hash;
	uint8_t bytes[SHA256_DIGEST_LENGTH];
	struct buffer value;
	SHA256Init(&hash);
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		add_location(&hash, &state->locations[i]);
	buffer_init(&value, 65536);
	for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
		buffer_clear(&value);
		config_print(&state->config, (enum property_id)i, &value);
		add_text(&hash, properties[i].name);
		add_text(&hash, buffer_text(&value));
	}
	buffer_done(&value);
	SHA256Final(bytes, &hash);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = '\0';
}
