/* Facts of a host: any bytes as FACTS.json; what is accepted keeps what the header says. */
#include "core/base/diag.h"
#include "core/policy/host.h"
#include "tests/fuzz/fuzz.h"

static void host_check(const struct host *host)
{
	for (size_t i = 0; i < host->address_count; i++) {
		const struct ip_prefix *prefix = &host->addresses[i];

		FUZZ_ASSERT(prefix->bits <= family_bits(prefix->ip.family));
		FUZZ_ASSERT(host_is_me(host, &prefix->ip));
		FUZZ_ASSERT(!ip_is_multicast(&prefix->ip));
		FUZZ_ASSERT(host_first(host, (enum family)prefix->ip.family) != NULL);
	}
	for (size_t kind = ADDRESS_DNS; kind <= ADDRESS_GATEWAY; kind++) {
		for (size_t i = 0; i < host->servers[kind].count; i++)
			FUZZ_ASSERT(family_bits(host->servers[kind].items[i].family) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct host host;
	struct diag diag;
	int error;

	diag_init(&diag);
	host_init(&host);
	error = host_parse((const char *)bytes, length, "facts.json", &diag, &host);
	FUZZ_ASSERT((error == 0) == (diag.errors == 0));
	if (error == 0)
		host_check(&host);
	host_done(&host);
	diag_done(&diag);
	return 0;
}
