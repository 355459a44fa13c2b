/* Profiles: what is refused and where, variables, what merging does, and that saved ones load into themselves. */
#include <glob.h>

#include "core/base/json.h"
#include "tests/unit/store/support.h"

/* Resolves names of example.com; *.two has two addresses, of both families. */
static int resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	static const char *const addresses[] = {"192.0.2.80", "2001:db8::80", "192.0.2.81"};
	unsigned *calls = context;
	size_t count = strstr(name, ".two.") != NULL ? 2 : strstr(name, ".v4.") != NULL ? 1 : strstr(name, ".three.") != NULL ? 3 : 0;
	if (calls != NULL)
		(*calls)++;
	if (strstr(name, "nowhere") != NULL) {
		diag_error(diag, place, "the name %s cannot be resolved", QUOTE(name));
		return ERROR_NOT_FOUND;
	}
	list->items = memory_alloc((count + 1) * sizeof(*list->items));
	for (; list->count < count; list->count++)
		cr_assert(ip_parse(addresses[list->count], strlen(addresses[list->count]), &list->items[list->count]));
	return 0;
}

struct loaded {
	struct state *state;
	struct policy *policy;
	enum location_id location;
	struct diag diag;
	int error;
};

/* Into a state; a new one when it is NULL. */
static struct loaded load_into(struct state *state, const char *text, size_t length, const struct profile_options *options)
{
	struct loaded loaded = {.state = state != NULL ? state : state_new(), .location = LOCATION_COUNT};
	diag_init(&loaded.diag);
	loaded.error = profile_load(loaded.state, text, length, "p.json", options, &loaded.diag, &loaded.policy, &loaded.location);
	return loaded;
}

static struct loaded load(const char *text)
{
	struct profile_options options = {.resolve = resolve};
	return load_into(NULL, text, strlen(text), &options);
}

static void done(struct loaded *loaded)
{
	state_free(loaded->state);
	diag_done(&loaded->diag);
}

static char *saved(const struct loaded *loaded)
{
	struct buffer out;
	buffer_init(&out, 1 << 24);
	profile_save(loaded->state, &loaded->state->locations[loaded->location], loaded->policy, &out);
	cr_assert_not(out.full);
	char *text = memory_text(buffer_text(&out));
	buffer_done(&out);
	return text;
}

/* One profile around parts of it: a filter, or members of any object. */
#define POLICY "\"policy\": {\"name\": \"p\", \"rules\": [{\"name\": \"r\", \"filterlist\": \"l\", \"filteraction\": \"a\"}]}"
#define LIST(filter) "\"filterlists\": [{\"name\": \"l\", \"filters\": [" filter "]}]"
#define ACTION "\"filteractions\": [{\"name\": \"a\", \"action\": \"block\"}]"
#define WITH_FILTER(filter) "{" POLICY ", " LIST(filter) ", " ACTION "}"
#define WITH_RULE(members)                                                                                                 \
	"{\"policy\": {\"name\": \"p\", \"rules\": [{\"name\": \"r\", \"filterlist\": \"l\", \"filteraction\": \"a\", " members "}]}, " LIST("") \
	", " ACTION "}"
#define WITH_POLICY(members) "{\"policy\": {\"name\": \"p\", \"rules\": [], " members "}}"
#define WITH_ACTION(members) "{" POLICY ", " LIST("") ", \"filteractions\": [{\"name\": \"a\", " members "}]}"
#define WITH(members) "{\"policy\": {\"name\": \"p\", \"rules\": []}, " members "}"

