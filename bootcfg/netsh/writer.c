#include "bootcfg/netsh/writer.h"

#include <string.h>

void writer_init(struct writer *writer, struct buffer *out)
{
	*writer = (struct writer){.out = out, .prefix = "", .suffix = "", .newline = "\n", .own = true};
}

void writer_begin(struct writer *writer, const char *command)
{
	buffer_add_text(writer->out, writer->prefix);
	buffer_add_text(writer->out, command);
}

void writer_end(struct writer *writer)
{
	buffer_add_text(writer->out, writer->suffix);
	buffer_add_text(writer->out, writer->newline);
}

void writer_line(struct writer *writer, const char *line)
{
	buffer_add_text(writer->out, line);
	buffer_add_text(writer->out, writer->newline);
}

static void tag_add(struct writer *writer, const char *tag)
{
	buffer_add_char(writer->out, ' ');
	buffer_add_text(writer->out, tag);
	buffer_add_char(writer->out, '=');
}

void writer_word(struct writer *writer, const char *tag, const char *word)
{
	tag_add(writer, tag);
	buffer_add_text(writer->out, word);
}

void writer_number(struct writer *writer, const char *tag, uint64_t number)
{
	tag_add(writer, tag);
	buffer_add_number(writer->out, number);
}

void writer_yesno(struct writer *writer, const char *tag, bool yes)
{
	writer_word(writer, tag, yes ? "yes" : "no");
}

/* One character of a value, as cmd.exe must see it. */
static void batch_char(struct writer *writer, char c, bool careted)
{
	if (c == '%')
		buffer_add_char(writer->out, '%');
	else if (careted && strchr("\"&|<>^()!", c) != NULL)
		buffer_add_char(writer->out, '^');
	buffer_add_char(writer->out, c);
}

static void value_char(struct writer *writer, char c, bool careted)
{
	if (writer->batch)
		batch_char(writer, c, careted);
	else
		buffer_add_char(writer->out, c);
}

static bool control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* The common value has nothing in it that needs care. */
static bool plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\' || *text == '%' || control(*text))
			return false;
	return true;
}

static void backslashes_add(struct writer *writer, size_t count, bool careted)
{
	while (count-- > 0)
		value_char(writer, '\\', careted);
}

/* As \xNN: visible, and no command of its own. */
static void control_add(struct writer *writer, char c, bool careted)
{
	static const char digits[] = "0123456789abcdef";
	const char escape[] = {'\\', 'x', digits[(unsigned char)c >> 4], digits[c & 15]};
	for (size_t i = 0; i < sizeof(escape); i++)
		value_char(writer, escape[i], careted);
}

static void quoted_add(struct writer *writer, const char *text, bool careted)
{
	size_t backslashes = 0;
	bool escaped = false;
	value_char(writer, '"', careted);
	for (; *text != '\0'; text++) {
		if (*text == '\\') {
			backslashes++;
			continue;
		}
		backslashes_add(writer, *text == '"' ? backslashes * 2 + 1 : backslashes, careted);
		backslashes = 0;
		escaped |= control(*text);
		if (control(*text))
			control_add(writer, *text, careted);
		else
			value_char(writer, *text, careted);
	}
	backslashes_add(writer, backslashes * 2, careted);
	value_char(writer, '"', careted);
	writer->escaped += escaped;
}

void writer_text(struct writer *writer, const char *tag, const char *text)
{
	tag_add(writer, tag);
	if (!plain(text)) {
		quoted_add(writer, text, writer->batch && strchr(text, '"') != NULL);
		return;
	}
	buffer_add_char(writer->out, '"');
	buffer_add_text(writer->out, text);
	buffer_add_char(writer->out, '"');
}

static void text_unless_empty(struct writer *writer, const char *tag, const char *text)
{
	if (text != NULL && text[0] != '\0')
		writer_text(writer, tag, text);
}

