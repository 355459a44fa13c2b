/* XML: events as Event Viewer has them, rows as fields, within one element, so that the whole is a document. */
#include "logparse/text.h"
#include "logparse/writer/writer.h"

/* In an attribute a line's end and a tab would be read as blanks. */
static void attribute_add(const char *text, struct buffer *output)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\t\n");
		buffer_add_xml(output, text, length);
		text += length;
		if (*text != '\0')
			buffer_add_text(output, *text++ == '\t' ? "&#9;" : "&#10;");
	}
}

static void xml_begin(struct writer *writer, const struct columns *columns, struct buffer *output)
{
	writer->columns = *columns;
	buffer_add_text(output, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Events>\n");
}

static void xml_row(struct writer *writer, const struct cell *cells, struct buffer *output)
{
	buffer_add_text(output, "<Row>");
	for (size_t i = 0; i < writer->columns.count; i++) {
		if (cells[i].kind == CELL_NULL)
			continue;
		buffer_add_text(output, "<Field Name=\"");
		attribute_add(writer->columns.names[i], output);
		buffer_add_text(output, "\">");
		if (cells[i].kind == CELL_TEXT)
			buffer_add_xml(output, cells[i].text.at, cursor_left(&cells[i].text));
		else
			cell_print(&cells[i], output);
		buffer_add_text(output, "</Field>");
	}
	buffer_add_text(output, "</Row>\n");
	writer->rows++;
}

static void xml_event(struct writer *writer, const struct event *event, struct buffer *output)
{
	event->kind->xml(event, output);
	/* A comment: the elements of an event are Microsoft's. */
	if (event->recovered && event->kind->record == NULL)
		buffer_add_text(output, "<!-- x-recovered: yes -->");
	buffer_add_char(output, '\n');
	writer->rows++;
}

static void xml_end(struct writer *writer, struct buffer *output)
{
	(void)writer;
	buffer_add_text(output, "</Events>\n");
}

const struct writer_type xml_writer = {.name = "XML", .begin = xml_begin, .row = xml_row, .event = xml_event, .end = xml_end};
