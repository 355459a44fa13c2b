/* What the policy does with a packet, and why. */
#ifndef CORDON_ANALYSIS_EXPLAIN_H
#define CORDON_ANALYSIS_EXPLAIN_H

#include "core/policy/classifier.h"

/* VERDICT<TAB>POLICY<TAB>RULE<TAB>FILTERLIST<TAB>FILTER-NUMBER<TAB>PACKET (CLI.md), without the line end.
 * Tabs, line ends and other controls in names are written as \xNN. */
void explain_line(const struct ruleset *ruleset, const struct verdict *verdict, const struct packet *packet,
		  struct buffer *buffer);

/* The same for people: the verdict, the filter that decided with its source line, what else matched and
 * why it lost. */
void explain_text(const struct ruleset *ruleset, const struct classifier *classifier, const struct packet *packet,
		  struct buffer *buffer);

/* One JSON object on one line. */
void explain_json(const struct ruleset *ruleset, const struct classifier *classifier, const struct packet *packet,
		  struct buffer *buffer);

#endif