/* srcaddr=, srcmask= and srcdns= of one side. */
static void address_add(struct writer *writer, const struct address *address, const char *const tags[3])
{
	char text[ADDRESS_TEXT];
	struct address whole = *address;
	bool masked = address->kind == ADDRESS_SUBNET && address->bits != family_bits(address->family);
	if (masked && address->bits == 0) {
		/* No mask says this: all addresses of one family. */
		whole = (struct address){.kind = ADDRESS_RANGE, .family = address->family};
		memset(whole.last, 0xff, family_bits(address->family) / 8);
		masked = false;
	}
	if (masked)
		whole.bits = (uint8_t)family_bits(address->family);
	address_print(&whole, text);
	writer_word(writer, tags[0], text);
	if (masked && address->family == FAMILY_IPV4) {
		mask_print(address->bits, text);
		writer_word(writer, tags[1], text);
	} else if (masked) {
		writer_number(writer, tags[1], address->bits);
	}
	if (writer->own)
		text_unless_empty(writer, tags[2], address->name);
}

static const char *const src_tags[] = {"srcaddr", "srcmask", "srcdns"};
static const char *const dst_tags[] = {"dstaddr", "dstmask", "dstdns"};

/* The tags that `add filter` and `dynamic add rule` share. */
static void filter_tags(struct writer *writer, const struct filter *filter)
{
	char protocol[PROTOCOL_TEXT];
	address_add(writer, &filter->src, src_tags);
	address_add(writer, &filter->dst, dst_tags);
	protocol_print(filter->protocol, protocol);
	writer_word(writer, "protocol", protocol);
	if (filter->protocol == PROTOCOL_TCP || filter->protocol == PROTOCOL_UDP) {
		writer_number(writer, "srcport", filter->srcport);
		writer_number(writer, "dstport", filter->dstport);
	}
	writer_yesno(writer, "mirrored", filter->mirrored);
	if (filter->replies && writer->own)
		writer_yesno(writer, "replies", true);
}

void writer_filter(struct writer *writer, const char *list, const struct filter *filter)
{
	writer_begin(writer, "add filter");
	writer_text(writer, "filterlist", list);
	filter_tags(writer, filter);
	text_unless_empty(writer, "description", filter->description);
	writer_end(writer);
}

void writer_filterlist(struct writer *writer, const struct filterlist *list)
{
	writer_begin(writer, "add filterlist");
	writer_text(writer, "name", list->object.name);
	text_unless_empty(writer, "description", list->object.description);
	writer_end(writer);
}

void writer_filteraction(struct writer *writer, const struct filteraction *action)
{
	writer_begin(writer, "add filteraction");
	writer_text(writer, "name", action->object.name);
	text_unless_empty(writer, "description", action->object.description);
	if (action->qmpfs)
		writer_yesno(writer, "qmpfs", true);
	if (action->inpass)
		writer_yesno(writer, "inpass", true);
	if (action->soft)
		writer_yesno(writer, "soft", true);
	writer_word(writer, "action", action_name(action->action));
	text_unless_empty(writer, "qmsecmethods", action->qmsecmethods);
	writer_end(writer);
}

void writer_policy(struct writer *writer, const struct policy *policy)
{
	writer_begin(writer, "add policy");
	writer_text(writer, "name", policy->object.name);
	text_unless_empty(writer, "description", policy->object.description);
	writer_yesno(writer, "mmpfs", policy->mmpfs);
	writer_number(writer, "qmpermm", policy->qmpermm);
	writer_number(writer, "mmlifetime", policy->mmlifetime);
	writer_yesno(writer, "activatedefaultrule", policy->defaultrule.activate);
	writer_number(writer, "pollinginterval", policy->pollinginterval);
	writer_yesno(writer, "assign", false);
	text_unless_empty(writer, "mmsecmethods", policy->mmsecmethods);
	writer_end(writer);
}

/* A quote inside the name of a certificate authority is written \' (netsh's own help), all else as it is. */
static void rootca_add(struct writer *writer, const struct auth *auth)
{
	struct buffer text;
	buffer_init(&text, SIZE_MAX / 2);
	for (const char *at = auth->value; *at != '\0'; at++)
		if (*at == '"')
			buffer_add_text(&text, "\\'");
		else
			buffer_add_char(&text, *at);
	buffer_add_text(&text, auth->certmap ? " certmap:yes" : " certmap:no");
	buffer_add_text(&text, auth->excludecaname ? " excludecaname:yes" : " excludecaname:no");
	writer_text(writer, "rootca", buffer_text(&text));
	buffer_done(&text);
}

