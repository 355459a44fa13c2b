#include "bootcfg/daemon/dnsnames.h"

#include <event2/dns.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/json.h"
#include "core/base/memory.h"

enum { QUESTIONS_MOST = 32, FILTERS_MOST = 1 << 20, PATH_BYTES = 8192, FAMILIES = 2 };

struct answer {
	struct ip *items; /* sorted */
	size_t count;
};

struct dnsname {
	char *text;
	struct answer answer;     /* the last good one */
	bool known;
	bool wanted;              /* of the state that is followed now */
	int64_t answered, due;    /* ms of the loop */
	/* The question under way: one for each family. */
	unsigned open;
	bool good[FAMILIES];
	uint32_t ttl;
	struct ip_list coming[FAMILIES];
};

/* What evdns gives back with its answer. */
struct question {
	struct dnsnames *names;
	struct dnsname *name;     /* NULL: nobody wants to know any more */
	unsigned family;          /* 0: IPv4, 1: IPv6 */
	struct question *next, **to;
};

/* A list whose filters are ours now, or the dynamic rules of a location; own_…: what it gets back. */
struct loan {
	struct filterlist *list;
	struct filter *own_filters;
	struct location *location;
	struct dynrule **own_dynrules;
	size_t own_count, own_capacity;
	struct filter *filters;   /* ours */
	struct dynrule *dynrules;
	size_t count, capacity;
};

struct dnsnames {
	struct loop *loop;
	char *resolv_conf;
	dnsnames_resolve_fn *resolve;
	void *resolve_context;
	void (*changed)(void *context);
	void *context;
	struct evdns_base *dns;
	struct watch *timer;
	struct dnsname *items[DNSNAMES_MOST];
	size_t count;
	struct question *questions;
	size_t question_count;
	struct loan *loans;
	size_t loan_count;
};

static void names_due(void *context);

/* --- Answers --- */

static int ip_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip)); /* the family first */
}

static void list_add(struct ip_list *list, const struct ip *ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (ip_equal(&list->items[i], ip))
			return;
	if (list->count == DNSNAMES_ADDRESSES)
		return;
	if (list->count == list->capacity) {
		list->capacity = list->capacity > 0 ? 2 * list->capacity : 4;
		list->items = memory_resize_array(list->items, list->capacity, sizeof(*list->items));
	}
	struct ip clean = {.family = ip->family};
	memcpy(clean.bytes, ip->bytes, ip->family == FAMILY_IPV4 ? 4 : 16);
	list->items[list->count++] = clean;
}

static void list_done(struct ip_list *list)
{
	free(list->items);
	*list = (struct ip_list){.items = NULL};
}

/* Takes a whole answer, which is not empty; true when it differs from the last one. */
static bool answer_take(struct dnsname *name, const struct ip_list *list)
{
	struct answer *answer = &name->answer;
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), ip_compare);
	if (answer->count == list->count && memcmp(answer->items, list->items, list->count * sizeof(*list->items)) == 0)
		return false;
	free(answer->items);
	answer->items = memory_alloc(list->count * sizeof(*answer->items));
	memcpy(answer->items, list->items, list->count * sizeof(*answer->items));
	answer->count = list->count;
	return true;
}

static void timer_set(struct dnsnames *names)
{
	int64_t due = INT64_MAX, now = loop_now(names->loop);
	for (size_t i = 0; i < names->count; i++)
		if (names->items[i]->open == 0 && names->items[i]->due < due)
			due = names->items[i]->due;
	if (due == INT64_MAX)
		return;
	if (names->timer == NULL)
		names->timer = loop_timer(names->loop, due - now, names_due, names);
	else
		watch_again(names->timer, due - now);
}

static int64_t ttl_pause(uint32_t ttl)
{
	return ttl < DNSNAMES_LEAST_S ? DNSNAMES_LEAST_S : ttl > DNSNAMES_LONGEST_S ? DNSNAMES_LONGEST_S : ttl;
}

