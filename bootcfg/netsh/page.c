#include "bootcfg/netsh/page.h"

#include <string.h>
#include <time.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/utf8.h"

enum { LABEL_WIDTH = 24 };

/* Text as it may stand on a terminal. */
static void page_escape(struct buffer *out, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t left = strlen(text); left > 0;) {
		size_t bytes = utf8_length(text, left);
		unsigned char first = (unsigned char)text[0];
		if (bytes == 0 || first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)text[1] < 0xa0)) {
			bytes = bytes == 0 ? 1 : bytes;
			for (size_t i = 0; i < bytes; i++) {
				unsigned char c = (unsigned char)text[i];
				buffer_add(out, (char[]){'\\', 'x', digits[c >> 4], digits[c & 15]}, 4);
			}
		} else {
			buffer_add(out, text, bytes);
		}
		text += bytes;
		left -= bytes;
	}
}

static void page_label(const struct page *page, const char *label)
{
	static const char blanks[LABEL_WIDTH + 1] = "                        ";
	size_t length = strlen(label);
	buffer_add(page->out, label, length);
	if (length < LABEL_WIDTH)
		buffer_add(page->out, blanks, LABEL_WIDTH - length);
	buffer_add_text(page->out, ": ");
}

void page_text(const struct page *page, const char *label, const char *text)
{
	page_label(page, label);
	page_escape(page->out, text != NULL && text[0] != '\0' ? text : "NONE");
	buffer_add_char(page->out, '\n');
}

void page_number(const struct page *page, const char *label, uint64_t number, const char *unit)
{
	page_label(page, label);
	buffer_add_number(page->out, number);
	buffer_add_text(page->out, unit);
	buffer_add_char(page->out, '\n');
}

void page_yesno(const struct page *page, const char *label, bool yes)
{
	page_text(page, label, yes ? "YES" : "NO");
}

void page_upper(const struct page *page, const char *label, const char *word)
{
	page_label(page, label);
	for (; *word != '\0'; word++)
		buffer_add_char(page->out, *word >= 'a' && *word <= 'z' ? (char)(*word - ('a' - 'A')) : *word);
	buffer_add_char(page->out, '\n');
}

void page_time(const struct page *page, const char *label, int64_t seconds)
{
	char text[64] = "unknown";
	time_t when = (time_t)seconds;
	struct tm parts;
	if (gmtime_r(&when, &parts) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
	page_text(page, label, text);
}

void page_guid(const struct page *page, const struct guid *guid)
{
	char text[GUID_TEXT];
	guid_print(guid, text);
	page_text(page, "GUID", text);
}

void page_store(const struct page *page)
{
	static const char *const names[] = {
		[LOCATION_PERSISTENT] = "Persistent Store", [LOCATION_LOCAL] = "Local Store", [LOCATION_DYNAMIC] = "Dynamic Store",
	};
	page_label(page, "Store");
	buffer_add_text(page->out, names[page->location->id]);
	if (page->request->store_name != NULL) {
		buffer_add_text(page->out, " <");
		page_escape(page->out, page->request->store_name);
		buffer_add_char(page->out, '>');
	}
	buffer_add_char(page->out, '\n');
}

void page_title(const struct page *page, const char *title)
{
	buffer_add_text(page->out, title);
	buffer_add_char(page->out, '\n');
	for (size_t i = strlen(title); i > 0; i--)
		buffer_add_char(page->out, '-');
	buffer_add_char(page->out, '\n');
}

void page_line(const struct page *page, const char *text)
{
	buffer_add_text(page->out, text);
	buffer_add_char(page->out, '\n');
}

/* How many characters were added since. */
static size_t characters_since(const struct buffer *out, size_t before)
{
	size_t count = 0;
	for (size_t i = before; i < out->length; i++)
		count += ((unsigned char)out->data[i] & 0xc0) != 0x80;
	return count;
}

void page_row(const struct page *page, const uint8_t *widths, const char *const *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t before = page->out->length;
		page_escape(page->out, cells[i]);
		if (i + 1 == count)
			break;
		size_t used = characters_since(page->out, before);
		do
			buffer_add_char(page->out, ' ');
		while (++used <= widths[i]);
	}
	buffer_add_char(page->out, '\n');
}

void page_head(const struct page *page, const uint8_t *widths, const char *const *titles, size_t count)
{
	static const char dashes[] = "----------------------------------------";
	const char *lines[12];
	page_row(page, widths, titles, count);
	for (size_t i = 0; i < count && i < ARRAY_LENGTH(lines); i++)
		lines[i] = dashes + (sizeof(dashes) - 1 - (widths[i] < 40 ? widths[i] : 40));
	page_row(page, widths, lines, count);
}

const char *page_none(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : "NONE";
}

void page_gap(const struct page *page)
{
	buffer_add_char(page->out, '\n');
}

static const char *const special[] = {
	[ADDRESS_ANY] = "<Any IP Address>", [ADDRESS_ME] = "<My IP Address>",     [ADDRESS_DNS] = "<DNS Server>",
	[ADDRESS_WINS] = "<WINS Server>",   [ADDRESS_DHCP] = "<DHCP Server>",     [ADDRESS_GATEWAY] = "<Default Gateway>",
};

static void address_text(const struct address *address, char text[ADDRESS_TEXT])
{
	struct address whole = *address;
	if (address->kind < ARRAY_LENGTH(special)) {
		memcpy(text, special[address->kind], strlen(special[address->kind]) + 1);
		return;
	}
	whole.bits = (uint8_t)family_bits(address->family);
	address_print(&whole, text);
}