static void auths_add(struct writer *writer, const struct authlist *auths)
{
	for (size_t i = 0; i < auths->count; i++) {
		const struct auth *auth = &auths->items[i];
		if (auth->kind == AUTH_KERBEROS)
			writer_yesno(writer, "kerberos", true);
		else if (auth->kind == AUTH_PSK)
			writer_text(writer, "psk", auth->value);
		else
			rootca_add(writer, auth);
	}
}

void writer_defaultrule(struct writer *writer, const struct policy *policy)
{
	const struct defaultrule *rule = &policy->defaultrule;
	if (!rule->qmpfs && rule->qmsecmethods[0] == '\0' && rule->auths.count == 0)
		return;
	writer_begin(writer, "set defaultrule");
	writer_text(writer, "policy", policy->object.name);
	writer_yesno(writer, "qmpfs", rule->qmpfs);
	writer_yesno(writer, "activate", rule->activate);
	text_unless_empty(writer, "qmsecmethods", rule->qmsecmethods);
	auths_add(writer, &rule->auths);
	writer_end(writer);
}

void writer_rule(struct writer *writer, const struct rule *rule)
{
	writer_begin(writer, "add rule");
	writer_text(writer, "name", rule->object.name);
	writer_text(writer, "policy", rule->policy->object.name);
	writer_text(writer, "filterlist", rule->filterlist->object.name);
	writer_text(writer, "filteraction", rule->filteraction->object.name);
	if (rule->tunnel != NULL)
		writer_text(writer, "tunnel", rule->tunnel);
	writer_word(writer, "conntype", conntype_name(rule->conntype));
	writer_yesno(writer, "activate", rule->activate);
	text_unless_empty(writer, "description", rule->object.description);
	auths_add(writer, &rule->auths);
	writer_end(writer);
}

void writer_assign(struct writer *writer, const struct policy *policy)
{
	writer_begin(writer, "set policy");
	writer_text(writer, "name", policy->object.name);
	writer_yesno(writer, "assign", true);
	writer_end(writer);
}

void writer_mmpolicy(struct writer *writer, const struct mmpolicy *policy)
{
	writer_begin(writer, "add mmpolicy");
	writer_text(writer, "name", policy->object.name);
	writer_number(writer, "qmpermm", policy->qmpermm);
	writer_number(writer, "mmlifetime", policy->mmlifetime);
	writer_number(writer, "softsaexpirationtime", policy->softsaexpirationtime);
	text_unless_empty(writer, "mmsecmethods", policy->mmsecmethods);
	writer_end(writer);
}

void writer_qmpolicy(struct writer *writer, const struct qmpolicy *policy)
{
	writer_begin(writer, "add qmpolicy");
	writer_text(writer, "name", policy->object.name);
	writer_yesno(writer, "soft", policy->soft);
	writer_word(writer, "pfsgroup", pfsgroup_name(policy->pfsgroup));
	text_unless_empty(writer, "qmsecmethods", policy->qmsecmethods);
	writer_end(writer);
}

void writer_dynrule(struct writer *writer, const struct dynrule *rule)
{
	writer_begin(writer, "add rule");
	filter_tags(writer, &rule->filter);
	writer_text(writer, "mmpolicy", rule->mmpolicy);
	if (rule->qmpolicy != NULL)
		writer_text(writer, "qmpolicy", rule->qmpolicy);
	writer_word(writer, "conntype", conntype_name(rule->conntype));
	writer_word(writer, "actioninbound", action_name(rule->actioninbound));
	writer_word(writer, "actionoutbound", action_name(rule->actionoutbound));
	if (rule->tunnel != NULL)
		writer_text(writer, "tunneldstaddress", rule->tunnel);
	auths_add(writer, &rule->auths);
	writer_end(writer);
}

void writer_property(struct writer *writer, const struct config *config, enum property_id id)
{
	struct buffer value;
	buffer_init(&value, 1 << 14);
	if (config->set[id] || !writer->own)
		config_print(config, id, &value);
	else
		buffer_add_text(&value, "default");
	writer_begin(writer, "set config");
	writer_word(writer, "property", properties[id].name);
	if (strchr(buffer_text(&value), ' ') != NULL)
		writer_text(writer, "value", buffer_text(&value));
	else
		writer_word(writer, "value", buffer_text(&value));
	writer_end(writer);
	buffer_done(&value);
}
