#include "tests/unit/audit/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "bootcfg/netsh/netsh.h"

static const char script[] =
	"ipsec static add policy name=p assign=yes\n"
	"ipsec static add filteraction name=b action=block\n"
	"ipsec static add filteraction name=o action=permit\n"
	"ipsec static add filter filterlist=every srcaddr=any dstaddr=me\n"
	"ipsec static add filter filterlist=http srcaddr=any dstaddr=me protocol=tcp dstport=80 mirrored=no\n"
	"ipsec static add rule name=all policy=p filterlist=every filteraction=b\n"
	"ipsec static add rule name=web policy=p filterlist=http filteraction=o\n";

void fixture_init(struct fixture *fixture)
{
	const struct netsh_options options = {.location = LOCATION_LOCAL};
	struct netsh_result result;
	struct ip_prefix address;
	struct buffer output;
	struct diag diag;
	*fixture = (struct fixture){.state = state_new()};
	host_init(&fixture->host);
	diag_init(&diag);
	buffer_init(&output, 1 << 16);
	if (!ip_prefix_parse("192.0.2.10/24", 13, &address) ||
	    netsh_run_script(fixture->state, script, strlen(script), "fixture", &options, &diag, &output, &result) < 0)
		abort();
	host_add_address(&fixture->host, &address);
	if (ruleset_build(fixture->state, &fixture->host, MODE_SECURE, NULL, &fixture->ruleset) < 0)
		abort();
	fixture->classifier = classifier_new(fixture->ruleset);
	buffer_done(&output);
	diag_done(&diag);
}

void fixture_done(struct fixture *fixture)
{
	classifier_free(fixture->classifier);
	ruleset_free(fixture->ruleset);
	host_done(&fixture->host);
	state_free(fixture->state);
}

struct record fixture_record(const char *action, const char *src, uint16_t port, unsigned seconds)
{
	struct record record = {.action = cursor_text(action), .direction = cursor_text("in"), .protocol = 6, .srcport = 40000, .dstport = port,
				.time = FIXTURE_TIME + UINT64_C(10000000) * seconds};
	record.has = RECORD_HAS(COLUMN_DATE) | RECORD_HAS(COLUMN_PROTOCOL) | RECORD_HAS(COLUMN_SRC_PORT) | RECORD_HAS(COLUMN_DST_PORT);
	if (!record_set(&record, COLUMN_SRC_IP, cursor_text(src)) || !record_set(&record, COLUMN_DST_IP, cursor_text("192.0.2.10")))
		abort();
	return record;
}

void fixture_judge(const struct fixture *fixture, const struct record *record, struct judged *ret_judged)
{
	*ret_judged = (struct judged){.ruleset = fixture->ruleset};
	ret_judged->result = replay_judge(record, &fixture->host, fixture->classifier, &ret_judged->packet, &ret_judged->verdict, &ret_judged->why);
}
