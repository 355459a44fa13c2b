/* The whole store as a script of `netsh -f` that recreates it: run on any store, that store then holds what
 * this one holds, and its dump is the same bytes.  Each location is emptied and filled in an order in which
 * everything that a line names is there already; what is assigned comes last, so that a policy is whole
 * when it is put in force.  Dynamic objects count until the next boot, as the ones they are a copy of. */
#include "bootcfg/netsh/netsh.h"
#include "bootcfg/netsh/writer.h"

static void lists_dump(struct writer *writer, const struct location *location)
{
	for (size_t i = 0; i < location->filterlists.count; i++) {
		const struct filterlist *list = (const struct filterlist *)location->filterlists.items[i];
		writer_filterlist(writer, list);
		for (size_t f = 0; f < list->count; f++)
			writer_filter(writer, list->object.name, &list->filters[f]);
	}
}

static void policies_dump(struct writer *writer, const struct location *location)
{
	for (size_t i = 0; i < location->policies.count; i++) {
		const struct policy *policy = (const struct policy *)location->policies.items[i];
		writer_policy(writer, policy);
		writer_defaultrule(writer, policy);
		for (size_t r = 0; r < policy->rules.count; r++)
			writer_rule(writer, (const struct rule *)policy->rules.items[r]);
	}
	const struct policy *assigned = location_assigned(location);
	if (assigned != NULL)
		writer_assign(writer, assigned);
}

static void location_dump(struct writer *writer, const struct location *location)
{
	buffer_add_text(writer->out, "set store location=");
	writer_line(writer, location_name(location->id));
	writer_line(writer, "delete all");
	for (size_t i = 0; i < location->filteractions.count; i++)
		writer_filteraction(writer, (const struct filteraction *)location->filteractions.items[i]);
	lists_dump(writer, location);
	policies_dump(writer, location);
}

static void dynamic_dump(struct writer *writer, const struct location *location)
{
	writer_line(writer, "delete all");
	for (size_t i = 0; i < location->mmpolicies.count; i++)
		writer_mmpolicy(writer, (const struct mmpolicy *)location->mmpolicies.items[i]);
	for (size_t i = 0; i < location->qmpolicies.count; i++)
		writer_qmpolicy(writer, (const struct qmpolicy *)location->qmpolicies.items[i]);
	for (size_t i = 0; i < location->dynrule_count; i++)
		writer_dynrule(writer, location->dynrules[i]);
}

void netsh_dump(struct state *state, struct buffer *output)
{
	struct writer writer;
	writer_init(&writer, output);
	writer_line(&writer, "# Made by cordon dump: run by `cordon netsh -f`, it makes a store the same as this one.");
	writer_line(&writer, "pushd ipsec dynamic");
	dynamic_dump(&writer, &state->locations[LOCATION_DYNAMIC]);
	/* All of them: a store that this is run on may have others. */
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		writer_property(&writer, &state->config, (enum property_id)i);
	writer_line(&writer, "popd");
	writer_line(&writer, "pushd ipsec static");
	/* Policies for this boot only (`load --location dynamic`), which only Cordon has; local last, where a reader is. */
	location_dump(&writer, &state->locations[LOCATION_DYNAMIC]);
	location_dump(&writer, &state->locations[LOCATION_PERSISTENT]);
	location_dump(&writer, &state->locations[LOCATION_LOCAL]);
	writer_line(&writer, "popd");
}