/* A family that failed keeps what it had; one that has no addresses has none, as long as the other has some. */
static void name_answered(struct dnsnames *names, struct dnsname *name)
{
	struct ip_list whole = {.items = NULL};
	bool changed = false, any = false;
	int64_t now = loop_now(names->loop), seconds = DNSNAMES_AGAIN_S;
	for (unsigned family = 0; family < FAMILIES; family++) {
		any |= name->good[family] && name->coming[family].count > 0;
		for (size_t i = 0; name->good[family] && i < name->coming[family].count; i++)
			list_add(&whole, &name->coming[family].items[i]);
		for (size_t i = 0; !name->good[family] && i < name->answer.count; i++)
			if ((name->answer.items[i].family == FAMILY_IPV6) == (family == 1))
				list_add(&whole, &name->answer.items[i]);
		list_done(&name->coming[family]);
	}
	if (any) {
		changed = answer_take(name, &whole);
		name->known = true;
		name->answered = now;
		seconds = ttl_pause(name->ttl);
	}
	name->due = now + seconds * 1000;
	list_done(&whole);
	if (changed)
		names->changed(names->context);
}

/* --- Questions --- */

static void question_free(struct question *question)
{
	*question->to = question->next;
	if (question->next != NULL)
		question->next->to = question->to;
	question->names->question_count--;
	free(question);
}

static void dns_answered(int result, char type, int count, int ttl, void *addresses, void *context)
{
	struct question *question = context;
	struct dnsnames *names = question->names;
	struct dnsname *name = question->name;
	unsigned family = question->family;
	question_free(question);
	if (name != NULL) {
		/* "No data" is an answer: the name is there, and has no address of that family. */
		name->good[family] = result == DNS_ERR_NONE || result == DNS_ERR_NODATA;
		size_t size = family == 0 ? 4 : 16;
		bool fits = result == DNS_ERR_NONE && type == (family == 0 ? DNS_IPv4_A : DNS_IPv6_AAAA) && addresses != NULL;
		for (int i = 0; fits && i < count; i++) {
			struct ip ip = {.family = family == 0 ? FAMILY_IPV4 : FAMILY_IPV6};
			memcpy(ip.bytes, (const char *)addresses + (size_t)i * size, size);
			list_add(&name->coming[family], &ip);
		}
		if (fits && count > 0 && ttl >= 0 && (uint32_t)ttl < name->ttl)
			name->ttl = (uint32_t)ttl;
		if (--name->open == 0)
			name_answered(names, name);
	}
	names_due(names);
}

static void question_ask(struct dnsnames *names, struct dnsname *name, unsigned family)
{
	struct question *question = memory_alloc(sizeof(*question));
	*question = (struct question){.names = names, .name = name, .family = family, .next = names->questions,
				      .to = &names->questions};
	if (names->questions != NULL)
		names->questions->to = &question->next;
	names->questions = question;
	names->question_count++;
	struct evdns_request *request = family == 0
		? evdns_base_resolve_ipv4(names->dns, name->text, 0, dns_answered, question)
		: evdns_base_resolve_ipv6(names->dns, name->text, 0, dns_answered, question);
	if (request == NULL)
		question_free(question);
	else
		name->open++;
}

static void servers_read(struct dnsnames *names)
{
	/* A file that is not there leaves it without servers: then questions fail, and are asked again later. */
	(void)evdns_base_resolv_conf_parse(names->dns, DNS_OPTIONS_ALL, names->resolv_conf);
}

static bool dns_open(struct dnsnames *names)
{
	struct event_base *base = loop_base(names->loop);
	if (names->dns == NULL && base != NULL) {
		names->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
		if (names->dns != NULL)
			servers_read(names);
	}
	return names->dns != NULL;
}

static void name_ask(struct dnsnames *names, struct dnsname *name)
{
	name->ttl = DNSNAMES_LONGEST_S;
	name->good[0] = name->good[1] = false;
	if (names->resolve != NULL) {
		struct ip_list list = {.items = NULL};
		int error = names->resolve(name->text, &list, &name->ttl, names->resolve_context);
		for (size_t i = 0; error == 0 && i < list.count; i++)
			list_add(&name->coming[list.items[i].family == FAMILY_IPV6], &list.items[i]);
		name->good[0] = name->good[1] = error == 0;
		list_done(&list);
	} else if (dns_open(names)) {
		question_ask(names, name, 0);
		question_ask(names, name, 1);
	}
	if (name->open == 0)
		name_answered(names, name);
}

static void names_due(void *context)
{
	struct dnsnames *names = context;
	int64_t now = loop_now(names->loop);
	for (size_t i = 0; i < names->count && names->question_count + FAMILIES <= QUESTIONS_MOST; i++)
		if (names->items[i]->open == 0 && names->items[i]->due <= now)
			name_ask(names, names->items[i]);
	/* With all questions out, the next answer brings us here again. */
	if (names->question_count + FAMILIES <= QUESTIONS_MOST)
		timer_set(names);
}

