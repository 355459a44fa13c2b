/* What the filters mean: the one place where it is decided.
 *
 * A ruleset is made of the assigned policies of all locations, the settings and the facts of a host.  It is
 *   1. exemptions, in order: what is permitted before any filter is looked at;
 *   2. groups, in the order in which they are looked up: the first that holds the packet's key decides;
 *   3. nothing matched: the packet is permitted.
 *
 * A group is all matches of one shape (how long the prefixes are, whether protocol and ports are given), so
 * that one look-up in one hash map asks all of them: tuple space.  Weight depends on the shape only
 * (windows-ipsec.md 4.1).  Where several shapes have the same weight, their matches are split by action, and
 * the groups that block come before those that negotiate before those that permit.  Two filters with the same
 * key: the stricter action wins, then the first in order of location, rule and filter; the others are kept
 * apart as `shadowed`, for explain and lint.
 *
 * Classifier, kernel and everything else are compilers of this. */
#ifndef CORDON_POLICY_RULESET_H
#define CORDON_POLICY_RULESET_H

#include "core/policy/host.h"
#include "core/policy/packet.h"
#include "core/policy/policy.h"

enum mode { MODE_SECURE, MODE_PERMIT, MODE_BLOCK, MODE_BOOT };
const char *mode_name(enum mode mode); /* "secure", "permit", "block", "boot" */
bool mode_parse(const char *text, size_t length, enum mode *ret_mode);

/* A condition that an exemption sets on a packet; all that are given must hold. */
struct exemption {
	const char *name;       /* as explain prints it: "loopback", "nd", "ike", … */
	uint8_t family;         /* FAMILY_NONE: both */
	uint8_t directions;     /* of enum direction */
	uint8_t protocol;       /* 0: any */
	uint8_t type_first, type_last; /* ICMP types, with protocol 58 only (0, 0: any) */
	uint8_t hop_limit;      /* 0: any.  PACKET notation does not show it: such packets are taken to have it */
	bool loopback;          /* on the loopback interface: both ends are addresses of the host, or 127/8, ::1 */
	bool src_me, dst_me;
	bool dst_multicast, dst_broadcast;
	uint16_t srcport, dstport; /* 0: any */
	bool reply;             /* answers a packet that was let through (stateful mode) */
};

/* Where a match comes from. */
struct origin {
	enum location_id location;
	enum action action;
	const struct policy *policy;    /* NULL for a rule of the dynamic context */
	const struct rule *rule;        /* NULL for the same */
	const struct filterlist *list;  /* NULL for the same */
	const struct dynrule *dynrule;  /* NULL for all others */
	size_t number;                  /* of the dynrule, from 1 */
};
/* Names as explain prints them; "-" where there is none; a dynamic rule is "dynamic" and its number. */
const char *origin_policy(const struct origin *origin);
void origin_rule(const struct origin *origin, struct buffer *buffer);
const char *origin_list(const struct origin *origin);

struct shape {
	uint8_t family;               /* FAMILY_IPV4 or FAMILY_IPV6 */
	bool src_me, dst_me;
	uint8_t src_bits, dst_bits;   /* 0: any; with src_me, dst_me they are the full length and not in the key */
	bool has_protocol, has_srcport, has_dstport;
	bool reply;                   /* only packets that answer */
	bool tunnel;                  /* of a tunnel rule: beats all others (nothing enforces tunnels yet) */
	uint8_t directions;           /* DIRECTION_ALL but for dynamic rules whose actions differ */
};

/* One filter in one direction, family and pair of prefixes.  Fields that are not in the shape's key are zero. */
struct match {
	uint8_t src[16], dst[16];
	uint16_t srcport, dstport;
	uint8_t protocol;
	uint8_t action;               /* enum action */
	bool reverse;                 /* the mirrored half */
	uint32_t origin;              /* index into origins */
	uint32_t filter;              /* its number in its list, from 1 (as `show filterlist` counts) */
};

struct group {
	struct shape shape;
	uint32_t weight;              /* higher is more specific and comes first */
	bool mixed;                   /* has matches of several actions (then its shape is alone at this weight) */
	uint32_t first, count;        /* its matches */
};

struct shadowed {
	struct match match;
	uint32_t winner;              /* index into matches: the same key */
	uint32_t group;
};

struct ruleset {
	struct arena *arena;
	enum mode mode;
	enum bootmode bootmode;       /* with MODE_BOOT: which of the three */
	const struct state *state;    /* borrowed: must outlive the ruleset */
	const struct host *host;      /* borrowed likewise */
	struct exemption *exemptions;
	size_t exemption_count, exemption_capacity;
	struct origin *origins;       /* in order of location, rule, filter list */
	size_t origin_count, origin_capacity;
	struct group *groups;         /* in the order of look-up */
	size_t group_count;
	struct match *matches;
	size_t match_count;
	struct shadowed *shadowed;
	size_t shadowed_count, shadowed_capacity;
	enum action otherwise;        /* when nothing matched: permit; in mode block, and in mode boot but for the boot
				       * mode permit: block */
	bool uses_reply;              /* some group or exemption needs connection tracking */
	bool uses_src_me, uses_dst_me;/* some group or exemption asks it */
};

/* MODE_SECURE: all filters of the assigned policies of all locations and the dynamic rules; inactive rules
 * are left out.  MODE_PERMIT: everything passes.  MODE_BLOCK: everything is dropped but loopback, neighbour
 * discovery (boot exemptions do not count).  MODE_BOOT: ruleset_build_boot with the boot mode that is set, else
 * Windows' default for a service that is enabled: stateful when a policy is assigned, otherwise permit (what is true
 * of this machine, driver_bootmode says).  Warnings (id "duplicate", "me-to-me", "no-server") go to diag, which may be NULL.
 * ret_ruleset: caller frees with ruleset_free. */
int ruleset_build(const struct state *state, const struct host *host, enum mode mode, struct diag *diag,
		  struct ruleset **ret_ruleset);
/* The start-up ruleset, MODE_BOOT.  It asks no filter, only exemptions:
 *   permit    everything passes
 *   block     loopback, nd, dhcp and the boot exemptions of the settings with their answers; the rest is dropped
 *   stateful  besides, all that the host sends (`outbound`) and what answers it (`reply`)
 * What would be forwarded is dropped in block and stateful. */
int ruleset_build_boot(const struct state *state, const struct host *host, enum bootmode bootmode, struct diag *diag,
		       struct ruleset **ret_ruleset);
void ruleset_free(struct ruleset *ruleset);

/* The weight of a shape: (tier, row, bits) of windows-ipsec.md 4.1 in one number, higher first. */
uint32_t shape_weight(const struct shape *shape);

/* The filter of a match, borrowed from the state. */
const struct filter *match_filter(const struct ruleset *ruleset, const struct match *match);

/* Whether an exemption lets a packet pass, or a match of a shape holds it: one condition at a time, for
 * explain and the tests.  The classifier does the same with hash maps. */
bool exemption_holds(const struct exemption *exemption, const struct host *host, const struct packet *packet);
bool match_holds(const struct shape *shape, const struct match *match, const struct host *host,
		 const struct packet *packet);

/* Why the first comes before the second: words such as "its source is more specific".  Static text. */
const char *shape_compare_words(const struct shape *first, const struct shape *second);

#endif
