/* What `show` prints for people, piece by piece.  A block of fields an object, in netsh's order and under its
 * names (windows-ipsec.md 1.3; where that gives no sample, in the order of the tags of `add`); format=table is
 * a line an object.  Names come from anywhere, so controls in them are written as \xNN. */
#ifndef CORDON_BOOTCFG_NETSH_PAGE_H
#define CORDON_BOOTCFG_NETSH_PAGE_H

#include "bootcfg/netsh/show.h"

struct page {
	struct state *state;
	struct location *location;
	const struct show_request *request;
	struct buffer *out;
};

/* One field: its label, and its value; an empty text is NONE. */
void page_text(const struct page *page, const char *label, const char *text);
void page_number(const struct page *page, const char *label, uint64_t number, const char *unit);
void page_yesno(const struct page *page, const char *label, bool yes);
void page_upper(const struct page *page, const char *label, const char *word);
void page_time(const struct page *page, const char *label, int64_t seconds);
void page_guid(const struct page *page, const struct guid *guid);
void page_store(const struct page *page);

/* A title with a line under it, a line as it is, an empty line. */
void page_title(const struct page *page, const char *title);
void page_line(const struct page *page, const char *text);
void page_gap(const struct page *page);

/* A table: its head, and a line of it; each cell is filled up to its width. */
void page_head(const struct page *page, const uint8_t *widths, const char *const *titles, size_t count);
void page_row(const struct page *page, const uint8_t *widths, const char *const *cells, size_t count);
const char *page_none(const char *text);
const char *page_cell(uint64_t number, char text[24]);

/* A filter as fields, or as a line of a table. */
void page_filter(const struct page *page, const struct filter *filter, bool described);
void page_filter_head(const struct page *page);
void page_filter_row(const struct page *page, const struct filter *filter, size_t number);
const char *page_address(const struct address *address, char text[ADDRESS_TEXT]);

/* Security methods, a line each, and authentication methods; keys are not shown at level=normal. */
size_t page_methods_count(const char *methods);
void page_methods(const struct page *page, const char *label, const char *methods);
void page_auths(const struct page *page, const struct authlist *auths);

/* show_static.c */
void show_policies(const struct page *page);
void show_rules(const struct page *page);
void show_lists(const struct page *page);
void show_actions(const struct page *page);
void show_store(const struct page *page);
void show_config(const struct page *page);
void show_gpo(const struct page *page);
void show_static_all(const struct page *page);

/* show_dynamic.c */
void show_dynrules(const struct page *page);
void show_mmpolicies(const struct page *page);
void show_qmpolicies(const struct page *page);
void show_qmfilters(const struct page *page);
void show_mmfilters(const struct page *page);
void show_mmsas(const struct page *page);
void show_qmsas(const struct page *page);
void show_stats(const struct page *page);
void show_dynamic_all(const struct page *page);

#endif