Test(profile, what_is_wrong_is_refused_with_its_path)
{
	static const struct {
		const char *text, *path, *words;
	} rows[] = {
		/* the whole */
		{"[]", "$", "an object is wanted here, not a list"},
		{"{}", "$", "the key \"policy\" is missing"},
		{"{\"policy\": 1}", "$.policy", "an object is wanted here, not a number"},
		{"{\"policy\": {\"name\": \"p\"}}", "$.policy", "the key \"rules\" is missing"},
		{WITH("\"filterlist\": []"), "$.filterlist", "there is no such key: did you mean filterlists?"},
		{WITH("\"zzzzzz\": []"), "$.zzzzzz", "the keys here are $schema, description, location"},
		{WITH("\"location\": \"domain\""), "$.location", "\"domain\" is no location"},
		{WITH("\"location\": true"), "$.location", "a string is wanted here, not true or false"},
		{WITH("\"Config\": {}"), "$.Config", "did you mean config?"},
		{WITH("\"policy\": {}"), "$.policy", "the key is there twice"},
		/* policy */
		{"{\"policy\": {\"name\": \"\", \"rules\": []}}", "$.policy.name", "a name cannot be empty"},
		{"{\"policy\": {\"name\": \"a\\nb\", \"rules\": []}}", "$.policy.name", "holds a control character"},
		{"{\"policy\": {\"name\": \"p\", \"pollinginterval\": 0, \"rules\": []}}", "$.policy.pollinginterval", "from 1 to"},
		{WITH_POLICY("\"mmpfs\": \"yes\""), "$.policy.mmpfs", "true or false is wanted here, not a string"},
		{WITH_POLICY("\"mmpfs\": 1"), "$.policy.mmpfs", "true or false is wanted here, not a number"},
		{WITH_POLICY("\"qmpermm\": -1"), "$.policy.qmpermm", "a whole number from 0 to 2147483647"},
		{WITH_POLICY("\"qmpermm\": 4294967296"), "$.policy.qmpermm", "a whole number from 0 to 2147483647"},
		{WITH_POLICY("\"mmlifetime\": 1.5"), "$.policy.mmlifetime", "a whole number"},
		{WITH_POLICY("\"mmlifetime\": 1e2"), "$.policy.mmlifetime", "a whole number"},
		{WITH_POLICY("\"mmlifetime\": 99999999999999999999999"), "$.policy.mmlifetime", "a whole number"},
		{WITH_POLICY("\"mmlifetime\": null"), "$.policy.mmlifetime", "a number is wanted here, not null"},
		{WITH_POLICY("\"polinginterval\": 1"), "$.policy.polinginterval", "did you mean pollinginterval?"},
		{WITH_POLICY("\"mmsecmethods\": \"AES-SHA1-2\""), "$.policy.mmsecmethods", "\"AES-SHA1-2\" is not right"},
		{WITH_POLICY("\"defaultrule\": {\"active\": true}"), "$.policy.defaultrule.active", "did you mean activate?"},
		{WITH_POLICY("\"defaultrule\": {\"qmsecmethods\": \"x\"}"), "$.policy.defaultrule.qmsecmethods", "\"x\" is not right"},
		/* rules */
		{"{" POLICY ", " ACTION "}", "$.policy.rules[0].filterlist", "this profile has no filter list \"l\""},
		{"{" POLICY ", \"filterlists\": [{\"name\": \"lx\", \"filters\": []}], " ACTION "}", "$.policy.rules[0].filterlist", "\"l\""},
		{WITH_RULE("\"conntype\": \"wlan\""), "$.policy.rules[0].conntype", "\"wlan\" is no type of connection"},
		{WITH_RULE("\"tunnel\": \"1.2.3.300\""), "$.policy.rules[0].tunnel", "no end point of a tunnel"},
		{WITH_RULE("\"activate\": \"no\""), "$.policy.rules[0].activate", "true or false is wanted"},
		{WITH_RULE("\"auth\": {\"kerberos\": true}"), "$.policy.rules[0].auth", "a list is wanted here, not an object"},
		{WITH_RULE("\"auth\": [{}]"), "$.policy.rules[0].auth[0]", "one method is wanted here"},
		{WITH_RULE("\"auth\": [{\"kerberos\": true, \"psk\": \"x\"}]"), "$.policy.rules[0].auth[0]", "one method is wanted here"},
		{WITH_RULE("\"auth\": [{\"kerberos\": false}]"), "$.policy.rules[0].auth[0].kerberos", "write true"},
		{WITH_RULE("\"auth\": [{\"psk\": \"x\", \"certmap\": true}]"), "$.policy.rules[0].auth[0]", "go with \"rootca\""},
		/* lists and actions */
		{WITH("\"filterlists\": [{\"name\": \"a\", \"filters\": []}, {\"name\": \"A\", \"filters\": []}]"), "$.filterlists[1].name",
		 "the name \"A\" is there twice"},
		{WITH("\"filterlists\": [{\"name\": \"a\"}]"), "$.filterlists[0]", "the key \"filters\" is missing"},
		{WITH("\"filterlists\": [3]"), "$.filterlists[0]", "an object is wanted here, not a number"},
		{WITH_ACTION("\"action\": \"deny\""), "$.filteractions[0].action", "\"deny\" is no action"},
		{WITH_ACTION("\"action\": \"negotiate\", \"qmsecmethods\": \"ESP[None,None]\""), "$.filteractions[0].qmsecmethods", "is not right"},
		{WITH_ACTION("\"soft\": true"), "$.filteractions[0]", "the key \"action\" is missing"},
		/* filters */
		{WITH_FILTER("{\"srcaddr\": \"any\"}"), "$.filterlists[0].filters[0]", "the key \"dstaddr\" is missing"},
		{WITH_FILTER("7"), "$.filterlists[0].filters[0]", "an object is wanted here"},
		{WITH_FILTER("{\"srcaddr\": \"10.0.0.300\", \"dstaddr\": \"me\"}"), "$.filterlists[0].filters[0].srcaddr", "\"10.0.0.300\" is no address"},
		{WITH_FILTER("{\"srcaddr\": \"any\", \"dstaddr\": \"\"}"), "$.filterlists[0].filters[0].dstaddr", "\"\" is no address"},
		{WITH_FILTER("{\"srcaddr\": \"10.0.0.0/33\", \"dstaddr\": \"me\"}"), "$.filterlists[0].filters[0].srcaddr", "is no address"},
		{WITH_FILTER("{\"srcaddr\": \"10.0.0.9-10.0.0.1\", \"dstaddr\": \"me\"}"), "$.filterlists[0].filters[0].srcaddr", "is no address"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"dstport\": 80}"), "$.filterlists[0].filters[0]", "a port needs protocol"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"protocol\": \"tcp\", \"dstport\": 65536}"), "$.filterlists[0].filters[0].dstport",
		 "a whole number from 0 to 65535"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"protocol\": \"tcp\", \"dstport\": \"80\"}"), "$.filterlists[0].filters[0].dstport",
		 "a number is wanted here, without quotes"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"protocol\": \"tpc\"}"), "$.filterlists[0].filters[0].protocol", "\"tpc\" is no protocol"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"protocol\": 256}"), "$.filterlists[0].filters[0].protocol", "from 0 to 255"},
		{WITH_FILTER("{\"srcaddr\": \"10.0.0.1\", \"dstaddr\": \"2001:db8::1\"}"), "$.filterlists[0].filters[0]", "one family"},
		{WITH_FILTER("{\"srcaddr\": \"any\", \"dstaddr\": \"dns\"}"), "$.filterlists[0].filters[0]", "needs `me` on the other side"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"mirrored\": false, \"replies\": true}"), "$.filterlists[0].filters[0]",
		 "replies=yes needs mirrored=yes"},
		{WITH_FILTER("{\"srcaddr\": \"any\", \"srcmask\": 24, \"dstaddr\": \"me\"}"), "$.filterlists[0].filters[0].srcmask", "a mask goes with one single address"},
		{WITH_FILTER("{\"srcaddr\": \"10.0.0.0/8\", \"srcmask\": 24, \"dstaddr\": \"me\"}"), "$.filterlists[0].filters[0].srcmask", "a mask goes with"},
		{WITH_FILTER("{\"srcaddr\": \"10.0.0.1\", \"srcmask\": 33, \"dstaddr\": \"me\"}"), "$.filterlists[0].filters[0].srcmask", "from 1 to 32"},
		{WITH_FILTER("{\"srcaddr\": \"10.0.0.1\", \"srcmask\": \"255.0.255.0\", \"dstaddr\": \"me\"}"), "$.filterlists[0].filters[0].srcmask", "is no mask"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"a.nowhere.example.com\"}"), "", "the name \"a.nowhere.example.com\" cannot be resolved"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"a.none.example.com\"}"), "$.filterlists[0].filters[0].dstaddr", "has no address"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"www.two.example.com\", \"dstmask\": 24}"), "$.filterlists[0].filters[0].dstmask", "not with a name"},
		{WITH_FILTER("{\"srcaddr\": \"2001:db8::1\", \"dstaddr\": \"www.v4.example.com\"}"), "$.filterlists[0].filters[0]", "no address of the other side's family"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"mirored\": true}"), "$.filterlists[0].filters[0].mirored", "did you mean mirrored?"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"${x}\"}"), "$.filterlists[0].filters[0].dstaddr", "there is no variable \"x\": this profile has no variables"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"${x\"}"), "$.filterlists[0].filters[0].dstaddr", "${ without }"},
		{WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"when\": \"x\"}"), "$.filterlists[0].filters[0].when", "there is no variable \"x\""},
		/* settings */
		{WITH("\"config\": {\"ipsecexempt\": 4}"), "$.config.ipsecexempt", "write 0 to 3"},
		{WITH("\"config\": {\"ipsecexempt\": \"3\"}"), "$.config.ipsecexempt", "a number is wanted here, not a string"},
		{WITH("\"config\": {\"ipsecexemp\": 3}"), "$.config.ipsecexemp", "did you mean ipsecexempt?"},
		{WITH("\"config\": {\"bootmode\": \"blocked\"}"), "$.config.bootmode", "stateful, block or permit"},
		{WITH("\"config\": {\"bootexemptions\": \"tcp:1\"}"), "$.config.bootexemptions", "PROTOCOL:SRCPORT:DSTPORT:DIRECTION"},
		{WITH("\"config\": {\"ikeexempt\": \"no\"}"), "$.config.ikeexempt", "true or false is wanted here"},
		{WITH("\"config\": {\"ipsecloginterval\": 59}"), "$.config.ipsecloginterval", "60 to 86400"},
		/* variables */
		{WITH("\"variables\": {\"x\": {}}"), "$.variables.x", "the key \"description\" is missing"},
		{WITH("\"variables\": {\"x\": {\"description\": \"the x\"}}"), "$.variables.x", "the variable x is not set (the x): add --set x=VALUE"},
		{WITH("\"variables\": {\"x\": {\"description\": \"d\", \"type\": \"number\"}}"), "$.variables.x.type", "is no type of a variable"},
		{WITH("\"variables\": {\"a b\": {\"description\": \"d\", \"optional\": true}}"), "$.variables[\"a b\"]", "a name of a variable is letters"},
		{WITH("\"variables\": {\"x\": {\"description\": \"d\", \"default\": \"1\"}}"), "$.variables.x.default", "there is no such key"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct loaded loaded = load(rows[i].text);
		cr_expect_eq(loaded.error, ERROR_INPUT, "row %zu: %s", i, rows[i].text);
		cr_assert_gt(loaded.diag.errors, 0, "row %zu: %s", i, rows[i].text);
		const struct message *message = &loaded.diag.messages[0];
		size_t path = strlen(rows[i].path);
		cr_expect(strncmp(message->text, rows[i].path, path) == 0 && (path == 0 || message->text[path] == ':'), "row %zu: %s", i,
			  message->text);
		cr_expect_not_null(strstr(message->text, rows[i].words), "row %zu: %s", i, message->text);
		cr_expect(message->line == 1 && message->column > 0, "row %zu: %s", i, message->text);
		cr_expect_str_eq(message->file, "p.json");
		cr_expect_eq(loaded.diag.errors, 1, "row %zu: one fault, one message: %s", i, said(&loaded.diag));
		done(&loaded);
	}
}

