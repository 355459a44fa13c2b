/* One table, longer than a file should be: the whole language stands in it. */
#include "bootcfg/netsh/grammar.h"

#include <string.h>

#include "bootcfg/netsh/handlers.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/policy/policy.h"

static const char *const action_words[] = {"block", "negotiate", "permit", NULL}; /* as enum action */
static const char *const conntype_words[] = {"all", "lan", "dialup", NULL};       /* as enum conntype */
static const char *const pfsgroup_words[] = {"NOPFS", "GRP1", "GRP2", "GRP3", "GRPMM", NULL}; /* as enum pfsgroup */
static const char *const mode_words[] = {"enable", "disable", NULL};
static const char *const location_words[] = {"persistent", "local", "dynamic", "domain", NULL}; /* as enum location_id */
static const char *const release_words[] = {"win2k", "win2003", NULL};
static const char *const format_words[] = {"list", "table", NULL};
static const char *const level_words[] = {"verbose", "normal", NULL};
static const char *const ruletype_words[] = {"transport", "tunnel", NULL};
static const char *const filtertype_words[] = {"generic", "specific", NULL};
static const char *const statstype_words[] = {"all", "ike", "ipsec", NULL};

/* Minutes that are kept as seconds in 32 bits. */
enum { NUMBER_MOST = POLICY_QMPERMM_MOST };

