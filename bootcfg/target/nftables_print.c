/* A plan as text for nft: the whole table for people and `nft -f`, and the commands that stage a generation. */
#include "bootcfg/target/nftables_plan.h"

#include "core/base/attr.h"
#include "core/base/memory.h"

static void counters_print(const struct plan *plan, struct buffer *buffer)
{
	for (size_t i = 0; i < plan->counter_count; i++)
		buffer_printf(buffer, "\tcounter %s {\n\t\tcomment \"%s\"\n\t}\n\n", plan->counters[i].name,
			      plan->counters[i].comment);
}

/* A key in the words of nft: numbers for protocols, so that no name table is needed. */
static void key_print(const struct plan *plan, const struct plan_map *map, const struct match *match, struct buffer *buffer)
{
	const struct shape *shape = &plan->ruleset->groups[map->group].shape;
	const char *between = "";
	const struct {
		enum plan_part part;
		const uint8_t *address;
		unsigned number;
	} parts[] = {
		{PART_SRC, match->src, 0},
		{PART_DST, match->dst, 0},
		{PART_PROTOCOL, NULL, match->protocol},
		{PART_SRCPORT, NULL, match->srcport},
		{PART_DSTPORT, NULL, match->dstport},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if ((map->parts & parts[i].part) == 0)
			continue;
		buffer_add_text(buffer, between);
		between = " . ";
		if (parts[i].address == NULL) {
			buffer_add_number(buffer, parts[i].number);
			continue;
		}
		struct ip ip = {.family = shape->family};
		char text[IP_TEXT];
		for (size_t byte = 0; byte < family_bits(shape->family) / 8; byte++)
			ip.bytes[byte] = parts[i].address[byte];
		ip_print(&ip, text);
		buffer_add_text(buffer, text);
	}
}

static void map_print(const struct plan *plan, const struct plan_map *map, struct buffer *buffer)
{
	const struct group *group = &plan->ruleset->groups[map->group];
	buffer_printf(buffer, "\tmap %s {\n\t\ttype %s : verdict\n\t\tsize %u\n", map->name, map->type, group->count);
	buffer_add_text(buffer, "\t\telements = {\n");
	for (uint32_t i = 0; i < group->count; i++) {
		const struct match *match = &plan->ruleset->matches[group->first + i];
		buffer_add_text(buffer, "\t\t\t");
		key_print(plan, map, match, buffer);
		buffer_printf(buffer, " : goto %s%s\n", plan->origin_chains[match->origin], i + 1 < group->count ? "," : "");
	}
	buffer_add_text(buffer, "\t\t}\n");
	buffer_add_text(buffer, "\t}\n\n");
}

static void set_print(const struct plan_set *set, struct buffer *buffer)
{
	buffer_printf(buffer, "\tset %s {\n\t\ttype %s\n\t\tsize %u\n\t\tflags dynamic\n\t}\n\n", set->name, set->type, set->size);
}

static void chain_print(const struct plan_chain *chain, struct buffer *buffer)
{
	buffer_printf(buffer, "\tchain %s {\n", chain->name);
	for (size_t i = 0; i < chain->count; i++)
		buffer_printf(buffer, "\t\t%s comment \"%s\"\n", chain->rules[i].text, chain->rules[i].comment);
	buffer_add_text(buffer, "\t}\n\n");
}

static void bases_print(const struct plan *plan, struct buffer *buffer)
{
	for (size_t i = 0; i < PLAN_HOOKS; i++)
		buffer_printf(buffer,
			      "\tchain %s {\n\t\ttype filter hook %s priority filter; policy accept;\n"
			      "\t\tgoto %s comment \"%s\"\n\t}\n%s",
			      plan->bases[i].name, plan->bases[i].name, plan->bases[i].entry, plan->comment,
			      i + 1 < PLAN_HOOKS ? "\n" : "");
}

void plan_print_bases(const struct plan *plan, struct buffer *buffer)
{
	buffer_add_text(buffer, "table inet " PLAN_TABLE " {\n");
	bases_print(plan, buffer);
	buffer_add_text(buffer, "}\n");
}

void plan_print(const struct plan *plan, struct buffer *buffer)
{
	buffer_add_text(buffer, "table inet " PLAN_TABLE " {\n");
	counters_print(plan, buffer);
	for (size_t i = 0; i < plan->map_count; i++)
		map_print(plan, &plan->maps[i], buffer);
	for (size_t i = 0; i < plan->set_count; i++)
		set_print(&plan->sets[i], buffer);
	for (size_t i = 0; i < plan->chain_count; i++)
		chain_print(&plan->chains[i], buffer);
	bases_print(plan, buffer);
	buffer_add_text(buffer, "}\n");
}

void plan_print_stage(const struct plan *plan, struct buffer *buffer)
{
	buffer_add_text(buffer, "add table inet " PLAN_TABLE "\n");
	for (size_t i = 0; i < plan->counter_count; i++)
		buffer_printf(buffer, "add counter inet " PLAN_TABLE " %s { comment \"%s\"; }\n", plan->counters[i].name,
			      plan->counters[i].comment);
	for (size_t i = 0; i < plan->chain_count; i++)
		buffer_printf(buffer, "add chain inet " PLAN_TABLE " %s\n", plan->chains[i].name);
	for (size_t i = 0; i < plan->map_count; i++)
		buffer_printf(buffer, "add map inet " PLAN_TABLE " %s { type %s : verdict; size %u; }\n", plan->maps[i].name,
			      plan->maps[i].type, plan->ruleset->groups[plan->maps[i].group].count);
	for (size_t i = 0; i < plan->set_count; i++)
		buffer_printf(buffer, "add set inet " PLAN_TABLE " %s { type %s; size %u; flags dynamic; }\n", plan->sets[i].name,
			      plan->sets[i].type, plan->sets[i].size);
	for (size_t i = 0; i < plan->chain_count; i++)
		for (size_t j = 0; j < plan->chains[i].count; j++)
			buffer_printf(buffer, "add rule inet " PLAN_TABLE " %s %s comment \"%s\"\n", plan->chains[i].name,
				      plan->chains[i].rules[j].text, plan->chains[i].rules[j].comment);
}

void nftables_print(const struct ruleset *ruleset, const struct nftables_options *options, struct buffer *output)
{
	struct plan *plan = plan_compile(ruleset, options, 1);
	buffer_add_text(output, "#!/usr/sbin/nft -f\n"
				"# Made by Cordon.  `cordon apply` goes from one ruleset to the next without a gap; loading this by hand\n"
				"# replaces the table at once, and packets under way may pass.\n"
				"table inet " PLAN_TABLE "\n"
				"delete table inet " PLAN_TABLE "\n");
	plan_print(plan, output);
	plan_free(plan);
}
