/* What tests of the enforcer stand on: a folder with a store, and a machine that is a script. */
#ifndef CORDON_TESTS_UNIT_DAEMON_ENFORCER_FIXTURE_H
#define CORDON_TESTS_UNIT_DAEMON_ENFORCER_FIXTURE_H

#include "bootcfg/daemon/enforcer.h"
#include "core/store/pending.h"

struct fixture_rule {
	enum location_id location;
	enum action action;
	const char *src, *dst; /* as address_parse takes them; NULL: any */
	const char *dstname;   /* the DNS name that dst was resolved from, or NULL */
	uint8_t protocol;
	uint16_t dstport;
};

/* Makes the store hold these rules, one assigned policy a location (dynamic: dynamic rules), and nothing else.  with
 * pending: as apply --confirm does.  set: "property=value", or NULL.  False when the store refuses. */
bool fixture_store(const char *path, const struct fixture_rule *rules, size_t count, const char *set, struct pending *pending);
void fixture_digest(const char *path, char digest[DIGEST_TEXT]);

/* A kernel and a host that do as they are told. */
struct machine {
	struct host host;
	int host_error, apply_error;
	bool refuses_negotiate;      /* as the real one does */
	/* The kernel. */
	bool present, observe;
	enum mode mode;
	char digest[DIGEST_TEXT];
	size_t matches, permits;     /* matches that permit */
	char targets[2048];          /* each IPv4 destination of a match, with blanks between */
	unsigned applied, looked, lifted, cleaned; /* applied: changed something */
	enum mode modes[64];         /* of the first that were applied */
	const char *other;           /* base chain of another table, or NULL */
	/* DNS. */
	const char *answer;          /* addresses with blanks between; NULL: no answer */
	uint32_t ttl;
	unsigned asked;
	/* What the enforcer told. */
	char events[32768];          /* a line each: id, state, text */
	unsigned in_force;
	uint32_t diagnostics;
};
void machine_init(struct machine *machine);
void machine_done(struct machine *machine);
void machine_host(struct machine *machine, const char *json); /* facts, as host_parse takes them */

/* An enforcer in that machine; store and driver file are in the folder. */
struct fixture {
	char folder[256], store[300], driver[300];
	struct machine machine;
	struct enforcer_world world;
	struct loop *loop;
	struct enforcer *enforcer;
};
void fixture_init(struct fixture *fixture);
void fixture_start(struct fixture *fixture);   /* a new enforcer, as a service that starts (again) */
void fixture_stop(struct fixture *fixture);    /* as one that is killed */
void fixture_done(struct fixture *fixture);
/* The store is another: told as inotify would. */
void fixture_set(struct fixture *fixture, const struct fixture_rule *rules, size_t count, const char *set);
bool fixture_said(const struct fixture *fixture, const char *words);
size_t fixture_count(const struct fixture *fixture, const char *words);

#endif