const struct tag tags[TAG_COUNT] = {
	[TAG_NAME] = {.name = "name", .type = TYPE_NAME},
	[TAG_DESCRIPTION] = {.name = "description", .type = TYPE_TEXT},
	[TAG_NEWNAME] = {.name = "newname", .type = TYPE_NAME},
	[TAG_GUID] = {.name = "guid", .type = TYPE_GUID},
	[TAG_ID] = {.name = "id", .type = TYPE_NUMBER, .least = 1, .most = NUMBER_MOST},
	[TAG_ALL] = {.name = "all", .type = TYPE_FLAG},
	[TAG_DEFAULT] = {.name = "default", .type = TYPE_FLAG},
	[TAG_FILTERLIST] = {.name = "filterlist", .alias = "filter", .type = TYPE_NAME},
	[TAG_FILTERACTION] = {.name = "filteraction", .type = TYPE_NAME},
	[TAG_POLICY] = {.name = "policy", .type = TYPE_NAME},
	[TAG_RULE] = {.name = "rule", .type = TYPE_NAME},
	[TAG_SRCADDR] = {.name = "srcaddr", .type = TYPE_ADDRESS},
	[TAG_DSTADDR] = {.name = "dstaddr", .type = TYPE_ADDRESS},
	[TAG_SRCMASK] = {.name = "srcmask", .type = TYPE_MASK},
	[TAG_DSTMASK] = {.name = "dstmask", .type = TYPE_MASK},
	[TAG_PROTOCOL] = {.name = "protocol", .type = TYPE_PROTOCOL},
	[TAG_SRCPORT] = {.name = "srcport", .type = TYPE_PORT},
	[TAG_DSTPORT] = {.name = "dstport", .type = TYPE_PORT},
	[TAG_MIRRORED] = {.name = "mirrored", .type = TYPE_YESNO},
	[TAG_REPLIES] = {.name = "replies", .type = TYPE_YESNO},
	[TAG_SRCDNS] = {.name = "srcdns", .type = TYPE_NAME},
	[TAG_DSTDNS] = {.name = "dstdns", .type = TYPE_NAME},
	[TAG_QMPFS] = {.name = "qmpfs", .type = TYPE_YESNO},
	[TAG_INPASS] = {.name = "inpass", .type = TYPE_YESNO},
	[TAG_SOFT] = {.name = "soft", .type = TYPE_YESNO},
	[TAG_ACTION] = {.name = "action", .type = TYPE_WORD, .words = action_words},
	[TAG_QMSECMETHODS] = {.name = "qmsecmethods", .type = TYPE_QMMETHODS},
	[TAG_MMPFS] = {.name = "mmpfs", .type = TYPE_YESNO},
	[TAG_QMPERMM] = {.name = "qmpermm", .type = TYPE_NUMBER, .least = 0, .most = NUMBER_MOST},
	[TAG_MMLIFETIME] = {.name = "mmlifetime", .type = TYPE_NUMBER, .least = 1, .most = POLICY_MINUTES_MOST},
	[TAG_ACTIVATEDEFAULTRULE] = {.name = "activatedefaultrule", .type = TYPE_YESNO},
	[TAG_POLLINGINTERVAL] = {.name = "pollinginterval", .type = TYPE_NUMBER, .least = 1, .most = POLICY_MINUTES_MOST},
	[TAG_ASSIGN] = {.name = "assign", .type = TYPE_YESNO},
	[TAG_GPONAME] = {.name = "gponame", .type = TYPE_NAME},
	[TAG_MMSECMETHODS] = {.name = "mmsecmethods", .type = TYPE_MMMETHODS},
	[TAG_TUNNEL] = {.name = "tunnel", .type = TYPE_TUNNEL},
	[TAG_CONNTYPE] = {.name = "conntype", .type = TYPE_WORD, .words = conntype_words},
	[TAG_ACTIVATE] = {.name = "activate", .type = TYPE_YESNO},
	[TAG_KERBEROS] = {.name = "kerberos", .type = TYPE_YESNO},
	[TAG_PSK] = {.name = "psk", .type = TYPE_NAME},
	[TAG_ROOTCA] = {.name = "rootca", .type = TYPE_NAME},
	[TAG_FILE] = {.name = "file", .type = TYPE_NAME},
	[TAG_MODE] = {.name = "mode", .type = TYPE_WORD, .words = mode_words},
	[TAG_LOCATION] = {.name = "location", .type = TYPE_WORD, .words = location_words},
	[TAG_DOMAIN] = {.name = "domain", .type = TYPE_NAME},
	[TAG_RELEASE] = {.name = "release", .type = TYPE_WORD, .words = release_words},
	[TAG_PROPERTY] = {.name = "property", .type = TYPE_NAME},
	[TAG_VALUE] = {.name = "value", .type = TYPE_TEXT},
	[TAG_FORMAT] = {.name = "format", .type = TYPE_WORD, .words = format_words},
	[TAG_WIDE] = {.name = "wide", .type = TYPE_YESNO},
	[TAG_LEVEL] = {.name = "level", .type = TYPE_WORD, .words = level_words},
	[TAG_RESOLVEDNS] = {.name = "resolvedns", .type = TYPE_YESNO},
	[TAG_RULETYPE] = {.name = "type", .type = TYPE_WORD, .words = ruletype_words},
	[TAG_FILTERTYPE] = {.name = "type", .type = TYPE_WORD, .words = filtertype_words},
	[TAG_STATSTYPE] = {.name = "type", .type = TYPE_WORD, .words = statstype_words},
	[TAG_MMPOLICY] = {.name = "mmpolicy", .type = TYPE_NAME},
	[TAG_QMPOLICY] = {.name = "qmpolicy", .type = TYPE_NAME},
	[TAG_PFSGROUP] = {.name = "pfsgroup", .type = TYPE_WORD, .words = pfsgroup_words},
	[TAG_SOFTSAEXPIRATIONTIME] = {.name = "softsaexpirationtime", .type = TYPE_NUMBER, .least = 0, .most = POLICY_MINUTES_MOST},
	[TAG_ACTIONINBOUND] = {.name = "actioninbound", .type = TYPE_WORD, .words = action_words},
	[TAG_ACTIONOUTBOUND] = {.name = "actionoutbound", .type = TYPE_WORD, .words = action_words},
	[TAG_TUNNELDSTADDRESS] = {.name = "tunneldstaddress", .type = TYPE_TUNNEL},
};

#define USES(...)                                                                                                      \
	.tags = {__VA_ARGS__}, .tag_count = sizeof((const struct tag_use[]){__VA_ARGS__}) / sizeof(struct tag_use)
#define REQ(id) {TAG_##id, USE_REQUIRED}
#define OPT(id) {TAG_##id, 0}
#define ONE(id) {TAG_##id, USE_ONE}
#define MAY(id) {TAG_##id, USE_ONE | USE_OPTIONAL}
#define OWN(id) {TAG_##id, USE_OWN}
#define AUTHS OPT(KERBEROS), OPT(PSK), {TAG_ROOTCA, USE_REPEAT}
#define SHOWN OPT(FORMAT), OPT(WIDE)

static const char note_filter[] = "defaults: protocol=any mirrored=yes, ports 0 (any), one address without a mask; an unknown list is made. "
				  "replies=yes, our own: the mirrored half lets only answers in. srcdns= and dstdns= keep the name "
				  "that an address was resolved from";
static const char note_auths[] = "the order of kerberos, psk and rootca is the order of preference; with any of them the whole list "
				 "is replaced; rootca=\"NAME certmap:(yes|no) excludecaname:(yes|no)\"";
static const char note_shown[] = "only what matches the given tags; an address without a mask matches with any";
static const char note_positional[] = "without a name: all of them";

