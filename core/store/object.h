/* Objects as rows of the store, and back: for each kind one function a direction, side by side. */
#ifndef CORDON_STORE_OBJECT_H
#define CORDON_STORE_OBJECT_H

#include "core/store/row.h"

/* Room for texts that are made for a row and live until the next one. */
struct scratch {
	struct buffer auths;
	char guid[GUID_TEXT], src[ADDRESS_TEXT], dst[ADDRESS_TEXT];
	const char *boot; /* the id of this boot */
};
void scratch_init(struct scratch *scratch, const char *boot);
void scratch_done(struct scratch *scratch);

void policy_write(const struct policy *policy, enum location_id location, struct scratch *scratch, struct row *row);
void rule_write(const struct rule *rule, struct scratch *scratch, struct row *row);
void filterlist_write(const struct filterlist *list, enum location_id location, struct scratch *scratch, struct row *row);
void filteraction_write(const struct filteraction *action, enum location_id location, struct scratch *scratch, struct row *row);
void filter_write(const struct filter *filter, int64_t filterlist, struct scratch *scratch, struct row *row);
void mmpolicy_write(const struct mmpolicy *policy, enum location_id location, struct scratch *scratch, struct row *row);
void qmpolicy_write(const struct qmpolicy *policy, enum location_id location, struct scratch *scratch, struct row *row);
void dynrule_write(const struct dynrule *rule, enum location_id location, struct scratch *scratch, struct row *row);

/* Texts that come again and again (files, descriptions, methods) are kept once. */
enum { TEXTS = 1024 };
struct texts {
	struct arena *arena;
	const char *slots[TEXTS];
};
const char *texts_keep(struct texts *texts, const struct cell *cell);

/* The cells after `location` and `boot`.  Each sets the cursor's `bad` when one is not right. */
void policy_read(struct policy *policy, struct texts *texts, struct row_cursor *cursor);
void rule_read(struct rule *rule, struct texts *texts, struct row_cursor *cursor); /* after its name */
void filteraction_read(struct filteraction *action, struct texts *texts, struct row_cursor *cursor);
void filter_read(struct filter *filter, struct texts *texts, struct row_cursor *cursor); /* after filterlist */
void mmpolicy_read(struct mmpolicy *policy, struct texts *texts, struct row_cursor *cursor);
void qmpolicy_read(struct qmpolicy *policy, struct texts *texts, struct row_cursor *cursor);
void dynrule_read(struct dynrule *rule, struct texts *texts, struct row_cursor *cursor);
/* description, guid, modified: what follows the name of every object. */
void object_read(struct object *object, struct texts *texts, struct row_cursor *cursor);

#endif
