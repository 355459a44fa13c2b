#include "apps/kernel.h"

#include <string.h>

#include "apps/changes.h"
#include "bootcfg/daemon/settings.h"

/* The kernel against one state; its differences are appended. */
static int state_check(const struct visit *visit, const struct force *force, const struct state *state, struct buffer *differences, bool *ret_same)
{
	struct judge judge;
	struct nftables_options options = {.observe = force->status.observe, .nflog_group = settings_nfloggroup()};
	int error = judge_init(&judge, visit->invocation, state, MODE_SECURE, NULL, false);
	if (error == 0)
		error = nftables_check(judge.ruleset, &options, visit->invocation->diag, differences, ret_same);
	judge_done(&judge);
	return error;
}

int kernel_check(const struct visit *visit, const struct force *force, struct buffer *differences, bool *ret_same)
{
	const struct nftables_status *status = &force->status;
	char digest[DIGEST_TEXT];
	state_digest(visit->state, digest);
	if (!status->present) {
		if (status->altered)
			return state_check(visit, force, visit->state, differences, ret_same);
		*ret_same = !state_assigned(visit->state);
		if (!*ret_same)
			buffer_add_text(differences, "nothing is in force, and the store has something assigned\n");
		return 0;
	}
	/* Settings that the kernel's rules do not show (a boot mode) may have changed: that is no difference. */
	int error = state_check(visit, force, visit->state, differences, ret_same);
	const struct state *applied = force->state;
	if (error < 0 || *ret_same || applied == NULL || strcmp(digest, status->digest) == 0)
		return error;
	/* The store has changed since: that is said in its own words, and apart from what somebody did to the kernel. */
	bool untouched = false;
	buffer_clear(differences);
	error = state_check(visit, force, applied, differences, &untouched);
	if (error == 0 && !untouched)
		buffer_add_text(differences, "besides, ");
	if (error == 0) {
		struct changes *changes = changes_new(applied, visit->state);
		buffer_add_text(differences, "the store has changed since the last cordon apply:\n");
		changes_print(changes, 0, differences);
		changes_free(changes);
	}
	return error;
}
