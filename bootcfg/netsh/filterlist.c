/* add, set and delete filterlist. */
#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/session.h"
#include "core/base/error.h"

static const char kind[] = "filter list", exists[] = "ERR IPsec[05010]";

int netsh_add_filterlist(struct call *call)
{
	struct location *location = call_location(call);
	if (!call_free(call, &location->filterlists, kind, TAG_NAME, NULL, exists))
		return ERROR_EXISTS;
	struct filterlist *list = location_add_filterlist(call->session->state, location, call_name(call, TAG_NAME));
	list->object.description = call_text(call, TAG_DESCRIPTION, "");
	return 0;
}

int netsh_set_filterlist(struct call *call)
{
	struct collection *lists = &call_location(call)->filterlists;
	struct object *list = call_find_any(call, lists, kind);
	return list == NULL ? ERROR_NOT_FOUND : call_rename(call, lists, list, kind, exists);
}

int netsh_delete_filterlist(struct call *call)
{
	struct location *location = call_location(call);
	struct collection *lists = &location->filterlists;
	size_t first = 0, last = lists->count;
	if (!call_given(call, TAG_ALL)) {
		const struct object *list = call_find(call, lists, kind, TAG_NAME);
		if (list == NULL)
			return ERROR_NOT_FOUND;
		while (lists->items[first] != list)
			first++;
		last = first + 1;
	}
	/* Either all of them can go or none goes. */
	for (size_t i = first; i < last; i++)
		if (((struct filterlist *)lists->items[i])->users > 0)
			return call_in_use(call, kind, lists->items[i]);
	while (last-- > first)
		(void)location_delete_filterlist(call->session->state, location, (struct filterlist *)lists->items[last]);
	return 0;
}