Test(profile, places_are_those_of_the_key_or_value)
{
	static const char text[] = "{\n  \"policy\": {\n    \"name\": \"p\",\n    \"rules\": [],\n    \"mmpfs\": 1,\n\t\"qmperm\": 2\n  }\n}\n";
	struct loaded loaded = load(text);
	cr_assert_eq(loaded.diag.errors, 2);
	const struct message *first = &loaded.diag.messages[0], *second = &loaded.diag.messages[1];
	cr_expect(first->line == 5 && first->column == 14 && first->length == 1, "%u:%u", first->line, first->column);
	cr_expect_str_eq(first->source, "    \"mmpfs\": 1,");
	cr_expect(second->line == 6 && second->column == 2 && second->length == 8, "%u:%u", second->line, second->column);
	done(&loaded);
}

Test(profile, many_faults_end_at_a_hundred)
{
	struct buffer text;
	buffer_init(&text, 1 << 20);
	buffer_add_text(&text, "{" POLICY ", \"filterlists\": [{\"name\": \"l\", \"filters\": [");
	for (unsigned i = 0; i < 5000; i++)
		buffer_printf(&text, "%s{\"srcaddr\": \"x y\", \"dstaddr\": \"me\"}", i > 0 ? "," : "");
	buffer_add_text(&text, "]}], " ACTION "}");
	struct loaded loaded = load(buffer_text(&text));
	cr_expect_eq(loaded.error, ERROR_INPUT);
	cr_expect(loaded.diag.errors >= 100 && loaded.diag.errors < 110, "%zu", loaded.diag.errors);
	done(&loaded);
	buffer_done(&text);
}