const struct row rows[] = {
	{CONTEXT_STATIC, "add", "filter",
	 USES(REQ(FILTERLIST), REQ(SRCADDR), REQ(DSTADDR), OPT(DESCRIPTION), OPT(PROTOCOL), OPT(MIRRORED), OPT(SRCMASK),
	      OPT(DSTMASK), OPT(SRCPORT), OPT(DSTPORT), OWN(REPLIES), OWN(SRCDNS), OWN(DSTDNS)),
	 note_filter, netsh_check_add_filter, netsh_add_filter},
	{CONTEXT_STATIC, "add", "filteraction",
	 USES(REQ(NAME), OPT(DESCRIPTION), OPT(QMPFS), OPT(INPASS), OPT(SOFT), OPT(ACTION), OPT(QMSECMETHODS)),
	 "defaults: qmpfs=no inpass=no soft=no action=negotiate", NULL, netsh_add_filteraction},
	{CONTEXT_STATIC, "add", "filterlist", USES(REQ(NAME), OPT(DESCRIPTION)), NULL, NULL, netsh_add_filterlist},
	{CONTEXT_STATIC, "add", "policy",
	 USES(REQ(NAME), OPT(DESCRIPTION), OPT(MMPFS), OPT(QMPERMM), OPT(MMLIFETIME), OPT(ACTIVATEDEFAULTRULE),
	      OPT(POLLINGINTERVAL), OPT(ASSIGN), OPT(MMSECMETHODS)),
	 "defaults: mmpfs=no qmpermm=0 (no limit) mmlifetime=480 (minutes) activatedefaultrule=yes pollinginterval=180 (minutes) "
	 "assign=no",
	 NULL, netsh_add_policy},
	{CONTEXT_STATIC, "add", "rule",
	 USES(REQ(NAME), REQ(POLICY), REQ(FILTERLIST), REQ(FILTERACTION), OPT(TUNNEL), OPT(CONNTYPE), OPT(ACTIVATE),
	      OPT(DESCRIPTION), AUTHS),
	 note_auths, NULL, netsh_add_rule},
	{CONTEXT_STATIC, "delete", "all", .note = "everything in the current store", .run = netsh_delete_all},
	{CONTEXT_STATIC, "delete", "filter",
	 USES(REQ(FILTERLIST), REQ(SRCADDR), REQ(DSTADDR), OPT(PROTOCOL), OPT(MIRRORED), OPT(SRCMASK), OPT(DSTMASK),
	      OPT(SRCPORT), OPT(DSTPORT), OWN(REPLIES)),
	 "deletes all filters of the list that match the given tags; an address without a mask matches with any",
	 netsh_check_delete_filter, netsh_delete_filter},
	{CONTEXT_STATIC, "delete", "filteraction", USES(ONE(NAME), ONE(ALL)), NULL, NULL, netsh_delete_filteraction},
	{CONTEXT_STATIC, "delete", "filterlist", USES(ONE(NAME), ONE(ALL)), NULL, NULL, netsh_delete_filterlist},
	{CONTEXT_STATIC, "delete", "policy", USES(ONE(NAME), ONE(ALL)),
	 "deletes its rules too; filter lists and filter actions stay", NULL, netsh_delete_policy},
	{CONTEXT_STATIC, "delete", "rule", USES(ONE(NAME), ONE(ID), ONE(ALL), REQ(POLICY)), NULL, NULL, netsh_delete_rule},
	{CONTEXT_STATIC, "exportpolicy", NULL, USES(REQ(FILE)), "not done here: its file format is not published",
	 netsh_refuse_files, netsh_refuse_files},
	{CONTEXT_STATIC, "importpolicy", NULL, USES(REQ(FILE)), "not done here: its file format is not published",
	 netsh_refuse_files, netsh_refuse_files},
	{CONTEXT_STATIC, "restorepolicyexamples", NULL, USES(REQ(RELEASE)), "not done here: what it makes is not published",
	 netsh_refuse_examples, netsh_refuse_examples},
	{CONTEXT_STATIC, "set", "batch", USES(REQ(MODE)), "accepted; every script is one transaction anyway", NULL,
	 netsh_set_batch},
	{CONTEXT_STATIC, "set", "config", USES(REQ(PROPERTY), REQ(VALUE)), "belongs to `ipsec dynamic`; taken here too",
	 netsh_check_static_set_config, netsh_set_config},
	{CONTEXT_STATIC, "set", "defaultrule",
	 USES(REQ(POLICY), OPT(QMPFS), OPT(ACTIVATE), OPT(QMSECMETHODS), AUTHS), note_auths, NULL, netsh_set_defaultrule},
	{CONTEXT_STATIC, "set", "filteraction",
	 USES(ONE(NAME), ONE(GUID), OPT(NEWNAME), OPT(DESCRIPTION), OPT(QMPFS), OPT(INPASS), OPT(SOFT), OPT(ACTION),
	      OPT(QMSECMETHODS)),
	 NULL, NULL, netsh_set_filteraction},
	{CONTEXT_STATIC, "set", "filterlist", USES(ONE(NAME), ONE(GUID), OPT(NEWNAME), OPT(DESCRIPTION)), NULL, NULL,
	 netsh_set_filterlist},
	{CONTEXT_STATIC, "set", "policy",
	 USES(ONE(NAME), ONE(GUID), OPT(NEWNAME), OPT(DESCRIPTION), OPT(MMPFS), OPT(QMPERMM), OPT(MMLIFETIME),
	      OPT(ACTIVATEDEFAULTRULE), OPT(POLLINGINTERVAL), OPT(ASSIGN), OPT(GPONAME), OPT(MMSECMETHODS)),
	 "assign=yes unassigns the policy that was assigned before; gponame= is of domains, and refused",
	 netsh_check_set_policy, netsh_set_policy},
	{CONTEXT_STATIC, "set", "rule",
	 USES(ONE(NAME), ONE(ID), REQ(POLICY), OPT(NEWNAME), OPT(DESCRIPTION), OPT(FILTERLIST), OPT(FILTERACTION),
	      OPT(TUNNEL), OPT(CONNTYPE), OPT(ACTIVATE), AUTHS),
	 note_auths, NULL, netsh_set_rule},
	{CONTEXT_STATIC, "set", "store", USES(REQ(LOCATION), OPT(DOMAIN)),
	 "for the commands after it; location=domain is refused; location=dynamic is our own: until the next boot",
	 netsh_check_set_store, netsh_set_store},
	{CONTEXT_STATIC, "show", "all", USES(SHOWN), NULL, NULL, netsh_display},
	{CONTEXT_STATIC, "show", "filteraction", USES(MAY(NAME), MAY(RULE), MAY(ALL), OPT(LEVEL), SHOWN), note_positional, NULL,
	 netsh_display},
	{CONTEXT_STATIC, "show", "filterlist",
	 USES(MAY(NAME), MAY(RULE), MAY(ALL), OPT(LEVEL), OPT(FORMAT), OPT(RESOLVEDNS), OPT(WIDE)), note_positional, NULL,
	 netsh_display},
	{CONTEXT_STATIC, "show", "gpoassignedpolicy", USES(OPT(NAME)), NULL, NULL, netsh_display},
	{CONTEXT_STATIC, "show", "policy", USES(MAY(NAME), MAY(ALL), OPT(LEVEL), SHOWN), note_positional, NULL, netsh_display},
	{CONTEXT_STATIC, "show", "rule",
	 USES(MAY(NAME), MAY(ID), MAY(ALL), MAY(DEFAULT), OPT(POLICY), OPT(RULETYPE), OPT(LEVEL), SHOWN), note_positional, NULL,
	 netsh_display},
	{CONTEXT_STATIC, "show", "store", .run = netsh_display},
	{CONTEXT_STATIC, "dump", NULL, .run = netsh_display_dump},

	{CONTEXT_DYNAMIC, "add", "mmpolicy",
	 USES(REQ(NAME), OPT(QMPERMM), OPT(MMLIFETIME), OPT(SOFTSAEXPIRATIONTIME), OPT(MMSECMETHODS)), NULL, NULL,
	 netsh_add_mmpolicy},
	{CONTEXT_DYNAMIC, "add", "qmpolicy", USES(REQ(NAME), OPT(SOFT), OPT(PFSGROUP), OPT(QMSECMETHODS)),
	 "defaults: soft=no pfsgroup=NOPFS", NULL, netsh_add_qmpolicy},
	{CONTEXT_DYNAMIC, "add", "rule",
	 USES(REQ(SRCADDR), REQ(DSTADDR), REQ(MMPOLICY), OPT(QMPOLICY), OPT(PROTOCOL), OPT(SRCPORT), OPT(DSTPORT),
	      OPT(MIRRORED), OPT(CONNTYPE), OPT(ACTIONINBOUND), OPT(ACTIONOUTBOUND), OPT(SRCMASK), OPT(DSTMASK),
	      OPT(TUNNELDSTADDRESS), AUTHS, OWN(REPLIES), OWN(SRCDNS), OWN(DSTDNS)),
	 "defaults: protocol=any mirrored=yes conntype=all actioninbound=negotiate actionoutbound=negotiate",
	 netsh_check_add_dynrule, netsh_add_dynrule},
	{CONTEXT_DYNAMIC, "delete", "all", .note = "the dynamic policies and rules", .run = netsh_dynamic_delete_all},
	{CONTEXT_DYNAMIC, "delete", "mmpolicy", USES(ONE(NAME), ONE(ALL)), NULL, NULL, netsh_delete_mmpolicy},
	{CONTEXT_DYNAMIC, "delete", "qmpolicy", USES(ONE(NAME), ONE(ALL)), NULL, NULL, netsh_delete_qmpolicy},
	{CONTEXT_DYNAMIC, "delete", "rule",
	 USES(REQ(SRCADDR), REQ(DSTADDR), REQ(PROTOCOL), REQ(SRCPORT), REQ(DSTPORT), OPT(MIRRORED), REQ(CONNTYPE),
	      OPT(SRCMASK), OPT(DSTMASK), OPT(TUNNELDSTADDRESS)),
	 "deletes all rules that match the given tags", netsh_check_dynrule, netsh_delete_dynrule},
	{CONTEXT_DYNAMIC, "set", "config", USES(REQ(PROPERTY), REQ(VALUE)), NULL, netsh_check_set_config, netsh_set_config},
	{CONTEXT_DYNAMIC, "set", "mmpolicy",
	 USES(REQ(NAME), OPT(QMPERMM), OPT(MMLIFETIME), OPT(SOFTSAEXPIRATIONTIME), OPT(MMSECMETHODS)), NULL, NULL,
	 netsh_set_mmpolicy},
	{CONTEXT_DYNAMIC, "set", "qmpolicy", USES(REQ(NAME), OPT(SOFT), OPT(PFSGROUP), OPT(QMSECMETHODS)), NULL, NULL,
	 netsh_set_qmpolicy},
	{CONTEXT_DYNAMIC, "set", "rule",
	 USES(REQ(SRCADDR), REQ(DSTADDR), REQ(PROTOCOL), REQ(SRCPORT), REQ(DSTPORT), OPT(MIRRORED), REQ(CONNTYPE),
	      OPT(SRCMASK), OPT(DSTMASK), OPT(TUNNELDSTADDRESS), OPT(MMPOLICY), OPT(QMPOLICY), OPT(ACTIONINBOUND),
	      OPT(ACTIONOUTBOUND), AUTHS),
	 "the tags up to tunneldstaddress say which rules, the others what changes", netsh_check_dynrule,
	 netsh_set_dynrule},
	{CONTEXT_DYNAMIC, "show", "all", USES(OPT(RESOLVEDNS)), NULL, NULL, netsh_display},
	{CONTEXT_DYNAMIC, "show", "config", .run = netsh_display},
	{CONTEXT_DYNAMIC, "show", "mmfilter",
	 USES(MAY(NAME), MAY(ALL), OPT(FILTERTYPE), OPT(SRCADDR), OPT(DSTADDR), OPT(SRCMASK), OPT(DSTMASK), OPT(RESOLVEDNS)),
	 note_shown, netsh_check_display, netsh_display},
	{CONTEXT_DYNAMIC, "show", "mmpolicy", USES(MAY(NAME), MAY(ALL)), note_positional, NULL, netsh_display},
	{CONTEXT_DYNAMIC, "show", "mmsas", USES(MAY(ALL), OPT(RESOLVEDNS)), NULL, NULL, netsh_display},
	{CONTEXT_DYNAMIC, "show", "qmfilter",
	 USES(MAY(NAME), MAY(ALL), OPT(FILTERTYPE), OPT(SRCADDR), OPT(DSTADDR), OPT(SRCMASK), OPT(DSTMASK), OPT(PROTOCOL),
	      OPT(SRCPORT), OPT(DSTPORT), OPT(ACTIONINBOUND), OPT(ACTIONOUTBOUND), OPT(RESOLVEDNS)),
	 note_shown, netsh_check_display, netsh_display},
	{CONTEXT_DYNAMIC, "show", "qmpolicy", USES(MAY(NAME), MAY(ALL)), note_positional, NULL, netsh_display},
	{CONTEXT_DYNAMIC, "show", "qmsas", USES(MAY(ALL), OPT(RESOLVEDNS)), NULL, NULL, netsh_display},
	{CONTEXT_DYNAMIC, "show", "rule",
	 USES(OPT(RULETYPE), OPT(SRCADDR), OPT(DSTADDR), OPT(SRCMASK), OPT(DSTMASK), OPT(PROTOCOL), OPT(SRCPORT), OPT(DSTPORT),
	      OPT(ACTIONINBOUND), OPT(ACTIONOUTBOUND), OPT(RESOLVEDNS)),
	 note_shown, netsh_check_display, netsh_display},
	{CONTEXT_DYNAMIC, "show", "stats", USES(OPT(STATSTYPE)), NULL, NULL, netsh_display},
	{CONTEXT_DYNAMIC, "dump", NULL, .run = netsh_display_dump},

	{CONTEXT_IPSEC, "dump", NULL, .run = netsh_display_dump},
};
const size_t row_count = ARRAY_LENGTH(rows);

