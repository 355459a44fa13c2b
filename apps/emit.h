/* Members of a JSON object as they are printed; the structure around them is printed by whoever has it. */
#ifndef CORDON_APPS_EMIT_H
#define CORDON_APPS_EMIT_H

#include "core/base/buffer.h"

/* A string, or null for NULL. */
void emit_text(struct buffer *buffer, const char *text);
/* "name": before whatever comes, with a comma unless a bracket has just been opened. */
void emit_name(struct buffer *buffer, const char *name);
void emit_member(struct buffer *buffer, const char *name, const char *text);
void emit_number(struct buffer *buffer, const char *name, uint64_t number);
void emit_flag(struct buffer *buffer, const char *name, bool flag);

#endif