Test(profile, reads_all_it_can_say)
{
	static const char text[] =
		"{\"$schema\": \"profile.schema.json\", \"description\": \"first line\\nsecond line\", \"location\": \"persistent\",\n"
		"\"config\": {\"ipsecdiagnostics\": 7, \"bootmode\": \"block\", \"bootexemptions\": \"TCP:0:3389:inbound\", \"ikeexempt\": false},\n"
		"\"policy\": {\"name\": \"p\", \"assigned\": true, \"mmpfs\": true, \"qmpermm\": 5, \"mmlifetime\": 60, \"pollinginterval\": 10,\n"
		"  \"mmsecmethods\": \"3des-sha1-3\", \"defaultrule\": {\"activate\": false, \"qmpfs\": true, \"qmsecmethods\": \"ah[md5]\",\n"
		"    \"auth\": [{\"psk\": \"secret\"}]},\n"
		"  \"rules\": [{\"name\": \"r\", \"description\": \"d\", \"filterlist\": \"L\", \"filteraction\": \"A\", \"activate\": false,\n"
		"    \"conntype\": \"lan\", \"tunnel\": \"192.0.2.1\",\n"
		"    \"auth\": [{\"kerberos\": true}, {\"rootca\": \"CN=x\", \"certmap\": true}, {\"psk\": \"$${k}\"}]}]},\n"
		"\"filterlists\": [{\"name\": \"l\", \"description\": \"ld\", \"filters\": [\n"
		"  {\"srcaddr\": \"10.1.2.3\", \"srcmask\": \"255.255.0.0\", \"dstaddr\": \"ME\", \"protocol\": \"TCP\", \"dstport\": 80, \"description\": \"fd\"},\n"
		"  {\"srcaddr\": \"10.0.0.1-10.0.0.9\", \"dstaddr\": \"any\", \"protocol\": 47, \"mirrored\": false},\n"
		"  {\"srcaddr\": \"me\", \"dstaddr\": \"www.two.example.com\", \"protocol\": \"udp\", \"srcport\": 53, \"replies\": true},\n"
		"  {\"srcaddr\": \"192.0.2.7\", \"srcdns\": \"h.example.com\", \"dstaddr\": \"2001:db8::/32\", \"when\": \"o\"}]}],\n"
		"\"variables\": {\"o\": {\"description\": \"never set\", \"optional\": true}},\n"
		"\"filteractions\": [{\"name\": \"a\", \"action\": \"negotiate\", \"soft\": true, \"inpass\": true, \"qmpfs\": true,\n"
		"  \"qmsecmethods\": \"ESP[3des,sha1]:100000k/3600s\"}]}";
	struct loaded loaded = load(text);
	cr_assert_eq(loaded.error, 0, "%s", said(&loaded.diag));
	cr_expect_eq(loaded.location, LOCATION_PERSISTENT);
	char *got = state_text(loaded.state, false);
	static const char want[] =
		"== persistent\n"
		"list l (ld) users 1\n"
		"  filter 10.1.0.0/16(-) me(-) 6 0 80 1 0 (fd)\n"
		"  filter 10.0.0.1-10.0.0.9(-) any(-) 47 0 0 0 0 ()\n"
		"  filter me(-) 192.0.2.80(www.two.example.com) 17 53 0 1 1 ()\n"
		"  filter me(-) 2001:db8::80(www.two.example.com) 17 53 0 1 1 ()\n"
		"action a () negotiate 1 1 1 (ESP[3DES,SHA1]:100000k/3600s) users 1\n"
		"policy p (first line second line) 1 1 5 60 10 (3DES-SHA1-3) default 0 1 (AH[MD5]) auth(1,secret,0,0)\n"
		"  rule r (d) l a 192.0.2.1 1 0 auth(0,-,0,0) auth(2,CN=x,1,0) auth(1,${k},0,0)\n"
		"== local\n"
		"== dynamic\n"
		"ipsecdiagnostics 1 7\n";
	cr_expect_eq(strncmp(got, want, sizeof(want) - 1), 0, "%s", got);
	cr_expect_not_null(strstr(got, "bootmode 1 block\nbootexemptions 1 TCP:0:3389:inbound\nikeexempt 1 no\nfollownames 0"));
	const struct filterlist *list = (const struct filterlist *)loaded.state->locations[LOCATION_PERSISTENT].filterlists.items[0];
	cr_expect_str_eq(list->filters[0].file, "p.json");
	cr_expect_eq(list->filters[0].line, 10);
	cr_expect_eq(list->filters[3].line, 12);
	const char *notes = said(&loaded.diag);
	cr_expect_not_null(strstr(notes, "note: ipsecdiagnostics: 0 -> 7\n"), "%s", notes);
	cr_expect_not_null(strstr(notes, "note: bootmode: permit -> block\n"), "%s", notes);
	cr_expect_not_null(strstr(notes, "note: ikeexempt: yes -> no\n"), "%s", notes);
	free(got);
	done(&loaded);
}

/* ---- variables ---- */

#define VARIABLES                                                                                                          \
	"\"variables\": {\"net\": {\"description\": \"the nets\", \"type\": \"address\", \"list\": true},"                       \
	"\"ports\": {\"description\": \"the ports\", \"type\": \"port\", \"list\": true, \"optional\": true},"                    \
	"\"label\": {\"description\": \"a label\"}}"
#define VARIED                                                                                                             \
	"{" VARIABLES ", \"policy\": {\"name\": \"p ${label}\", \"description\": \"${label}, not $${label}\", \"rules\": [{\"name\": \"r\", "   \
	"\"filterlist\": \"l\", \"filteraction\": \"a\"}]}, \"filterlists\": [{\"name\": \"l\", \"filters\": ["                    \
	"{\"srcaddr\": \"${net}\", \"dstaddr\": \"me\", \"protocol\": \"tcp\", \"dstport\": \"${ports}\", \"description\": \"${net} to ${ports} (${label})\"}," \
	"{\"srcaddr\": \"me\", \"dstaddr\": \"${net}\", \"unless\": \"ports\"},"                                                 \
	"{\"srcaddr\": \"me\", \"dstaddr\": \"any\", \"when\": \"ports\"}]}], " ACTION "}"