static const struct {
	const char *name, *word;
	enum context_id parent;
} contexts[CONTEXT_COUNT] = {
	[CONTEXT_ROOT] = {"", "", CONTEXT_ROOT},
	[CONTEXT_IPSEC] = {"ipsec", "ipsec", CONTEXT_ROOT},
	[CONTEXT_STATIC] = {"ipsec static", "static", CONTEXT_IPSEC},
	[CONTEXT_DYNAMIC] = {"ipsec dynamic", "dynamic", CONTEXT_IPSEC},
};

const char *context_name(enum context_id context)
{
	return contexts[context].name;
}

const char *context_word(enum context_id context)
{
	return contexts[context].word;
}

enum context_id context_parent(enum context_id context)
{
	return contexts[context].parent;
}

/* Names are offered one after the other; what has been found so far. */
struct matcher {
	const char *word;
	size_t length;
	const void *found;
	const char *found_name;
	bool exact;
	unsigned count;
	struct buffer *candidates; /* may be NULL */
};

static void candidate_add(struct buffer *candidates, const char *name)
{
	if (candidates == NULL)
		return;
	if (candidates->length > 0)
		buffer_add_text(candidates, ", ");
	buffer_add_text(candidates, name);
}

static void matcher_offer(struct matcher *matcher, const char *name, const void *item)
{
	/* Most names differ in the first letter: that is looked at before anything is called. */
	if (matcher->exact || ascii_lower(matcher->word[0]) != ascii_lower(name[0]) ||
	    !ascii_prefix(matcher->word, matcher->length, name))
		return;
	if (name[matcher->length] == '\0') {
		matcher->exact = true;
		matcher->count = 1;
		matcher->found = item;
		matcher->found_name = name;
	} else if (matcher->count == 0 || strcmp(matcher->found_name, name) != 0) {
		/* The first candidate is written down only when there is a second. */
		if (matcher->count == 1)
			candidate_add(matcher->candidates, matcher->found_name);
		if (matcher->count++ > 0)
			candidate_add(matcher->candidates, name);
		matcher->found = item;
		matcher->found_name = name;
	}
}

