/* The table of the language: that its rows fit together, and how words are matched against them. */
#include <criterion/criterion.h>
#include <string.h>

#include "bootcfg/netsh/grammar.h"
#include "core/base/attr.h"
#include "core/policy/policy.h"

Test(netsh_grammar, words_of_tags_are_in_the_order_of_their_enums)
{
	for (unsigned i = 0; tags[TAG_ACTION].words[i] != NULL; i++)
		cr_expect_str_eq(tags[TAG_ACTION].words[i], action_name((enum action)i));
	for (unsigned i = 0; tags[TAG_CONNTYPE].words[i] != NULL; i++)
		cr_expect_str_eq(tags[TAG_CONNTYPE].words[i], conntype_name((enum conntype)i));
	for (unsigned i = 0; tags[TAG_PFSGROUP].words[i] != NULL; i++)
		cr_expect_str_eq(tags[TAG_PFSGROUP].words[i], pfsgroup_name((enum pfsgroup)i));
	for (unsigned i = 0; i < LOCATION_COUNT; i++)
		cr_expect_str_eq(tags[TAG_LOCATION].words[i], location_name((enum location_id)i));
	cr_expect_str_eq(tags[TAG_LOCATION].words[LOCATION_COUNT], "domain");
}

Test(netsh_grammar, rows_are_whole)
{
	for (size_t i = 0; i < row_count; i++) {
		const struct row *row = &rows[i];
		bool named = false;
		cr_expect(row->run != NULL || row->check != NULL, "%s %s runs nothing", row->verb, row->object);
		cr_expect_leq(row->tag_count, ROW_TAGS);
		for (size_t j = 0; j < row->tag_count; j++) {
			const struct tag *tag = &tags[row->tags[j].id];
			cr_expect(tag->name != NULL && (tag->type == TYPE_WORD) == (tag->words != NULL), "%s", tag->name);
			cr_expect(tag->type != TYPE_NUMBER || tag->least < tag->most, "%s", tag->name);
			for (size_t k = 0; k < j; k++)
				cr_expect_str_neq(tags[row->tags[k].id].name, tag->name, "%s %s", row->verb, row->object);
			named |= row->tags[j].id == TAG_NAME;
		}
		for (size_t j = 0; j < i; j++)
			cr_expect(rows[j].context != row->context || strcmp(rows[j].verb, row->verb) != 0 ||
					  strcmp(rows[j].object != NULL ? rows[j].object : "", row->object != NULL ? row->object : "") != 0,
				  "%s %s is there twice", row->verb, row->object);
		(void)named;
	}
	for (size_t i = 0; i < TAG_COUNT; i++)
		cr_expect(tags[i].name != NULL, "tag %zu has no row", i);
}

/* Every shorter form of a name means it, or is refused as ambiguous: never another one. */
Test(netsh_grammar, prefixes_never_mean_another_name)
{
	for (size_t i = 0; i < row_count; i++) {
		for (size_t j = 0; j < rows[i].tag_count; j++) {
			const struct tag *tag = &tags[rows[i].tags[j].id];
			for (size_t length = 1; tag->type != TYPE_FLAG && length <= strlen(tag->name); length++) {
				const struct tag_use *use = NULL;
				enum match match = tag_match(&rows[i], tag->name, length, &use, NULL);
				bool own = (rows[i].tags[j].flags & USE_OWN) != 0;
				cr_expect(match != MATCH_ONE || use == &rows[i].tags[j] || own ||
						  (tags[use->id].alias != NULL && strlen(tags[use->id].alias) == length),
					  "%.*s of %s %s means %s", (int)length, tag->name, rows[i].verb, rows[i].object,
					  use != NULL ? tags[use->id].name : "");
			}
			const struct tag_use *whole = NULL;
			if (tag->type != TYPE_FLAG)
				cr_expect(tag_match(&rows[i], tag->name, strlen(tag->name), &whole, NULL) == MATCH_ONE &&
					  whole == &rows[i].tags[j], "%s", tag->name);
		}
	}
}