/* `me` and the server classes have no mask that would say anything, and a range has none. */
static bool mask_text(const struct address *address, char text[IP_TEXT])
{
	if (address->kind != ADDRESS_ANY && address->kind != ADDRESS_SUBNET)
		return false;
	if (address->family == FAMILY_IPV6) {
		struct buffer bits;
		buffer_init(&bits, 8);
		buffer_add_number(&bits, address->bits);
		memcpy(text, buffer_text(&bits), bits.length + 1);
		buffer_done(&bits);
	} else {
		mask_print(address->kind == ADDRESS_ANY ? 0 : address->bits, text);
	}
	return true;
}

static void address_show(const struct page *page, const struct address *address, const char *const labels[3])
{
	char text[ADDRESS_TEXT], mask[IP_TEXT];
	address_text(address, text);
	page_text(page, labels[0], page->request->resolvedns && address->name != NULL ? address->name : text);
	if (mask_text(address, mask))
		page_text(page, labels[1], mask);
	page_text(page, labels[2],
		   address->name != NULL ? address->name : address->kind < ARRAY_LENGTH(special) ? text : "NONE");
}

static void port_show(const struct page *page, const char *label, uint16_t port)
{
	if (port == 0)
		page_text(page, label, "ANY");
	else
		page_number(page, label, port, "");
}

void page_filter(const struct page *page, const struct filter *filter, bool described)
{
	static const char *const src[] = {"Source IP Address", "Source Mask", "Source DNS Name"};
	static const char *const dst[] = {"Destination IP Address", "Destination Mask", "Destination DNS Name"};
	char protocol[PROTOCOL_TEXT];
	if (described)
		page_text(page, "Description", filter->description);
	page_yesno(page, "Mirrored", filter->mirrored);
	if (filter->replies)
		page_yesno(page, "Replies", true);
	address_show(page, &filter->src, src);
	address_show(page, &filter->dst, dst);
	protocol_print(filter->protocol, protocol);
	page_text(page, "Protocol", protocol);
	port_show(page, "Source Port", filter->srcport);
	port_show(page, "Destination Port", filter->dstport);
}

const char *page_address(const struct address *address, char text[ADDRESS_TEXT])
{
	if (address->kind < ARRAY_LENGTH(special))
		return special[address->kind];
	address_print(address, text);
	return text;
}

const char *page_cell(uint64_t number, char text[24])
{
	char *at = text + 23;
	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return at;
}

static const uint8_t filter_widths[] = {6, 8, 24, 24, 8, 8, 8, 12};

void page_filter_row(const struct page *page, const struct filter *filter, size_t number)
{
	char src[ADDRESS_TEXT], dst[ADDRESS_TEXT], protocol[PROTOCOL_TEXT], digits[3][24];
	protocol_print(filter->protocol, protocol);
	const char *cells[] = {
		page_cell(number, digits[0]),
		filter->replies ? "REPLIES" : filter->mirrored ? "YES" : "NO",
		page_address(&filter->src, src),
		page_address(&filter->dst, dst),
		protocol,
		filter->srcport != 0 ? page_cell(filter->srcport, digits[1]) : "ANY",
		filter->dstport != 0 ? page_cell(filter->dstport, digits[2]) : "ANY",
		page_none(filter->description),
	};
	page_row(page, filter_widths, cells, ARRAY_LENGTH(cells));
}

void page_filter_head(const struct page *page)
{
	static const char *const titles[] = {"No.", "Mirrored", "Source", "Destination", "Protocol", "SrcPort", "DstPort", "Description"};
	page_head(page, filter_widths, titles, ARRAY_LENGTH(titles));
}

/* A list of methods, blank-separated text, as a line each. */
size_t page_methods_count(const char *methods)
{
	struct cursor cursor = cursor_text(methods), word;
	size_t count = 0;
	for (cursor_skip_blanks(&cursor); cursor_word(&cursor, &word); cursor_skip_blanks(&cursor))
		count++;
	return count;
}

void page_methods(const struct page *page, const char *label, const char *methods)
{
	struct cursor cursor = cursor_text(methods), word;
	page_number(page, label, page_methods_count(methods), "");
	for (cursor_skip_blanks(&cursor); cursor_word(&cursor, &word); cursor_skip_blanks(&cursor)) {
		buffer_add_text(page->out, "    ");
		buffer_add(page->out, word.at, cursor_left(&word));
		buffer_add_char(page->out, '\n');
	}
}

void page_auths(const struct page *page, const struct authlist *auths)
{
	page_number(page, "Authentication Methods", auths->count > 0 ? auths->count : 1, "");
	if (auths->count == 0)
		page_line(page, "    KERBEROS (default)");
	for (size_t i = 0; i < auths->count; i++) {
		const struct auth *auth = &auths->items[i];
		if (auth->kind == AUTH_KERBEROS) {
			page_line(page, "    KERBEROS");
		} else if (auth->kind == AUTH_PSK) {
			buffer_add_text(page->out, "    Preshared Key: ");
			page_escape(page->out, page->request->normal ? "(not shown)" : auth->value);
			buffer_add_char(page->out, '\n');
		} else {
			buffer_add_text(page->out, "    Root CA: ");
			page_escape(page->out, auth->value);
			buffer_add_text(page->out, auth->certmap ? " certmap:YES" : " certmap:NO");
			page_line(page, auth->excludecaname ? " excludecaname:YES" : " excludecaname:NO");
		}
	}
}