static enum match matcher_result(const struct matcher *matcher)
{
	if (matcher->exact && matcher->candidates != NULL)
		buffer_clear(matcher->candidates);
	return matcher->count == 0 ? MATCH_NONE : matcher->count == 1 ? MATCH_ONE : MATCH_MANY;
}

enum match context_match(enum context_id parent, const char *word, size_t length, enum context_id *ret_context)
{
	struct matcher matcher = {.word = word, .length = length};
	for (size_t i = 1; i < CONTEXT_COUNT && length > 0; i++)
		if (contexts[i].parent == parent)
			matcher_offer(&matcher, contexts[i].word, &contexts[i]);
	enum match match = matcher_result(&matcher);
	for (size_t i = 1; match == MATCH_ONE && i < CONTEXT_COUNT; i++)
		if (matcher.found == &contexts[i])
			*ret_context = (enum context_id)i;
	return match;
}

enum match verb_match(enum context_id context, const char *word, size_t length, const char **ret_verb,
		      struct buffer *candidates)
{
	struct matcher matcher = {.word = word, .length = length, .candidates = candidates};
	for (size_t i = 0; i < row_count && length > 0; i++)
		if (rows[i].context == context)
			matcher_offer(&matcher, rows[i].verb, rows[i].verb);
	enum match match = matcher_result(&matcher);
	if (match == MATCH_ONE)
		*ret_verb = matcher.found_name;
	return match;
}

