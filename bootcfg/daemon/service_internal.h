/* The parent of the service: what its files share.
 *
 *   service.c         starts, signals, stops
 *   service_places.c  folders, lock, sockets: what needs all of root's rights, before they go
 *   service_feed.c    what the enforcer tells goes to the collector
 *   service_answer.c  what users ask, by way of the control child */
#ifndef CORDON_BOOTCFG_DAEMON_SERVICE_INTERNAL_H
#define CORDON_BOOTCFG_DAEMON_SERVICE_INTERNAL_H

#include "bootcfg/daemon/child.h"
#include "bootcfg/daemon/enforcer.h"
#include "bootcfg/daemon/service.h"
#include "bootcfg/daemon/service_users.h"

enum service_member { MEMBER_COLLECTOR, MEMBER_CONTROL, MEMBERS };

/* Descriptors; -1: could not be had, and a warning said so. */
struct service_places {
	int lock;               /* always there */
	int folder;             /* of the log */
	int nflog;
	int listener;           /* of the control socket */
};

/* ERROR_BUSY, ERROR_SYSTEM: only without the lock the service does not start.  What else cannot be had is a warning
 * (id "service"): containment must not fail because a log cannot be written. */
int service_places_open(const struct settings *settings, const struct service_users *users, struct diag *diag,
			struct service_places *ret_places);
void service_places_close(const struct settings *settings, struct service_places *places);

enum { WORD_MOST = 24 };

struct service {
	const struct settings *settings;
	struct loop *loop;
	struct enforcer_world world;
	struct enforcer *enforcer;
	struct service_users users;
	struct service_places places;
	int signals;            /* a signalfd */
	struct watch *signals_readable;
	struct child_options options[MEMBERS];
	char words[MEMBERS][CHILD_WORDS][WORD_MOST];
	struct child *children[MEMBERS];
	struct message_counts counts; /* what the collector said last */
	enum driver_state state;      /* that was told last */
	int64_t since;                /* Unix seconds */
	struct watch *nflog_again;    /* while it could not be had */
	struct watch *asks;           /* children: do your loops turn? */
	int64_t watchdog;             /* ms; 0: nobody watches us */
	struct watch *barks;
	bool stopping;
	struct watch *stops;
};

/* Callbacks of the enforcer; context is the service. */
void service_event(const struct enforcer_event *event, void *context);
void service_in_force(const struct ruleset *ruleset, const struct config *config, bool observe, void *context);
void service_bootdrop(const struct bootdrop *drop, void *context);

/* A message of the control child; context is the service. */
int service_answer(enum message_type type, const void *fixed, struct cursor tail, void *context);

#endif