void dnsnames_servers(struct dnsnames *names)
{
	if (names->dns == NULL)
		return;
	(void)evdns_base_clear_nameservers_and_suspend(names->dns);
	servers_read(names);
	(void)evdns_base_resume(names->dns);
}

/* --- Which names --- */

static struct dnsname *name_find(const struct dnsnames *names, const char *text)
{
	for (size_t i = 0; i < names->count; i++)
		if (ascii_equal(names->items[i]->text, text))
			return names->items[i];
	return NULL;
}

static void name_want(struct dnsnames *names, const char *text)
{
	struct dnsname *name = text != NULL ? name_find(names, text) : NULL;
	if (name == NULL && text != NULL && names->count < DNSNAMES_MOST) {
		name = memory_alloc(sizeof(*name));
		*name = (struct dnsname){.text = memory_text(text), .due = loop_now(names->loop)};
		names->items[names->count++] = name;
	}
	if (name != NULL)
		name->wanted = true;
}

static void name_free(struct dnsnames *names, struct dnsname *name)
{
	for (struct question *question = names->questions; question != NULL; question = question->next)
		if (question->name == name)
			question->name = NULL;
	for (unsigned family = 0; family < FAMILIES; family++)
		list_done(&name->coming[family]);
	free(name->answer.items);
	free(name->text);
	free(name);
}

static void unwanted_drop(struct dnsnames *names)
{
	size_t kept = 0;
	for (size_t i = 0; i < names->count; i++) {
		if (names->items[i]->wanted)
			names->items[kept++] = names->items[i];
		else
			name_free(names, names->items[i]);
	}
	names->count = kept;
}

static void location_want(struct dnsnames *names, const struct location *location)
{
	const struct policy *policy = location_assigned(location);
	for (size_t i = 0; policy != NULL && i < policy->rules.count; i++) {
		const struct filterlist *list = ((const struct rule *)policy->rules.items[i])->filterlist;
		for (size_t j = 0; list != NULL && j < list->count; j++) {
			name_want(names, list->filters[j].src.name);
			name_want(names, list->filters[j].dst.name);
		}
	}
	for (size_t i = 0; i < location->dynrule_count; i++) {
		name_want(names, location->dynrules[i]->filter.src.name);
		name_want(names, location->dynrules[i]->filter.dst.name);
	}
}

void dnsnames_follow(struct dnsnames *names, const struct state *state)
{
	for (size_t i = 0; i < names->count; i++)
		names->items[i]->wanted = false;
	for (size_t i = 0; state != NULL && i < LOCATION_COUNT; i++)
		location_want(names, &state->locations[i]);
	unwanted_drop(names);
	timer_set(names);
}

/* --- Into a state --- */

static bool is_known(const struct dnsnames *names, const struct address *side)
{
	const struct dnsname *name = side->name != NULL ? name_find(names, side->name) : NULL;
	return name != NULL && name->known;
}

static bool filter_is_known(const struct dnsnames *names, const struct filter *filter)
{
	return is_known(names, &filter->src) || is_known(names, &filter->dst);
}

/* The same address, or the same name with an answer. */
static bool side_same(const struct dnsnames *names, const struct address *a, const struct address *b)
{
	bool same_name = a->name != NULL && b->name != NULL && ascii_equal(a->name, b->name);
	return same_name && is_known(names, a) ? true : address_equal(a, b);
}

/* Whether what one filter becomes is what another becomes too. */
static bool is_same_run(const struct dnsnames *names, const struct filter *a, const struct filter *b)
{
	struct filter x = *b;
	x.src = a->src;
	x.dst = a->dst;
	return side_same(names, &a->src, &b->src) && side_same(names, &a->dst, &b->dst) && filter_equal(a, &x);
}

/* The addresses that a side is to have: those of the answer, or the one that it has. */
static size_t side_addresses(const struct dnsnames *names, const struct address *side, struct address *addresses)
{
	const struct dnsname *name = side->name != NULL ? name_find(names, side->name) : NULL;
	if (name == NULL || !name->known) {
		addresses[0] = *side;
		return 1;
	}
	for (size_t i = 0; i < name->answer.count; i++) {
		const struct ip *ip = &name->answer.items[i];
		addresses[i] = address_subnet(ip, family_bits(ip->family));
		addresses[i].name = side->name;
	}
	return name->answer.count;
}