enum match object_match(enum context_id context, const char *verb, const char *word, size_t length,
			const struct row **ret_row, struct buffer *candidates)
{
	struct matcher matcher = {.word = word, .length = length, .candidates = candidates};
	for (size_t i = 0; i < row_count && length > 0; i++) {
		if (rows[i].context != context || rows[i].object == NULL || strcmp(rows[i].verb, verb) != 0)
			continue;
		/* `all` is written in full: nobody empties a store by one letter. */
		if (strcmp(rows[i].object, "all") != 0 || ascii_equal_n(word, length, "all"))
			matcher_offer(&matcher, rows[i].object, &rows[i]);
	}
	enum match match = matcher_result(&matcher);
	if (match == MATCH_ONE)
		*ret_row = matcher.found;
	return match;
}

enum match tag_match(const struct row *row, const char *word, size_t length, const struct tag_use **ret_use,
		     struct buffer *candidates)
{
	struct matcher matcher = {.word = word, .length = length, .candidates = candidates};
	for (size_t i = 0; i < row->tag_count && length > 0; i++) {
		const struct tag *tag = &tags[row->tags[i].id];
		if (tag->type == TYPE_FLAG)
			continue;
		if (tag->alias != NULL && ascii_equal_n(word, length, tag->alias)) {
			*ret_use = &row->tags[i];
			return MATCH_ONE;
		}
		if ((row->tags[i].flags & USE_OWN) == 0 || ascii_equal_n(word, length, tag->name))
			matcher_offer(&matcher, tag->name, &row->tags[i]);
	}
	enum match match = matcher_result(&matcher);
	if (match == MATCH_ONE)
		*ret_use = matcher.found;
	return match;
}

