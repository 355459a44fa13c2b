/* What the tests of the store share: a folder of their own, states made at random, and all of a state as text. */
#ifndef CORDON_TESTS_STORE_SUPPORT_H
#define CORDON_TESTS_STORE_SUPPORT_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/profile.h"
#include "core/store/store.h"

/* ---- files ---- */

static char test_folder[64];

ATTR_UNUSED static void folder_make(void)
{
	snprintf(test_folder, sizeof(test_folder), "/tmp/cordon-test-XXXXXX");
	cr_assert_not_null(mkdtemp(test_folder));
}

ATTR_UNUSED static void folder_remove(void)
{
	DIR *folder = opendir(test_folder);
	if (folder == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	rmdir(test_folder);
}

/* A name in it; four live at a time. */
ATTR_UNUSED static const char *folder_path(const char *name)
{
	static char paths[4][160];
	static unsigned at;
	char *path = paths[at++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", test_folder, name);
	return path;
}

/* The whole file; caller frees. */
ATTR_UNUSED static char *file_read(const char *path, size_t *ret_length)
{
	FILE *file = fopen(path, "rb");
	cr_assert_not_null(file, "%s", path);
	fseek(file, 0, SEEK_END);
	size_t length = (size_t)ftell(file);
	rewind(file);
	char *bytes = memory_alloc(length + 1);
	cr_assert_eq(fread(bytes, 1, length, file), length);
	fclose(file);
	*ret_length = length;
	return bytes;
}

ATTR_UNUSED static void file_write(const char *path, const void *bytes, size_t length)
{
	FILE *file = fopen(path, "wb");
	cr_assert_not_null(file, "%s", path);
	cr_assert_eq(fwrite(bytes, 1, length, file), length);
	cr_assert_eq(fclose(file), 0);
}

/* ---- messages ---- */

/* The messages of a diag as text, and empties it.  Good until the next call. */
ATTR_UNUSED static const char *said(struct diag *diag)
{
	static struct buffer text;
	if (text.maximum == 0)
		buffer_init(&text, 1 << 20);
	buffer_clear(&text);
	diag_render(diag, 0, 0, &text);
	diag_clear(diag);
	return buffer_text(&text);
}

/* ---- all of a state as text ---- */

static void auths_text(const struct authlist *list, struct buffer *out)
{
	for (size_t i = 0; i < list->count; i++)
		buffer_printf(out, " auth(%d,%s,%d,%d)", (int)list->items[i].kind,
			      list->items[i].value != NULL ? list->items[i].value : "-", list->items[i].certmap,
			      list->items[i].excludecaname);
}

static void object_text(const char *kind, const struct object *object, bool whole, struct buffer *out)
{
	char guid[GUID_TEXT];
	guid_print(&object->guid, guid);
	buffer_printf(out, "%s %s (%s)", kind, object->name, object->description);
	if (whole)
		buffer_printf(out, " %s %lld", guid, (long long)object->modified);
}

static void filter_text(const struct filter *filter, bool whole, struct buffer *out)
{
	char src[ADDRESS_TEXT], dst[ADDRESS_TEXT];
	address_print(&filter->src, src);
	address_print(&filter->dst, dst);
	buffer_printf(out, "  filter %s(%s) %s(%s) %d %d %d %d %d (%s)", src, filter->src.name != NULL ? filter->src.name : "-", dst,
		      filter->dst.name != NULL ? filter->dst.name : "-", filter->protocol, filter->srcport, filter->dstport,
		      filter->mirrored, filter->replies, filter->description);
	if (whole)
		buffer_printf(out, " %s:%u", filter->file != NULL ? filter->file : "-", filter->line);
	buffer_add_char(out, '\n');
}

static void policy_text(const struct policy *policy, bool whole, struct buffer *out)
{
	object_text("policy", &policy->object, whole, out);
	buffer_printf(out, " %d %d %u %u %u (%s) default %d %d (%s)", policy->assigned, policy->mmpfs, policy->qmpermm,
		      policy->mmlifetime, policy->pollinginterval, policy->mmsecmethods, policy->defaultrule.activate,
		      policy->defaultrule.qmpfs, policy->defaultrule.qmsecmethods);
	auths_text(&policy->defaultrule.auths, out);
	buffer_add_char(out, '\n');
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		object_text("  rule", &rule->object, whole, out);
		buffer_printf(out, " %s %s %s %d %d", rule->filterlist->object.name, rule->filteraction->object.name,
			      rule->tunnel != NULL ? rule->tunnel : "-", rule->conntype, rule->activate);
		auths_text(&rule->auths, out);
		buffer_add_char(out, '\n');
	}
}

static void dynamic_text(const struct location *location, bool whole, struct buffer *out)
{
	for (size_t i = 0; i < location->mmpolicies.count; i++) {
		const struct mmpolicy *policy = (const struct mmpolicy *)location->mmpolicies.items[i];
		object_text("mmpolicy", &policy->object, whole, out);
		buffer_printf(out, " %u %u %u (%s)\n", policy->qmpermm, policy->mmlifetime, policy->softsaexpirationtime,
			      policy->mmsecmethods);
	}
	for (size_t i = 0; i < location->qmpolicies.count; i++) {
		const struct qmpolicy *policy = (const struct qmpolicy *)location->qmpolicies.items[i];
		object_text("qmpolicy", &policy->object, whole, out);
		buffer_printf(out, " %d %s (%s)\n", policy->soft, pfsgroup_name(policy->pfsgroup), policy->qmsecmethods);
	}
	for (size_t i = 0; i < location->dynrule_count; i++) {
		const struct dynrule *rule = location->dynrules[i];
		buffer_printf(out, "dynrule %d %d %s %s %s %d", rule->actioninbound, rule->actionoutbound, rule->mmpolicy,
			      rule->qmpolicy != NULL ? rule->qmpolicy : "-", rule->tunnel != NULL ? rule->tunnel : "-", rule->conntype);
		auths_text(&rule->auths, out);
		filter_text(&rule->filter, whole, out);
	}
}

/* `whole`: with guids, times, files and lines. */
ATTR_UNUSED static char *state_text(const struct state *state, bool whole)
{
	struct buffer out;
	buffer_init(&out, 64 << 20);
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct location *location = &state->locations[i];
		buffer_printf(&out, "== %s\n", location_name(location->id));
		for (size_t j = 0; j < location->filterlists.count; j++) {
			const struct filterlist *list = (const struct filterlist *)location->filterlists.items[j];
			object_text("list", &list->object, whole, &out);
			buffer_printf(&out, " users %zu\n", list->users);
			for (size_t k = 0; k < list->count; k++)
				filter_text(&list->filters[k], whole, &out);
		}
		for (size_t j = 0; j < location->filteractions.count; j++) {
			const struct filteraction *action = (const struct filteraction *)location->filteractions.items[j];
			object_text("action", &action->object, whole, &out);
			buffer_printf(&out, " %s %d %d %d (%s) users %zu\n", action_name(action->action), action->qmpfs, action->inpass,
				      action->soft, action->qmsecmethods, action->users);
		}
		for (size_t j = 0; j < location->policies.count; j++)
			policy_text((const struct policy *)location->policies.items[j], whole, &out);
		dynamic_text(location, whole, &out);
	}
	for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
		buffer_printf(&out, "%s %d ", properties[i].name, state->config.set[i]);
		config_print(&state->config, (enum property_id)i, &out);
		buffer_add_char(&out, '\n');
	}
	cr_assert_not(out.full);
	char *text = memory_text(buffer_text(&out));
	buffer_done(&out);
	return text;
}

