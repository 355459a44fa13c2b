/* `show` for people: what a static store holds. */
#include "bootcfg/netsh/page.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"

static void list_show(const struct page *page, const struct filterlist *list)
{
	page_text(page, "FilterList Name", list->object.name);
	page_text(page, "Description", list->object.description);
	page_store(page);
	page_time(page, "Last Modified", list->object.modified);
	page_guid(page, &list->object.guid);
	page_number(page, "No. of Filters", list->count, "");
	if (!page->request->normal && list->count > 0) {
		page_title(page, "Filter(s)");
		if (page->request->table)
			page_filter_head(page);
		for (size_t i = 0; i < list->count; i++) {
			if (page->request->table) {
				page_filter_row(page, &list->filters[i], i + 1);
				continue;
			}
			if (i > 0)
				buffer_add_char(page->out, '\n');
			page_filter(page, &list->filters[i], true);
		}
	}
	buffer_add_char(page->out, '\n');
}

static void action_show(const struct page *page, const struct filteraction *action)
{
	page_text(page, "FilterAction Name", action->object.name);
	page_text(page, "Description", action->object.description);
	page_store(page);
	page_upper(page, "Action", action_name(action->action));
	page_yesno(page, "AllowUnsecure(Fallback)", action->soft);
	page_yesno(page, "Inbound Passthrough", action->inpass);
	if (page->request->normal)
		page_number(page, "No. of Security.Methods", page_methods_count(action->qmsecmethods), "");
	else
		page_methods(page, "No. of Security.Methods", action->qmsecmethods);
	page_yesno(page, "QMPFS", action->qmpfs);
	page_time(page, "Last Modified", action->object.modified);
	page_guid(page, &action->object.guid);
	buffer_add_char(page->out, '\n');
}

static void rule_show(const struct page *page, const struct rule *rule, size_t id)
{
	page_text(page, "Rule Name", rule->object.name);
	page_number(page, "Rule ID", id, "");
	page_text(page, "Policy Name", rule->policy->object.name);
	page_text(page, "Description", rule->object.description);
	page_time(page, "Last Modified", rule->object.modified);
	page_yesno(page, "Activated", rule->activate);
	page_upper(page, "Connection Type", conntype_name(rule->conntype));
	page_text(page, "Tunnel Dest IP Address", rule->tunnel);
	page_text(page, "FilterList Name", rule->filterlist->object.name);
	page_text(page, "FilterAction Name", rule->filteraction->object.name);
	if (!page->request->normal)
		page_auths(page, &rule->auths);
	buffer_add_char(page->out, '\n');
}

static void defaultrule_show(const struct page *page, const struct policy *policy, size_t id)
{
	const struct defaultrule *rule = &policy->defaultrule;
	page_text(page, "Rule Name", "NONE");
	page_number(page, "Rule ID", id, " (default response rule)");
	page_text(page, "Policy Name", policy->object.name);
	page_yesno(page, "Activated", rule->activate);
	if (!page->request->normal) {
		page_methods(page, "No. of Security.Methods", rule->qmsecmethods);
		page_yesno(page, "QMPFS", rule->qmpfs);
		page_auths(page, &rule->auths);
	}
	buffer_add_char(page->out, '\n');
}

static void policy_rules_show(const struct page *page, const struct policy *policy)
{
	for (size_t i = 0; i < policy->rules.count; i++)
		rule_show(page, (const struct rule *)policy->rules.items[i], i + 1);
	defaultrule_show(page, policy, policy->rules.count + 1);
}

static void policy_show(const struct page *page, const struct policy *policy, bool rules)
{
	page_text(page, "Policy Name", policy->object.name);
	page_text(page, "Description", policy->object.description);
	page_time(page, "Last Modified", policy->object.modified);
	page_yesno(page, "Assigned", policy->assigned);
	page_yesno(page, "Master PFS", policy->mmpfs);
	page_number(page, "Polling Interval", policy->pollinginterval, " minutes");
	if (!page->request->normal) {
		page_store(page);
		page_guid(page, &policy->object.guid);
		page_number(page, "MainMode LifeTime", policy->mmlifetime, " minutes");
		page_number(page, "QuickModes per MainMode", policy->qmpermm, policy->qmpermm == 0 ? " (no limit)" : "");
		page_methods(page, "MainMode Methods", policy->mmsecmethods);
		page_yesno(page, "Default Response Rule", policy->defaultrule.activate);
		page_number(page, "No. of Rules", policy->rules.count, "");
	}
	buffer_add_char(page->out, '\n');
	if (rules && !page->request->normal) {
		page_title(page, "Rule Details");
		policy_rules_show(page, policy);
	}
}

void show_policies(const struct page *page)
{
	static const uint8_t widths[] = {32, 8, 8, 12};
	static const char *const titles[] = {"Policy Name", "Rules", "Assigned", "Description"};
	size_t count = 0;
	char digits[24];
	if (page->request->table)
		page_head(page, widths, titles, ARRAY_LENGTH(titles));
	for (size_t i = 0; i < page->location->policies.count; i++) {
		const struct policy *policy = (const struct policy *)page->location->policies.items[i];
		if (!show_names(page->request->name, &policy->object))
			continue;
		count++;
		if (page->request->table)
			page_row(page, widths,
				(const char *const[]){policy->object.name, page_cell(policy->rules.count, digits),
						      policy->assigned ? "YES" : "NO", page_none(policy->object.description)},
				ARRAY_LENGTH(titles));
		else
			policy_show(page, policy, !ascii_equal(page->request->what, "all"));
	}
	if (page->request->table)
		buffer_add_char(page->out, '\n');
	page_number(page, "No. of policies", count, "");
}

