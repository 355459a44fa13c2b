/* A Velociraptor client's configuration: any bytes; what is accepted names servers that can be asked. */
#include <string.h>

#include "bootcfg/contain/agent.h"
#include "bootcfg/contain/endpoint.h"
#include "bootcfg/contain/pem.h"
#include "tests/fuzz/fuzz.h"

static void agent_check(const struct agent *agent)
{
	struct arena *arena = arena_new();
	FUZZ_ASSERT(agent->count > 0 && agent->count <= AGENT_SERVERS);
	for (size_t i = 0; i < agent->count; i++) {
		const struct agent_server *server = &agent->servers[i];
		struct endpoint endpoint;
		FUZZ_ASSERT(server->port > 0 && server->line > 0);
		FUZZ_ASSERT(strncmp(server->probe, "https://", 8) == 0);
		FUZZ_ASSERT(endpoint_parse(server->probe, strlen(server->probe), arena, NULL, NULL, &endpoint) == 0);
		FUZZ_ASSERT(strcmp(endpoint.host, server->host) == 0 && endpoint.port == server->port);
		FUZZ_ASSERT(endpoint.is_address == server->is_address && strcmp(endpoint.path, "/server.pem") == 0);
	}
	FUZZ_ASSERT(agent->ca == NULL || pem_wrong(agent->ca, strlen(agent->ca)) == NULL);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct arena *arena = arena_new();
	struct agent agent;
	struct diag diag;
	diag_init(&diag);
	int error = agent_parse((const char *)bytes, length, "client.yaml", arena, &diag, &agent);
	FUZZ_ASSERT((error == 0) == (diag.errors == 0));
	if (error == 0)
		agent_check(&agent);
	else
		FUZZ_ASSERT(diag.messages[0].line > 0 && diag.messages[0].column > 0);
	diag_done(&diag);
	arena_free(arena);
	return 0;
}
