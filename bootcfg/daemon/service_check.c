#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "bootcfg/daemon/sandbox.h"
#include "bootcfg/daemon/service.h"
#include "bootcfg/daemon/service_users.h"
#include "core/base/error.h"
#include "core/store/pending.h"
#include "core/store/store.h"

static void users_print(const struct service_users *users, struct buffer *output)
{
	const struct passwd *user = getpwuid(users->uid);
	buffer_printf(output, "children: user %u (%s), ", (unsigned)users->uid, user != NULL ? user->pw_name : "no name");
	const struct group *group = getgrgid(users->gid);
	buffer_printf(output, "group %u (%s); ", (unsigned)users->gid, group != NULL ? group->gr_name : "no name");
	sandbox_describe(output);
	buffer_add_char(output, '\n');
	if (users->group == (gid_t)-1)
		buffer_add_text(output, "control socket: root alone is answered\n");
	else
		buffer_printf(output, "control socket: root and group %u are answered\n", (unsigned)users->group);
}

static void state_print(const struct state *state, struct buffer *output)
{
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct location *location = &state->locations[i];
		const struct policy *policy = location_assigned(location);
		if (policy != NULL)
			buffer_printf(output, "would apply: %s policy %s\n", location_name(location->id), QUOTE(policy->object.name));
		if (location->dynrule_count > 0)
			buffer_printf(output, "would apply: %zu dynamic rules\n", location->dynrule_count);
	}
	if (!state_assigned(state))
		buffer_add_text(output, "would apply: nothing, since nothing is assigned\n");
}

static int store_check(const char *path, struct diag *diag, struct buffer *output)
{
	struct store *store = NULL;
	struct state *state = NULL;
	struct pending pending;
	bool waits = false;
	int error = store_open(path, STORE_READ, diag, &store);
	if (error == 0)
		error = store_read(store, 0, diag, &state);
	if (error == 0)
		error = store_pending(store, diag, &waits, &pending);
	if (error == 0) {
		state_print(state, output);
		if (waits)
			buffer_add_text(output, "a change in the store waits for its confirmation or its end\n");
	}
	state_free(state);
	store_close(store);
	return error;
}

int service_check(const struct settings *settings, struct diag *diag, struct buffer *output)
{
	struct service_users users;
	struct diag said;
	buffer_printf(output, "configuration: %s\n", settings->file[0] != '\0' ? settings->file : "none, all defaults");
	settings_print(settings, output);
	int error = service_users_find(settings, diag, &users);
	if (error != 0)
		return error;
	users_print(&users, output);
	diag_init(&said);
	error = store_check(settings->store, &said, output);
	if (error == ERROR_SYSTEM || error == ERROR_BUSY) {
		/* Who starts the service may read it. */
		for (size_t i = 0; i < said.count; i++)
			diag_warning(diag, "store", NULL, "%s", said.messages[i].text);
		error = 0;
	} else {
		diag_move(diag, &said);
	}
	diag_done(&said);
	return error;
}
