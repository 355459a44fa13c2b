/* set config: the properties of the driver, by the table in core/policy/config. */
#include "core/policy/config.h"

#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/session.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

static const struct property *property_of(struct call *call)
{
	const struct value *name = &call->values[TAG_PROPERTY];
	const struct property *property = property_find(name->text, name->length);
	if (property != NULL)
		return property;
	const char *names[PROPERTY_COUNT + 1] = {NULL};
	struct buffer known;
	buffer_init(&known, 1024);
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		names[i] = properties[i].name;
	const char *nearest = word_nearest(name->text, name->length, names);
	if (nearest != NULL)
		buffer_printf(&known, "did you mean \"%s\"?", nearest);
	for (size_t i = 0; nearest == NULL && i < PROPERTY_COUNT; i++)
		buffer_printf(&known, "%s%s", i == 0 ? "expected one of " : ", ", names[i]);
	diag_error(call->session->diag, call_place(call, TAG_PROPERTY), "there is no property %s: %s",
		   QUOTE_N(name->text, name->length), buffer_text(&known));
	buffer_done(&known);
	return NULL;
}

/* Tries the value on a copy. */
int netsh_check_set_config(struct call *call)
{
	const struct property *property = property_of(call);
	if (property == NULL)
		return ERROR_INPUT;
	struct config scratch;
	const struct value *value = &call->values[TAG_VALUE];
	config_init(&scratch);
	return config_set(&scratch, property_index(property), value->text, value->length, call->session->diag,
			  call_place(call, TAG_VALUE));
}

int netsh_check_static_set_config(struct call *call)
{
	diag_warning(call->session->diag, "static-config", session_at(call->session, call->span),
		     "`set config` belongs to `netsh ipsec dynamic`, Windows refuses it here; it is taken as if it stood there");
	return netsh_check_set_config(call);
}

int netsh_set_config(struct call *call)
{
	const struct property *property = property_of(call);
	const struct value *value = &call->values[TAG_VALUE];
	return property == NULL ? ERROR_INPUT
				: config_set(&call->session->state->config, property_index(property), value->text, value->length,
					     call->session->diag, call_place(call, TAG_VALUE));
}