static struct loaded load_set(const char *text, const struct profile_variable *variables, size_t count)
{
	struct profile_options options = {.variables = variables, .variable_count = count, .resolve = resolve};
	return load_into(NULL, text, strlen(text), &options);
}

Test(profile, a_list_repeats_its_filters_and_an_optional_one_leaves_them_out)
{
	static const struct profile_variable with[] = {{"net", "10.0.0.0/8, 192.0.2.1"}, {"ports", "22,3389"}, {"label", "x, y"}};
	struct loaded loaded = load_set(VARIED, with, 3);
	cr_assert_eq(loaded.error, 0, "%s", said(&loaded.diag));
	char *got = state_text(loaded.state, false);
	cr_expect_not_null(strstr(got, "policy p x, y (x, y, not ${label})"), "%s", got);
	cr_expect_not_null(strstr(got, "  filter 10.0.0.0/8(-) me(-) 6 0 22 1 0 (10.0.0.0/8 to 22 (x, y))\n"
				       "  filter 10.0.0.0/8(-) me(-) 6 0 3389 1 0 (10.0.0.0/8 to 3389 (x, y))\n"
				       "  filter 192.0.2.1(-) me(-) 6 0 22 1 0 (192.0.2.1 to 22 (x, y))\n"
				       "  filter 192.0.2.1(-) me(-) 6 0 3389 1 0 (192.0.2.1 to 3389 (x, y))\n"
				       "  filter me(-) any(-) 0 0 0 1 0 ()\naction"), "%s", got);
	free(got);
	done(&loaded);
	static const struct profile_variable without[] = {{"net", "www.two.example.com"}, {"label", "z"}};
	loaded = load_set(VARIED, without, 2);
	cr_assert_eq(loaded.error, 0, "%s", said(&loaded.diag));
	got = state_text(loaded.state, false);
	cr_expect_not_null(strstr(got, "list l () users 1\n  filter me(-) 192.0.2.80(www.two.example.com) 0 0 0 1 0 ()\n"
				       "  filter me(-) 2001:db8::80(www.two.example.com) 0 0 0 1 0 ()\naction"), "%s", got);
	free(got);
	done(&loaded);
}

Test(profile, wrong_settings_of_variables_are_refused)
{
	static const struct {
		struct profile_variable set[3];
		size_t count;
		const char *words;
	} rows[] = {
		{{{"label", "x"}}, 1, "$.variables.net: the variable net is not set (the nets): add --set net=VALUE, or several values"},
		{{{"net", "any"}}, 1, "$.variables.label: the variable label is not set (a label): add --set label=VALUE\n"},
		{{{"net", "any"}, {"label", "x"}, {"lable", "y"}}, 3, "--set \"lable\"=…: there is no such variable: did you mean label?"},
		{{{"net", "any"}, {"label", "x"}, {"NET", "y"}}, 3, "there is no such variable: did you mean net?"},
		{{{"net", "any"}, {"label", "x"}, {"qqqqqqq", "y"}}, 3, "there is no such variable: its variables are net, ports, label"},
		{{{"net", "any"}, {"label", "x"}, {"label", "y"}}, 3, "--set label=\"y\": it is set already"},
		{{{"net", "any"}, {"label", ""}}, 2, "$.variables.label: --set label=\"\" is not right: it is empty"},
		{{{"net", "any,,me"}, {"label", "x"}}, 2, "one of its values is empty"},
		{{{"net", "10.0.0.0/40"}, {"label", "x"}}, 2, "--set net=\"10.0.0.0/40\" is not right: an address is wanted"},
		{{{"net", "10.0.0.256"}, {"label", "x"}}, 2, "an address is wanted"},
		{{{"net", "any"}, {"label", "x"}, {"ports", "22,70000"}}, 3, "--set ports=\"70000\" is not right: a port is wanted: 1 to 65535"},
		{{{"net", "any"}, {"label", "x"}, {"ports", "0"}}, 3, "a port is wanted"},
		{{{"net", "any"}, {"label", "x\xff"}}, 2, "it is not UTF-8 text"},
		{{{"net", "a.nowhere.example.com"}, {"label", "x"}}, 2, "cannot be resolved"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct loaded loaded = load_set(VARIED, rows[i].set, rows[i].count);
		cr_expect_eq(loaded.error, ERROR_INPUT, "row %zu", i);
		cr_expect_eq(loaded.diag.errors, 1, "row %zu", i);
		const char *words = said(&loaded.diag);
		cr_expect_not_null(strstr(words, rows[i].words), "row %zu: %s", i, words);
		done(&loaded);
	}
}

Test(profile, variables_where_they_cannot_be)
{
	static const struct profile_variable set[] = {{"net", "10.0.0.1,10.0.0.2"}, {"label", "80"}};
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"{" VARIABLES ", \"policy\": {\"name\": \"${net}\", \"rules\": []}}", "$.policy.name: the variable net is a list, which only a filter can use"},
		{"{" VARIABLES ", \"policy\": {\"name\": \"${labels}\", \"rules\": []}}", "there is no variable \"labels\": did you mean label?"},
		{"{" VARIABLES ", " POLICY ", " LIST("{\"srcaddr\": \"any\", \"dstaddr\": \"me\", \"unless\": \"net\"}") ", " ACTION "}",
		 "the variable net must always be set: only an optional one can decide"},
		{"{" VARIABLES ", " POLICY ", " LIST("{\"srcaddr\": \"any\", \"dstaddr\": \"${label}\"}") ", " ACTION "}", "\"80\" is no address"},
		{"{" VARIABLES ", " POLICY ", " LIST("{\"srcaddr\": \"any\", \"dstaddr\": \"me\", \"protocol\": \"tcp\", \"dstport\": \"1${label}000\"}") ", " ACTION "}",
		 "\"180000\" is not a whole number from 0 to 65535"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct loaded loaded = load_set(rows[i].text, set, 2);
		cr_expect_eq(loaded.error, ERROR_INPUT, "row %zu", i);
		const char *words = said(&loaded.diag);
		cr_expect_not_null(strstr(words, rows[i].words), "row %zu: %s", i, words);
		done(&loaded);
	}
}

