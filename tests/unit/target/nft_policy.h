/* Small policies as text, for the tests of the nftables target.  A line each:
 *   ipsecexempt=N, ikeexempt=yes, mode=secure|permit|block, observe
 *   host 192.0.2.10/24                    an address of the host; dns A.B.C.D a server
 *   rule ACTION NAME                      what follows are filters of this rule and of the list NAME
 *   SRC DST PROTOCOL SRCPORT DSTPORT [mirrored] [replies]
 *   dynamic IN OUT SRC DST PROTOCOL SRCPORT DSTPORT
 * Empty lines and lines that begin with # count for nothing. */
#ifndef CORDON_TESTS_NFT_POLICY_H
#define CORDON_TESTS_NFT_POLICY_H

#include "bootcfg/target/nftables.h"

struct nft_policy {
	struct state *state;
	struct host host;
	enum mode mode;
	struct nftables_options options;
	struct ruleset *ruleset;
};

/* False when a line is none of these; the text of the line is then printed on stderr. */
bool nft_policy_make(const char *text, struct nft_policy *policy);
void nft_policy_done(struct nft_policy *policy);

/* A network namespace of its own for this process.  False (and why is printed) when that is refused. */
bool nft_namespace(void);

#endif