static const uint8_t rule_widths[] = {28, 24, 24, 24, 6, 8};

static void rule_row(const struct page *page, const struct rule *rule)
{
	page_row(page, rule_widths,
		(const char *const[]){rule->object.name, rule->policy->object.name, rule->filterlist->object.name,
				      rule->filteraction->object.name, rule->activate ? "YES" : "NO", page_none(rule->tunnel)},
		ARRAY_LENGTH(rule_widths));
}

void show_rules(const struct page *page)
{
	static const char *const titles[] = {"Rule Name", "Policy Name", "FilterList", "FilterAction", "Active", "Tunnel"};
	const struct show_request *request = page->request;
	size_t count = 0;
	if (request->table)
		page_head(page, rule_widths, titles, ARRAY_LENGTH(titles));
	for (size_t i = 0; i < page->location->policies.count; i++) {
		const struct policy *policy = (const struct policy *)page->location->policies.items[i];
		for (size_t r = 0; r < policy->rules.count; r++) {
			const struct rule *rule = (const struct rule *)policy->rules.items[r];
			if (!show_selects_rule(request, rule, r))
				continue;
			count++;
			if (request->table)
				rule_row(page, rule);
			else
				rule_show(page, rule, r + 1);
		}
		bool whole = request->name == NULL && request->id == 0 && request->type != SHOW_TUNNEL;
		if (!request->table && (request->defaultrule || whole) && show_names(request->policy, &policy->object))
			defaultrule_show(page, policy, policy->rules.count + 1);
	}
	if (request->table)
		buffer_add_char(page->out, '\n');
	page_number(page, "No. of Rules", count, "");
}

void show_lists(const struct page *page)
{
	size_t count = 0;
	for (size_t i = 0; i < page->location->filterlists.count; i++) {
		const struct filterlist *list = (const struct filterlist *)page->location->filterlists.items[i];
		if (!show_selects_list(page->request, page->location, list))
			continue;
		count++;
		list_show(page, list);
	}
	page_number(page, "No. of FilterLists", count, "");
}

void show_actions(const struct page *page)
{
	static const uint8_t widths[] = {32, 10, 8, 8, 12};
	static const char *const titles[] = {"FilterAction Name", "Action", "Inpass", "Soft", "Description"};
	size_t count = 0;
	if (page->request->table)
		page_head(page, widths, titles, ARRAY_LENGTH(titles));
	for (size_t i = 0; i < page->location->filteractions.count; i++) {
		const struct filteraction *action = (const struct filteraction *)page->location->filteractions.items[i];
		if (!show_selects_action(page->request, page->location, action))
			continue;
		count++;
		if (page->request->table)
			page_row(page, widths,
				(const char *const[]){action->object.name, action_name(action->action),
						      action->inpass ? "YES" : "NO", action->soft ? "YES" : "NO",
						      page_none(action->object.description)},
				ARRAY_LENGTH(titles));
		else
			action_show(page, action);
	}
	if (page->request->table)
		buffer_add_char(page->out, '\n');
	page_number(page, "No. of FilterActions", count, "");
}

void show_store(const struct page *page)
{
	page_store(page);
	page_text(page, "Location", location_name(page->location->id));
}

static void bootexemptions_show(const struct page *page)
{
	static const uint8_t widths[] = {9, 9, 9, 9};
	static const char *const titles[] = {"Protocol", "Src Port", "Dst Port", "Direction"};
	const struct config *config = &page->state->config;
	page_line(page, "Boot Mode Exemptions :");
	page_head(page, widths, titles, ARRAY_LENGTH(titles));
	for (size_t i = 0; i < config->bootexemption_count; i++) {
		const struct bootexemption *exemption = &config->bootexemptions[i];
		char protocol[PROTOCOL_TEXT], digits[2][24];
		protocol_print(exemption->protocol, protocol);
		page_row(page, widths,
			(const char *const[]){protocol, page_cell(exemption->srcport, digits[0]),
					      page_cell(exemption->dstport, digits[1]),
					      exemption->outbound ? "Outbound" : "Inbound"},
			ARRAY_LENGTH(titles));
	}
}

void show_config(const struct page *page)
{
	/* As Windows Server 2003 prints them, then our own; the exemptions are a table of theirs. */
	static const enum property_id order[] = {
		PROPERTY_IPSECDIAGNOSTICS, PROPERTY_IKELOGGING, PROPERTY_STRONGCRLCHECK, PROPERTY_IPSECLOGINTERVAL,
		PROPERTY_IPSECEXEMPT, PROPERTY_BOOTMODE, PROPERTY_IKEEXEMPT, PROPERTY_FOLLOWNAMES,
	};
	struct buffer value;
	buffer_init(&value, 64);
	page_title(page, "IPsec Configuration Parameters");
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		buffer_clear(&value);
		show_value(page->state, order[i], &value);
		if (order[i] == PROPERTY_BOOTMODE && value.length > 0)
			value.data[0] = (char)(value.data[0] - ('a' - 'A'));
		page_text(page, properties[order[i]].shown, buffer_text(&value));
	}
	buffer_done(&value);
	page_gap(page);
	bootexemptions_show(page);
}

void show_gpo(const struct page *page)
{
	page_line(page, "No policy is assigned by group policy: this machine has no domain store.");
}

void show_static_all(const struct page *page)
{
	static void (*const parts[])(const struct page *) = {show_policies, show_rules, show_lists, show_actions, show_config};
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (i > 0)
			page_gap(page);
		parts[i](page);
	}
}
