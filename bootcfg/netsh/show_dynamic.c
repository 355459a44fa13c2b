/* `show` for people: the dynamic context. */
#include "bootcfg/netsh/page.h"
#include "core/base/attr.h"

static void dynrule_show(const struct page *page, const struct dynrule *rule, size_t number)
{
	page_number(page, "Rule", number, "");
	page_filter(page, &rule->filter, false);
	page_text(page, "Mainmode Policy", rule->mmpolicy);
	page_text(page, "Quickmode Policy", rule->qmpolicy);
	page_upper(page, "Inbound Action", action_name(rule->actioninbound));
	page_upper(page, "Outbound Action", action_name(rule->actionoutbound));
	page_upper(page, "Connection Type", conntype_name(rule->conntype));
	page_text(page, "Tunnel Dest IP Address", rule->tunnel);
	if (!page->request->normal)
		page_auths(page, &rule->auths);
	buffer_add_char(page->out, '\n');
}

void show_dynrules(const struct page *page)
{
	if (page->request->table)
		page_filter_head(page);
	for (size_t i = 0; i < page->location->dynrule_count; i++) {
		if (page->request->table)
			page_filter_row(page, &page->location->dynrules[i]->filter, i + 1);
		else
			dynrule_show(page, page->location->dynrules[i], i + 1);
	}
	page_number(page, "No. of Dynamic Rules", page->location->dynrule_count, "");
}

void show_mmpolicies(const struct page *page)
{
	size_t count = 0;
	for (size_t i = 0; i < page->location->mmpolicies.count; i++) {
		const struct mmpolicy *policy = (const struct mmpolicy *)page->location->mmpolicies.items[i];
		if (!show_names(page->request->name, &policy->object))
			continue;
		count++;
		page_text(page, "Mainmode Policy Name", policy->object.name);
		page_number(page, "MainMode LifeTime", policy->mmlifetime, " minutes");
		page_number(page, "QuickModes per MainMode", policy->qmpermm, policy->qmpermm == 0 ? " (no limit)" : "");
		page_number(page, "Soft SA Expiration Time", policy->softsaexpirationtime, " minutes");
		page_methods(page, "MainMode Methods", policy->mmsecmethods);
		buffer_add_char(page->out, '\n');
	}
	page_number(page, "No. of Mainmode Policies", count, "");
}

void show_qmpolicies(const struct page *page)
{
	size_t count = 0;
	for (size_t i = 0; i < page->location->qmpolicies.count; i++) {
		const struct qmpolicy *policy = (const struct qmpolicy *)page->location->qmpolicies.items[i];
		if (!show_names(page->request->name, &policy->object))
			continue;
		count++;
		page_text(page, "Quickmode Policy Name", policy->object.name);
		page_yesno(page, "AllowUnsecure(Fallback)", policy->soft);
		page_text(page, "PFS Group", pfsgroup_name(policy->pfsgroup));
		page_methods(page, "No. of Security.Methods", policy->qmsecmethods);
		buffer_add_char(page->out, '\n');
	}
	page_number(page, "No. of Quickmode Policies", count, "");
}

/* The filters that the dynamic rules make: one for each rule in quick mode, its addresses in main mode. */
void show_qmfilters(const struct page *page)
{
	for (size_t i = 0; i < page->location->dynrule_count; i++) {
		const struct dynrule *rule = page->location->dynrules[i];
		page_number(page, "Quickmode Filter", i + 1, "");
		page_filter(page, &rule->filter, false);
		page_text(page, "Quickmode Policy", rule->qmpolicy);
		page_upper(page, "Inbound Action", action_name(rule->actioninbound));
		page_upper(page, "Outbound Action", action_name(rule->actionoutbound));
		buffer_add_char(page->out, '\n');
	}
	page_number(page, "No. of Quickmode Filters", page->location->dynrule_count, "");
}

void show_mmfilters(const struct page *page)
{
	size_t count = 0;
	for (size_t i = 0; i < page->location->dynrule_count; i++) {
		const struct dynrule *rule = page->location->dynrules[i];
		char src[ADDRESS_TEXT], dst[ADDRESS_TEXT];
		if (rule->actioninbound != ACTION_NEGOTIATE && rule->actionoutbound != ACTION_NEGOTIATE)
			continue;
		page_number(page, "Mainmode Filter", ++count, "");
		page_text(page, "Source IP Address", page_address(&rule->filter.src, src));
		page_text(page, "Destination IP Address", page_address(&rule->filter.dst, dst));
		page_yesno(page, "Mirrored", rule->filter.mirrored);
		page_text(page, "Mainmode Policy", rule->mmpolicy);
		page_auths(page, &rule->auths);
		buffer_add_char(page->out, '\n');
	}
	page_number(page, "No. of Mainmode Filters", count, "");
}

void show_mmsas(const struct page *page)
{
	page_line(page, "There are no main mode security associations: Cordon filters, and negotiates nothing itself.");
}

void show_qmsas(const struct page *page)
{
	page_line(page, "There are no quick mode security associations: Cordon filters, and negotiates nothing itself.");
}

void show_stats(const struct page *page)
{
	page_line(page, "There are no IKE or IPsec statistics: what the filters counted is in `cordon status`.");
}

void show_dynamic_all(const struct page *page)
{
	static void (*const parts[])(const struct page *) = {show_mmpolicies, show_qmpolicies, show_dynrules, show_config};
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (i > 0)
			page_gap(page);
		parts[i](page);
	}
}