static bool families_fit(const struct address *a, const struct address *b)
{
	return a->family == FAMILY_NONE || b->family == FAMILY_NONE || a->family == b->family;
}

/* Tells each filter that one becomes. */
static void filter_expand(const struct dnsnames *names, const struct filter *filter,
			  void (*take)(const struct filter *filter, void *context), void *context)
{
	struct address src[DNSNAMES_ADDRESSES], dst[DNSNAMES_ADDRESSES];
	size_t src_count = side_addresses(names, &filter->src, src), dst_count = side_addresses(names, &filter->dst, dst);
	for (size_t i = 0; i < src_count; i++)
		for (size_t j = 0; j < dst_count; j++) {
			struct filter one = *filter;
			one.src = src[i];
			one.dst = dst[j];
			if (families_fit(&one.src, &one.dst))
				take(&one, context);
		}
}

static struct loan *loan_new(struct dnsnames *names)
{
	names->loans = memory_resize_array(names->loans, names->loan_count + 1, sizeof(*names->loans));
	struct loan *loan = &names->loans[names->loan_count++];
	*loan = (struct loan){.list = NULL};
	return loan;
}

static void filter_lend(const struct filter *filter, void *context)
{
	struct loan *loan = context;
	if (loan->count == FILTERS_MOST)
		return;
	if (loan->count == loan->capacity) {
		loan->capacity = loan->capacity > 0 ? 2 * loan->capacity : 16;
		loan->filters = memory_resize_array(loan->filters, loan->capacity, sizeof(*loan->filters));
	}
	loan->filters[loan->count++] = *filter;
}

/* Whether a filter is of the run of one that was expanded before it. */
static bool was_expanded(const struct dnsnames *names, const struct filter *filter, const struct filter *const expanded[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_same_run(names, expanded[i], filter))
			return true;
	return false;
}

static bool list_has_answers(const struct dnsnames *names, const struct filterlist *list)
{
	for (size_t i = 0; i < names->loan_count; i++)
		if (names->loans[i].list == list)
			return false; /* another rule has it too: it has been lent already */
	for (size_t i = 0; i < list->count; i++)
		if (filter_is_known(names, &list->filters[i]))
			return true;
	return false;
}

static void list_lend(struct dnsnames *names, struct filterlist *list)
{
	size_t expanded_count = 0;
	if (!list_has_answers(names, list))
		return;
	struct loan *loan = loan_new(names);
	loan->list = list;
	const struct filter **expanded = memory_alloc(list->count * sizeof(*expanded));
	for (size_t i = 0; i < list->count; i++) {
		const struct filter *filter = &list->filters[i];
		if (!filter_is_known(names, filter)) {
			filter_lend(filter, loan);
		} else if (!was_expanded(names, filter, expanded, expanded_count)) {
			expanded[expanded_count++] = filter;
			filter_expand(names, filter, filter_lend, loan);
		}
	}
	free(expanded);
	loan->own_filters = list->filters;
	loan->own_count = list->count;
	loan->own_capacity = list->capacity;
	list->filters = loan->filters;
	list->count = list->capacity = loan->count;
}

/* Dynamic rules have one filter each. */
struct lender {
	struct loan *loan;
	const struct dynrule *rule;
};

static void dynrule_lend(const struct filter *filter, void *context)
{
	const struct lender *lender = context;
	struct loan *loan = lender->loan;
	if (loan->count == FILTERS_MOST)
		return;
	if (loan->count == loan->capacity) {
		loan->capacity = loan->capacity > 0 ? 2 * loan->capacity : 16;
		loan->dynrules = memory_resize_array(loan->dynrules, loan->capacity, sizeof(*loan->dynrules));
	}
	loan->dynrules[loan->count] = *lender->rule;
	loan->dynrules[loan->count++].filter = *filter;
}

static bool dynrule_was_expanded(const struct dnsnames *names, const struct location *location, size_t index)
{
	const struct dynrule *rule = location->dynrules[index];
	for (size_t i = 0; i < index; i++) {
		const struct dynrule *before = location->dynrules[i];
		if (before->actioninbound == rule->actioninbound && before->actionoutbound == rule->actionoutbound &&
		    filter_is_known(names, &before->filter) && is_same_run(names, &before->filter, &rule->filter))
			return true;
	}
	return false;
}

