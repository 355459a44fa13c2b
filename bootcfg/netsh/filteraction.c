/* add, set and delete filteraction. */
#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/session.h"
#include "core/base/error.h"

static const char kind[] = "filter action", exists[] = "ERR IPsec[05014]";

static void action_fill(struct call *call, struct filteraction *action)
{
	action->action = (enum action)call_number(call, TAG_ACTION, action->action);
	action->qmpfs = call_flag(call, TAG_QMPFS, action->qmpfs);
	action->inpass = call_flag(call, TAG_INPASS, action->inpass);
	action->soft = call_flag(call, TAG_SOFT, action->soft);
	action->qmsecmethods = call_methods(call, TAG_QMSECMETHODS, action->qmsecmethods);
}

int netsh_add_filteraction(struct call *call)
{
	struct location *location = call_location(call);
	if (!call_free(call, &location->filteractions, kind, TAG_NAME, NULL, exists))
		return ERROR_EXISTS;
	struct filteraction *action =
		location_add_filteraction(call->session->state, location, call_name(call, TAG_NAME));
	action->object.description = call_text(call, TAG_DESCRIPTION, "");
	action_fill(call, action);
	return 0;
}

int netsh_set_filteraction(struct call *call)
{
	struct collection *actions = &call_location(call)->filteractions;
	struct object *object = call_find_any(call, actions, kind);
	if (object == NULL)
		return ERROR_NOT_FOUND;
	int error = call_rename(call, actions, object, kind, exists);
	if (error == 0)
		action_fill(call, (struct filteraction *)object);
	return error;
}

int netsh_delete_filteraction(struct call *call)
{
	struct location *location = call_location(call);
	struct collection *actions = &location->filteractions;
	size_t first = 0, last = actions->count;
	if (!call_given(call, TAG_ALL)) {
		const struct object *action = call_find(call, actions, kind, TAG_NAME);
		if (action == NULL)
			return ERROR_NOT_FOUND;
		while (actions->items[first] != action)
			first++;
		last = first + 1;
	}
	for (size_t i = first; i < last; i++)
		if (((struct filteraction *)actions->items[i])->users > 0)
			return call_in_use(call, kind, actions->items[i]);
	while (last-- > first)
		(void)location_delete_filteraction(call->session->state, location,
						   (struct filteraction *)actions->items[last]);
	return 0;
}