Test(profile, a_name_is_resolved_once_and_names_are_refused_without_a_resolver)
{
	static const char text[] = WITH_FILTER("{\"srcaddr\": \"me\", \"dstaddr\": \"www.three.example.com\"}, "
					       "{\"srcaddr\": \"WWW.three.example.com\", \"dstaddr\": \"10.0.0.1\"}");
	unsigned calls = 0;
	struct profile_options options = {.resolve = resolve, .resolve_context = &calls};
	struct loaded loaded = load_into(NULL, text, strlen(text), &options);
	cr_assert_eq(loaded.error, 0, "%s", said(&loaded.diag));
	cr_expect_eq(calls, 1);
	const struct filterlist *list = (const struct filterlist *)loaded.state->locations[LOCATION_LOCAL].filterlists.items[0];
	cr_expect_eq(list->count, 5, "three addresses, then the two of them that are IPv4: %zu", list->count);
	done(&loaded);
	loaded = load_into(NULL, text, strlen(text), NULL);
	cr_expect_eq(loaded.error, ERROR_INPUT);
	const char *words = said(&loaded.diag);
	cr_expect_not_null(strstr(words, "names are not resolved here: write an address"), "%s", words);
	done(&loaded);
}

/* ---- merging ---- */

#define PROFILE(policy, list, filters, action, verdict)                                                                    \
	"{\"policy\": {\"name\": \"" policy "\", \"rules\": [{\"name\": \"r\", \"filterlist\": \"" list "\", \"filteraction\": \"" action \
	"\"}]}, \"filterlists\": [{\"name\": \"" list "\", \"filters\": [" filters "]}], \"filteractions\": [{\"name\": \"" action "\", "  \
	"\"action\": \"" verdict "\"}]}"
#define ANY "{\"srcaddr\": \"any\", \"dstaddr\": \"any\"}"
#define ME "{\"srcaddr\": \"any\", \"dstaddr\": \"me\"}"

static int add(struct state *state, const char *text, struct diag *diag)
{
	static const struct profile_options options;
	return profile_load(state, text, strlen(text), "p.json", &options, diag, NULL, NULL);
}

Test(profile, replaces_the_policy_of_its_name_and_what_only_that_used)
{
	struct state *state = state_new();
	struct location *local = &state->locations[LOCATION_LOCAL];
	struct diag diag;
	diag_init(&diag);
	cr_assert_eq(add(state, PROFILE("one", "old", ANY, "shared", "block"), &diag), 0);
	cr_assert_eq(add(state, PROFILE("two", "two", ANY, "shared", "block"), &diag), 0, "the same content is shared");
	location_add_filterlist(state, local, "alone");
	struct policy *one = (struct policy *)collection_find(&local->policies, "one");
	location_assign(local, one);
	struct guid guid = one->object.guid;
	cr_assert_eq(add(state, PROFILE("ONE", "new", ME, "mine", "permit"), &diag), 0, "%s", said(&diag));
	one = (struct policy *)collection_find(&local->policies, "one");
	cr_expect(one->assigned, "what was assigned stays assigned");
	cr_expect(guid_equal(&one->object.guid, &guid));
	cr_expect_str_eq(one->object.name, "ONE");
	cr_expect_null(collection_find(&local->filterlists, "old"));
	cr_expect_not_null(collection_find(&local->filterlists, "alone"));
	cr_expect_eq(((struct filteraction *)collection_find(&local->filteractions, "shared"))->users, 1);
	cr_expect_eq(local->policies.count, 2);
	state_free(state);
	diag_done(&diag);
}

Test(profile, what_another_policy_uses_is_not_changed)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{PROFILE("two", "list", ME, "act", "block"), "$.filterlists[0].name: the filter list \"list\" is used by the policy \"one\" too, with other content"},
		{PROFILE("two", "list", ANY ", " ANY, "act", "block"), "$.filterlists[0].name: the filter list \"list\" is used"},
		{PROFILE("two", "LIST", "", "act", "block"), "the filter list \"list\" is used"},
		{PROFILE("two", "mine", ME, "act", "permit"), "$.filteractions[0].name: the filter action \"act\" is used by the policy \"one\" too"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct state *state = state_new();
		struct diag diag;
		diag_init(&diag);
		cr_assert_eq(add(state, PROFILE("one", "list", ANY, "act", "block"), &diag), 0);
		cr_expect_eq(add(state, rows[i].text, &diag), ERROR_IN_USE, "row %zu", i);
		const char *words = said(&diag);
		cr_expect_not_null(strstr(words, rows[i].words), "row %zu: %s", i, words);
		/* The policy itself may change its own. */
		cr_expect_eq(add(state, PROFILE("one", "list", ME, "act", "permit"), &diag), 0, "row %zu: %s", i, said(&diag));
		state_free(state);
		diag_done(&diag);
	}
}

Test(profile, a_list_that_no_rule_uses_is_replaced_with_a_note)
{
	struct state *state = state_new();
	struct location *local = &state->locations[LOCATION_LOCAL];
	struct diag diag;
	diag_init(&diag);
	location_add_filterlist(state, local, "list");
	location_add_filteraction(state, local, "act");
	cr_assert_eq(add(state, PROFILE("one", "list", ANY, "act", "block"), &diag), 0);
	const char *words = said(&diag);
	cr_expect_not_null(strstr(words, "note: the filter list \"list\", which no rule used, is replaced"), "%s", words);
	cr_expect_not_null(strstr(words, "note: the filter action \"act\", which no rule used, is replaced"), "%s", words);
	cr_expect_eq(local->filterlists.count, 1);
	cr_expect_eq(((struct filteraction *)local->filteractions.items[0])->action, ACTION_BLOCK);
	state_free(state);
	diag_done(&diag);
}

