#include "tests/integration/verdicts.h"

#include "bootcfg/target/nftables.h"
#include "core/base/error.h"

bool verdicts_init(struct verdicts *verdicts, struct lab *lab, const struct host *host, struct state *state, struct buffer *why)
{
	struct diag diag;
	diag_init(&diag);
	*verdicts = (struct verdicts){.lab = lab, .host = host, .state = state};
	int error = ruleset_build(state, host, MODE_SECURE, &diag, &verdicts->ruleset);
	if (error == 0)
		verdicts->classifier = classifier_new(verdicts->ruleset);
	else
		diag_render(&diag, 0, 0, why);
	diag_done(&diag);
	return error == 0;
}

void verdicts_done(struct verdicts *verdicts)
{
	classifier_free(verdicts->classifier);
	ruleset_free(verdicts->ruleset);
	state_free(verdicts->state);
	*verdicts = (struct verdicts){0};
}

bool verdicts_apply(struct verdicts *verdicts, struct buffer *why)
{
	struct nftables_options options = {0};
	struct diag diag;
	diag_init(&diag);
	lab_enter(verdicts->lab, LAB_SERVER);
	int error = nftables_apply(verdicts->ruleset, &options, &diag);
	lab_leave(verdicts->lab);
	if (error != 0)
		diag_render(&diag, 0, 0, why);
	diag_done(&diag);
	return error == 0;
}

bool verdicts_lift(struct lab *lab, struct buffer *why)
{
	struct diag diag;
	diag_init(&diag);
	lab_enter(lab, LAB_SERVER);
	int error = nftables_lift(&diag);
	lab_leave(lab);
	if (error != 0)
		diag_render(&diag, 0, 0, why);
	diag_done(&diag);
	return error == 0;
}

bool verdicts_pass(const struct verdicts *verdicts, const struct packet *packet)
{
	struct verdict verdict;
	classifier_judge(verdicts->classifier, packet, &verdict);
	return verdict.action == ACTION_PERMIT;
}
