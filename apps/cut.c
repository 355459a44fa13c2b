#include "apps/cut.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apps/daemon.h"
#include "bootcfg/driver/driver.h"
#include "core/base/error.h"

static void cut_say(const struct judge *judge, const struct packet *packet, const struct verdict *verdict, struct buffer *text)
{
	const struct ruleset *ruleset = judge->ruleset;
	char shown[PACKET_TEXT];
	packet_print(packet, shown);
	buffer_printf(text, "%s is dropped by ", shown);
	if (verdict->match == NULL) {
		buffer_printf(text, "mode %s", mode_name(ruleset->mode));
		return;
	}
	const struct origin *origin = &ruleset->origins[verdict->match->origin];
	struct buffer rule;
	buffer_init(&rule, 4096);
	origin_rule(origin, &rule);
	buffer_printf(text, "rule %s of policy %s (filter %u of %s)", QUOTE(buffer_text(&rule)), QUOTE(origin_policy(origin)),
		      (unsigned)verdict->match->filter, QUOTE(origin_list(origin)));
	buffer_done(&rule);
}

int session_cut_check(struct invocation *invocation, const struct session *session, const struct judge *judge, bool allowed,
		      const char *advice)
{
	struct packet packets[2];
	struct verdict verdict = {.action = ACTION_PERMIT};
	size_t at = 0;
	if (!session->remote)
		return 0;
	session_packets(session, packets);
	for (; at < 2; at++) {
		classifier_judge(judge->classifier, &packets[at], &verdict);
		if (verdict.action != ACTION_PERMIT)
			break;
	}
	if (at == 2)
		return 0;
	struct buffer text;
	buffer_init(&text, 4096);
	cut_say(judge, &packets[at], &verdict, &text);
	if (allowed)
		diag_warning(invocation->diag, "session-cut", NULL, "this cuts the session that you sit at: %s", buffer_text(&text));
	else
		diag_error(invocation->diag, NULL, "this would cut the session that you sit at: %s; permit it in the policy, or %s",
			   buffer_text(&text), advice);
	buffer_done(&text);
	return allowed ? 0 : ERROR_INPUT;
}

/* Whether the service of this machine listens. */
static bool service_runs(struct arena *arena)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = daemon_socket(arena);
	if (path == NULL || strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool runs = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		(void)close(fd);
	return runs;
}

/* After a lift the service applies nothing. */
static bool is_lifted(void)
{
	struct driver_record record;
	return driver_read(DRIVER_FILE, &record) == 0 && record.state == DRIVER_PERMIT && record.event == DRIVER_LIFT;
}

static bool meaning_differs(const struct visit *visit)
{
	struct state *before;
	char old[DIGEST_TEXT], new[DIGEST_TEXT];
	if (store_read(visit->store, 0, NULL, &before) < 0)
		return true;
	state_digest(before, old);
	state_digest(visit->state, new);
	state_free(before);
	return strcmp(old, new) != 0;
}

static int watched_check(struct visit *visit)
{
	struct invocation *invocation = visit->invocation;
	struct session session;
	struct judge judge = {.ruleset = NULL};
	session_find(&session);
	if (!session.remote || !state_assigned(visit->state))
		return 0;
	int error = judge_init(&judge, invocation, visit->state, MODE_SECURE, NULL, false);
	if (error == 0)
		error = session_cut_check(invocation, &session, &judge, invocation_option(invocation, "force") != NULL,
					  "use cordon apply PROFILE --confirm SECONDS, or --force");
	judge_done(&judge);
	return error;
}

int visit_commit_watched(struct visit *visit, const char *command)
{
	struct arena *arena = arena_new();
	bool watched = strcmp(visit->invocation->store, STORE_DEFAULT) == 0 && service_runs(arena) && !is_lifted() && meaning_differs(visit);
	arena_free(arena);
	int error = watched ? watched_check(visit) : 0;
	if (error == 0)
		error = visit_commit(visit, command);
	else
		store_rollback(visit->store);
	if (error == 0 && watched)
		diag_note(visit->invocation->diag, NULL, "cordond runs here: this is in force within a second");
	if (error == 0 && watched)
		(void)daemon_tell(visit->invocation, MESSAGE_RELOAD);
	return error;
}
