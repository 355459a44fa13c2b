/* show and dump: the tags of the command become a request to show.c. */
#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/session.h"
#include "bootcfg/netsh/show.h"

static const char *text_of(struct call *call, enum tag_id id)
{
	return call_text(call, id, NULL);
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
		.json = options->json,
		.width = options->width,
		.store_name = options->store_name,
	};
	struct buffer unheard;
	buffer_init(&unheard, SIZE_MAX / 4);
	int error = show_run(session->state, &request, session->diag, call_place(call, named),
			     session->quiet ? &unheard : session->output);
	buffer_done(&unheard);
	return error;
}

int netsh_display_dump(struct call *call)
{
	struct session *session = call->session;
	if (!session->quiet)
		netsh_dump(session->state, session->output);
	return 0;
}
