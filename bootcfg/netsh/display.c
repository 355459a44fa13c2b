/* show and dump: the tags of the command become a request to show.c. */
#include <stdlib.h>

#include "bootcfg/netsh/filterspec.h"
#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/session.h"
#include "bootcfg/netsh/show.h"
#include "core/base/memory.h"

static const char *text_of(struct call *call, enum tag_id id)
{
	return call_text(call, id, NULL);
}

int netsh_check_display(struct call *call)
{
	int error = filterspec_check(call);
	if (error == 0 && call_number(call, TAG_FILTERTYPE, 0) != 0)
		diag_warning(call->session->diag, "generic-only", call_place(call, TAG_FILTERTYPE),
			     "the specific filters, one for each address of the host, are not kept apart here: the generic ones are shown");
	return error;
}

static bool rule_wanted(const struct call *call, const struct dynrule *rule)
{
	return dynrule_matches(call, rule) &&
	       (!call_given(call, TAG_ACTIONINBOUND) || call_number(call, TAG_ACTIONINBOUND, 0) == (uint32_t)rule->actioninbound) &&
	       (!call_given(call, TAG_ACTIONOUTBOUND) || call_number(call, TAG_ACTIONOUTBOUND, 0) == (uint32_t)rule->actionoutbound);
}

static int request_run(struct call *call, const struct show_request *request, const struct place *place)
{
	struct session *session = call->session;
	struct buffer unheard;
	buffer_init(&unheard, SIZE_MAX / 4);
	int error = show_run(session->state, request, session->diag, place, session->quiet ? &unheard : session->output);
	buffer_done(&unheard);
	return error;
}

/* Dynamic rules and their filters: for as long as this shows them, the location has only those that match. */
static int request_narrow(struct call *call, const struct show_request *request, const struct place *place)
{
	struct location *location = &call->session->state->locations[LOCATION_DYNAMIC];
	struct dynrule **all = location->dynrules;
	size_t count = location->dynrule_count;
	struct dynrule **wanted = memory_alloc((count + 1) * sizeof(struct dynrule *));
	location->dynrule_count = 0;
	location->dynrules = wanted;
	for (size_t i = 0; i < count; i++)
		if (rule_wanted(call, all[i]))
			wanted[location->dynrule_count++] = all[i];
	int error = request_run(call, request, place);
	location->dynrules = all;
	location->dynrule_count = count;
	free(wanted);
	return error;
}

int netsh_display(struct call *call)
{
	struct session *session = call->session;
	const struct netsh_options *options = session->options;
	enum tag_id named = call_given(call, TAG_NAME) ? TAG_NAME : call_given(call, TAG_POLICY) ? TAG_POLICY : TAG_RULE;
	/* enum show_type has "any" before the words of type= */
	const struct show_request request = {
		.location = call->row->context == CONTEXT_DYNAMIC ? LOCATION_DYNAMIC : session->location,
		.dynamic = call->row->context == CONTEXT_DYNAMIC,
		.what = call->row->object,
		.name = text_of(call, TAG_NAME),
		.policy = text_of(call, TAG_POLICY),
		.rule = text_of(call, TAG_RULE),
		.id = call_number(call, TAG_ID, 0),
		.defaultrule = call_given(call, TAG_DEFAULT),
		.type = call_given(call, TAG_RULETYPE) ? (enum show_type)(call_number(call, TAG_RULETYPE, 0) + 1) : SHOW_ANY,
		.normal = call_number(call, TAG_LEVEL, 0) != 0,
		.table = call_number(call, TAG_FORMAT, 0) != 0,
		.wide = call_flag(call, TAG_WIDE, false),
		.resolvedns = call_flag(call, TAG_RESOLVEDNS, false),
		.json = options->json,
		.width = options->width,
		.store_name = options->store_name,
	};
	const struct place *place = call_place(call, named);
	return call->row->check == netsh_check_display ? request_narrow(call, &request, place) : request_run(call, &request, place);
}

int netsh_display_dump(struct call *call)
{
	struct session *session = call->session;
	if (!session->quiet)
		netsh_dump(session->state, session->output);
	return 0;
}