/* ---- states at random ---- */

struct random {
	uint64_t seed;
};

static uint32_t random_below(struct random *random, uint32_t below)
{
	random->seed = random->seed * 6364136223846793005u + 1442695040888963407u;
	uint64_t mixed = random->seed;
	mixed = (mixed ^ mixed >> 33) * 0xff51afd7ed558ccdu;
	return (uint32_t)((mixed ^ mixed >> 33) % below);
}

static const char *random_word(struct random *random)
{
	static const char *const words[] = {
		"web",	"a b c", "caf\xc3\xa9",	"\xe5\x8d\xb1\xe9\x99\xa9", "say \"hi\"", "back\\slash", "tab here", "${HOME}",
		"$${x}", "a=b",	 "comma, semi;", "\xf0\x9f\x94\x92 lock",   "line end",  "'",		 "%VAR%",     "  blanks  ",
	};
	return words[random_below(random, ARRAY_LENGTH(words))];
}

static struct address random_address(struct random *random, unsigned family)
{
	struct address address = {.kind = (uint8_t)random_below(random, 2)};
	struct ip ip = {.family = (uint8_t)family}, last;
	if (random_below(random, 3) == 0)
		return address;
	for (unsigned i = 0; i < family_bits(family) / 8; i++)
		ip.bytes[i] = (uint8_t)random_below(random, 256);
	if (random_below(random, 3) > 0)
		return address_subnet(&ip, random_below(random, 3) == 0 ? family_bits(family) : 1 + random_below(random, family_bits(family)));
	last = ip;
	ip.bytes[3] &= 0x7f;
	last.bytes[3] |= 0x80;
	address = (struct address){.kind = ADDRESS_RANGE, .family = (uint8_t)family};
	memcpy(address.first, ip.bytes, 16);
	memcpy(address.last, last.bytes, 16);
	return address;
}

