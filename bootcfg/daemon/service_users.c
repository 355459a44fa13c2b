#include "bootcfg/daemon/service_users.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "core/base/error.h"

#define DEFAULT_NAME "cordon"
enum { NOBODY = 65534 };

static int named_refuse(const struct settings *settings, struct diag *diag, const char *key, const char *name, const char *why)
{
	const struct place place = {.file = settings->file};
	diag_error(diag, &place, "$.%s: %s %s", key, QUOTE(name), why);
	return ERROR_INPUT;
}

int service_users_find(const struct settings *settings, struct diag *diag, struct service_users *ret_users)
{
	struct service_users users = {NOBODY, NOBODY, (gid_t)-1};
	bool user_set = settings->user[0] != '\0', group_set = settings->group[0] != '\0';
	const struct passwd *user = getpwnam(user_set ? settings->user : DEFAULT_NAME);
	if (user == NULL && user_set)
		return named_refuse(settings, diag, "user", settings->user, "is no user of this machine");
	if (user != NULL && user->pw_uid == 0)
		return named_refuse(settings, diag, "user", user->pw_name, "is root: the children of the service must not be");
	if (user != NULL) {
		users.uid = user->pw_uid;
		users.gid = user->pw_gid;
	}
	const struct group *group = getgrnam(group_set ? settings->group : DEFAULT_NAME);
	if (group == NULL && group_set)
		return named_refuse(settings, diag, "group", settings->group, "is no group of this machine");
	if (group != NULL)
		users.gid = users.group = group->gr_gid;
	if (users.gid == 0 && group != NULL)
		return named_refuse(settings, diag, "group", group->gr_name, "is root's: the children of the service must not be in it");
	if (users.gid == 0)
		users.gid = NOBODY;
	*ret_users = users;
	return 0;
}