static void dynrules_lend(struct dnsnames *names, struct location *location)
{
	bool any = false;
	for (size_t i = 0; i < location->dynrule_count && !any; i++)
		any = filter_is_known(names, &location->dynrules[i]->filter);
	if (!any)
		return;
	struct loan *loan = loan_new(names);
	loan->location = location;
	for (size_t i = 0; i < location->dynrule_count; i++) {
		struct lender lender = {loan, location->dynrules[i]};
		if (!filter_is_known(names, &lender.rule->filter))
			dynrule_lend(&lender.rule->filter, &lender);
		else if (!dynrule_was_expanded(names, location, i))
			filter_expand(names, &lender.rule->filter, dynrule_lend, &lender);
	}
	loan->own_dynrules = location->dynrules;
	loan->own_count = location->dynrule_count;
	loan->own_capacity = location->dynrule_capacity;
	location->dynrules = memory_alloc((loan->count + 1) * sizeof(*location->dynrules));
	for (size_t i = 0; i < loan->count; i++)
		location->dynrules[i] = &loan->dynrules[i];
	location->dynrule_count = location->dynrule_capacity = loan->count;
}

void dnsnames_put(struct dnsnames *names, struct state *state)
{
	dnsnames_take_back(names);
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		struct policy *policy = location_assigned(&state->locations[i]);
		for (size_t j = 0; policy != NULL && j < policy->rules.count; j++) {
			struct rule *rule = (struct rule *)policy->rules.items[j];
			if (rule->filterlist != NULL)
				list_lend(names, rule->filterlist);
		}
		dynrules_lend(names, &state->locations[i]);
	}
}

void dnsnames_take_back(struct dnsnames *names)
{
	for (size_t i = 0; i < names->loan_count; i++) {
		struct loan *loan = &names->loans[i];
		if (loan->list != NULL) {
			loan->list->filters = loan->own_filters;
			loan->list->count = loan->own_count;
			loan->list->capacity = loan->own_capacity;
		} else {
			free(loan->location->dynrules);
			loan->location->dynrules = loan->own_dynrules;
			loan->location->dynrule_count = loan->own_count;
			loan->location->dynrule_capacity = loan->own_capacity;
		}
		free(loan->filters);
		free(loan->dynrules);
	}
	free(names->loans);
	names->loans = NULL;
	names->loan_count = 0;
}

/* --- The whole --- */

struct dnsnames *dnsnames_new(struct loop *loop, const char *root, dnsnames_resolve_fn *resolve, void *resolve_context,
			      void (*changed)(void *context), void *context)
{
	struct dnsnames *names = memory_alloc(sizeof(*names));
	struct buffer path;
	buffer_init(&path, PATH_BYTES);
	buffer_printf(&path, "%s/etc/resolv.conf", root);
	*names = (struct dnsnames){
		.loop = loop,
		.resolv_conf = memory_text(buffer_text(&path)),
		.resolve = resolve,
		.resolve_context = resolve_context,
		.changed = changed,
		.context = context,
	};
	buffer_done(&path);
	return names;
}

void dnsnames_free(struct dnsnames *names)
{
	if (names == NULL)
		return;
	dnsnames_take_back(names);
	watch_free(names->timer);
	if (names->dns != NULL)
		evdns_base_free(names->dns, 0); /* asks nobody any more, and calls nobody back */
	while (names->questions != NULL)
		question_free(names->questions);
	for (size_t i = 0; i < names->count; i++)
		name_free(names, names->items[i]);
	free(names->resolv_conf);
	free(names);
}

void dnsnames_print(const struct dnsnames *names, struct buffer *buffer)
{
	int64_t now = loop_now(names->loop);
	buffer_add_char(buffer, '[');
	for (size_t i = 0; i < names->count; i++) {
		const struct dnsname *name = names->items[i];
		buffer_add_text(buffer, i > 0 ? ",{\"name\":" : "{\"name\":");
		json_text_print(name->text, buffer);
		buffer_add_text(buffer, ",\"addresses\":[");
		for (size_t j = 0; j < name->answer.count; j++) {
			char text[IP_TEXT];
			ip_print(&name->answer.items[j], text);
			buffer_printf(buffer, "%s\"%s\"", j > 0 ? "," : "", text);
		}
		buffer_add_text(buffer, "],\"age\":");
		if (name->known)
			buffer_add_number(buffer, (uint64_t)((now - name->answered) / 1000));
		else
			buffer_add_text(buffer, "null");
		buffer_add_char(buffer, '}');
	}
	buffer_add_char(buffer, ']');
}