static void random_filter(struct random *random, struct state *state, struct filter *ret_filter)
{
	static const uint8_t protocols[] = {0, 1, 6, 17, 47, 255, 6, 17};
	do {
		unsigned family = random_below(random, 2) ? FAMILY_IPV4 : FAMILY_IPV6;
		*ret_filter = (struct filter){.src = random_address(random, family), .dst = random_address(random, family),
			.protocol = protocols[random_below(random, 8)], .mirrored = random_below(random, 2), .description = ""};
		if (random_below(random, 6) == 0) {
			ret_filter->src = (struct address){.kind = ADDRESS_ME};
			ret_filter->dst = (struct address){.kind = (uint8_t)(ADDRESS_DNS + random_below(random, 4))};
		}
		if (ret_filter->protocol == 6 || ret_filter->protocol == 17) {
			ret_filter->srcport = (uint16_t)(random_below(random, 2) ? 0 : random_below(random, 65536));
			ret_filter->dstport = (uint16_t)(random_below(random, 2) ? 0 : random_below(random, 65536));
		}
		ret_filter->replies = ret_filter->mirrored && random_below(random, 2);
		if (ret_filter->dst.kind == ADDRESS_SUBNET && random_below(random, 3) == 0)
			ret_filter->dst.name = "www.example.com";
		if (random_below(random, 3) == 0)
			ret_filter->description = arena_text(state->arena, random_word(random));
		if (random_below(random, 2) == 0) {
			ret_filter->file = "script.txt";
			ret_filter->line = random_below(random, 1000);
		}
	} while (filter_check(ret_filter) != NULL);
}

static struct authlist random_auths(struct random *random, struct state *state)
{
	struct authlist list = {.count = random_below(random, 4)};
	list.items = arena_alloc(state->arena, list.count * sizeof(*list.items));
	for (size_t i = 0; i < list.count; i++) {
		list.items[i].kind = (enum auth_kind)random_below(random, 3);
		if (list.items[i].kind != AUTH_KERBEROS)
			list.items[i].value = arena_text(state->arena, random_word(random));
		if (list.items[i].kind == AUTH_ROOTCA) {
			list.items[i].certmap = random_below(random, 2);
			list.items[i].excludecaname = random_below(random, 2);
		}
	}
	return list;
}

static const char *random_name(struct random *random, struct state *state)
{
	return arena_printf(state->arena, "%s %u", random_word(random), random_below(random, 1000000));
}

static const char *const test_qmsecmethods[] = {"", "ESP[None,SHA1]:100000k/3600s", "AH[MD5]:204800k/300s ESP[DES,SHA1]:30000k/480s"};

ATTR_UNUSED static struct policy *random_policy(struct random *random, struct state *state, struct location *location)
{
	struct filterlist *lists[4];
	struct filteraction *actions[3];
	size_t list_count = 1 + random_below(random, 4), action_count = 1 + random_below(random, 3);
	for (size_t i = 0; i < list_count; i++) {
		lists[i] = location_add_filterlist(state, location, random_name(random, state));
		lists[i]->object.description = random_below(random, 2) ? "" : random_word(random);
		for (uint32_t filters = random_below(random, 12); filters > 0; filters--) {
			struct filter filter;
			random_filter(random, state, &filter);
			filterlist_add(state, lists[i], &filter);
		}
	}
	for (size_t i = 0; i < action_count; i++) {
		actions[i] = location_add_filteraction(state, location, random_name(random, state));
		actions[i]->action = (enum action)random_below(random, 3);
		actions[i]->qmpfs = random_below(random, 2);
		actions[i]->inpass = random_below(random, 2);
		actions[i]->soft = random_below(random, 2);
		actions[i]->qmsecmethods = test_qmsecmethods[random_below(random, 3)];
	}
	struct policy *policy = location_add_policy(state, location, random_name(random, state));
	policy->object.description = random_word(random);
	policy->mmpfs = random_below(random, 2);
	policy->qmpermm = random_below(random, 100);
	policy->mmlifetime = 1 + random_below(random, 1000);
	policy->pollinginterval = random_below(random, 1000);
	policy->mmsecmethods = random_below(random, 2) ? "" : "3DES-SHA1-3 DES-SHA1-2";
	policy->defaultrule.activate = random_below(random, 2);
	policy->defaultrule.qmsecmethods = test_qmsecmethods[random_below(random, 3)];
	policy->defaultrule.auths = random_auths(random, state);
	for (uint32_t rules = random_below(random, 5); rules > 0; rules--) {
		struct rule *rule = policy_add_rule(state, policy, random_name(random, state), lists[random_below(random, (uint32_t)list_count)],
						    actions[random_below(random, (uint32_t)action_count)]);
		rule->object.description = random_below(random, 2) ? "" : random_word(random);
		rule->tunnel = random_below(random, 3) ? NULL : random_below(random, 2) ? "192.0.2.1" : "gw.example.com";
		rule->conntype = (enum conntype)random_below(random, 3);
		rule->activate = random_below(random, 2);
		rule->auths = random_auths(random, state);
	}
	return policy;
}

#endif