const struct row *row_alone(enum context_id context, const char *verb)
{
	for (size_t i = 0; i < row_count; i++)
		if (rows[i].context == context && rows[i].object == NULL && strcmp(rows[i].verb, verb) == 0)
			return &rows[i];
	return NULL;
}

enum { NAMES_MOST = 80 };

const char *verb_nearest(enum context_id context, const char *word, size_t length)
{
	const char *names[NAMES_MOST + 1] = {NULL};
	size_t count = 0;
	for (size_t i = 0; i < row_count && count < NAMES_MOST; i++)
		if (rows[i].context == context)
			names[count++] = rows[i].verb;
	for (size_t i = 1; i < CONTEXT_COUNT && count < NAMES_MOST; i++)
		if (contexts[i].parent == context)
			names[count++] = contexts[i].word;
	return word_nearest(word, length, names);
}

const char *object_nearest(enum context_id context, const char *verb, const char *word, size_t length)
{
	const char *names[NAMES_MOST + 1] = {NULL};
	size_t count = 0;
	for (size_t i = 0; i < row_count && count < NAMES_MOST; i++)
		if (rows[i].context == context && rows[i].object != NULL && strcmp(rows[i].verb, verb) == 0)
			names[count++] = rows[i].object;
	return word_nearest(word, length, names);
}

const char *tag_nearest(const struct row *row, const char *word, size_t length)
{
	const char *names[ROW_TAGS + 1] = {NULL};
	for (size_t i = 0; i < row->tag_count; i++)
		names[i] = tags[row->tags[i].id].name;
	return word_nearest(word, length, names);
}

void verbs_print(enum context_id context, struct buffer *buffer)
{
	const char *last = "";
	struct buffer list;
	buffer_init(&list, 4096);
	for (size_t i = 1; i < CONTEXT_COUNT; i++)
		if (contexts[i].parent == context)
			candidate_add(&list, contexts[i].word);
	for (size_t i = 0; i < row_count; i++) {
		if (rows[i].context != context || strcmp(rows[i].verb, last) == 0)
			continue;
		last = rows[i].verb;
		candidate_add(&list, last);
	}
	buffer_add_text(buffer, buffer_text(&list));
	buffer_done(&list);
}

void objects_print(enum context_id context, const char *verb, struct buffer *buffer)
{
	struct buffer list;
	buffer_init(&list, 4096);
	for (size_t i = 0; i < row_count; i++)
		if (rows[i].context == context && rows[i].object != NULL && strcmp(rows[i].verb, verb) == 0)
			candidate_add(&list, rows[i].object);
	buffer_add_text(buffer, buffer_text(&list));
	buffer_done(&list);
}

void tags_print(const struct row *row, struct buffer *buffer)
{
	for (size_t i = 0; i < row->tag_count; i++) {
		if (i > 0)
			buffer_add_text(buffer, ", ");
		buffer_add_text(buffer, tags[row->tags[i].id].name);
	}
}

