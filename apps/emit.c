#include "apps/emit.h"

#include "core/base/json.h"

void emit_text(struct buffer *buffer, const char *text)
{
	if (text == NULL)
		buffer_add_text(buffer, "null");
	else
		json_text_print(text, buffer);
}

void emit_name(struct buffer *buffer, const char *name)
{
	char last = buffer->length > 0 ? buffer->data[buffer->length - 1] : '{';
	if (last != '{' && last != '[')
		buffer_add_text(buffer, ", ");
	emit_text(buffer, name);
	buffer_add_text(buffer, ": ");
}

void emit_member(struct buffer *buffer, const char *name, const char *text)
{
	emit_name(buffer, name);
	emit_text(buffer, text);
}

void emit_number(struct buffer *buffer, const char *name, uint64_t number)
{
	emit_name(buffer, name);
	buffer_add_number(buffer, number);
}

void emit_flag(struct buffer *buffer, const char *name, bool flag)
{
	emit_name(buffer, name);
	buffer_add_text(buffer, flag ? "true" : "false");
}
