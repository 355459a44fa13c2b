/* What concerns a store as a whole: delete all, set store, set batch; and the commands that are refused. */
#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/session.h"
#include "core/base/error.h"

/* The static objects; what the dynamic context made stays where both are (`set store location=dynamic`). */
int netsh_delete_all(struct call *call)
{
	struct state *state = call->session->state;
	struct location *location = call_location(call);
	for (size_t i = location->policies.count; i-- > 0;)
		location_delete_policy(state, location, (struct policy *)location->policies.items[i]);
	for (size_t i = location->filterlists.count; i-- > 0;)
		(void)location_delete_filterlist(state, location, (struct filterlist *)location->filterlists.items[i]);
	for (size_t i = location->filteractions.count; i-- > 0;)
		(void)location_delete_filteraction(state, location, (struct filteraction *)location->filteractions.items[i]);
	return 0;
}

/* `domain` is the word behind the names of the locations that there are. */
int netsh_check_set_store(struct call *call)
{
	struct session *session = call->session;
	bool domain = call->values[TAG_LOCATION].number >= LOCATION_COUNT;
	if (!domain && !call_given(call, TAG_DOMAIN))
		return 0;
	diag_error(session->diag, call_place(call, domain ? TAG_LOCATION : TAG_DOMAIN),
		   "policies of a domain live in Active Directory, which is not written from here: use location=local or "
		   "location=persistent%s", domain ? "" : " without domain=");
	return ERROR_INPUT;
}

int netsh_set_store(struct call *call)
{
	struct session *session = call->session;
	enum location_id location = (enum location_id)call->values[TAG_LOCATION].number;
	session->store_before = session->location;
	session->store_span = call->span;
	session->location = location;
	return 0;
}

int netsh_set_batch(struct call *call)
{
	(void)call; /* every run is one transaction, which is what it asks for */
	return 0;
}

int netsh_refuse_files(struct call *call)
{
	diag_error(call->session->diag, session_at(call->session, call->span),
		   "%s is not done here: the form of .ipsec files is not published; use `cordon export` or `cordon dump`, and "
		   "`cordon netsh -f` to read the script that they write", call->row->verb);
	return ERROR_INPUT;
}

int netsh_refuse_examples(struct call *call)
{
	diag_error(call->session->diag, session_at(call->session, call->span),
		   "restorepolicyexamples is not done here: what Windows makes is not published in full; `cordon load` has "
		   "profiles instead, such as domain-isolation");
	return ERROR_INPUT;
}