Test(profile, loading_the_same_again_changes_nothing)
{
	static const char text[] = "{\"config\": {\"ipsecexempt\": 1}, \"policy\": {\"name\": \"p\", \"rules\": [{\"name\": \"r\", \"filterlist\": \"l\", "
				   "\"filteraction\": \"a\", \"auth\": [{\"psk\": \"k\"}]}]}, " LIST(ANY) ", " ACTION "}";
	struct state *state = state_new();
	struct location *local = &state->locations[LOCATION_LOCAL];
	struct diag diag;
	diag_init(&diag);
	cr_assert_eq(add(state, text, &diag), 0);
	local->policies.items[0]->changed = local->filterlists.items[0]->changed = local->filteractions.items[0]->changed = false;
	((struct policy *)local->policies.items[0])->rules.items[0]->changed = state->config.changed = false;
	diag_clear(&diag);
	cr_assert_eq(add(state, text, &diag), 0);
	cr_expect_eq(diag.count, 0, "%s", said(&diag));
	cr_expect_not(local->policies.items[0]->changed || local->filterlists.items[0]->changed || local->filteractions.items[0]->changed ||
		      ((struct policy *)local->policies.items[0])->rules.items[0]->changed || state->config.changed);
	cr_expect_eq(state->gone_count, 0);
	state_free(state);
	diag_done(&diag);
}

Test(profile, options_assign_and_place_it)
{
	struct profile_options options = {.assign = true, .has_location = true, .location = LOCATION_DYNAMIC};
	static const char text[] = WITH_FILTER(ANY);
	struct loaded loaded = load_into(NULL, text, strlen(text), &options);
	cr_assert_eq(loaded.error, 0);
	cr_expect_eq(loaded.location, LOCATION_DYNAMIC);
	cr_expect_eq(location_assigned(&loaded.state->locations[LOCATION_DYNAMIC]), loaded.policy);
	done(&loaded);
}

/* ---- saved and loaded ---- */

/* Loads what was saved into a new state: the same policy, and saved as the same bytes. */
static void expect_fixed_point(const struct loaded *first, const char *label)
{
	char *text = saved(first);
	struct loaded second = load_into(NULL, text, strlen(text), NULL);
	cr_assert_eq(second.error, 0, "%s: %s\n%s", label, said(&second.diag), text);
	char *again = saved(&second);
	cr_expect_str_eq(again, text, "%s", label);
	cr_expect_eq(second.location, first->location, "%s", label);
	cr_expect_eq(text[strlen(text) - 1], '\n');
	char digests[2][DIGEST_TEXT];
	if (first->policy->assigned) { /* then its meaning can be compared by its digest */
		state_digest(first->state, digests[0]);
		state_digest(second.state, digests[1]);
		cr_expect_str_eq(digests[0], digests[1], "%s", label);
	}
	free(text);
	free(again);
	done(&second);
}

Test(profile, states_made_at_random_are_saved_and_loaded_back)
{
	for (unsigned seed = 1; seed <= 300; seed++) {
		struct random random = {seed};
		struct loaded loaded = {.state = state_new(), .location = (enum location_id)random_below(&random, LOCATION_COUNT)};
		diag_init(&loaded.diag);
		struct location *location = &loaded.state->locations[loaded.location];
		loaded.policy = random_policy(&random, loaded.state, location);
		if (random_below(&random, 2))
			location_assign(location, loaded.policy);
		if (random_below(&random, 2)) {
			config_set(&loaded.state->config, PROPERTY_BOOTEXEMPTIONS, "icmp:outbound 47:inbound", 24, NULL, NULL);
			config_set(&loaded.state->config, PROPERTY_FOLLOWNAMES, "yes", 3, NULL, NULL);
			config_set(&loaded.state->config, PROPERTY_IPSECDIAGNOSTICS, "5", 1, NULL, NULL);
		}
		char label[32];
		snprintf(label, sizeof(label), "seed %u", seed);
		expect_fixed_point(&loaded, label);
		done(&loaded);
	}
}

/* What the variables of the shipped profiles are set to. */
static const struct profile_variable shipped_values[] = {
	{"internal", "10.0.0.0/8,192.168.0.0/16"}, {"management", "10.9.0.0/24"}, {"sql", "10.0.5.1,sql.two.example.com"}, {"clients", "any"},
	{"services", "443,3389"}, {"domaincontrollers", "10.0.0.10,10.0.0.11"}, {"server", "velo.v4.example.com"}, {"port", "8000"},
	{"network", "10.9.0.0/24"}, {"sites", "www.two.example.com"}, {"sqlport", "1500"}, {"time", "192.0.2.123"}, {"exempt", "10.0.7.7"},
	{"ftppassive", "5001,5002"},
};

/* The text of a shipped profile, and the settings of its required variables, and of its optional ones when wanted. */
static size_t shipped_settings(const char *text, size_t length, bool optional, struct profile_variable set[])
{
	struct json_document document = {arena_new(), "x", text, length};
	struct json *root = NULL;
	size_t count = 0;
	cr_assert_eq(json_read(&document, NULL, &root), 0);
	const struct json *variables = root->child;
	while (variables != NULL && strcmp(variables->key, "variables") != 0)
		variables = variables->next;
	for (const struct json *child = variables != NULL ? variables->child : NULL; child != NULL; child = child->next) {
		bool is_optional = false;
		for (const struct json *member = child->child; member != NULL; member = member->next)
			is_optional |= strcmp(member->key, "optional") == 0 && member->yes;
		for (size_t i = 0; i < ARRAY_LENGTH(shipped_values) && (optional || !is_optional); i++)
			if (strcmp(shipped_values[i].name, child->key) == 0)
				set[count++] = shipped_values[i];
	}
	arena_free(document.arena);
	return count;
}