void tag_print_values(const struct tag *tag, struct buffer *buffer)
{
	switch (tag->type) {
	case TYPE_NAME: buffer_add_text(buffer, "a text that is not empty"); break;
	case TYPE_TEXT: buffer_add_text(buffer, "a text"); break;
	case TYPE_NUMBER: buffer_printf(buffer, "%u to %u", tag->least, tag->most); break;
	case TYPE_YESNO: buffer_add_text(buffer, "yes or no"); break;
	case TYPE_WORD:
		for (size_t i = 0; tag->words[i] != NULL; i++)
			buffer_printf(buffer, "%s%s", i == 0 ? "" : tag->words[i + 1] == NULL ? " or " : ", ", tag->words[i]);
		break;
	case TYPE_FLAG: break;
	case TYPE_ADDRESS:
		buffer_add_text(buffer, "any, me, dns, wins, dhcp, gateway, an address, FIRST-LAST or a DNS name");
		break;
	case TYPE_MASK: buffer_add_text(buffer, "a mask such as 255.255.255.0, or the length of a prefix such as 24"); break;
	case TYPE_PROTOCOL: buffer_add_text(buffer, "any, icmp, tcp, udp, raw or 0 to 255"); break;
	case TYPE_PORT: buffer_add_text(buffer, "0 (any) to 65535"); break;
	case TYPE_QMMETHODS: buffer_add_text(buffer, "offers such as \"ESP[3DES,SHA1]:100000k/3600s\""); break;
	case TYPE_MMMETHODS: buffer_add_text(buffer, "offers such as \"3DES-SHA1-2 3DES-MD5-2\""); break;
	case TYPE_TUNNEL: buffer_add_text(buffer, "an address or a DNS name"); break;
	case TYPE_GUID: buffer_add_text(buffer, "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}"); break;
	}
}

/* What stands for a value in the syntax line. */
static void value_print(const struct tag *tag, struct buffer *buffer)
{
	static const char *const kinds[] = {
		[TYPE_NAME] = "TEXT", [TYPE_TEXT] = "TEXT", [TYPE_NUMBER] = "NUMBER", [TYPE_YESNO] = "(yes|no)",
		[TYPE_WORD] = "", [TYPE_FLAG] = "", [TYPE_ADDRESS] = "ADDRESS", [TYPE_MASK] = "MASK",
		[TYPE_PROTOCOL] = "PROTOCOL", [TYPE_PORT] = "PORT", [TYPE_QMMETHODS] = "\"OFFER ...\"",
		[TYPE_MMMETHODS] = "\"OFFER ...\"", [TYPE_TUNNEL] = "ADDRESS", [TYPE_GUID] = "GUID",
	};
	if (tag->type != TYPE_WORD) {
		buffer_add_text(buffer, kinds[tag->type]);
		return;
	}
	for (size_t i = 0; tag->words[i] != NULL; i++)
		buffer_printf(buffer, "%c%s", i == 0 ? '(' : '|', tag->words[i]);
	buffer_add_char(buffer, ')');
}

void row_print(const struct row *row, struct buffer *buffer)
{
	buffer_add_text(buffer, row->verb);
	if (row->object != NULL)
		buffer_printf(buffer, " %s", row->object);
	bool before = false;
	for (size_t i = 0; i < row->tag_count; i++) {
		const struct tag *tag = &tags[row->tags[i].id];
		bool one = (row->tags[i].flags & USE_ONE) != 0;
		bool optional = (row->tags[i].flags & (USE_REQUIRED | USE_ONE)) == 0;
		buffer_add_text(buffer, one && before ? " | " : " ");
		before = one;
		if (optional)
			buffer_add_char(buffer, '[');
		if (tag->type == TYPE_FLAG) {
			buffer_add_text(buffer, tag->name);
		} else {
			buffer_printf(buffer, "%s=", tag->name);
			value_print(tag, buffer);
		}
		if (optional)
			buffer_add_char(buffer, ']');
		if ((row->tags[i].flags & USE_REPEAT) != 0)
			buffer_add_text(buffer, "...");
	}
	buffer_add_char(buffer, '\n');
}

void context_help(enum context_id context, struct buffer *buffer)
{
	for (size_t c = 0; c < CONTEXT_COUNT; c++) {
		bool below = c == (size_t)context || contexts[c].parent == context || context == CONTEXT_ROOT;
		for (size_t i = 0; below && i < row_count; i++) {
			if (rows[i].context != (enum context_id)c)
				continue;
			buffer_printf(buffer, "%s ", contexts[c].name);
			row_print(&rows[i], buffer);
		}
	}
}
