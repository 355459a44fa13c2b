#include "bootcfg/contain/endpoint.h"

#include "bootcfg/netsh/value.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

/* What is being read, for its messages. */
struct reading {
	struct cursor text;
	struct arena *arena;
	struct diag *diag;
	const struct place *place;
};

static int endpoint_wrong(const struct reading *reading, const char *why)
{
	diag_error(reading->diag, reading->place, "%s: %s", QUOTE_N(reading->text.at, cursor_left(&reading->text)), why);
	return ERROR_INPUT;
}

static const char *characters_wrong(const struct cursor *text)
{
	for (const char *at = text->at; at < text->end; at++) {
		if ((unsigned char)*at > 0x7e)
			return "a character that is not ASCII: write a name in its ASCII form (xn--…)";
		if (*at <= 0x20)
			return "it holds a blank or a control character";
	}
	return NULL;
}

/* Takes SCHEME://; false with nothing taken when there is none. */
static bool scheme_take(struct cursor *cursor, struct cursor *ret_scheme)
{
	const char *mark = memmem(cursor->at, cursor_left(cursor), "://", 3);
	if (mark == NULL)
		return false;
	*ret_scheme = (struct cursor){cursor->at, mark};
	cursor->at = mark + 3;
	return true;
}

static int scheme_read(const struct reading *reading, const struct cursor *scheme, struct endpoint *endpoint)
{
	static const struct {
		const char *scheme, *wrong;
	} schemes[] = {
		{"https", NULL},
		{"wss", NULL},
		{"http", "plain http is not accepted: anybody on the way could answer; write https://"},
		{"ws", "plain ws is not accepted: anybody on the way could answer; write wss://"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
		if (!ascii_equal_n(scheme->at, cursor_left(scheme), schemes[i].scheme))
			continue;
		endpoint->scheme = schemes[i].scheme;
		return schemes[i].wrong != NULL ? endpoint_wrong(reading, schemes[i].wrong) : 0;
	}
	return endpoint_wrong(reading, "a URL here starts with https:// (an agent's server also with wss://)");
}

/* HOST, HOST:PORT, [V6] or [V6]:PORT into its parts; port.at is NULL when there is none. */
static int authority_split(const struct reading *reading, const struct cursor *authority, struct cursor *ret_host, struct cursor *ret_port)
{
	size_t length = cursor_left(authority);
	*ret_host = *authority;
	*ret_port = (struct cursor){NULL, NULL};
	if (length > 0 && *authority->at == '[') {
		const char *close = memchr(authority->at, ']', length);
		if (close == NULL || (close + 1 < authority->end && close[1] != ':'))
			return endpoint_wrong(reading, "brackets hold an IPv6 address, as in [2001:db8::5]:443");
		*ret_host = (struct cursor){authority->at + 1, close};
		if (close + 1 < authority->end)
			*ret_port = (struct cursor){close + 2, authority->end};
		if (memchr(ret_host->at, ':', cursor_left(ret_host)) == NULL)
			return endpoint_wrong(reading, "brackets are for IPv6 addresses only");
		return 0;
	}
	const char *colon = length > 0 ? memchr(authority->at, ':', length) : NULL;
	if (colon == NULL)
		return 0;
	if (memchr(colon + 1, ':', (size_t)(authority->end - colon - 1)) != NULL)
		return endpoint_wrong(reading, "an IPv6 address stands in brackets, as in [2001:db8::5]:443");
	ret_host->end = colon;
	*ret_port = (struct cursor){colon + 1, authority->end};
	return 0;
}

static int host_read(const struct reading *reading, struct cursor host, struct endpoint *endpoint)
{
	size_t length = cursor_left(&host);
	if (length == 0)
		return endpoint_wrong(reading, "the host is missing");
	if (memchr(host.at, '%', length) != NULL)
		return endpoint_wrong(reading, "write the address without its zone (the % and what follows)");
	endpoint->is_address = ip_parse(host.at, length, &endpoint->ip);
	if (!endpoint->is_address && !dnsname_check(host.at, length))
		return endpoint_wrong(reading, "the host is neither an address nor a DNS name");
	if (host.end[-1] == '.')
		length--;
	endpoint->host = arena_text_n(reading->arena, host.at, length);
	return 0;
}

static int port_read(const struct reading *reading, const struct cursor *port, struct endpoint *endpoint)
{
	uint64_t number;
	endpoint->port = ENDPOINT_HTTPS_PORT;
	if (port->at == NULL && endpoint->scheme[0] == '\0')
		return endpoint_wrong(reading, "a port is missing: write HOST:PORT, such as 203.0.113.5:443, or an https:// URL");
	if (port->at == NULL)
		return 0;
	if (!number_parse(port->at, cursor_left(port), UINT16_MAX, &number) || number == 0)
		return endpoint_wrong(reading, "a port is a number from 1 to 65535");
	endpoint->port = (uint16_t)number;
	return 0;
}

/* What follows the authority: from the first / or ?; what stands behind a # never leaves the client. */
static const char *path_take(struct arena *arena, const struct cursor *rest)
{
	const char *hash = memchr(rest->at, '#', cursor_left(rest));
	size_t length = (size_t)((hash != NULL ? hash : rest->end) - rest->at);
	const char *path = arena_text_n(arena, rest->at, length);
	return *path == '/' ? path : arena_printf(arena, "/%s", path);
}

int endpoint_parse(const char *text, size_t length, struct arena *arena, struct diag *diag, const struct place *place,
		   struct endpoint *ret_endpoint)
{
	struct reading reading = {cursor_of(text, length), arena, diag, place};
	struct endpoint endpoint = {.scheme = "", .path = ""};
	struct cursor cursor = reading.text, scheme, host, port;
	const char *wrong = characters_wrong(&cursor);
	if (length > ENDPOINT_TEXT_MOST)
		wrong = "it is longer than 2048 characters";
	if (wrong != NULL || length == 0)
		return endpoint_wrong(&reading, wrong != NULL ? wrong : "it is empty: write HOST:PORT or an https:// URL");
	bool url = scheme_take(&cursor, &scheme);
	int error = url ? scheme_read(&reading, &scheme, &endpoint) : 0;
	if (error < 0)
		return error;
	struct cursor authority = cursor;
	while (cursor.at < cursor.end && strchr("/?#", *cursor.at) == NULL)
		cursor.at++;
	authority.end = cursor.at;
	if (!url && cursor.at < cursor.end)
		return endpoint_wrong(&reading, "write HOST:PORT, or a URL that starts with https://");
	if (memchr(authority.at, '@', cursor_left(&authority)) != NULL)
		return endpoint_wrong(&reading, "leave out the user name in front of the @");
	error = authority_split(&reading, &authority, &host, &port);
	if (error == 0)
		error = host_read(&reading, host, &endpoint);
	if (error == 0)
		error = port_read(&reading, &port, &endpoint);
	if (error < 0)
		return error;
	if (url)
		endpoint.path = path_take(arena, &cursor);
	*ret_endpoint = endpoint;
	return 0;
}

void endpoint_print(const char *host, uint16_t port, struct buffer *buffer)
{
	bool brackets = strchr(host, ':') != NULL;
	buffer_printf(buffer, "%s%s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "", (unsigned)port);
}