Test(profile, the_shipped_ones_load_and_are_saved_and_loaded_back)
{
	static const char *const names[] = {"block-all", "domain-isolation", "iis-standalone", "management", "quarantine",
		"server-protection", "slammer", "web-server", "web-to-sql", "worm-block"};
	glob_t found;
	size_t profiles = 0;
	struct state *all = state_new(); /* they must be able to live together */
	cr_assert_eq(glob(CORDON_SOURCE "/profiles/*.json", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		if (strstr(path, ".schema.json") != NULL)
			continue;
		size_t length;
		char *text = file_read(path, &length);
		cr_assert_lt(profiles, ARRAY_LENGTH(names));
		cr_expect_not_null(strstr(path, names[profiles]), "%s", path);
		for (unsigned optional = 0; optional < 2; optional++) {
			struct profile_variable set[16];
			struct profile_options options = {.variables = set, .resolve = resolve, .assign = optional};
			options.variable_count = shipped_settings(text, length, optional, set);
			struct loaded loaded = load_into(NULL, text, length, &options);
			cr_assert_eq(loaded.error, 0, "%s: %s", path, said(&loaded.diag));
			cr_expect_str_eq(loaded.policy->object.name, names[profiles]);
			cr_expect_gt(loaded.policy->rules.count, 0);
			expect_fixed_point(&loaded, path);
			done(&loaded);
			struct loaded more = load_into(all, text, length, &options);
			cr_expect_eq(more.error, 0, "%s beside the others: %s", path, said(&more.diag));
			diag_done(&more.diag);
			if (options.variable_count > 0 && !optional) {
				options.variable_count = 0;
				loaded = load_into(NULL, text, length, &options);
				cr_expect_eq(loaded.error, ERROR_INPUT, "%s: no variable has a silent default", path);
				done(&loaded);
			}
		}
		free(text);
		profiles++;
	}
	cr_expect_eq(profiles, ARRAY_LENGTH(names));
	state_free(all);
	globfree(&found);
}

/* A member of an object of the schema. */
static const struct json *schema_member(const struct json *value, const char *key)
{
	for (value = value != NULL ? value->child : NULL; value != NULL && strcmp(value->key, key) != 0; value = value->next)
		;
	return value;
}

Test(profile, the_schema_has_the_keys_that_are_read)
{
	/* A key that is none makes the reader list those that are. */
	static const struct {
		const char *object, *text;
	} rows[] = {
		{NULL, WITH("\"qqqqqqqqqq\": 0")},
		{"policy", WITH_POLICY("\"qqqqqqqqqq\": 0")},
		{"defaultrule", WITH_POLICY("\"defaultrule\": {\"qqqqqqqqqq\": 0}")},
		{"rule", WITH_RULE("\"qqqqqqqqqq\": 0")},
		{"filterlist", WITH("\"filterlists\": [{\"name\": \"x\", \"filters\": [], \"qqqqqqqqqq\": 0}]")},
		{"filter", WITH_FILTER("{\"srcaddr\": \"any\", \"dstaddr\": \"any\", \"qqqqqqqqqq\": 0}")},
		{"filteraction", WITH_ACTION("\"action\": \"block\", \"qqqqqqqqqq\": 0")},
		{"variable", WITH("\"variables\": {\"v\": {\"description\": \"d\", \"optional\": true, \"qqqqqqqqqq\": 0}}")},
	};
	size_t length;
	char *text = file_read(CORDON_SOURCE "/profiles/profile.schema.json", &length);
	struct json_document document = {arena_new(), "schema", text, length};
	struct json *root = NULL;
	cr_assert_eq(json_read(&document, NULL, &root), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct json *object = rows[i].object != NULL ? schema_member(schema_member(root, "$defs"), rows[i].object) : root;
		cr_assert_not_null(object, "%s", rows[i].object);
		cr_expect_not(schema_member(object, "additionalProperties")->yes, "%s", rows[i].object);
		struct buffer want;
		buffer_init(&want, 4096);
		buffer_add_text(&want, "the keys here are ");
		for (const struct json *key = schema_member(object, "properties")->child; key != NULL; key = key->next)
			buffer_printf(&want, "%s%s", key->key, key->next != NULL ? ", " : "\n");
		struct loaded loaded = load(rows[i].text);
		const char *words = said(&loaded.diag);
		cr_expect_not_null(strstr(words, buffer_text(&want)), "%s: %s is not in %s", rows[i].object, buffer_text(&want), words);
		buffer_done(&want);
		done(&loaded);
	}
	const struct json *config = schema_member(schema_member(schema_member(root, "$defs"), "config"), "properties");
	size_t count = 0;
	for (const struct json *key = config->child; key != NULL; key = key->next, count++)
		cr_expect_str_eq(key->key, count < PROPERTY_COUNT ? properties[count].name : "none");
	cr_expect_eq(count, PROPERTY_COUNT);
	arena_free(document.arena);
	free(text);
}

Test(profile, every_prefix_and_changed_byte_of_one_is_read_or_refused)
{
	static const char path[] = CORDON_SOURCE "/profiles/web-to-sql.json";
	size_t length;
	char *text = file_read(path, &length);
	struct random random = {1};
	struct profile_options options = {.variables = shipped_values + 2, .variable_count = 1, .resolve = resolve};
	size_t good = 0;
	for (unsigned i = 0; i < 3000; i++) {
		size_t cut = i < 500 ? random_below(&random, (uint32_t)length) : length;
		char *copy = memory_alloc(cut > 0 ? cut : 1);
		memcpy(copy, text, cut);
		for (unsigned j = 0; cut == length && j < 1 + i % 3; j++)
			copy[random_below(&random, (uint32_t)length)] = (char)(random_below(&random, 3) ? "\"{}[],:$0a\\ "[random_below(&random, 12)]
													 : (int)random_below(&random, 256));
		struct loaded loaded = load_into(NULL, copy, cut, &options);
		cr_expect_eq(loaded.error != 0, loaded.diag.errors > 0, "round %u", i);
		good += loaded.error == 0;
		done(&loaded);
		free(copy);
	}
	cr_expect_gt(good, 0);
	free(text);
}