Test(netsh_grammar, short_forms_of_published_scripts_are_known)
{
	static const struct {
		enum context_id context;
		const char *verb, *object, *tag, *means;
	} forms[] = {
		{CONTEXT_STATIC, "del", "policy", "name", "name"},
		{CONTEXT_DYNAMIC, "add", "mmp", "mmsec", "mmsecmethods"},
		{CONTEXT_DYNAMIC, "add", "mmp", "softsa", "softsaexpirationtime"},
		{CONTEXT_DYNAMIC, "add", "rule", "mirror", "mirrored"},
		{CONTEXT_DYNAMIC, "add", "rule", "qmp", "qmpolicy"},
		{CONTEXT_DYNAMIC, "add", "rule", "tunneldst", "tunneldstaddress"},
		{CONTEXT_STATIC, "add", "filter", "srca", "srcaddr"},
		{CONTEXT_STATIC, "add", "filter", "dstadd", "dstaddr"},
		{CONTEXT_STATIC, "add", "filter", "mir", "mirrored"},
		{CONTEXT_STATIC, "add", "filter", "proto", "protocol"},
		{CONTEXT_STATIC, "add", "filter", "desc", "description"},
		{CONTEXT_STATIC, "add", "rule", "filter", "filterlist"},
		{CONTEXT_STATIC, "add", "rule", "con", "conntype"},
		{CONTEXT_STATIC, "add", "filteraction", "qmsec", "qmsecmethods"},
		{CONTEXT_STATIC, "ADD", "Policy", "MMSEC", "mmsecmethods"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
		const char *verb = NULL;
		const struct row *row = NULL;
		const struct tag_use *use = NULL;
		cr_assert_eq(verb_match(forms[i].context, forms[i].verb, strlen(forms[i].verb), &verb, NULL), MATCH_ONE);
		cr_assert_eq(object_match(forms[i].context, verb, forms[i].object, strlen(forms[i].object), &row, NULL), MATCH_ONE);
		cr_assert_eq(tag_match(row, forms[i].tag, strlen(forms[i].tag), &use, NULL), MATCH_ONE, "%s", forms[i].tag);
		cr_expect_str_eq(tags[use->id].name, forms[i].means);
	}
}

Test(netsh_grammar, ambiguity_names_the_candidates)
{
	const char *verb;
	const struct row *row;
	struct buffer names;
	buffer_init(&names, 1024);
	cr_expect_eq(verb_match(CONTEXT_STATIC, "s", 1, &verb, &names), MATCH_MANY);
	cr_expect_str_eq(buffer_text(&names), "set, show");
	buffer_clear(&names);
	cr_expect_eq(object_match(CONTEXT_STATIC, "add", "filter", 6, &row, &names), MATCH_ONE);
	cr_expect_str_eq(row->object, "filter");
	cr_expect_eq(names.length, 0);
	cr_expect_eq(object_match(CONTEXT_STATIC, "add", "f", 1, &row, &names), MATCH_MANY);
	cr_expect_str_eq(buffer_text(&names), "filter, filteraction, filterlist");
	buffer_done(&names);
}

Test(netsh_grammar, all_is_never_shortened)
{
	const struct row *row;
	for (size_t i = 0; i < row_count; i++)
		if (rows[i].object != NULL && strcmp(rows[i].object, "all") == 0) {
			cr_expect_neq(object_match(rows[i].context, rows[i].verb, "a", 1, &row, NULL), MATCH_ONE);
			cr_expect_neq(object_match(rows[i].context, rows[i].verb, "al", 2, &row, NULL), MATCH_ONE);
			cr_expect_eq(object_match(rows[i].context, rows[i].verb, "ALL", 3, &row, NULL), MATCH_ONE);
		}
}
